//! Whether the values of a model are classes or quantities, as the interfaces tell it: the decision, what it rests on, and what does not
//! fit it.

use serde::Serialize;

use crate::monitor::analysis::unfit;
use crate::monitor::classes::Classes;
use crate::monitor::limits::{CLASSES_MAX, NUMBERS_AMONG_NAMES_MAX, NUMBERS_MAX};
use crate::monitor::model::Model;
use crate::monitor::task::{Reading, Side, Task, Values};
use crate::view::alike::{alike, groups};

/// So many classes may spell numbers without a remark: grades and versions do.
const QUOTED_MIN: usize = 20;

/// How a model is read, and why.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TaskFigures {
    /// classification, regression or unknown.
    pub task: &'static str,
    /// Who says so: `told` (a person), `labels` (the first labelled predictions), `predictions` (no label has come yet) or `nothing`.
    pub from: &'static str,
    /// Whether it stays: it was told, or enough labelled predictions were seen.
    pub settled: bool,
    /// Labelled predictions it rests on, at most 1,000.
    pub rows: u32,
    /// What counts as a class or quantity: `quantities`, `small_numbers` (whole numbers from -255 to 255 are classes), `whole_numbers` or
    /// `names` (every value is a class); null while nothing is known.
    pub reading: Option<&'static str>,
    /// Values that do not fit: in no figure.
    pub predictions: Unfit,
    pub labels: Unfit,
    /// Versions that are read in another way than the model.
    pub versions: Vec<VersionTask>,
    /// Versions whose labelled predictions became of another kind, oldest first.
    pub changes: Vec<TaskChange>,
    /// Classes that differ only in case, blanks or Unicode form, by group: they count as different. Names that look the same show their code
    /// points beyond ASCII, as `caf\\u{e9}`.
    pub alike: Vec<Vec<String>>,
    /// Whether the classes look like quantities whose sender put them in quotes; null if they do not.
    pub quoted_numbers: Option<QuotedNumbers>,
    /// The same in sentences; empty if there is nothing to say.
    pub remarks: Vec<String>,
}

