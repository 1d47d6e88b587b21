//! Hosts, services and plugins: what they sent, counted by kind, with the latest value of each of their series and their newest
//! records kept for the read side.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Kind, Metric, Note, Sample};
use crate::ids::{Name, Slug};
use crate::monitor::analysis::Analysis;
use crate::monitor::analysis::gathering::{self, Gathering};
use crate::monitor::cold::{Cold, List};
use crate::monitor::forgotten::{self, Left};
use crate::monitor::join::{self, JoinKey, JoinRow};
use crate::monitor::kept::Kept;
use crate::monitor::limits::{
    HORIZON, NOTE_BYTES_MAX, NOTES_MAX, SERIES_MAX, SILENCE_MIN, SOURCE_KEPT, SOURCES_MAX, SOURCES_RETIRED_PER_TICK,
};
use crate::monitor::model::Verdict;
use crate::monitor::numbered::Numbered;
use crate::monitor::rows::{Changed, Key, Reader, Rows, Tag, Writer};
use crate::monitor::turn::Turn;
use crate::monitor::{Desk, Place, bound_reached};
use crate::time::Timestamp;

/// All sources, by number in the order of the log. The map is for lookups only; nothing depends on its order.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Numbered<Arc<Kept<Source>>>,
    by_name: HashMap<Name, u32, rapidhash::fast::RandomState>,
    /// How many of the sources each producer was the first to name.
    makers: BTreeMap<Slug, u32>,
    /// Changed since the last commit, by number.
    changed: Vec<u32>,
    /// Forgotten since. Their rows are to be deleted; those of their records are seen to at ticks.
    forgotten: Vec<(u32, Name)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub name: Name,
    /// Who was the first to name it: the source token of the subject.
    pub made_by: Slug,
    pub kinds: BTreeMap<Kind, Received>,
    pub series: BTreeMap<SeriesKey, Latest>,
    /// Values dropped because the source has too many series.
    pub series_refused: u64,
    /// Log time of the newest sample.
    pub heard_at: Timestamp,
    /// Log time of the newest record of any kind.
    pub seen_at: Timestamp,
}

/// What names a series within its source: the metric, and its labels sorted by name.
pub type SeriesKey = (Name, Vec<(Name, CompactString)>);

/// How much of one kind came from a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Received {
    pub records: u64,
    pub last_at: Timestamp,
}

/// The newest value of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    pub value: f64,
    pub unit: Option<CompactString>,
    pub at: Timestamp,
    gathering: Gathering,
}

