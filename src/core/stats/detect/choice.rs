//! Every detector by name, with its parameters: what a command line, a command in the log or a stored state chooses from.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::adwin::{self, Adwin};
use super::cusum::{self, Cusum};
use super::ddm::{self, Ddm};
use super::e_detector::{self, EDetector};
use super::eddm::{self, Eddm};
use super::fhddm::{self, Fhddm};
use super::hddm_a::{self, HddmA};
use super::hddm_w::{self, HddmW};
use super::kswin::{self, Kswin};
use super::page_hinkley::{self, PageHinkley};
use super::{Change, Detector, Direction, MAGNITUDE_MAX, Verdict};

/// A detector of any kind, as state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "detector", rename_all = "snake_case")]
pub enum AnyDetector {
    Adwin(Adwin),
    PageHinkley(PageHinkley),
    Ddm(Ddm),
    Eddm(Eddm),
    HddmA(HddmA),
    HddmW(HddmW),
    Fhddm(Fhddm),
    Kswin(Kswin),
    Cusum(Cusum),
    EDetector(EDetector),
}

/// A detector that can be chosen.
pub struct Entry {
    /// Its name in lower case with underscores; case, `-` and `_` do not matter when it is chosen.
    pub name: &'static str,
    /// One line: what it looks at.
    pub about: &'static str,
    pub input: Input,
    pub params: &'static [Param],
    build: fn(&Settings) -> Result<AnyDetector, BadChoice>,
}

/// What a detector takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Numbers,
    /// 1 for an error, 0 for none.
    Errors,
    /// From 0 to 1: a loss of that range, or 1 for an error and 0 for none.
    Losses,
}

/// A parameter of a detector.
pub struct Param {
    pub name: &'static str,
    /// As text; nothing where it is off unless given.
    pub default: Option<&'static str>,
    pub range: Range,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Above 0 and below 1.
    Share,
    /// Above 0 and at most 1.
    ShareOrOne,
    /// Above 0.
    Positive,
    /// 0 or above.
    NotNegative,
    /// Any number.
    Number,
    Count {
        least: u64,
        most: u64,
    },
    Flag,
    Direction,
}

/// Why a detector cannot be made. The text names what there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChoice {
    #[error("no detector is called `{name}`; there are {there_are}")]
    UnknownDetector { name: String, there_are: String },
    #[error("{detector} has no parameter `{name}`; it has {there_are}")]
    UnknownParam { detector: &'static str, name: String, there_are: String },
    #[error("{detector}: `{name}` takes {takes}, not `{value}`")]
    BadParam { detector: &'static str, name: &'static str, takes: String, value: String },
    #[error("{detector}: {rule}")]
    BadCombination { detector: &'static str, rule: &'static str },
}

