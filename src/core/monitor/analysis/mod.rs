//! What is out of the ordinary in the series of sources and models: anomalies, shifts, leaks, trends, silence.
//!
//! A sample's value goes into the round of its series that is open ([`gathering`]); a round that is over is one point, and the point is
//! judged against what is usual ([`series`]). All of it is state, so a restart forgets nothing and a replay finds the same. No promise is
//! made about how often a finding is false, beyond that of the band: metrics of machines have no distribution to promise it by.

pub mod finding;
mod forget;
pub mod gathering;
mod names;
mod process;
pub mod refusals;
mod rise;
mod rows;
pub mod season;
pub mod series;
mod silence;
#[cfg(test)]
mod tests;
pub mod unfit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::Fault;
use crate::ids::{Name, Slug};
use crate::monitor::analysis::finding::{Figures, Finding, Pattern};
use crate::monitor::analysis::gathering::Place;
use crate::monitor::analysis::refusals::Refusals;
use crate::monitor::analysis::season::Season;
use crate::monitor::analysis::series::{Series, Word};
use crate::monitor::analysis::unfit::UnfitValues;
use crate::monitor::effect::{Action, Announcement};
use crate::monitor::kept::Kept;
use crate::monitor::limits::{
    FINDINGS_OVER_MAX, PRODUCERS_MAX, SAMPLES_MIN, SERIES_WATCHED_MAX, SERIES_WATCHED_PER_SUBJECT_MAX,
};
use crate::monitor::numbered::Numbered;
use crate::monitor::point::Point;
use crate::monitor::turn::Turn;
use crate::time::Timestamp;

/// All subjects, by number in the order of the log.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    subjects: Numbered<Subject>,
    by_name: BTreeMap<(About, Name), u32>,
    /// The producers of whose records some were refused, by the token of their subjects.
    producers: BTreeMap<Slug, u32>,
    /// Series of all subjects.
    series: usize,
    /// Findings that go on about a producer who used up names, each with its subject and its ordinal.
    crowding: BTreeMap<Pattern, (u32, u32)>,
    dirty: BTreeSet<u32>,
    /// Subjects whose rows are to be deleted.
    forgotten: Vec<u32>,
    /// Findings that have begun or ended since it was restored: no part of the state.
    turns: u64,
}

/// A source or a model. Its parts are rows of their own in the store: each changes at its own pace.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    pub watched: Arc<Kept<Watched>>,
    /// By place of the series.
    seasons: Arc<Kept<Vec<Season>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    Source,
    Model,
    /// Whoever publishes under a source token of the subject.
    Producer,
    /// A process of Tidewatch, by the source token it publishes under.
    Process,
}

/// What changes with each round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    pub about: About,
    pub name: Name,
    pub series: Vec<Series>,
    /// All that go on and the newest that are over, oldest first.
    pub findings: Vec<Finding>,
    /// Findings so far.
    found: u32,
    /// Ordinal of the silence: it may be over already, if nobody waits for the source any more.
    silence: Option<u32>,
    /// Series beyond the bounds, which nobody watches.
    pub unwatched: u64,
    /// Of a producer: what of its records was refused.
    #[serde(default)]
    pub refusals: Option<Refusals>,
    /// Of a model: its values that do not fit its task. The last field, and left out where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<UnfitValues>,
}

/// Metric, labels and unit of a series.
type SeriesName<'s> = (&'s Name, &'s [(Name, CompactString)], Option<&'s CompactString>);

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Start of the round.
    pub at: Timestamp,
    pub value: f64,
}

impl About {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Model => "model",
            Self::Producer => "producer",
            Self::Process => "process",
        }
    }
}

impl Analysis {
    pub fn get(&self, id: u32) -> &Subject {
        self.subjects.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &Subject)> {
        self.subjects.iter()
    }

    /// Numbers given so far.
    pub fn given(&self) -> u32 {
        self.subjects.given()
    }

    /// How often a finding has begun or ended in the life of the process: readers look again when it changes.
    pub const fn turns(&self) -> u64 {
        self.turns
    }

    /// Judges a point of a series of a source. `place` is where the series was put before, and is put now.
    pub fn on_reading(
        &mut self,
        turn: &mut Turn<'_>,
        source: &Name,
        series: SeriesName<'_>,
        place: &mut Place,
        reading: Reading,
    ) {
        if *place == Place::Refused {
            return;
        }
        let id = self.id_of(About::Source, source);
        self.take(turn, id, series, place, reading);
        if *place == Place::Refused {
            self.change(id).unwatched += 1;
        }
    }

    /// Hears of what other rooms have told: of windows that have closed, where they hold enough predictions.
    pub fn hear(&mut self, turn: &mut Turn<'_>, action: &Action) {
        match action {
            Action::Announce(Announcement::WindowClosed { model, point, .. }) if SAMPLES_MIN <= point.predictions => {
                self.on_window_closed(turn, model, point);
            }
            Action::Announce(_) | Action::Order(_) => {}
        }
    }

