//! Whether the values of a model are classes or quantities: told by a person, or decided from its first labelled predictions and kept.
//! Nothing here is lost when the decision changes: it says how counts are read, and values that do not fit it are counted apart.

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::monitor::limits::{TASK_CHANGES_MAX, TASK_DOUBT_ROWS, TASK_ROWS};
use crate::time::Timestamp;

mod evidence;
mod values;

pub use evidence::{Evidence, Numbers};
pub use values::{Side, Values};

/// What kind of answer a model gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    Classification,
    Regression,
    /// No value seen yet.
    Unknown,
}

/// How values are read: as quantities, or which of them are classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Numbers are quantities.
    Quantities,
    /// Small whole numbers are the classes.
    SmallNumbers,
    /// Whole numbers of any size are the classes.
    WholeNumbers,
    /// Every value is a class of its own.
    Names,
}

/// What one value is by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// A whole number up to [`SMALL_MAX`].
    Small,
    /// A larger whole number.
    Whole,
    /// A number that is not whole.
    Fraction,
    /// Text that spells a small whole number.
    Digits,
    /// `true` or `false`.
    Flag,
    /// Text that says that there is no value, or an object.
    Blank,
    /// Any other text.
    Word,
    /// Of a class beyond those that are kept.
    Unkept,
}

/// Whole numbers up to this magnitude are classes where nothing says otherwise; larger ones are quantities.
const SMALL_MAX: f64 = 255.0;

/// Words of programs and spreadsheets for a value that is not there or not a number, in lower case. Among numbers they decide nothing.
const BLANKS: [&str; 32] = [
    "",
    "-",
    "--",
    "?",
    ".",
    "n/a",
    "na",
    "n.a.",
    "#n/a",
    "nan",
    "-nan",
    "none",
    "null",
    "nil",
    "nul",
    "undefined",
    "unknown",
    "missing",
    "not available",
    "inf",
    "+inf",
    "-inf",
    "infinity",
    "+infinity",
    "-infinity",
    "#div/0!",
    "#value!",
    "#ref!",
    "#name?",
    "#num!",
    "#null!",
    "#error!",
];

/// Where an answer with its label is counted that does not fit how its model is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Apart {
    /// Small whole numbers, of which one at least was text.
    Digits,
    /// Whole numbers, of which one at least is large.
    Whole,
    /// Numbers, of which one at least is not whole.
    Fraction,
    /// One at least is no number.
    Named,
    /// Its version is read in another way than the model.
    Of(Reading),
}

/// How a model is read, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// By a person: the task.
    pub told: Option<Task>,
    pub reading: Option<Reading>,
    /// Enough labelled rows were seen: it stays.
    pub settled: bool,
    /// Versions, by their place among the tracks, that are read in another way.
    pub apart: Vec<(u16, Reading)>,
    /// The newest changes of versions, oldest first.
    pub changes: Vec<Change>,
}

/// A version whose labelled rows became of another kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub version: Option<Name>,
    pub from: Reading,
    pub to: Reading,
    /// Log time.
    pub at: Timestamp,
}

/// The labelled rows of one version since the first that did not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    evidence: Evidence,
    unfit: u32,
}

pub const SORTS: [Sort; 8] =
    [Sort::Small, Sort::Whole, Sort::Fraction, Sort::Digits, Sort::Flag, Sort::Blank, Sort::Word, Sort::Unkept];

impl Task {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Unknown => "unknown",
        }
    }
}

impl Reading {
    pub const fn task(self) -> Task {
        match self {
            Self::Quantities => Task::Regression,
            Self::SmallNumbers | Self::WholeNumbers | Self::Names => Task::Classification,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quantities => "quantities",
            Self::SmallNumbers => "small_numbers",
            Self::WholeNumbers => "whole_numbers",
            Self::Names => "names",
        }
    }

    /// Whether a value of this sort is one of those that the model gives.
    pub const fn takes(self, sort: Sort) -> bool {
        match self {
            Self::Quantities => matches!(sort, Sort::Small | Sort::Whole | Sort::Fraction),
            Self::SmallNumbers => matches!(sort, Sort::Small | Sort::Digits),
            Self::WholeNumbers => matches!(sort, Sort::Small | Sort::Digits | Sort::Whole),
            Self::Names => !matches!(sort, Sort::Unkept),
        }
    }

    /// Whether rows that were counted apart belong to it after all.
    pub fn takes_apart(self, apart: Apart) -> bool {
        match apart {
            Apart::Digits => self != Self::Quantities,
            Apart::Whole => self != Self::SmallNumbers,
            Apart::Fraction => matches!(self, Self::Quantities | Self::Names),
            Apart::Named => self == Self::Names,
            Apart::Of(own) => own == self,
        }
    }
}

impl Sort {
    pub fn of_number(number: f64) -> Self {
        match number {
            n if n.fract() != 0.0 => Self::Fraction,
            n if SMALL_MAX < n.abs() => Self::Whole,
            _ => Self::Small,
        }
    }

