//! One series under watch: what is usual for it, and whether what came is.
//!
//! A point is ordinary if it is near where the series has been lately, in deviations that outliers do not widen ([`Smoother`]), or between
//! what it usually is at this hour ([`Season`]); far outside of what is usual at this hour it is not, wherever it has been lately: a rhythm
//! that fails to come shows so. Three points in a row that are not ordinary, on the same side, are an anomaly.
//!
//! How near is near, each series teaches by itself: adaptive conformal inference (Gibbs & Candès 2021, "Adaptive conformal inference under
//! distribution shift", §2) moves the edge so that in the long run at most one point in a thousand falls outside, whatever the distribution and
//! however the points depend on each other (proposition 4.1), as long as that takes no edge beyond [`EDGE_MAX`]. It never falls
//! below [`EDGE_MIN`].

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::finding::{Figures, Pattern};
use super::rise::{self, Ring};
use super::season::{Hour, Range, Season};
use crate::ids::Name;
use crate::stats::smoothing::{Pace, Smoother};
use crate::time::{Span, Timestamp};

/// Points a series is learnt from before any is judged: ten minutes of them.
const LEARNT_FROM: usize = 20;
/// The level follows within some thirty points, the scale within fifty.
const PACE: Pace = Pace { level: 0.03, scale: 0.02 };
/// A deviation is never taken for less than this share of what is expected, nor for less than the second. A point that is compared with it is
/// seen no finer than that share of its own: of a series that was always 0 anything else is far off, and no number of deviations says how far.
const FLOOR_SHARE: f64 = 0.01;
const FLOOR: f64 = 1e-9;
/// What is expected is 0 if it is this share of a deviation: a level that falls towards 0 never comes there.
const NOTHING: f64 = 1e-6;
/// Larger values are let be: rings and seasons keep floats of 32 bits.
const VALUE_MAX: f64 = 1e30;

/// Least and largest deviations that are the edge of the band.
const EDGE_MIN: f64 = 5.0;
const EDGE_MAX: f64 = 100.0;
/// Share of points outside the band that the edge settles at, and how far it moves for one.
const OUTSIDE: f64 = 0.001;
const STEP: f64 = 0.5;

/// Points in a row outside the band that are an anomaly, and within half of it that end one.
const POINTS_TO_OPEN: i32 = 3;
const POINTS_TO_CLOSE: u32 = 3;
/// Points after which what was an anomaly is usual, and how long a rhythm that it broke is not to be trusted.
const POINTS_TO_SETTLE: u32 = 60;
const MISTRUST: Span = Span::from_secs(2 * 86_400);
/// An anomaly so soon after another is a relapse; the third in a row is how the series is, and it is learnt anew.
const RELAPSE: Span = Span::from_secs(3_600);
const RELAPSES_MAX: u8 = 2;
/// What is left after each point of a deviation that was learnt so: half in a day.
const ROUGH_LEFT: f64 = 0.999_76;
/// Share of what is usual at this hour that a point must be away from it to be far, where its range is not wide.
const FAR_SHARE: f64 = 0.1;

/// Widths of the intervals in which a rise is looked for: it shows after 12 minutes, 2 hours or a day of them.
const WIDTHS: [Span; 3] = [Span::from_secs(60), Span::from_secs(600), Span::from_secs(7_200)];