    /// Judges a window of a model that has closed.
    fn on_window_closed(&mut self, turn: &mut Turn<'_>, model: &Name, point: &Point) {
        let id = self.id_of(About::Model, model);
        let share = |part: u64| part as f64 / point.predictions as f64;
        let mut figures =
            vec![("predictions", None, point.predictions as f64), ("error_rate", Some("ratio"), share(point.errors))];
        if point.timed != 0 {
            figures.push(("response_time_p95", Some("s"), point.response_time_p95));
        }
        let wanted = figures.len();
        for (name, unit, value) in figures {
            let name = Name::try_from(name).expect("a plain name");
            let unit = unit.map(CompactString::const_new);
            let mut place = self.get(id).watched.place_of(&name);
            let reading = Reading { at: point.start, value };
            self.take(turn, id, (&name, &[], unit.as_ref()), &mut place, reading);
        }
        let watched = &self.get(id).watched;
        let unwatched = wanted.saturating_sub(watched.series.len()) as u64;
        if watched.unwatched < unwatched {
            self.change(id).unwatched = unwatched;
        }
    }

    /// Counts the records of one message of a producer. `last`: the last of those that were refused. An honest producer is not remembered, and
    /// beyond [`PRODUCERS_MAX`] no further one is.
    pub fn on_message(&mut self, source: &Slug, records: u64, refused: u64, last: Option<&Fault>, log_time: Timestamp) {
        if refused == 0 && self.producers.is_empty() {
            return;
        }
        let id = match self.producers.get(source) {
            Some(id) => *id,
            None if refused == 0 || PRODUCERS_MAX <= self.producers.len() => return,
            None => {
                let id = self.id_of(About::Producer, &Name::from(source));
                self.producers.insert(source.clone(), id);
                id
            }
        };
        self.change(id).refusals.get_or_insert_default().count(records, refused, last, log_time);
    }

    /// Judges the producers of whose records some were refused.
    pub fn judge_producers(&mut self, turn: &mut Turn<'_>) {
        for id in self.producers.values().copied().collect::<Vec<u32>>() {
            let Some(refusals) = &self.get(id).watched.refusals else { continue };
            let mut next = refusals.clone();
            let verdict = next.judge(turn.time());
            if *refusals == next && verdict == refusals::Verdict::Nothing {
                continue;
            }
            self.turns += u64::from(!matches!(verdict, refusals::Verdict::Nothing | refusals::Verdict::GoesOn(_)));
            self.change(id).hear_of_refusals(turn, next, verdict);
        }
    }

    /// Judges one point of a series of a subject.
    fn take(
        &mut self,
        turn: &mut Turn<'_>,
        id: u32,
        (name, labels, unit): SeriesName<'_>,
        place: &mut Place,
        reading: Reading,
    ) {
        let known = self.get(id).watched.series.len();
        let place = match *place {
            Place::At(at) => at,
            Place::Refused => return,
            Place::New if SERIES_WATCHED_PER_SUBJECT_MAX <= known || SERIES_WATCHED_MAX <= self.series => {
                *place = Place::Refused;
                return;
            }
            Place::New => {
                self.series += 1;
                self.change(id).series.push(Series::new(name.clone(), labels.to_vec(), unit.cloned()));
                *place = Place::At(known as u16);
                known as u16
            }
        };
        self.dirty.insert(id);
        let Subject { watched, seasons } = self.subjects.get_mut(id);
        let watched = Arc::make_mut(watched).change();
        let unknown = Season::default();
        let season = seasons.get(usize::from(place)).unwrap_or(&unknown);
        let (words, learnt) = watched.series[usize::from(place)].take(reading.at, reading.value, season);
        if let Some(season) = learnt {
            let seasons = Arc::make_mut(seasons).change();
            seasons.resize_with(seasons.len().max(usize::from(place) + 1), Season::default);
            seasons[usize::from(place)] = season;
        }
        for word in words {
            self.turns += u64::from(!matches!(word, Word::GoesOn { .. }));
            watched.hear(turn, place, word, reading.at);
        }
    }

    fn change(&mut self, id: u32) -> &mut Watched {
        self.dirty.insert(id);
        Arc::make_mut(&mut self.subjects.get_mut(id).watched).change()
    }

    fn id_of(&mut self, about: About, name: &Name) -> u32 {
        let key = (about, name.clone());
        if let Some(id) = self.by_name.get(&key) {
            return *id;
        }
        let watched = Watched {
            about,
            name: name.clone(),
            series: Vec::new(),
            findings: Vec::new(),
            found: 0,
            silence: None,
            unwatched: 0,
            refusals: None,
            unfit: None,
        };
        let id = self.subjects.push(Subject { watched: Arc::new(Kept::new(watched)), seasons: Arc::default() });
        self.by_name.insert(key, id);
        id
    }
}