impl Sources {
    pub fn get(&self, id: u32) -> &Arc<Kept<Source>> {
        self.list.get(id)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many of the sources each producer was the first to name.
    pub const fn makers(&self) -> &BTreeMap<Slug, u32> {
        &self.makers
    }

    pub fn by_name(&self, name: &Name) -> Option<&Arc<Kept<Source>>> {
        self.by_name.get(name).map(|id| self.get(*id))
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &Arc<Kept<Source>>)> {
        self.list.iter()
    }

    /// Deletes a source and everything known of it. A name that is not known is ignored. Its records go at ticks, see [`Left`].
    pub(super) fn forget(&mut self, name: &Name, desk: &mut Desk) -> Verdict {
        let Some(id) = self.by_name.get(name).copied() else { return Verdict::Ignored };
        let notes = self.get(id).notes(id);
        if !desk.forgotten.has_room_for(notes.len()) {
            return Verdict::Rejected(desk.forgotten.is_full());
        }
        notes.into_iter().for_each(|left| desk.forgotten.add(left));
        self.by_name.remove(name);
        let source = self.list.remove(id).expect("its name has just been found");
        forgotten::one_less(&mut self.makers, &source.made_by);
        self.changed.retain(|changed| *changed != id);
        self.forgotten.push((id, source.name.clone()));
        desk.forgotten.sources_given = self.list.given();
        Verdict::Applied
    }

    pub(super) fn on_sample(
        &mut self,
        turn: &mut Turn<'_>,
        at: Place<'_>,
        sample: &Sample,
        analysis: &mut Analysis,
    ) -> Verdict {
        let Some(id) = self.id_of(&sample.source, at.source) else { return too_many_sources() };
        let now = turn.time();
        if is_repeat(turn.cold, Kind::Sample, &sample.source, sample.event_id.as_deref(), now) {
            return Verdict::Duplicate;
        }
        let source = self.touch(id);
        source.receive(at.kind, sample.at);
        (source.heard_at, source.seen_at) = (now, now);
        analysis.on_heard(turn, &source.name, sample.at);
        for metric in &sample.metrics {
            let key = (metric.name.clone(), metric.labels.clone());
            let is_full = SERIES_MAX <= source.series.len();
            let latest = match source.series.entry(key) {
                Entry::Vacant(_) if is_full => {
                    source.series_refused += 1;
                    continue;
                }
                entry => entry.or_insert_with(|| Latest::of(metric, sample.at)),
            };
            if latest.at <= sample.at {
                *latest = Latest { gathering: latest.gathering, ..Latest::of(metric, sample.at) };
            }
            let over = latest.gathering.take(sample.at, metric.value, gathering::is_counter(metric.name.as_str()));
            if let Some(reading) = over {
                let series = (&metric.name, &metric.labels[..], metric.unit.as_ref());
                analysis.on_reading(turn, &source.name, series, &mut latest.gathering.place, reading);
            }
        }
        Verdict::Applied
    }

    /// Notes which sources have fallen silent.
    pub(super) fn on_tick(&self, turn: &mut Turn<'_>, analysis: &mut Analysis) {
        let sources = self.list.iter().map(|(_, source)| source);
        let now = turn.time();
        let silent = sources.filter(|source| SILENCE_MIN < now - source.heard_at);
        silent.for_each(|source| analysis.on_silence(turn, source));
    }

    /// Sources of which nothing has come for [`SOURCE_KEPT`], oldest number first, as many as one tick may forget.
    pub(super) fn outlived(&self, now: Timestamp) -> Vec<Name> {
        let outlived = self.list.iter().filter(|(_, source)| SOURCE_KEPT < now - source.seen_at);
        outlived.map(|(_, source)| source.name.clone()).take(SOURCES_RETIRED_PER_TICK).collect()
    }

    pub(super) fn on_note(&mut self, turn: &mut Turn<'_>, at: Place<'_>, note: &Note) -> Verdict {
        let now = turn.time();
        let Some(id) = self.id_of(&note.source, at.source) else { return too_many_sources() };
        if is_repeat(turn.cold, note.kind, &note.source, note.event_id.as_deref(), now) {
            return Verdict::Duplicate;
        }
        let source = self.touch(id);
        source.seen_at = now;
        let ordinal = source.receive(note.kind, note.at);
        let kind = note.kind as u8;
        let body = match note.body.len() {
            0..=NOTE_BYTES_MAX => note.body.clone(),
            bytes => format!("{{\"truncated\":true,\"bytes\":{bytes}}}"),
        };
        let entry = rmp_serde::to_vec(&KeptNote { seq: at.seq, at: note.at, body }).expect("a plain struct");
        turn.cold.append(List::Notes { kind, source: id }, ordinal, NOTES_MAX, entry);
        Verdict::Applied
    }

    fn id_of(&mut self, name: &Name, made_by: &Slug) -> Option<u32> {
        if let Some(id) = self.by_name.get(name) {
            return Some(*id);
        }
        if SOURCES_MAX <= self.list.len() {
            return None;
        }
        let id = self.list.given();
        self.by_name.insert(name.clone(), id);
        *self.makers.entry(made_by.clone()).or_default() += 1;
        self.list.push(Arc::new(Kept::clean(Source {
            name: name.clone(),
            made_by: made_by.clone(),
            kinds: BTreeMap::new(),
            series: BTreeMap::new(),
            series_refused: 0,
            heard_at: Timestamp::default(),
            seen_at: Timestamp::default(),
        })));
        Some(id)
    }

    fn touch(&mut self, id: u32) -> &mut Source {
        let source = Arc::make_mut(self.list.get_mut(id));
        if !source.is_dirty() {
            self.changed.push(id);
        }
        source.change()
    }
}

impl Rows for Sources {
    type Changed = Changed<Name>;