/// Words of a name that say what a steady rise of it is.
const LEAKY: [&str; 12] = [
    "memory",
    "mem",
    "rss",
    "heap",
    "resident",
    "swap",
    "handles",
    "descriptors",
    "fds",
    "threads",
    "goroutines",
    "connections",
];
const FILLING: [&str; 7] = ["disk", "filesystem", "volume", "storage", "queue", "backlog", "lag"];
/// Words of names that rise for good reasons, or are something else.
const NEITHER: [&str; 14] = [
    "total",
    "available",
    "free",
    "limit",
    "max",
    "read",
    "write",
    "io",
    "ops",
    "latency",
    "seconds",
    "duration",
    "rate",
    "inodes",
];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub name: Name,
    pub labels: Vec<(Name, CompactString)>,
    pub unit: Option<CompactString>,
    standing: Standing,
    hour: Hour,
    /// Deviations that are the edge of the band.
    edge: f64,
    /// Points in a row outside the band: above it counted up, below it down.
    outside: i32,
    /// Points in a row well inside it, and points since the anomaly began.
    calm: u32,
    lasting: u32,
    /// When the last anomaly ended, and how many began within [`RELAPSE`] of the one before.
    ended: Timestamp,
    relapses: u8,
    /// The least deviation that relapses have taught.
    rough: f64,
    /// The rhythm is not to be trusted before this.
    trusted_from: Timestamp,
    /// Whether a point was ever below 0: of what never was, the band does not begin there either.
    goes_below_zero: bool,
    rings: [Ring; 3],
    /// The newest point, judged; `None` while it is learnt.
    pub newest: Option<(Timestamp, Figures)>,
    /// Ordinal of the anomaly that goes on; of the rise, and which ring shows it.
    pub anomaly: Option<u32>,
    pub rise: Option<(u32, u8)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Standing {
    Learning(Vec<f64>),
    Known(Smoother),
}

/// What a point says about a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Word {
    Begins {
        pattern: Pattern,
        ring: Option<u8>,
        figures: Figures,
    },
    GoesOn {
        ordinal: u32,
        figures: Figures,
    },
    /// As `pattern`: an anomaly may have become a shift.
    IsOver {
        ordinal: u32,
        pattern: Pattern,
        figures: Figures,
    },
}

impl Series {
    pub fn new(name: Name, labels: Vec<(Name, CompactString)>, unit: Option<CompactString>) -> Self {
        Self {
            name,
            labels,
            unit,
            standing: Standing::Learning(Vec::new()),
            hour: Hour::default(),
            edge: EDGE_MIN,
            outside: 0,
            calm: 0,
            lasting: 0,
            ended: Timestamp::from_micros(i64::MIN),
            relapses: 0,
            rough: 0.0,
            trusted_from: Timestamp::from_micros(i64::MIN),
            goes_below_zero: false,
            rings: Default::default(),
            newest: None,
            anomaly: None,
            rise: None,
        }
    }

    pub const fn is_learning(&self) -> bool {
        matches!(self.standing, Standing::Learning(_))
    }

    /// The minutes of the last half hour, oldest first, and the end of the newest: to see what moves together.
    pub fn recent(&self) -> (Timestamp, Vec<f64>) {
        let minutes = &self.rings[0];
        (minutes.end(), minutes.points())
    }

    /// What it was lately, from the finest to the coarsest: the end of the newest mean, how far apart they are, and the means, oldest first.
    pub fn trails(&self) -> [(Timestamp, Span, Vec<f64>); 3] {
        [0, 1, 2].map(|ring| (self.rings[ring].end(), WIDTHS[ring], self.rings[ring].points()))
    }

    /// Takes the point of a round, which began at `at`. Gives what it says, and the season if it was learnt because an hour is over.
    pub fn take(&mut self, at: Timestamp, value: f64, season: &Season) -> (Vec<Word>, Option<Season>) {
        if VALUE_MAX < value.abs() {
            return (Vec::new(), None);
        }
        self.goes_below_zero |= value < 0.0;
        let mut words = Vec::new();
        let grown = [0, 1, 2].map(|ring| self.rings[ring].add(at, value, WIDTHS[ring]));
        match &mut self.standing {
            Standing::Learning(points) => {
                points.push(value);
                if points.len() == LEARNT_FROM
                    && let Some(smoother) = Smoother::start(points)
                {
                    self.standing = Standing::Known(smoother);
                }
            }
            Standing::Known(smoother) => {
                let trusted = season.usual(at).filter(|_| self.trusted_from <= at);
                self.rough *= ROUGH_LEFT;
                let mut sight = Sight::of(value, *smoother, (self.edge, self.rough), trusted);
                if !self.goes_below_zero {
                    sight.figures.low = sight.figures.low.map(|low| low.max(0.0));
                }
                self.newest = Some((at, sight.figures));
                words.extend(self.judge(at, value, &sight));
            }
        }
        for ring in (0..).zip(grown).filter(|(_, grown)| *grown).map(|(ring, _)| ring) {
            let word = self.look_for_rise(ring, at, value, season);
            words.extend(word);
            // one rise is one finding, whichever rings show it
            if matches!(word, Some(Word::Begins { .. })) {
                break;
            }
        }
        let learnt = self.hour.add(at, value).map(|(start, range)| {
            let mut learnt = season.clone();
            learnt.learn(start, range);
            learnt
        });
        (words, learnt)
    }

