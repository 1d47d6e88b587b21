//! Support vector machines with a Gaussian kernel.

use linfa::Dataset;
use linfa::dataset::Pr;
use linfa::prelude::Predict;
use linfa_svm::Svm;
use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use super::linear::normalize;
use super::{Error, Matrix, fit};
use crate::parameters::Read;

/// More rows are left out, the oldest first: the kernel is a square of them.
pub const ROWS_MAX: usize = 5_000;

/// Machines: one for two classes or a quantity, else one for each class against all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vectors {
    Classes(Vec<Svm<f64, Pr>>),
    /// A machine over standardized targets, their mean and their deviation.
    Quantity(Box<Svm<f64, f64>>, f64, f64),
}

impl Vectors {
    /// * `classes`: how many there are; `None` for quantities.
    pub fn fit(data: &Matrix, classes: Option<usize>, read: &Read<'_>) -> Result<Self, Error> {
        let width = read.share("kernel_width").unwrap_or_else(|| data.width().max(1) as f64);
        let cost = read.number("c");
        let Some(classes) = classes else {
            let mean = data.targets.mean().unwrap_or_default();
            let deviation = Some(data.targets.std(0.0)).filter(|deviation| 0.0 < *deviation).unwrap_or(1.0);
            let targets = data.targets.mapv(|target| (target - mean) / deviation);
            let parameters = Svm::<f64, f64>::params().c_svr(cost, Some(0.1)).gaussian_kernel(width);
            let machine = fit("svm", parameters, &Dataset::new(data.rows.clone(), targets))?;
            return Ok(Self::Quantity(Box::new(machine), mean, deviation));
        };
        let outputs: Vec<usize> = if classes == 2 { vec![1] } else { (0..classes).collect() };
        let machine = |class: usize| {
            let targets: Array1<bool> = data.targets.mapv(|target| target == class as f64);
            let parameters = Svm::<f64, Pr>::params().pos_neg_weights(cost, cost).gaussian_kernel(width);
            fit("svm", parameters, &Dataset::new(data.rows.clone(), targets))
        };
        Ok(Self::Classes(outputs.into_iter().map(machine).collect::<Result<_, Error>>()?))
    }

    pub fn predict(&self, numbers: &[f64], answer: &mut Vec<f64>) {
        answer.clear();
        match self {
            Self::Quantity(machine, mean, deviation) => {
                let said: f64 = machine.predict(Array1::from(numbers.to_vec()));
                answer.push(mean + deviation * said);
            }
            Self::Classes(machines) => {
                let said = |machine: &Svm<f64, Pr>| f64::from(*machine.predict(ArrayView1::from(numbers)));
                answer.extend(machines.iter().map(said));
                if let [share] = answer[..] {
                    *answer = vec![1.0 - share, share];
                } else {
                    normalize(answer);
                }
            }
        }
    }
}