/// Why a value is not taken in; the detector is as before.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum BadValue {
    #[error("{0} is not a number of magnitude at most {MAGNITUDE_MAX:e}")]
    NotFinite(f64),
    #[error("{0} is neither 0 (right) nor 1 (an error), which is all {1} takes")]
    NotBinary(f64, &'static str),
    #[error("{0} is not from 0 (right) to 1 (the largest loss), which is all {1} takes")]
    NotLoss(f64, &'static str),
}

/// The values of the parameters of one entry: defaults, and over them what was given.
struct Settings(BTreeMap<&'static str, f64>);

const fn param(name: &'static str, default: &'static str, range: Range) -> Param {
    Param { name, default: Some(default), range }
}

const fn count(least: u64, most: u64) -> Range {
    Range::Count { least, most }
}

/// The longest window, grace or warm-up that can be asked for.
const LENGTH_MAX: u64 = 10_000;

/// Every detector there is.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "adwin",
        about: "a window that is cut where the means of its parts differ (Bifet & Gavaldà 2007)",
        input: Input::Numbers,
        params: &[
            param("delta", "0.002", Range::Share),
            param("clock", "32", count(1, 1_000_000)),
            param("max_buckets", "5", count(2, 100)),
            param("min_window_length", "5", count(1, 1_000_000)),
            param("grace_period", "10", count(0, 1_000_000)),
            param("reset", "true", Range::Flag),
        ],
        build: |settings| {
            Ok(AnyDetector::Adwin(Adwin::new(adwin::Params {
                delta: settings.number("delta"),
                clock: settings.count("clock"),
                max_buckets: settings.count("max_buckets"),
                min_window_length: settings.count("min_window_length"),
                grace_period: settings.count("grace_period"),
                reset: settings.flag("reset"),
            })))
        },
    },
    Entry {
        name: "page_hinkley",
        about: "the sum of deviations from the running mean (Page 1954)",
        input: Input::Numbers,
        params: &[
            param("min_instances", "30", count(1, LENGTH_MAX)),
            param("delta", "0.005", Range::NotNegative),
            param("threshold", "50", Range::Positive),
            param("alpha", "0.9999", Range::ShareOrOne),
            param("mode", "both", Range::Direction),
        ],
        build: |settings| {
            Ok(AnyDetector::PageHinkley(PageHinkley::new(page_hinkley::Params {
                min_instances: settings.count("min_instances"),
                delta: settings.number("delta"),
                threshold: settings.number("threshold"),
                alpha: settings.number("alpha"),
                mode: settings.direction("mode"),
            })))
        },
    },
    Entry {
        name: "ddm",
        about: "the error rate against the best it has been (Gama et al. 2004)",
        input: Input::Errors,
        params: &[
            param("warm_start", "30", count(0, LENGTH_MAX)),
            param("warning_threshold", "2", Range::Positive),
            param("drift_threshold", "3", Range::Positive),
        ],
        build: |settings| {
            Ok(AnyDetector::Ddm(Ddm::new(ddm::Params {
                warm_start: settings.count("warm_start"),
                warning_threshold: settings.number("warning_threshold"),
                drift_threshold: settings.number("drift_threshold"),
            })))
        },
    },
    Entry {
        name: "eddm",
        about: "the distance between errors against the longest it has been (Baena-García et al. 2006)",
        input: Input::Errors,
        params: &[
            param("warm_start", "30", count(0, LENGTH_MAX)),
            param("alpha", "0.95", Range::ShareOrOne),
            param("beta", "0.9", Range::ShareOrOne),
        ],
        build: |settings| {
            let (alpha, beta) = (settings.number("alpha"), settings.number("beta"));
            if alpha < beta {
                return Err(BadChoice::BadCombination { detector: "eddm", rule: "`alpha` is at least `beta`" });
            }
            Ok(AnyDetector::Eddm(Eddm::new(eddm::Params { warm_start: settings.count("warm_start"), alpha, beta })))
        },
    },
    Entry {
        name: "hddm_a",
        about: "the mean before a cut against the mean of all, by Hoeffding's inequality (Frías-Blanco et al. 2015)",
        input: Input::Errors,
        params: &[
            param("drift_confidence", "0.001", Range::Share),
            param("warning_confidence", "0.005", Range::Share),
            param("two_sided_test", "false", Range::Flag),
        ],
        build: |settings| {
            Ok(AnyDetector::HddmA(HddmA::new(hddm_a::Params {
                drift_confidence: settings.number("drift_confidence"),
                warning_confidence: settings.number("warning_confidence"),
                two_sided_test: settings.flag("two_sided_test"),
            })))
        },
    },
    Entry {
        name: "hddm_w",
        about: "the same with exponentially weighted means, by McDiarmid's inequality (Frías-Blanco et al. 2015)",
        input: Input::Errors,
        params: &[
            param("drift_confidence", "0.001", Range::Share),
            param("warning_confidence", "0.005", Range::Share),
            param("lambda_val", "0.05", Range::ShareOrOne),
            param("two_sided_test", "false", Range::Flag),
        ],
        build: |settings| {
            Ok(AnyDetector::HddmW(HddmW::new(hddm_w::Params {
                drift_confidence: settings.number("drift_confidence"),
                warning_confidence: settings.number("warning_confidence"),
                lambda_val: settings.number("lambda_val"),
                two_sided_test: settings.flag("two_sided_test"),
            })))
        },
    },
    Entry {
        name: "fhddm",
        about: "the share of right ones in a window against the best it has been (Pesaranghader & Viktor 2016)",
        input: Input::Errors,
        params: &[
            param("sliding_window_size", "100", count(1, LENGTH_MAX)),
            param("confidence_level", "0.000001", Range::Share),
            Param { name: "short_window_size", default: None, range: count(1, LENGTH_MAX) },
        ],
        build: |settings| {
            let sliding_window_size = settings.count("sliding_window_size");
            let short_window_size = settings.given("short_window_size").map(|size| size as u32);
            if short_window_size.is_some_and(|short| sliding_window_size < short) {
                let rule = "`short_window_size` is at most `sliding_window_size`";
                return Err(BadChoice::BadCombination { detector: "fhddm", rule });
            }
            let confidence_level = settings.number("confidence_level");
            Ok(AnyDetector::Fhddm(Fhddm::new(fhddm::Params { sliding_window_size, confidence_level, short_window_size })))
        },
    },
    Entry {
        name: "kswin",
        about: "the newest values against a draw of older ones, by Kolmogorov and Smirnov (Raab et al. 2020)",
        input: Input::Numbers,
        params: &[
            param("alpha", "0.005", Range::Share),
            param("window_size", "100", count(2, LENGTH_MAX)),
            param("stat_size", "30", count(1, LENGTH_MAX)),
            param("seed", "0", count(0, 1 << 53)),
        ],
        build: |settings| {
            let (window_size, stat_size) = (settings.count("window_size"), settings.count("stat_size"));
            if window_size < 2 * stat_size {
                return Err(BadChoice::BadCombination {
                    detector: "kswin",
                    rule: "`stat_size` is at most half of `window_size`",
                });
            }
            let (alpha, seed) = (settings.number("alpha"), settings.number("seed") as u64);
            Ok(AnyDetector::Kswin(Kswin::new(kswin::Params { alpha, window_size, stat_size, seed })))
        },
    },
    Entry {
        name: "cusum",
        about: "sums of what is beyond an allowance, in standard deviations from a target (Page 1954)",
        input: Input::Numbers,
        params: &[
            param("allowance", "0.5", Range::NotNegative),
            param("threshold", "5", Range::Positive),
            param("warm_start", "100", count(2, LENGTH_MAX)),
            Param { name: "target", default: None, range: Range::Number },
            Param { name: "sigma", default: None, range: Range::Positive },
            param("mode", "both", Range::Direction),
        ],
        build: |settings| {
            Ok(AnyDetector::Cusum(Cusum::new(cusum::Params {
                allowance: settings.number("allowance"),
                threshold: settings.number("threshold"),
                warm_start: settings.count("warm_start"),
                target: settings.given("target"),
                sigma: settings.given("sigma"),
                mode: settings.direction("mode"),
            })))
        },
    },
    Entry {
        name: "e_detector",
        about: "a risen error rate or mean loss, false alarms at least run_length rows apart on average (Shin, Ramdas & Rinaldo 2024)",
        input: Input::Losses,
        params: &[
            param("run_length", "100000", Range::Positive),
            param("baseline", "1000", count(1, 1_000_000)),
            Param { name: "rate", default: None, range: Range::Share },
            param("tolerance", "0", Range::NotNegative),
            param("cusum", "false", Range::Flag),
        ],
        build: |settings| {
            let (rate, tolerance) = (settings.given("rate"), settings.number("tolerance"));
            if 1.0 <= rate.unwrap_or(0.0) + tolerance {
                let rule = "`rate` and `tolerance` together are below 1";
                return Err(BadChoice::BadCombination { detector: "e_detector", rule });
            }
            Ok(AnyDetector::EDetector(EDetector::new(e_detector::Params {
                run_length: settings.number("run_length"),
                baseline: settings.count("baseline"),
                rate,
                tolerance,
                cusum: settings.flag("cusum"),
            })))
        },
    },
];