    /// What a point says about the anomaly that goes on, or whether one begins. While one goes on nothing is learnt.
    fn judge(&mut self, at: Timestamp, value: f64, sight: &Sight) -> Option<Word> {
        if let Some(ordinal) = self.anomaly {
            return Some(self.go_on(ordinal, at, sight));
        }
        let is_outside = sight.side != 0;
        let step = if is_outside { STEP * (1.0 - OUTSIDE) } else { -STEP * OUTSIDE };
        self.edge = (self.edge + step).clamp(EDGE_MIN, EDGE_MAX);
        self.outside = if self.outside.signum() == sight.side { self.outside + sight.side } else { sight.side };
        // what is ordinary only at this hour says nothing about the next
        if let Standing::Known(smoother) = &mut self.standing
            && (is_outside || sight.is_near)
        {
            smoother.follow(value, PACE, sight.floor);
        }
        if self.outside.abs() < POINTS_TO_OPEN {
            return None;
        }
        (self.outside, self.calm, self.lasting) = (0, 0, 0);
        self.relapses = if at - self.ended <= RELAPSE { self.relapses.saturating_add(1) } else { 0 };
        Some(Word::Begins { pattern: Pattern::Anomaly, ring: None, figures: sight.figures })
    }

    /// A point while an anomaly goes on: it ends when the series is back, or when it has stayed away for long enough.
    fn go_on(&mut self, ordinal: u32, at: Timestamp, sight: &Sight) -> Word {
        let figures = sight.figures;
        self.calm = if sight.is_calm { self.calm + 1 } else { 0 };
        self.lasting += 1;
        let pattern = match () {
            () if self.calm == POINTS_TO_CLOSE => Pattern::Anomaly,
            () if self.lasting == POINTS_TO_SETTLE => Pattern::Shift,
            () => return Word::GoesOn { ordinal, figures },
        };
        (self.anomaly, self.ended) = (None, at);
        if pattern == Pattern::Shift {
            if sight.breaks_rhythm {
                self.trusted_from = at + MISTRUST;
            }
            self.learn_anew();
        } else if RELAPSES_MAX <= self.relapses {
            self.relapses = 0;
            self.rough = self.learn_anew().map_or(self.rough, |smoother| smoother.scale);
        }
        Word::IsOver { ordinal, pattern, figures }
    }

    /// Learns from the newest minutes what is usual now.
    fn learn_anew(&mut self) -> Option<Smoother> {
        let (_, minutes) = self.recent();
        let smoother = Smoother::start(&minutes[minutes.len().saturating_sub(LEARNT_FROM)..])?;
        self.standing = Standing::Known(smoother);
        Some(smoother)
    }

    /// Looks at a ring that has a new point. A rise that stays within what is usual at this hour is none.
    fn look_for_rise(&mut self, ring: u8, at: Timestamp, value: f64, season: &Season) -> Option<Word> {
        let pattern = self.rises_as()?;
        let Standing::Known(smoother) = &self.standing else { return None };
        if self.rise.is_some_and(|(_, shown)| shown != ring) {
            return None;
        }
        let width = WIDTHS[usize::from(ring)];
        let points = self.rings[usize::from(ring)].points();
        let is_usual = |to: f64| season.usual(at).is_some_and(|usual| to <= usual.high);
        let found = rise::rise(&points, width, smoother.scale).filter(|rise| self.rise.is_some() || !is_usual(rise.to));
        let figures = Figures {
            value: Some(value),
            expected: found.map(|rise| rise.from),
            score: found.map(|rise| rise.score),
            per_hour: found.map(|rise| rise.per_hour),
            limit_at: found.and_then(|rise| self.limit_at(at, value, rise.per_hour)),
            ..Figures::default()
        };
        match (self.rise, found) {
            (None, None) => None,
            (None, Some(_)) => Some(Word::Begins { pattern, ring: Some(ring), figures }),
            (Some((ordinal, _)), None) if rise::is_over(&points) => {
                self.rise = None;
                Some(Word::IsOver { ordinal, pattern, figures })
            }
            (Some(_), None) => None,
            (Some((ordinal, _)), Some(_)) => Some(Word::GoesOn { ordinal, figures }),
        }
    }

