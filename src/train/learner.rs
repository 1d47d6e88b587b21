//! A learnt function from numbers to an answer, and how each algorithm gets one.

use serde::{Deserialize, Serialize};
use tidewatch_core::stats::boosting::{self, Column, Loss, Model, Rows, Watch, bag, boost};

use crate::classical::{self, Bayes, Index, Linear, Matrix, Neighbours, Vectors};
use crate::features::Form;
use crate::parameters::{Algorithm, Given, Read};
use crate::task::Task;
use crate::workers::Pool;

/// What was learnt.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learner {
    Trees(Model),
    Linear(Linear),
    Bayes(Bayes),
    Vectors(Vectors),
    Neighbours(Neighbours),
}

/// A learner that can be asked.
pub enum Ready<'a> {
    Trees(&'a Model),
    Linear(&'a Linear),
    Bayes(&'a Bayes),
    Vectors(&'a Vectors),
    Neighbours(Index<'a>),
}

/// Why nothing was learnt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Trees(#[from] boosting::Error),
    #[error(transparent)]
    Classical(#[from] classical::Error),
}

impl Algorithm {
    /// What form of features it takes.
    pub const fn form(self) -> Form {
        match self {
            Self::GradientBoosting | Self::RandomForest | Self::DecisionTree => Form::Trees,
            _ => Form::Matrix,
        }
    }

    /// Rows that it learns from at most: the newest.
    pub const fn rows_max(self) -> usize {
        match self {
            Self::Svm => classical::VECTORS_ROWS_MAX,
            Self::Knn => classical::NEIGHBOURS_ROWS_MAX,
            _ => boosting::ROWS_MAX,
        }
    }
}

impl Learner {
    /// Learns `targets` from `columns`.
    ///
    /// * `names`: of the columns, for parameters that name features.
    /// * `parameters`: complete ones of `algorithm`.
    pub fn fit(
        algorithm: Algorithm,
        parameters: &Given,
        (columns, names): (&[Column], &[String]),
        (targets, task): (&[f64], &Task),
        workers: &Pool,
        watch: Watch<'_>,
    ) -> Result<Self, Error> {
        let rows = Rows { columns, targets, weights: None };
        let classes = task.classes().map(<[String]>::len);
        let read = Read(parameters);
        let model = match algorithm {
            Algorithm::GradientBoosting => {
                Model::boosted(rows, loss_of(&read, classes), &boosting(&read, names), workers, watch)?
            }
            Algorithm::RandomForest => Model::bagged(rows, classes, &forest(&read), workers, watch)?,
            Algorithm::DecisionTree => {
                let one = bag::Parameters { n_estimators: 1, bootstrap: false, max_features: Some(1.0), ..forest(&read) };
                Model::bagged(rows, classes, &one, workers, watch)?
            }
            _ => {
                let data = Matrix::newest(columns, targets, algorithm.rows_max());
                return Ok(Self::classical(algorithm, data, classes, &read)?);
            }
        };
        Ok(Self::Trees(model))
    }

    fn classical(
        algorithm: Algorithm,
        data: Matrix,
        classes: Option<usize>,
        read: &Read<'_>,
    ) -> Result<Self, classical::Error> {
        let of_classes = classes.unwrap_or_default();
        Ok(match algorithm {
            Algorithm::LinearRegression => Self::Linear(Linear::least_squares(data)?),
            Algorithm::Ridge => Self::Linear(Linear::penalized("ridge", data, read.number("penalty"), 0.0)?),
            Algorithm::Lasso => Self::Linear(Linear::penalized("lasso", data, read.number("penalty"), 1.0)?),
            Algorithm::ElasticNet => {
                let l1_ratio = read.number("l1_ratio");
                Self::Linear(Linear::penalized("elastic_net", data, read.number("penalty"), l1_ratio)?)
            }
            Algorithm::Pls => Self::Linear(Linear::partial(data, read.whole("components") as usize)?),
            Algorithm::LogisticRegression => Self::Linear(Linear::logistic(data, of_classes, read.number("l2"))?),
            Algorithm::Ftrl => Self::Linear(Linear::ftrl(&data, of_classes, read)?),
            Algorithm::NaiveBayes => Self::Bayes(Bayes::fit(data, of_classes, read.number("smoothing"))?),
            Algorithm::Svm => Self::Vectors(Vectors::fit(&data, classes, read)?),
            Algorithm::Knn => Self::Neighbours(Neighbours::new(data, read.whole("neighbours") as usize, classes)),
            Algorithm::GradientBoosting | Algorithm::RandomForest | Algorithm::DecisionTree => {
                unreachable!("trees are grown by our own engine")
            }
        })
    }

    /// The learner with all that it needs to answer quickly.
    pub fn ready(&self) -> Ready<'_> {
        match self {
            Self::Trees(model) => Ready::Trees(model),
            Self::Linear(linear) => Ready::Linear(linear),
            Self::Bayes(bayes) => Ready::Bayes(bayes),
            Self::Vectors(vectors) => Ready::Vectors(vectors),
            Self::Neighbours(neighbours) => Ready::Neighbours(neighbours.index()),
        }
    }
}

impl Ready<'_> {
    /// The quantity, or the share of each class.
    pub fn predict(&self, numbers: &[f64], answer: &mut Vec<f64>) {
        match self {
            Self::Trees(model) => model.predict(numbers, answer),
            Self::Linear(linear) => linear.predict(numbers, answer),
            Self::Bayes(bayes) => bayes.predict(numbers, answer),
            Self::Vectors(vectors) => vectors.predict(numbers, answer),
            Self::Neighbours(index) => index.predict(numbers, answer),
        }
    }
}

fn loss_of(read: &Read<'_>, classes: Option<usize>) -> Loss {
    match (classes, read.text("loss")) {
        (Some(0..=2), _) => Loss::Logistic,
        (Some(classes), _) => Loss::Softmax(classes),
        (None, "absolute") => Loss::Absolute,
        (None, "huber") => Loss::Huber(read.number("quantile")),
        (None, "quantile") => Loss::Quantile(read.number("quantile")),
        (None, _) => Loss::Squared,
    }
}

fn boosting(read: &Read<'_>, names: &[String]) -> boost::Parameters {
    let directions = read.directions("monotone");
    let direction = |name: &String| directions.iter().find(|(named, _)| named == name).map_or(0, |(_, way)| *way);
    boost::Parameters {
        n_estimators: read.whole("n_estimators") as u32,
        learning_rate: read.number("learning_rate"),
        max_depth: read.bound("max_depth").map(|depth| depth as u32),
        max_leaves: read.whole("max_leaves") as u32,
        min_samples_leaf: read.whole("min_samples_leaf") as u32,
        l2: read.number("l2"),
        subsample: read.number("subsample"),
        colsample: read.number("colsample"),
        early_stopping_rounds: read.bound("early_stopping_rounds").map(|rounds| rounds as u32),
        validation_fraction: read.number("validation_fraction"),
        monotone: if directions.is_empty() { Vec::new() } else { names.iter().map(direction).collect() },
        seed: read.whole("seed"),
    }
}

fn forest(read: &Read<'_>) -> bag::Parameters {
    bag::Parameters {
        n_estimators: read.whole("n_estimators") as u32,
        max_depth: read.bound("max_depth").map(|depth| depth as u32),
        max_leaves: read.bound("max_leaves").map(|leaves| leaves as u32),
        min_samples_leaf: read.whole("min_samples_leaf") as u32,
        max_features: read.share("max_features"),
        bootstrap: read.truth("bootstrap"),
        seed: read.whole("seed"),
    }
}
