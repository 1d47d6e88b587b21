//! The rows of a version: each of its parts changes at its own pace.

use std::sync::Arc;

use super::{Reference, Track, Watch};
use crate::monitor::drift::baseline::{Baseline, Origin};
use crate::monitor::drift::chunk::Chunk;
use crate::monitor::kept::Kept;
use crate::monitor::rows::{Fields, Key, Reader, Tag, Writer};

/// Names the rows of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Watch,
    Window,
    Estimator,
    Baseline(u32),
    Chunk(u32),
    Lesson(u32),
}

impl Part {
    /// Kind and number, as they stand in the key.
    const fn fields(self) -> (u8, u32) {
        match self {
            Self::Watch => (0, 0),
            Self::Window => (1, 0),
            Self::Estimator => (2, 0),
            Self::Baseline(number) => (3, number),
            Self::Chunk(number) => (4, number),
            Self::Lesson(number) => (5, number),
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (kind, number) = (fields.u8()?, fields.u32()?);
        match kind {
            0 => Some(Self::Watch),
            1 => Some(Self::Window),
            2 => Some(Self::Estimator),
            3 => Some(Self::Baseline(number)),
            4 => Some(Self::Chunk(number)),
            5 => Some(Self::Lesson(number)),
            _ => None,
        }
    }
}

impl Track {
    /// Of one part of a model's track.
    pub fn key(model: u32, track: u16, part: Part) -> Key {
        let (kind, number) = part.fields();
        Self::keys_of(model).u32(track.into()).u8(kind).u32(number)
    }

    /// Prefix of all parts of all tracks of a model.
    pub fn keys_of(model: u32) -> Key {
        Tag::Track.all().u32(model)
    }

    /// Writes every part that is not up to date. What is dropped comes first: a new chunk may take its place.
    pub fn save(&mut self, model: u32, to: &mut dyn Writer) {
        self.dirty = false;
        if self.is_young() {
            return;
        }
        let track = self.watch.index;
        let key = |part| Self::key(model, track, part);
        for (part, hash) in std::mem::take(&mut self.dropped) {
            to.delete(key(part), hash);
        }
        Kept::save_shared(&mut self.watch, || key(Part::Watch), to);
        Kept::save_shared(&mut self.window, || key(Part::Window), to);
        Kept::save_shared(&mut self.estimator, || key(Part::Estimator), to);
        for baseline in self.retired.iter_mut().chain(&mut self.baseline) {
            let number = baseline.number;
            Kept::save_shared(baseline, || key(Part::Baseline(number)), to);
        }
        self.retired.clear();
        self.reference.save(|number| key(Part::Chunk(number)), to);
        for (number, chunk) in (0..).zip(&mut self.lessons.chunks) {
            Kept::save_shared(chunk, || key(Part::Lesson(number)), to);
        }
    }

    /// The tracks of a model that have rows of their own. Of each only the newest baseline is needed in memory: older ones explain older panes.
    pub fn restore_all<R: Reader>(model: u32, rows: &R) -> Result<Vec<Self>, R::Error> {
        let mut tracks: Vec<Self> = Vec::new();
        rows.each(&Self::keys_of(model), &Self::keys_of(model), &mut |row| {
            let (place, part) = row.named(Tag::Track, |fields| {
                fields.u32()?;
                Some((fields.u32()? as usize, Part::read(fields)?))
            })?;
            // parts come by track, and the watch first
            tracks.resize_with(tracks.len().max(place + 1), Self::default);
            let track = &mut tracks[place];
            match part {
                Part::Watch => track.watch = Arc::new(Kept::restore(row)?),
                Part::Window => track.window = Arc::new(Kept::restore(row)?),
                Part::Estimator => track.estimator = Arc::new(Kept::restore(row)?),
                Part::Baseline(number) if track.uses(number) && !track.is_retired() => {
                    let mut baseline = Kept::<Baseline>::restore(row)?;
                    baseline.repack(Baseline::pack);
                    track.baseline = Some(Arc::new(baseline));
                }
                Part::Baseline(_) => {}
                Part::Chunk(_) => track.reference.restore(Arc::new(Kept::restore(row)?)),
                Part::Lesson(_) => track.lessons.chunks.push(Arc::new(Kept::restore(row)?)),
            }
            Ok(())
        })?;
        Ok(tracks)
    }

    /// A version that has hardly been seen, as its model's row has it.
    pub fn young(watch: Arc<Kept<Watch>>, chunk: Arc<Kept<Chunk>>) -> Self {
        Self { watch, reference: Reference::young(chunk), ..Self::default() }
    }

    /// Whether so little is known of the version that it has no rows of its own: a reference of one chunk at most, and no label. Once it
    /// has grown it stays so.
    pub fn is_young(&self) -> bool {
        let Watch { origin, baselines, detectors, life, .. } = &**self.watch;
        *origin == Origin::FirstRows
            && !life.was_retired
            && *baselines == 0
            && detectors.is_empty()
            && self.reference.is_one_chunk()
    }

    /// Rows of the reference of a young version.
    pub fn first_chunk(&self) -> Arc<Kept<Chunk>> {
        self.reference.open_chunk().cloned().unwrap_or_default()
    }
}