/// Values of one side that do not fit.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Unfit {
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct VersionTask {
    /// Null of predictions that name no version.
    pub version: Option<String>,
    pub task: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TaskChange {
    pub version: Option<String>,
    pub from: &'static str,
    pub to: &'static str,
    /// Log time.
    pub at: String,
}

impl TaskFigures {
    pub fn of(model: &Model) -> Self {
        let decision = &model.profile.classes.decision;
        let unfit = |side: &Side| match decision.reading {
            Some(reading) => {
                let (count, examples) = side.unfit(reading);
                Unfit { count, of: side.count(), examples: examples.into_iter().map(str::to_owned).collect() }
            }
            None => Unfit { count: 0, of: side.count(), examples: Vec::new() },
        };
        let version_of = |track: u16| {
            let track = model.drift.tracks.get(usize::from(track));
            track.and_then(|track| track.watch.version.as_ref()).map(ToString::to_string)
        };
        let apart = |(track, own): &(u16, Reading)| VersionTask { version: version_of(*track), task: own.task().as_str() };
        let changes = decision.changes.iter().map(|change| TaskChange {
            version: change.version.as_ref().map(ToString::to_string),
            from: change.from.task().as_str(),
            to: change.to.task().as_str(),
            at: change.at.to_string(),
        });
        let rows = model.evidence_rows();
        Self {
            task: decision.task().as_str(),
            from: match (decision.told, decision.reading, rows) {
                (Some(_), _, _) => "told",
                (None, None, _) => "nothing",
                (None, Some(_), 0) => "predictions",
                (None, Some(_), _) => "labels",
            },
            settled: decision.told.is_some() || decision.settled,
            rows,
            reading: decision.reading.map(Reading::as_str),
            predictions: unfit(&model.values.predictions),
            labels: unfit(&model.values.labels),
            versions: decision.apart.iter().map(apart).collect(),
            alike: groups(class_names(&model.profile.classes)),
            quoted_numbers: QuotedNumbers::of(&model.profile.classes),
            remarks: remarks(&model.values, &model.profile.classes),
            changes: changes.collect(),
        }
    }
}

/// The classes, where values are some.
fn class_names(classes: &Classes) -> impl Iterator<Item = &str> {
    classes.fitting().map(|class| classes.name(class))
}

/// Which of `name` (predictions or labels) are in no figure; `None` if none is.
pub fn unfit_remark(values: &unfit::Unfit, name: &str, reading: Reading) -> Option<String> {
    let are = match reading {
        Reading::Quantities if values.examples.iter().any(|example| example.parse::<f64>().is_ok()) => {
            "are no numbers, or numbers in quotes, which are text".to_owned()
        }
        Reading::Quantities => "are no numbers".to_owned(),
        Reading::SmallNumbers => "are no whole numbers from -255 to 255 as the classes are".to_owned(),
        Reading::WholeNumbers => "are no whole numbers as the classes are, or more different ones than are kept".to_owned(),
        Reading::Names if values.examples.iter().any(|example| example.parse::<f64>().is_ok()) => format!(
            "are of more numbers than are kept as classes ({NUMBERS_AMONG_NAMES_MAX}, or {NUMBERS_MAX} before they are known to be classes)"
        ),
        Reading::Names => format!("are of classes beyond the first {}", thousands(CLASSES_MAX as u64)),
    };
    let (count, of, examples) = (thousands(values.count), thousands(values.of), values.examples.join(", "));
    (values.count != 0).then(|| format!("{count} of {of} {name} {are}: {examples} (they are in no figure)"))
}

/// What a reader of the figures has to know: what was compared, which values are in no figure, which versions are of another kind, which classes are
/// easily taken for one.
pub fn remarks(values: &Values, classes: &Classes) -> Vec<String> {
    let decision = &classes.decision;
    let Some(reading) = decision.reading else { return Vec::new() };
    let mut remarks = Vec::new();
    if reading == Reading::Quantities && values.labels.count() != 0 {
        let compared =
            "numbers are compared as quantities: `accuracy` is the share of predictions within 10 % of the actual value";
        let otherwise =
            if decision.told.is_some() { "" } else { "; if they name classes, say that the task is classification" };
        remarks.push(format!("{compared}{otherwise}"));
    }
    let sides = [(&values.predictions, "predictions"), (&values.labels, "labels")];
    remarks.extend(sides.iter().filter_map(|(side, name)| unfit_remark(&unfit::Unfit::of(side, reading), name, reading)));
    remarks.extend(decision.changes.iter().map(|change| {
        let version = change
            .version
            .as_ref()
            .map_or_else(|| "predictions without a version".to_owned(), |name| format!("version {name}"));
        let (from, to) = (change.from.task(), change.to.task());
        let kinds = if from == to {
            "its classes are of another kind".to_owned()
        } else {
            format!("{} became {}", name_of(from), name_of(to))
        };
        format!("{version}: {kinds} at {}; its labels since then are counted apart", change.at)
    }));
    remarks.extend(QuotedNumbers::of(classes).map(|quoted| quoted.remark()));
    remarks.extend(alike(class_names(classes)).map(|what| format!("classes {what}")));
    remarks
}

/// Classes that look like quantities whose sender put them in quotes.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct QuotedNumbers {
    /// Classes that spell a number that is not whole.
    pub count: u64,
    /// Classes in all.
    pub of: u64,
    /// The first three.
    pub examples: Vec<String>,
}

impl QuotedNumbers {
    /// `None` unless most of more than [`QUOTED_MIN`] classes are such numbers.
    fn of(classes: &Classes) -> Option<Self> {
        let is_fraction = |name: &&str| name.parse::<f64>().is_ok_and(|number| number.is_finite() && number.fract() != 0.0);
        let names = || class_names(classes).filter(|_| classes.decision.reading == Some(Reading::Names));
        let (count, of) = (names().filter(is_fraction).count(), names().count());
        let examples = || names().filter(is_fraction).take(3).map(str::to_owned).collect();
        (QUOTED_MIN < count && of < 2 * count).then(|| Self { count: count as u64, of: of as u64, examples: examples() })
    }

    fn remark(&self) -> String {
        let (count, of, examples) = (thousands(self.count), thousands(self.of), self.examples.join(", "));
        format!("{count} of {of} classes are numbers in quotes: {examples}; if they are quantities, send them without quotes")
    }
}

const fn name_of(task: Task) -> &'static str {
    match task {
        Task::Regression => "quantities",
        Task::Classification | Task::Unknown => "classes",
    }
}

/// A count with its digits in groups of three.
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place != 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
