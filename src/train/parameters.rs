//! What a learner is, and how it is told to learn: names and ranges of all parameters, from the command line or from JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidewatch_core::stats::boosting::{LEAVES_MAX, TREES_MAX};

/// A kind of learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    GradientBoosting,
    RandomForest,
    DecisionTree,
    LinearRegression,
    Ridge,
    Lasso,
    ElasticNet,
    LogisticRegression,
    NaiveBayes,
    Ftrl,
    Svm,
    Knn,
    Pls,
}

/// The names and values of parameters, as they were given and as defaults fill them up.
pub type Given = Map<String, Value>;

/// Why parameters cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("there is no algorithm {asked:?}: there are {known}")]
    UnknownAlgorithm { asked: String, known: String },
    #[error("{algorithm} has no parameter {asked:?}: there are {known}")]
    UnknownParameter { algorithm: &'static str, asked: String, known: String },
    #[error("parameter {name} is {given}, and has to be {wanted}")]
    OutOfRange { name: String, given: Value, wanted: String },
}

/// What a value of a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// A whole number from one to another.
    Whole(u64, u64),
    /// The same, or `null` for no bound.
    WholeOrNone(u64, u64),
    /// A number from one to another, both included.
    Number(f64, f64),
    NumberOrNone(f64, f64),
    Truth,
    OneOf(&'static [&'static str]),
    /// By name of a feature: −1, 0 or 1.
    Directions,
}

/// A parameter of an algorithm.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub range: Range,
    pub default: Default,
}

#[derive(Clone, Copy, Debug)]
pub enum Default {
    Null,
    Whole(u64),
    Number(f64),
    Truth(bool),
    Text(&'static str),
}

const fn whole(name: &'static str, from: u64, to: u64, default: u64) -> Parameter {
    Parameter { name, range: Range::Whole(from, to), default: Default::Whole(default) }
}

const fn bound(name: &'static str, from: u64, to: u64) -> Parameter {
    Parameter { name, range: Range::WholeOrNone(from, to), default: Default::Null }
}

const fn number(name: &'static str, from: f64, to: f64, default: f64) -> Parameter {
    Parameter { name, range: Range::Number(from, to), default: Default::Number(default) }
}

const fn text(name: &'static str, known: &'static [&'static str]) -> Parameter {
    Parameter { name, range: Range::OneOf(known), default: Default::Text(known[0]) }
}

const SMALLEST: f64 = 1e-9;
const ROWS: u64 = 1_000_000;
const SEED: Parameter = whole("seed", 0, u64::MAX, 0);

/// How trees get categories: as sets of codes, or as a column of 0 and 1 each.
const ENCODING: Parameter = text("encoding", &["codes", "one_hot"]);

/// Parameters of the features of every algorithm.
const OF_FEATURES: &[Parameter] =
    &[whole("rare_rows", 1, ROWS, 10), whole("interactions", 0, 100, 0), bound("select_features", 1, 1_000), SEED];

const GRADIENT_BOOSTING: &[Parameter] = &[
    whole("n_estimators", 1, TREES_MAX as u64, 100),
    number("learning_rate", SMALLEST, 1.0, 0.1),
    bound("max_depth", 1, 254),
    whole("max_leaves", 2, LEAVES_MAX as u64, 31),
    whole("min_samples_leaf", 1, ROWS, 20),
    number("l2", 0.0, 1e9, 0.0),
    number("subsample", SMALLEST, 1.0, 1.0),
    number("colsample", SMALLEST, 1.0, 1.0),
    bound("early_stopping_rounds", 1, 1_000),
    number("validation_fraction", 0.01, 0.5, 0.1),
    text("loss", &["squared", "absolute", "huber", "quantile"]),
    number("quantile", SMALLEST, 1.0 - SMALLEST, 0.9),
    Parameter { name: "monotone", range: Range::Directions, default: Default::Null },
    ENCODING,
];

const RANDOM_FOREST: &[Parameter] = &[
    whole("n_estimators", 1, TREES_MAX as u64, 100),
    bound("max_depth", 1, 1_000),
    bound("max_leaves", 2, ROWS),
    whole("min_samples_leaf", 1, ROWS, 1),
    Parameter { name: "max_features", range: Range::NumberOrNone(SMALLEST, 1.0), default: Default::Null },
    Parameter { name: "bootstrap", range: Range::Truth, default: Default::Truth(true) },
    ENCODING,
];

const DECISION_TREE: &[Parameter] =
    &[bound("max_depth", 1, 1_000), bound("max_leaves", 2, ROWS), whole("min_samples_leaf", 1, ROWS, 1), ENCODING];

const PENALIZED: &[Parameter] = &[number("penalty", 0.0, 1e9, 0.1)];

const ELASTIC_NET: &[Parameter] = &[number("penalty", 0.0, 1e9, 0.1), number("l1_ratio", 0.0, 1.0, 0.5)];

const LOGISTIC_REGRESSION: &[Parameter] = &[number("l2", 0.0, 1e9, 1.0)];

const NAIVE_BAYES: &[Parameter] = &[number("smoothing", SMALLEST, 1.0, SMALLEST)];

const FTRL: &[Parameter] = &[
    number("alpha", SMALLEST, 10.0, 0.05),
    number("beta", 0.0, 10.0, 1.0),
    number("l1", 0.0, 1.0, 0.0),
    number("l2", 0.0, 1.0, 0.0),
    whole("epochs", 1, 100, 2),
];

const SVM: &[Parameter] = &[
    number("c", SMALLEST, 1e6, 1.0),
    Parameter { name: "kernel_width", range: Range::NumberOrNone(SMALLEST, 1e9), default: Default::Null },
];

const KNN: &[Parameter] = &[whole("neighbours", 1, 1_000, 15)];

const PLS: &[Parameter] = &[whole("components", 1, 1_000, 2)];

/// What an algorithm learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learns {
    Both,
    Classes,
    Quantities,
}

impl Algorithm {
    /// What labels may be.
    pub const fn learns(self) -> Learns {
        match self {
            Self::LinearRegression | Self::Ridge | Self::Lasso | Self::ElasticNet | Self::Pls => Learns::Quantities,
            Self::LogisticRegression | Self::NaiveBayes | Self::Ftrl => Learns::Classes,
            Self::GradientBoosting | Self::RandomForest | Self::DecisionTree | Self::Svm | Self::Knn => Learns::Both,
        }
    }

