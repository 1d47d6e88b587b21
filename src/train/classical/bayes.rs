//! Gaussian naive Bayes.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use linfa::Dataset;
use linfa_bayes::GaussianNb;
use serde::{Deserialize, Serialize};
use tidewatch_core::stats::logarithm::ln;

use super::linear::softmax;
use super::{Error, Matrix, fit, named};

/// By class: its share, and mean and variance of each number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bayes {
    classes: Vec<Class>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Class {
    share: f64,
    means: Vec<f64>,
    variances: Vec<f64>,
}

/// What linfa keeps, as its own serialization tells it.
#[derive(Deserialize)]
struct Told {
    class_info: BTreeMap<usize, ToldClass>,
}

#[derive(Deserialize)]
struct ToldClass {
    prior: f64,
    theta: ToldArray,
    sigma: ToldArray,
}

#[derive(Deserialize)]
struct ToldArray {
    data: Vec<f64>,
}

impl Bayes {
    /// * `smoothing`: the share of the largest variance that is added to all.
    pub fn fit(data: Matrix, classes: usize, smoothing: f64) -> Result<Self, Error> {
        let numbers = data.targets.mapv(|target| target as usize);
        let parameters = GaussianNb::params().var_smoothing(smoothing);
        let fitted: GaussianNb<f64, usize> = fit("naive_bayes", parameters, &Dataset::new(data.rows, numbers))?;
        // its classes lie in a hash map: read by their numbers they are always in the same order
        let told = named("naive_bayes", serde_json::to_value(&fitted).and_then(serde_json::from_value::<Told>))?;
        let mut learnt = vec![Class::default(); classes];
        for (class, ToldClass { prior, theta, sigma }) in told.class_info {
            learnt[class] = Class { share: prior, means: theta.data, variances: sigma.data };
        }
        Ok(Self { classes: learnt })
    }

    pub fn predict(&self, numbers: &[f64], answer: &mut Vec<f64>) {
        answer.clear();
        answer.extend(self.classes.iter().map(|class| class.logarithm(numbers)));
        softmax(answer);
    }
}

impl Class {
    /// The logarithm of the density of a row, times the share of the class.
    fn logarithm(&self, numbers: &[f64]) -> f64 {
        if self.share <= 0.0 {
            return f64::MIN;
        }
        let of_number = |((mean, variance), number): ((&f64, &f64), &f64)| {
            -0.5 * (ln(2.0 * PI * variance) + (number - mean) * (number - mean) / variance)
        };
        ln(self.share) + self.means.iter().zip(&self.variances).zip(numbers).map(of_number).sum::<f64>()
    }
}