impl AnyDetector {
    /// The detector of that name with those parameters; the others are as [`ENTRIES`] has them.
    pub fn choose<'a>(name: &str, given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, BadChoice> {
        let entry = Entry::find(name)?;
        let detector = entry.name;
        let mut settings = BTreeMap::new();
        let defaults = entry.params.iter().filter_map(|param| Some((param.name, param.default?)));
        for (name, value) in defaults.chain(given) {
            let Some(param) = entry.params.iter().find(|param| param.name == name) else {
                let there_are = listed(entry.params.iter().map(|param| param.name));
                return Err(BadChoice::UnknownParam { detector, name: name.into(), there_are });
            };
            let Some(read) = param.range.read(value) else {
                let (takes, value) = (param.range.to_string(), value.into());
                return Err(BadChoice::BadParam { detector, name: param.name, takes, value });
            };
            settings.insert(param.name, read);
        }
        (entry.build)(&Settings(settings))
    }

    /// Its place in [`ENTRIES`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Adwin(_) => "adwin",
            Self::PageHinkley(_) => "page_hinkley",
            Self::Ddm(_) => "ddm",
            Self::Eddm(_) => "eddm",
            Self::HddmA(_) => "hddm_a",
            Self::HddmW(_) => "hddm_w",
            Self::Fhddm(_) => "fhddm",
            Self::Kswin(_) => "kswin",
            Self::Cusum(_) => "cusum",
            Self::EDetector(_) => "e_detector",
        }
    }

    /// What it takes.
    pub fn input(&self) -> Input {
        match self {
            Self::Adwin(_) | Self::PageHinkley(_) | Self::Kswin(_) | Self::Cusum(_) => Input::Numbers,
            Self::Ddm(_) | Self::Eddm(_) | Self::HddmA(_) | Self::HddmW(_) | Self::Fhddm(_) => Input::Errors,
            Self::EDetector(_) => Input::Losses,
        }
    }

    /// The change that the last verdict has reported. `None` if it was no drift, or if the detector does not know where the change began.
    pub fn change(&self) -> Option<Change> {
        match self {
            Self::Adwin(detector) => detector.change(),
            Self::EDetector(detector) => detector.change(),
            _ => None,
        }
    }

    /// Takes in `value` if the detector can.
    pub fn offer(&mut self, value: f64) -> Result<Verdict, BadValue> {
        if value.is_nan() || MAGNITUDE_MAX < value.abs() {
            return Err(BadValue::NotFinite(value));
        }
        match self.input() {
            Input::Errors if value != 0.0 && value != 1.0 => return Err(BadValue::NotBinary(value, self.name())),
            Input::Losses if !(0.0..=1.0).contains(&value) => return Err(BadValue::NotLoss(value, self.name())),
            Input::Numbers | Input::Errors | Input::Losses => {}
        }
        Ok(match self {
            Self::Adwin(detector) => detector.update(value),
            Self::PageHinkley(detector) => detector.update(value),
            Self::Ddm(detector) => detector.update(value),
            Self::Eddm(detector) => detector.update(value),
            Self::HddmA(detector) => detector.update(value),
            Self::HddmW(detector) => detector.update(value),
            Self::Fhddm(detector) => detector.update(value),
            Self::Kswin(detector) => detector.update(value),
            Self::Cusum(detector) => detector.update(value),
            Self::EDetector(detector) => detector.update(value),
        })
    }
}