    pub const ALL: [Self; 13] = [
        Self::GradientBoosting,
        Self::RandomForest,
        Self::DecisionTree,
        Self::LinearRegression,
        Self::Ridge,
        Self::Lasso,
        Self::ElasticNet,
        Self::LogisticRegression,
        Self::NaiveBayes,
        Self::Ftrl,
        Self::Svm,
        Self::Knn,
        Self::Pls,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GradientBoosting => "gradient_boosting",
            Self::RandomForest => "random_forest",
            Self::DecisionTree => "decision_tree",
            Self::LinearRegression => "linear_regression",
            Self::Ridge => "ridge",
            Self::Lasso => "lasso",
            Self::ElasticNet => "elastic_net",
            Self::LogisticRegression => "logistic_regression",
            Self::NaiveBayes => "naive_bayes",
            Self::Ftrl => "ftrl",
            Self::Svm => "svm",
            Self::Knn => "knn",
            Self::Pls => "pls",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name);
        found.ok_or_else(|| Error::UnknownAlgorithm { asked: name.to_owned(), known: known() })
    }

    /// All its parameters.
    pub fn parameters(self) -> impl Iterator<Item = &'static Parameter> {
        let own = match self {
            Self::GradientBoosting => GRADIENT_BOOSTING,
            Self::RandomForest => RANDOM_FOREST,
            Self::DecisionTree => DECISION_TREE,
            Self::LinearRegression => &[],
            Self::Ridge | Self::Lasso => PENALIZED,
            Self::ElasticNet => ELASTIC_NET,
            Self::LogisticRegression => LOGISTIC_REGRESSION,
            Self::NaiveBayes => NAIVE_BAYES,
            Self::Ftrl => FTRL,
            Self::Svm => SVM,
            Self::Knn => KNN,
            Self::Pls => PLS,
        };
        own.iter().chain(OF_FEATURES)
    }

    /// All parameters with their values: those given, checked, and defaults for the others.
    pub fn complete(self, given: &Given) -> Result<Given, Error> {
        for (name, value) in given {
            let Some(parameter) = self.parameters().find(|parameter| parameter.name == name) else {
                let known: Vec<&str> = self.parameters().map(|parameter| parameter.name).collect();
                return Err(Error::UnknownParameter { algorithm: self.as_str(), asked: name.clone(), known: known.join(", ") });
            };
            if !parameter.range.holds(value) {
                let wanted = parameter.range.shown();
                return Err(Error::OutOfRange { name: name.clone(), given: value.clone(), wanted });
            }
        }
        let value = |parameter: &Parameter| given.get(parameter.name).cloned().unwrap_or_else(|| parameter.default.value());
        Ok(self.parameters().map(|parameter| (parameter.name.to_owned(), value(parameter))).collect())
    }
}