    fn save(&mut self, to: &mut dyn Writer) -> Changed<Name> {
        let forgotten = std::mem::take(&mut self.forgotten);
        forgotten.iter().for_each(|(id, _)| to.delete_all(&key_of(*id)));
        let changed = std::mem::take(&mut self.changed);
        changed.iter().for_each(|id| Arc::make_mut(self.list.get_mut(*id)).save(|| key_of(*id), to));
        Changed { changed, gone: forgotten.into_iter().map(|(_, name)| name).collect() }
    }

    fn restore<R: Reader>(rows: &R, given: u32) -> Result<Self, R::Error> {
        let mut sources: Vec<(u32, Kept<Source>)> = Vec::new();
        rows.each(&Tag::Source.all(), &Tag::Source.all(), &mut |row| {
            sources.push((row.named(Tag::Source, |fields| fields.u32())?, Kept::restore(row)?));
            Ok(())
        })?;
        let by_name = sources.iter().map(|(id, source)| (source.name.clone(), *id)).collect();
        let mut makers = BTreeMap::new();
        sources.iter().for_each(|(_, source)| *makers.entry(source.made_by.clone()).or_default() += 1);
        let list = Numbered::restore(sources.into_iter().map(|(id, source)| (id, Arc::new(source))), given);
        Ok(Self { list, by_name, makers, ..Self::default() })
    }
}

fn key_of(source: u32) -> Key {
    Tag::Source.all().u32(source)
}

/// An entry of a source's list of logs, events, snapshots or jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptNote {
    pub seq: u64,
    pub at: Timestamp,
    /// One JSON object.
    pub body: String,
}

impl Latest {
    fn of(metric: &Metric, at: Timestamp) -> Self {
        Self { value: metric.value, unit: metric.unit.clone(), at, gathering: Gathering::default() }
    }
}

impl Source {
    /// Its kept records: samples leave none.
    fn notes(&self, source: u32) -> Vec<Left> {
        let kinds = self.kinds.iter().filter(|(kind, _)| **kind != Kind::Sample);
        let left = kinds.map(|(kind, Received { records, .. })| {
            let from = records.saturating_sub(NOTES_MAX);
            Left::Notes { kind: *kind as u8, source, from, until: *records }
        });
        left.collect()
    }

    /// The time of the newest sample, as the source has it.
    pub fn sampled_at(&self) -> Option<Timestamp> {
        self.kinds.get(&Kind::Sample).map(|received| received.last_at)
    }

    /// Whether its newest sample told of the present when it came, and not of the past.
    pub fn was_live(&self) -> bool {
        self.sampled_at().is_some_and(|sampled| self.heard_at - sampled <= SILENCE_MIN)
    }

    /// Counts one record; gives its ordinal.
    fn receive(&mut self, kind: Kind, at: Timestamp) -> u64 {
        let received = self.kinds.entry(kind).or_default();
        let ordinal = received.records;
        received.records += 1;
        received.last_at = received.last_at.max(at);
        ordinal
    }
}

/// Whether a record with this id was accepted before; remembers it if not. A record without an id is never a repeat.
fn is_repeat(cold: &mut dyn Cold, kind: Kind, source: &Name, event_id: Option<&str>, log_time: Timestamp) -> bool {
    let Some(event_id) = event_id else { return false };
    // NUL cannot be in a name, so no model's seed is ever the same
    let key: JoinKey = join::key(join::seed(&format!("{}\0{source}", kind.as_str())), event_id);
    let known = cold.row(&key);
    let repeat = matches!(&known, Some(JoinRow::Seen { at }) if log_time - *at <= HORIZON);
    if !repeat {
        cold.put_row(key, &JoinRow::Seen { at: Timestamp::from_millis(log_time.millis()) }, None);
    }
    repeat
}

fn too_many_sources() -> Verdict {
    bound_reached(
        "too_many_sources",
        format!("{SOURCES_MAX} sources are known already and this record names another; forget one to make room"),
    )
}