    /// `number`: what the text spells, where it is the canonical text of a number.
    pub fn of_name(name: &str, number: Option<f64>) -> Self {
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        if is("true") || is("false") {
            Self::Flag
        } else if number.is_some_and(|number| Self::of_number(number) == Self::Small) {
            Self::Digits
        } else if name.starts_with('{') || BLANKS.iter().any(|blank| is(blank)) {
            Self::Blank
        } else {
            Self::Word
        }
    }

    const fn is_number(self) -> bool {
        matches!(self, Self::Small | Self::Whole | Self::Fraction | Self::Digits)
    }

    const fn is_small(self) -> bool {
        matches!(self, Self::Small | Self::Digits)
    }
}

impl Apart {
    /// Of an answer and its label that `reading` does not take; `None` if it takes both.
    pub fn of(reading: Reading, answer: Sort, label: Sort) -> Option<Self> {
        let either = |sort: Sort| answer == sort || label == sort;
        match (reading.takes(answer) && reading.takes(label), answer.is_number() && label.is_number()) {
            (true, _) => None,
            (false, false) => Some(Self::Named),
            (false, true) if either(Sort::Fraction) => Some(Self::Fraction),
            (false, true) if either(Sort::Whole) => Some(Self::Whole),
            (false, true) => Some(Self::Digits),
        }
    }

    const ALL: [Self; 8] = [
        Self::Digits,
        Self::Whole,
        Self::Fraction,
        Self::Named,
        Self::Of(Reading::Quantities),
        Self::Of(Reading::SmallNumbers),
        Self::Of(Reading::WholeNumbers),
        Self::Of(Reading::Names),
    ];

    /// A small number for packed rows.
    pub fn code(self) -> u8 {
        Self::ALL.iter().position(|apart| *apart == self).map_or(0, |at| at as u8)
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl Decision {
    /// A decision that was made elsewhere, from all rows at once.
    pub fn settled(told: Option<Task>, reading: Option<Reading>) -> Self {
        Self { told, reading, settled: true, ..Self::default() }
    }

    pub fn task(&self) -> Task {
        self.reading.map_or(Task::Unknown, Reading::task)
    }

    /// Obeys a person, or with `None` decides by the rows again.
    pub fn tell(&mut self, told: Option<Task>) {
        *self = Self { told, changes: std::mem::take(&mut self.changes), ..Self::default() };
    }

    /// How the version at this place among the tracks is read.
    pub fn reading_of(&self, track: Option<u16>) -> Option<Reading> {
        let own = self.apart.iter().find(|(place, _)| Some(*place) == track).map(|(_, own)| *own);
        own.or(self.reading)
    }

    /// What the evidence says, as long as it may; whether that is kept from here on.
    pub fn due(&self, evidence: &Evidence, values: &Values, numbers: Numbers) -> (Option<Reading>, bool) {
        let reading = match self.told {
            _ if self.settled => self.reading,
            Some(Task::Regression) => Some(Reading::Quantities),
            Some(_) if evidence.rows == 0 => Some(Reading::Names),
            Some(_) => Some(evidence.told_classes()),
            None => evidence.reading(numbers).or_else(|| values.reading(numbers)),
        };
        (reading, self.settled || TASK_ROWS <= evidence.rows)
    }

    /// Has the version at `track` read as `to` from now on.
    pub fn depart(&mut self, track: u16, to: Reading, change: Change) {
        self.apart.retain(|(place, _)| *place != track);
        if Some(to) != self.reading {
            self.apart.push((track, to));
        }
        if TASK_CHANGES_MAX <= self.changes.len() {
            self.changes.remove(0);
        }
        self.changes.push(change);
    }
}

impl Doubt {
    /// Adds a labelled answer, and says how the version is to be read once enough of them were of another kind. `None` of the second is
    /// "not yet".
    pub fn add(&mut self, reading: Reading, (answer, label): (Sort, Sort), scored: bool, numbers: Numbers) -> Option<Reading> {
        self.evidence.add(answer, label, scored);
        self.unfit += u32::from(is_doubtful(reading, answer, label, numbers.many));
        if !self.is_over() {
            return None;
        }
        self.evidence.reading(numbers).filter(|found| *found != reading && self.evidence.rows < 2 * self.unfit)
    }

    pub const fn is_over(&self) -> bool {
        TASK_DOUBT_ROWS <= self.evidence.rows
    }
}

/// Whether a labelled answer speaks against how its version is read. Names take everything, but not many different numbers.
pub fn is_doubtful(reading: Reading, answer: Sort, label: Sort, many_numbers: bool) -> bool {
    match reading {
        Reading::Names => many_numbers && answer.is_number() && label.is_number() && !(answer.is_small() && label.is_small()),
        _ => Apart::of(reading, answer, label).is_some(),
    }
}