/// A value of the command line: `none` for no bound, numbers, truth values, `NAME:1,NAME:-1` as directions, or a text.
pub fn parsed(text: &str) -> Value {
    match text {
        "none" | "null" | "None" => return Value::Null,
        "true" | "True" => return Value::Bool(true),
        "false" | "False" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(whole) = text.parse::<u64>() {
        return whole.into();
    }
    if let Ok(number) = text.parse::<f64>() {
        return number.into();
    }
    let direction = |pair: &str| {
        let (name, direction) = pair.rsplit_once(':')?;
        Some((name.to_owned(), Value::from(direction.parse::<i64>().ok()?)))
    };
    let directions: Option<Map<String, Value>> = text.split(',').map(direction).collect();
    directions.map_or_else(|| text.into(), Value::Object)
}

impl Range {
    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Whole(from, to) => whole_of(value).is_some_and(|number| (from..=to).contains(&number)),
            Self::WholeOrNone(from, to) => value.is_null() || Self::Whole(from, to).holds(value),
            Self::Number(from, to) => value.as_f64().is_some_and(|number| (from..=to).contains(&number)),
            Self::NumberOrNone(from, to) => value.is_null() || Self::Number(from, to).holds(value),
            Self::Truth => value.is_boolean(),
            Self::OneOf(known) => value.as_str().is_some_and(|text| known.contains(&text)),
            Self::Directions => {
                let is_direction = |value: &Value| matches!(value.as_i64(), Some(-1..=1));
                value.is_null() || value.as_object().is_some_and(|named| named.values().all(is_direction))
            }
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Whole(from, to) => format!("a whole number from {from} to {to}"),
            Self::WholeOrNone(from, to) => format!("a whole number from {from} to {to}, or none"),
            Self::Number(from, to) => format!("a number from {from} to {to}"),
            Self::NumberOrNone(from, to) => format!("a number from {from} to {to}, or none"),
            Self::Truth => "true or false".to_owned(),
            Self::OneOf(known) => format!("one of {}", known.join(", ")),
            Self::Directions => "features with 1, -1 or 0, as in `age:1,price:-1`".to_owned(),
        }
    }
}

/// A whole number, also one that is written with a decimal point.
fn whole_of(value: &Value) -> Option<u64> {
    let of_float = |number: f64| (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(of_float))
}

impl Default {
    fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Whole(number) => number.into(),
            Self::Number(number) => number.into(),
            Self::Truth(truth) => truth.into(),
            Self::Text(text) => text.into(),
        }
    }
}

/// Reads a completed parameter.
pub struct Read<'a>(pub &'a Given);

impl Read<'_> {
    pub fn whole(&self, name: &str) -> u64 {
        self.bound(name).unwrap_or_default()
    }

    pub fn bound(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(whole_of)
    }

    pub fn number(&self, name: &str) -> f64 {
        self.share(name).unwrap_or_default()
    }

    pub fn share(&self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    pub fn truth(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The directions of features by name.
    pub fn directions(&self, name: &str) -> Vec<(&str, i8)> {
        let named = self.0.get(name).and_then(Value::as_object);
        named.into_iter().flatten().map(|(name, way)| (name.as_str(), way.as_i64().unwrap_or_default() as i8)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Given {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), parsed(value))).collect()
    }

    #[test]
    fn parameters_are_filled_up_checked_and_refused_by_name() {
        let boosting = Algorithm::GradientBoosting;
        let complete = boosting.complete(&given(&[("max_depth", "5"), ("learning_rate", "0.3")])).unwrap();
        assert_eq!((Read(&complete).bound("max_depth"), Read(&complete).number("learning_rate")), (Some(5), 0.3));
        assert_eq!((Read(&complete).whole("n_estimators"), Read(&complete).text("loss")), (100, "squared"));
        let refused = |pairs| boosting.complete(&given(pairs)).unwrap_err().to_string();
        assert!(
            refused(&[("max_depht", "5")]).starts_with("gradient_boosting has no parameter \"max_depht\": there are n_est")
        );
        let why = "parameter max_leaves is 1000, and has to be a whole number from 2 to 255";
        assert_eq!(refused(&[("max_leaves", "1000")]), why);
        assert!(refused(&[("subsample", "2")]).contains("from 0.000000001 to 1"));
        assert!(refused(&[("loss", "cubic")]).contains("one of squared, absolute"));
        assert!(Algorithm::from_name("xgboost").unwrap_err().to_string().contains("random_forest"));
    }

    #[test]
    fn directions_are_read_from_the_command_line() {
        let complete = Algorithm::GradientBoosting.complete(&given(&[("monotone", "age:1,a:b:-1")])).unwrap();
        assert_eq!(Read(&complete).directions("monotone"), [("a:b", -1), ("age", 1)]);
    }
}
