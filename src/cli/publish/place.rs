//! Which column of a table is which part of a record: by its name, or as `--map` says.

use std::fmt;

use anyhow::bail;

use crate::cli::files::{Scored, remark};
use crate::event::Kind;
use crate::files::Told;

/// Which column holds a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping(Vec<(String, String)>);

impl Mapping {
    /// Reads `field=column,field=column`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pair = |part: &str| match part.split_once('=') {
            Some((field, column)) if !field.trim().is_empty() && !column.trim().is_empty() => {
                Ok((field.trim().to_owned(), column.trim().to_owned()))
            }
            _ => Err(format!("takes field=column pairs such as prediction=label,score=p, not {part:?}")),
        };
        text.split(',').map(pair).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// Fields of a kind that a column of the same name fills.
const fn fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Prediction => &[
            "prediction_id",
            "model",
            "model_name",
            "model_version",
            "version",
            "at",
            "timestamp",
            "ts",
            "prediction",
            "y_pred",
            "confidence",
            "response_time",
            "latency_ms",
            "error",
            "actual",
            "actual_result",
            "y_true",
            "schema_version",
        ],
        Kind::Sample => &["source", "plugin_id", "at", "timestamp", "ts", "event_id", "schema_version"],
        _ => &[],
    }
}

/// Fields that are names: text, whatever their cells look like.
const NAMES: [&str; 12] = [
    "prediction_id",
    "model",
    "model_name",
    "model_version",
    "version",
    "source",
    "plugin_id",
    "event_id",
    "job_id",
    "batch_id",
    "at",
    "error",
];

/// Where the cells of a column go.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    Field(String),
    /// The probability of the positive class.
    Score,
    /// The probability of a class.
    ScoreOf(String),
    /// The same if there is such a class, and else the feature of the second name.
    MayBeScoreOf(String, String),
    Feature(String),
    Segment(String),
    Metric(String),
    Label(String),
}

impl Place {
    /// As `name` says, of a column or on the left of a mapping.
    pub fn of(name: &str, kind: Kind) -> Self {
        let prefixed = |prefix: &str| name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(str::to_owned);
        if let Some(field) = fields(kind).iter().find(|field| field.eq_ignore_ascii_case(name)) {
            return Self::Field((*field).to_owned());
        }
        let scored = if kind == Kind::Prediction { Scored::of(name) } else { None };
        match scored {
            Some(Scored::Positive) => return Self::Score,
            Some(Scored::Class(class)) => return Self::ScoreOf(class.to_owned()),
            Some(Scored::MayBeClass(class)) => return Self::MayBeScoreOf(class.to_owned(), name.to_owned()),
            None => {}
        }
        match kind {
            Kind::Prediction => prefixed("segment.")
                .map(Self::Segment)
                .or_else(|| prefixed("features.").map(Self::Feature))
                .unwrap_or_else(|| Self::Feature(name.to_owned())),
            Kind::Sample => prefixed("labels.")
                .map(Self::Label)
                .or_else(|| prefixed("metrics.").map(Self::Metric))
                .unwrap_or_else(|| Self::Metric(name.to_owned())),
            _ => Self::Field(name.to_owned()),
        }
    }

    pub fn is_name(&self) -> bool {
        match self {
            Self::Field(name) => NAMES.contains(&name.as_str()),
            Self::Segment(_) | Self::Label(_) => true,
            _ => false,
        }
    }

    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Field(name) if name == "prediction" || name == "y_pred")
    }

    pub fn is_truth(&self) -> bool {
        matches!(self, Self::Field(name) if ["actual", "actual_result", "y_true"].contains(&name.as_str()))
    }

    /// What it is, once it is known which classes there are.
    pub fn decided(self, is_class: impl Fn(&str) -> bool) -> Self {
        match self {
            Self::MayBeScoreOf(class, _) if is_class(&class) => Self::ScoreOf(class),
            Self::MayBeScoreOf(_, name) => Self::Feature(name),
            place => place,
        }
    }

    /// Whether a word such as `NA` says that there is nothing; elsewhere it may be a name or a class.
    pub const fn is_measured(&self) -> bool {
        matches!(self, Self::Feature(_) | Self::Metric(_) | Self::Score | Self::ScoreOf(_) | Self::MayBeScoreOf(..))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "`{name}`"),
            Self::Score => f.write_str("the probability of the positive class"),
            Self::ScoreOf(class) | Self::MayBeScoreOf(class, _) => write!(f, "the probability of class {class:?}"),
            Self::Feature(name) => write!(f, "feature {name:?}"),
            Self::Segment(name) => write!(f, "segment {name:?}"),
            Self::Metric(name) => write!(f, "metric {name:?}"),
            Self::Label(name) => write!(f, "label {name:?}"),
        }
    }
}

/// Whether the left of a mapping may be a misspelt field: without a prefix it names none.
fn is_unknown_field(field: &str, kind: Kind) -> bool {
    match Place::of(field, kind) {
        Place::Feature(name) | Place::Metric(name) => name == field,
        _ => false,
    }
}

/// Where each column goes.
///
/// Errors: a mapping to a column that is not there; two columns for one place.
pub fn places(told: &Told, kind: Kind, map: Option<&Mapping>) -> anyhow::Result<Vec<(String, Place)>> {
    let mapped = map.map_or(&[][..], |map| &map.0);
    let is_read = |name: &&String| !name.is_empty() && told.unread.iter().all(|(unread, _)| unread != *name);
    let names: Vec<&String> = told.names.iter().filter(is_read).collect();
    if let Some((field, column)) = mapped.iter().find(|(_, column)| !names.contains(&column)) {
        let there: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        bail!("--map {field}={column} names no column; there are {}", there.join(", "));
    }
    if let Some((field, column)) = mapped.iter().find(|(field, _)| is_unknown_field(field, kind)) {
        let (known, free) = (fields(kind).join(", "), if kind == Kind::Sample { "metrics" } else { "features" });
        bail!("--map {field}={column}: `{field}` is no field; there are {known}; a name of your own is {free}.{field}");
    }
    let mut places: Vec<(String, Place)> = Vec::new();
    for name in names {
        let place = match mapped.iter().find(|(_, column)| column == name) {
            Some((field, _)) => Place::of(field, kind),
            None if kind == Kind::Prediction && name.eq_ignore_ascii_case("label") => {
                remark(&format!(
                    "column {name:?} is published as what turned out to be true; --map prediction={name} says otherwise"
                ));
                Place::Field("actual".to_owned())
            }
            None => Place::of(name, kind),
        };
        if let Some((other, _)) = places.iter().find(|(_, other)| *other == place) {
            bail!("columns {other:?} and {name:?} both hold {place}: leave one out, or say with --map what it is");
        }
        places.push((name.clone(), place));
    }
    Ok(places)
}
