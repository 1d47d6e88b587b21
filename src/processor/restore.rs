//! Reads the state back from its rows.

use std::ops::Bound;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{ModelRow, Young};
use crate::monitor::analysis;
use crate::monitor::drift::{Drift, Part, Track};
use crate::monitor::kept::Kept;
use crate::monitor::model::{Model, Profile};
use crate::monitor::pane::Pane;
use crate::monitor::source::Source;
use crate::store::cold::read_row;
use crate::store::key::{self, Tag};
use crate::store::{self, Order, Reader};
use crate::time::Timestamp;

pub(super) fn models(reader: &Reader) -> Result<Vec<Model>, store::Error> {
    let mut models = Vec::new();
    for (row_key, value) in scan_all(reader, Tag::Model)? {
        let (ModelRow { model, open, profile, young }, row_hash) = read_row::<ModelRow>(&row_key, &value)?;
        let mut model = Arc::unwrap_or_clone(model);
        model.row_hash = row_hash;
        let profile_key = key::profile(model.id);
        if let Some(profile) = profile {
            model.profile = profile;
        } else if let Some(value) = reader.get(&profile_key)? {
            let (mut profile, row_hash) = read_row::<Profile>(&profile_key, &value)?;
            profile.row_hash = row_hash;
            model.profile = Arc::new(profile);
        }
        model.drift = Arc::new(Drift { tracks: tracks(reader, model.id, young)? });
        model.hot.extend(open);
        let (from, to) = (key::pane(model.id, model.hot_from), key::pane(model.id, Timestamp::from_micros(i64::MAX)));
        for (row_key, value) in reader.scan(Bound::Included(&from), Bound::Included(&to), Order::Ascending, usize::MAX)? {
            let (mut pane, row_hash) = read_row::<Pane>(&row_key, &value)?;
            pane.row_hash = row_hash;
            let start = key::pane_start(&row_key).ok_or_else(|| store::Error::Damaged("a pane has no start".to_owned()))?;
            model.hot.insert(start, Arc::new(pane));
        }
        models.push(model);
    }
    Ok(models)
}

/// The tracks of a model. Of each only the newest baseline is needed in memory: older ones explain older panes.
fn tracks(reader: &Reader, model: u32, young: Vec<Young>) -> Result<Vec<Track>, store::Error> {
    let mut tracks: Vec<Track> = Vec::new();
    for (row_key, value) in reader.scan_prefix(&key::tracks(model), Order::Ascending, usize::MAX)? {
        let damaged = || store::Error::Damaged("the key of a part of a track cannot be read".to_owned());
        let (index, part) = key::track_and_part(&row_key).ok_or_else(damaged)?;
        // parts come by track, and the watch first
        tracks.resize_with(tracks.len().max(usize::from(index) + 1), Track::default);
        let track = &mut tracks[usize::from(index)];
        match part {
            Part::Watch => track.watch = kept(&row_key, &value)?,
            Part::Window => track.window = kept(&row_key, &value)?,
            Part::Estimator => track.estimator = kept(&row_key, &value)?,
            Part::Baseline(number) if track.uses(number) => track.baseline = Some(kept(&row_key, &value)?),
            Part::Baseline(_) => {}
            Part::Chunk(_) => track.reference.restore(kept(&row_key, &value)?),
            Part::Lesson(_) => track.lessons.chunks.push(kept(&row_key, &value)?),
        }
    }
    for (index, watch, chunk) in young {
        tracks.resize_with(tracks.len().max(usize::from(index) + 1), Track::default);
        tracks[usize::from(index)] = Track::young(watch, chunk);
    }
    Ok(tracks)
}

fn kept<T: DeserializeOwned>(row_key: &[u8], value: &[u8]) -> Result<Arc<Kept<T>>, store::Error> {
    read_row(row_key, value).map(|(value, row_hash)| Arc::new(Kept::stored(value, row_hash)))
}

pub(super) fn sources(reader: &Reader) -> Result<Vec<(u32, Source)>, store::Error> {
    let mut sources = Vec::new();
    for (row_key, value) in scan_all(reader, Tag::Source)? {
        let (mut source, row_hash) = read_row::<Source>(&row_key, &value)?;
        source.row_hash = row_hash;
        sources.push((number(&row_key, Tag::Source)?, source));
    }
    Ok(sources)
}

/// The parts of the subjects of the analysis, with their numbers.
pub(super) fn analysis(reader: &Reader) -> Result<Vec<(u32, analysis::Parts)>, store::Error> {
    let mut parts: Vec<(u32, analysis::Parts)> = Vec::new();
    for (row_key, value) in scan_all(reader, Tag::Analysis)? {
        let part = key::part_of_analysis(&row_key);
        match (part, parts.last_mut()) {
            (Some(analysis::Part::Watched), _) => {
                parts.push((number(&row_key, Tag::Analysis)?, (kept(&row_key, &value)?, Arc::default())));
            }
            (Some(analysis::Part::Seasons), Some((_, (_, seasons)))) => *seasons = kept(&row_key, &value)?,
            _ => return Err(store::Error::Damaged("the key of a part of the analysis cannot be read".to_owned())),
        }
    }
    Ok(parts)
}

/// The number that a key of this tag begins with.
fn number(row_key: &[u8], tag: Tag) -> Result<u32, store::Error> {
    let number = key::fields(row_key, tag).and_then(|mut fields| fields.u32());
    number.ok_or_else(|| store::Error::Damaged(format!("a key of tag {:?} has no number", char::from(tag as u8))))
}

pub(super) fn scan_all(reader: &Reader, tag: Tag) -> Result<Vec<(Vec<u8>, store::Value)>, store::Error> {
    reader.scan_prefix(&key::all(tag), Order::Ascending, usize::MAX)
}