impl Subject {
    /// How long the rhythm is that is known of a series, in hours: 0, 24 or 168.
    pub fn period_hours(&self, place: u16) -> usize {
        self.seasons.get(usize::from(place)).map_or(0, Season::period_hours)
    }

    fn key(&self) -> (About, Name) {
        (self.watched.about, self.watched.name.clone())
    }
}

impl Watched {
    fn place_of(&self, name: &Name) -> Place {
        self.series.iter().position(|series| series.name == *name).map_or(Place::New, |place| Place::At(place as u16))
    }

    fn knows_a_series(&self) -> bool {
        self.series.iter().any(|series| !series.is_learning())
    }

    fn is_open(&self, ordinal: u32) -> bool {
        self.findings.iter().any(|finding| finding.ordinal == ordinal && finding.is_open())
    }

    /// Makes what a series says a finding, or part of one.
    fn hear(&mut self, turn: &mut Turn<'_>, place: u16, word: Word, at: Timestamp) {
        match word {
            Word::Begins { pattern, ring, figures } => {
                let ordinal = self.begin(turn, pattern, Some(place), at, figures);
                let series = &mut self.series[usize::from(place)];
                match ring {
                    Some(ring) => series.rise = Some((ordinal, ring)),
                    None => series.anomaly = Some(ordinal),
                }
            }
            Word::GoesOn { ordinal, figures } => {
                if let Some(finding) = self.findings.iter_mut().find(|finding| finding.ordinal == ordinal) {
                    finding.follow(at, figures);
                }
            }
            Word::IsOver { ordinal, pattern, figures } => self.end(turn, ordinal, pattern, at, Some(figures)),
        }
    }

    fn begin(&mut self, turn: &mut Turn<'_>, pattern: Pattern, series: Option<u16>, since: Timestamp, figures: Figures) -> u32 {
        let severity = figures.severity(since);
        let now = figures.value;
        let (ordinal, until, notice) = (self.found, None, None);
        let finding = Finding { ordinal, pattern, series, since, until, last_at: since, severity, figures, now, notice };
        self.add(turn, finding)
    }

    /// Takes a finding that begins; it has the next ordinal.
    fn add(&mut self, turn: &mut Turn<'_>, finding: Finding) -> u32 {
        self.found += 1;
        turn.effects.announce(self.announcement(&finding, turn.time()));
        self.findings.push(finding);
        self.found - 1
    }

    fn end(&mut self, turn: &mut Turn<'_>, ordinal: u32, pattern: Pattern, at: Timestamp, figures: Option<Figures>) {
        let Some(finding) = self.findings.iter_mut().find(|finding| finding.ordinal == ordinal) else { return };
        if let Some(figures) = figures {
            finding.follow(at, figures);
        }
        (finding.pattern, finding.until, finding.last_at) = (pattern, Some(at), at);
        let over = finding.clone();
        turn.effects.announce(self.announcement(&over, turn.time()));
        let surplus = self.findings.iter().filter(|finding| !finding.is_open()).count().saturating_sub(FINDINGS_OVER_MAX);
        for _ in 0..surplus {
            if let Some(oldest) = self.findings.iter().position(|finding| !finding.is_open()) {
                self.findings.remove(oldest);
            }
        }
    }

    /// Takes in how the refusals of a producer were judged.
    fn hear_of_refusals(&mut self, turn: &mut Turn<'_>, mut refusals: Refusals, verdict: refusals::Verdict) {
        match (verdict, refusals.finding) {
            (refusals::Verdict::Begins(figures), _) => {
                refusals.finding = Some(self.begin(turn, Pattern::Refused, None, refusals.last_at, figures));
            }
            (refusals::Verdict::GoesOn(figures), Some(ordinal)) => {
                if let Some(finding) = self.findings.iter_mut().find(|finding| finding.ordinal == ordinal) {
                    finding.follow(refusals.last_at, figures);
                }
            }
            (refusals::Verdict::IsOver, Some(ordinal)) => {
                refusals.finding = None;
                self.end(turn, ordinal, Pattern::Refused, turn.time(), None);
            }
            _ => {}
        }
        self.refusals = Some(refusals);
    }

    fn announcement(&self, finding: &Finding, at: Timestamp) -> Announcement {
        let series = finding.series.map(|place| &self.series[usize::from(place)]);
        Announcement::Anomaly {
            about: self.about,
            name: self.name.clone(),
            series: series.map(|series| (series.name.clone(), series.labels.clone())),
            finding: Box::new(finding.clone()),
            at,
        }
    }
}
