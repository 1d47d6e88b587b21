//! Weighted sums of numbers: least squares with and without penalties, logistic regression, FTRL, partial least squares.

use linfa::prelude::Predict;
use linfa::traits::{Fit, FitWith};
use linfa::{Dataset, DatasetBase, ParamGuard};
use linfa_elasticnet::ElasticNet;
use linfa_ftrl::Ftrl;
use linfa_linear::LinearRegression;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use linfa_pls::PlsRegression;
use ndarray::{Array1, Array2, Axis, concatenate};
use serde::{Deserialize, Serialize};

use super::{Error, Matrix, fit, named};
use crate::parameters::Read;

/// Steps of a solver at most.
const STEPS_MAX: u32 = 10_000;
const TOLERANCE: f64 = 1e-6;
/// The penalty on squared weights, as a share of the rows, that makes least squares always have an answer.
const ANCHOR: f64 = 1e-9;

/// Sums of weighted numbers, and what they mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// By output, by number.
    pub weights: Vec<Vec<f64>>,
    pub intercepts: Vec<f64>,
    pub link: Link,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The quantity itself.
    Identity,
    /// The logarithm of the odds of the second of two classes.
    Logistic,
    /// The logarithm of a share, for each class, but for a constant.
    Softmax,
    /// The logarithm of the odds of each class against all others; shares are made to add up to 1.
    OneAgainstRest,
}

impl Linear {
    /// Least squares. Numbers have a mean of 0, so the intercept is the mean of the targets. A row for each number, so small that nobody sees it,
    /// keeps the solver from refusing numbers that depend on each other, as columns of 0 and 1 of one category do.
    pub fn least_squares(data: Matrix) -> Result<Self, Error> {
        let (width, intercept) = (data.width(), data.targets.mean().unwrap_or_default());
        let anchors = Array2::eye(width) * (ANCHOR * data.rows.nrows() as f64).sqrt();
        let rows = concatenate![Axis(0), data.rows, anchors];
        let targets = concatenate![Axis(0), data.targets.mapv(|target| target - intercept), Array1::zeros(width)];
        let fitted = LinearRegression::new().with_intercept(false).fit(&Dataset::new(rows, targets));
        let fitted = named("linear_regression", fitted)?;
        Ok(Self::quantity(fitted.params().to_vec(), intercept))
    }

    /// Least squares with a penalty on the weights.
    ///
    /// * `l1_ratio`: how much of it is on their absolute values; the rest is on their squares.
    pub fn penalized(algorithm: &'static str, data: Matrix, penalty: f64, l1_ratio: f64) -> Result<Self, Error> {
        // the solver's tolerance is on the scale of the squared targets
        let (mean, deviation) = moments(&data.targets);
        let targets = data.targets.mapv(|target| (target - mean) / deviation);
        let parameters = ElasticNet::params()
            .penalty(penalty)
            .l1_ratio(l1_ratio)
            .tolerance(TOLERANCE)
            .max_iterations(STEPS_MAX)
            .with_intercept(true);
        let fitted = fit(algorithm, parameters, &Dataset::new(data.rows, targets))?;
        let weights = fitted.hyperplane().iter().map(|weight| weight * deviation).collect();
        Ok(Self::quantity(weights, fitted.intercept() * deviation + mean))
    }

    /// Partial least squares over `components` directions.
    pub fn partial(data: Matrix, components: usize) -> Result<Self, Error> {
        let width = data.width();
        let components = components.min(width).min(data.rows.nrows());
        let targets = data.targets.insert_axis(Axis(1));
        let parameters = PlsRegression::params(components).scale(false).max_iterations(500);
        let fitted = fit("pls", parameters, &Dataset::new(data.rows, targets))?;
        // a linear function is known from what it says at the origin and one step along each axis
        let corners = concatenate![Axis(0), Array2::zeros((1, width)), Array2::eye(width)];
        let said: Array2<f64> = fitted.predict(&corners);
        let intercept = said[[0, 0]];
        Ok(Self::quantity(said.column(0).iter().skip(1).map(|at| at - intercept).collect(), intercept))
    }