impl Entry {
    /// The entry of that name, however it is written: `HDDM_A`, `hddm-a`, `hddma`.
    pub fn find(name: &str) -> Result<&'static Self, BadChoice> {
        let plain = |name: &str| name.replace(['-', '_'], "").to_lowercase();
        ENTRIES.iter().find(|entry| plain(entry.name) == plain(name)).ok_or_else(|| BadChoice::UnknownDetector {
            name: name.into(),
            there_are: listed(ENTRIES.iter().map(|entry| entry.name)),
        })
    }
}

fn listed(names: impl Iterator<Item = &'static str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl Range {
    /// `text` as a number: a flag as 0 or 1, a direction as its place. Nothing outside the range.
    fn read(self, text: &str) -> Option<f64> {
        let number = || text.parse::<f64>().ok().filter(|number| number.abs() <= MAGNITUDE_MAX);
        match self {
            Self::Share => number().filter(|number| 0.0 < *number && *number < 1.0),
            Self::ShareOrOne => number().filter(|number| 0.0 < *number && *number <= 1.0),
            Self::Positive => number().filter(|number| 0.0 < *number),
            Self::NotNegative => number().filter(|number| 0.0 <= *number),
            Self::Number => number(),
            Self::Count { least, most } => {
                text.parse::<u64>().ok().filter(|count| (least..=most).contains(count)).map(|count| count as f64)
            }
            Self::Flag => text.parse::<bool>().ok().map(|flag| f64::from(u8::from(flag))),
            Self::Direction => DIRECTIONS.iter().position(|(name, _)| *name == text).map(|place| place as f64),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share => out.write_str("a number above 0 and below 1"),
            Self::ShareOrOne => out.write_str("a number above 0 and at most 1"),
            Self::Positive => out.write_str("a number above 0"),
            Self::NotNegative => out.write_str("a number of 0 or more"),
            Self::Number => out.write_str("a number"),
            Self::Count { least, most } => write!(out, "a whole number from {least} to {most}"),
            Self::Flag => out.write_str("true or false"),
            Self::Direction => out.write_str("up, down or both"),
        }
    }
}

const DIRECTIONS: [(&str, Direction); 3] = [("up", Direction::Up), ("down", Direction::Down), ("both", Direction::Both)];

impl Settings {
    fn given(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    fn number(&self, name: &str) -> f64 {
        self.given(name).expect("the entry's table gives it a default")
    }

    fn count(&self, name: &str) -> u32 {
        self.number(name) as u32
    }

    fn flag(&self, name: &str) -> bool {
        self.number(name) == 1.0
    }

    fn direction(&self, name: &str) -> Direction {
        DIRECTIONS[self.number(name) as usize].1
    }
}