    /// When a percentage or a ratio that rises by `per_hour` is full; `None` of other units.
    fn limit_at(&self, at: Timestamp, value: f64, per_hour: f64) -> Option<Timestamp> {
        let says = |word: &str| {
            self.unit.as_ref().is_some_and(|unit| unit.as_str() == word)
                || words_of(&self.name).any(|part| part.eq_ignore_ascii_case(word))
        };
        let limit = match () {
            () if says("percent") || says("%") => 100.0,
            () if says("ratio") => 1.0,
            () => return None,
        };
        let hours = (limit - value) / per_hour;
        // farther away than a month is no forecast
        (0.0..=720.0).contains(&hours).then(|| at + Span::from_micros((hours * 3.6e9) as i64))
    }

    /// What a steady rise of this series is, by the words of its name; `None` if it may rise.
    fn rises_as(&self) -> Option<Pattern> {
        let has = |known: &[&str]| words_of(&self.name).any(|part| known.iter().any(|word| part.eq_ignore_ascii_case(word)));
        match () {
            () if has(&NEITHER) => None,
            () if has(&LEAKY) => Some(Pattern::Leak),
            () if has(&FILLING) => Some(Pattern::Trend),
            () => None,
        }
    }
}

/// A point as it lies to what is usual.
struct Sight {
    figures: Figures,
    /// 1 above what is ordinary, -1 below, 0 within.
    side: i32,
    /// Near where the series has been lately.
    is_near: bool,
    /// So well within that an anomaly may be over.
    is_calm: bool,
    /// Out of what is usual at this hour, where that is known.
    breaks_rhythm: bool,
    /// The least deviation.
    floor: f64,
}

impl Sight {
    /// * `edge`: deviations that are the edge of the band, and the least that a deviation is.
    fn of(value: f64, smoother: Smoother, (edge, rough): (f64, f64), usual: Option<Range>) -> Self {
        let floor = (FLOOR_SHARE * smoother.level.abs()).max(FLOOR).max(rough);
        let deviation = smoother.scale.max(floor).max(FLOOR_SHARE * value.abs());
        let reach = edge * deviation;
        let away = value - smoother.level;
        let is_near = away.abs() <= reach;
        // how far outside of what is usual at this hour, and how far that may be
        let beyond = usual.map_or(away, |usual| value - value.clamp(usual.low, usual.high));
        let far = usual.map_or(f64::INFINITY, |usual| {
            let bound = if 0.0 < beyond { usual.high } else { usual.low };
            reach.max(0.5 * (usual.high - usual.low)).max(FAR_SHARE * bound.abs())
        });
        let is_far = far < beyond.abs();
        let is_outside = is_far || (!is_near && reach < beyond.abs());
        let (low, high) = match usual {
            Some(usual) if is_far => (usual.low - far, usual.high + far),
            Some(usual) => (usual.low.min(smoother.level) - reach, usual.high.max(smoother.level) + reach),
            None => (smoother.level - reach, smoother.level + reach),
        };
        let expected = usual.map_or(smoother.level, |usual| smoother.level.clamp(usual.low, usual.high));
        let expected = if expected.abs() < NOTHING * deviation { 0.0 } else { expected };
        let figures = Figures {
            value: Some(value),
            expected: Some(expected),
            low: Some(low),
            high: Some(high),
            score: Some((value - expected) / deviation),
            ..Figures::default()
        };
        let side = match () {
            () if !is_outside => 0,
            () if 0.0 < beyond => 1,
            () => -1,
        };
        let is_calm = beyond.abs() <= reach / 2.0 || (!is_far && away.abs() <= reach / 2.0);
        let breaks_rhythm = usual.is_some() && reach < beyond.abs();
        Self { figures, side, is_near, is_calm, breaks_rhythm, floor }
    }
}

/// The words of a name, such as `disk` and `percent`.
pub fn words_of(name: &Name) -> impl Iterator<Item = &str> {
    name.as_str().split(|c: char| !c.is_alphanumeric())
}