    /// Logistic regression with a penalty of `l2` on the squared weights.
    pub fn logistic(data: Matrix, classes: usize, l2: f64) -> Result<Self, Error> {
        let numbers: Array1<usize> = data.targets.mapv(|target| target as usize);
        let data = Dataset::new(data.rows, numbers);
        if classes == 2 {
            let parameters = LogisticRegression::default().alpha(l2).max_iterations(1_000).gradient_tolerance(1e-4);
            let fitted = fit("logistic_regression", parameters, &data)?;
            // positive is what has more rows; ours is the second class
            let sign = if fitted.labels().pos.class == 1 { 1.0 } else { -1.0 };
            let weights = fitted.params().iter().map(|weight| sign * weight).collect();
            return Ok(Self { weights: vec![weights], intercepts: vec![sign * fitted.intercept()], link: Link::Logistic });
        }
        let parameters = MultiLogisticRegression::default().alpha(l2).max_iterations(1_000).gradient_tolerance(1e-4);
        let fitted = fit("logistic_regression", parameters, &data)?;
        let (mut weights, mut intercepts) = (vec![vec![0.0; data.records.ncols()]; classes], vec![f64::MIN; classes]);
        for (place, class) in fitted.classes().iter().enumerate() {
            weights[*class] = fitted.params().column(place).to_vec();
            intercepts[*class] = fitted.intercept()[place];
        }
        Ok(Self { weights, intercepts, link: Link::Softmax })
    }

    /// Follow the regularized leader, a step for each row in its order (McMahan et al. (2013), *KDD*, 1222–1230), with a column of ones as intercept.
    pub fn ftrl(data: &Matrix, classes: usize, read: &Read<'_>) -> Result<Self, Error> {
        let ones = Array2::ones((data.rows.nrows(), 1));
        let rows = concatenate![Axis(1), data.rows, ones];
        let (mut weights, mut intercepts) = (Vec::new(), Vec::new());
        let outputs: Vec<usize> = if classes == 2 { vec![1] } else { (0..classes).collect() };
        for class in &outputs {
            let parameters = Ftrl::<f64>::params()
                .alpha(read.number("alpha"))
                .beta(read.number("beta"))
                .l1_ratio(read.number("l1"))
                .l2_ratio(read.number("l2"));
            let parameters = named("ftrl", parameters.check())?;
            let mut model = None;
            for _ in 0..read.whole("epochs") {
                for (row, target) in rows.outer_iter().zip(&data.targets) {
                    let one = DatasetBase::new(row.insert_axis(Axis(0)), Array1::from_elem(1, *target == *class as f64));
                    model = Some(named("ftrl", parameters.fit_with(model, &one))?);
                }
            }
            let mut learnt = model.map_or_else(Vec::new, |model| model.get_weights().to_vec());
            intercepts.push(learnt.pop().unwrap_or_default());
            weights.push(learnt);
        }
        let link = if classes == 2 { Link::Logistic } else { Link::OneAgainstRest };
        Ok(Self { weights, intercepts, link })
    }

    fn quantity(weights: Vec<f64>, intercept: f64) -> Self {
        Self { weights: vec![weights], intercepts: vec![intercept], link: Link::Identity }
    }

    pub fn predict(&self, numbers: &[f64], answer: &mut Vec<f64>) {
        answer.clear();
        for (weights, intercept) in self.weights.iter().zip(&self.intercepts) {
            let sum: f64 = weights.iter().zip(numbers).map(|(weight, number)| weight * number).sum();
            answer.push(intercept + sum);
        }
        match self.link {
            Link::Identity => {}
            Link::Logistic => {
                let share = logistic(answer[0]);
                *answer = vec![1.0 - share, share];
            }
            Link::Softmax => softmax(answer),
            Link::OneAgainstRest => {
                answer.iter_mut().for_each(|odds| *odds = logistic(*odds));
                normalize(answer);
            }
        }
    }
}

fn logistic(odds: f64) -> f64 {
    1.0 / (1.0 + tidewatch_core::stats::logarithm::exp(-odds))
}

/// Scores as shares.
pub fn softmax(scores: &mut [f64]) {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter_mut().for_each(|score| *score = tidewatch_core::stats::logarithm::exp(*score - most));
    normalize(scores);
}

/// Shares that add up to 1.
pub fn normalize(shares: &mut [f64]) {
    let (sum, count) = (shares.iter().sum::<f64>(), shares.len() as f64);
    shares.iter_mut().for_each(|share| *share = if 0.0 < sum { *share / sum } else { 1.0 / count });
}

fn moments(values: &Array1<f64>) -> (f64, f64) {
    let mean = values.mean().unwrap_or_default();
    let deviation = values.std(0.0);
    (mean, if 0.0 < deviation { deviation } else { 1.0 })
}
