//! Parameters that fit the data: successive halving (Jamieson & Talwalkar (2016), *AISTATS*, 240–248). 27 candidates are tried on the newest ninth of the
//! rows, the best 9 on the newest third, the best 3 on all; the best of those is taken.
//!
//! Candidate 0 has the parameters of the model that is to be replaced, candidate 1 the defaults, all others are drawn from a seed. A trial learns
//! three times, each time from what came before a block of rows, and is graded on that block: nothing is learnt from the future.

use serde::Serialize;
use serde_json::Value;
use tidewatch_core::stats::boosting::draws::Draws;
use tidewatch_core::stats::logarithm::{exp, ln};

use crate::artifact::Answer;
use crate::features;
use crate::parameters::{Algorithm, Given};
use crate::simulate::{LossKind, Policy};
use crate::table::Table;
use crate::task::Task;
use crate::training::{Error, answers, learn, options};
use crate::workers::Pool;

/// Candidates of each rung, and the share of the rows that it sees: one in so many.
const RUNGS: [(usize, usize); 3] = [(27, 9), (9, 3), (3, 1)];
/// Blocks that trials are graded on, each after all that it learns from.
const BLOCKS: usize = 3;
/// Rows of a rung at least, if there are as many.
const ROWS_MIN: usize = 500;

/// What a search may cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// Trials of all rungs.
    pub trials: usize,
    /// Rows that all trials together learn from.
    pub rows: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { trials: RUNGS.iter().map(|(candidates, _)| candidates).sum(), rows: 100_000_000 }
    }
}

/// The rows of a search, oldest first.
pub struct Lessons<'a> {
    pub table: &'a Table,
    pub label: &'a str,
    pub task: &'a Task,
    pub targets: &'a [f64],
    /// When each row was asked and when its label came, in any unit; where it is known, rows are not learnt from whose label came after the
    /// block that they are to be graded on began.
    pub times: Option<&'a [(i64, i64)]>,
}

/// What was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    pub candidate: usize,
    pub rows: usize,
    pub parameters: Given,
    /// The mean loss of a row on the blocks: the Brier score, or the absolute error.
    pub loss: f64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Search {
    /// All parameters of the best.
    pub parameters: Given,
    pub trials: Vec<Trial>,
    pub ended: Ended,
}

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// All rungs were climbed.
    Whole,
    /// The budget of trials or rows was spent: the best so far.
    Budget,
    /// Whoever asked had enough: the best so far.
    Stopped,
}

/// Searches parameters of `algorithm`.
///
/// * `given`: parameters that are not searched. `champion`: those of the model that is to be replaced.
/// * `watch`: told how many trials of how many are done; ends the search if it says so.
pub fn search(
    algorithm: Algorithm,
    given: &Given,
    champion: Option<&Given>,
    lessons: &Lessons<'_>,
    budget: Budget,
    workers: &Pool,
    watch: &mut dyn FnMut(u32, u32) -> bool,
) -> Result<Search, Error> {
    let seed = given.get("seed").and_then(Value::as_u64).unwrap_or_default();
    let mut candidates = candidates(algorithm, given, champion, seed)?;
    let (mut trials, mut rows_spent, mut ended): (Vec<Trial>, u64, Ended) = (Vec::new(), 0, Ended::Whole);
    let of = RUNGS.iter().map(|(count, _)| *count).sum::<usize>().min(budget.trials) as u32;
    'rungs: for (count, share) in RUNGS {
        candidates.truncate(count);
        let rows = (lessons.targets.len() / share).max(ROWS_MIN).min(lessons.targets.len());
        let mut losses = Vec::new();
        for (candidate, parameters) in &candidates {
            // the first trial is made in any case, so that there is an answer
            let spent = trials.len() == budget.trials || budget.rows < rows_spent + rows as u64;
            if spent && !trials.is_empty() {
                ended = Ended::Budget;
                break 'rungs;
            }
            let loss = trial(algorithm, parameters, lessons, rows, workers)?;
            rows_spent += rows as u64;
            trials.push(Trial { candidate: *candidate, rows, parameters: parameters.clone(), loss });
            losses.push(loss);
            if !watch(trials.len() as u32, of) {
                ended = Ended::Stopped;
                break 'rungs;
            }
        }
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by(|left, right| losses[*left].total_cmp(&losses[*right]));
        candidates = order.into_iter().map(|place| candidates[place].clone()).collect();
    }
    // the rung that saw most rows knows best
    let best = trials.iter().min_by(|left, right| right.rows.cmp(&left.rows).then(left.loss.total_cmp(&right.loss)));
    let parameters = best.map(|best| best.parameters.clone()).unwrap_or_default();
    Ok(Search { parameters, trials, ended })
}

/// The mean loss of a candidate over the blocks of the newest `rows`.
fn trial(algorithm: Algorithm, parameters: &Given, lessons: &Lessons<'_>, rows: usize, workers: &Pool) -> Result<f64, Error> {
    let policy = Policy { loss: LossKind::Brier, error_max: Some(f64::MAX), ..Policy::default() };
    let first = lessons.targets.len() - rows;
    let (mut sum, mut graded) = (0.0, 0);
    for block in 1..=BLOCKS {
        let (from, to) = (first + block * rows / (BLOCKS + 1), first + (block + 1) * rows / (BLOCKS + 1));
        let known = |row: &usize| lessons.times.is_none_or(|times| times[*row].1 <= times[from].0);
        let before: Vec<usize> = (first..from).filter(known).collect();
        let targets: Vec<f64> = before.iter().map(|row| lessons.targets[*row]).collect();
        let is_learnable = lessons.task.classes().is_none() || targets.iter().any(|target| *target != targets[0]);
        if targets.is_empty() || !is_learnable {
            continue;
        }
        let fitting = options(algorithm, parameters);
        let fitted = features::fit(&lessons.table.rows(&before), lessons.label, lessons.task, &targets, fitting);
        let names = fitted.features.outputs();
        let goes_on = &mut |_, _| true;
        let learner = learn(algorithm, parameters, &fitted.columns, &names, (&targets, lessons.task), workers, goes_on)?;
        let columns = fitted.features.columns(&lessons.table.rows(&(from..to).collect::<Vec<usize>>()));
        for (answer, target) in
            answers(&learner, lessons.task, &columns, to - from, workers).iter().zip(&lessons.targets[from..to])
        {
            sum += match answer {
                Answer::Quantity(quantity) => (quantity - target).abs(),
                Answer::Class(..) => policy.loss(answer, *target),
            };
            graded += 1;
        }
    }
    Ok(if graded == 0 { f64::INFINITY } else { sum / f64::from(graded) })
}

/// All candidates with their numbers.
fn candidates(algorithm: Algorithm, given: &Given, champion: Option<&Given>, seed: u64) -> Result<Vec<(usize, Given)>, Error> {
    let with_given = |mut parameters: Given| {
        parameters.extend(given.clone());
        algorithm.complete(&parameters)
    };
    let mut candidates = vec![with_given(champion.cloned().unwrap_or_default())?];
    if champion.is_some() {
        candidates.push(with_given(Given::new())?);
    }
    let dimensions = dimensions(algorithm);
    let mut stream = 0;
    while candidates.len() < RUNGS[0].0 && !dimensions.is_empty() {
        let mut draws = Draws::new(seed, stream);
        stream += 1;
        candidates.push(with_given(dimensions.iter().map(|dimension| dimension.draw(&mut draws)).collect())?);
    }
    Ok(candidates.into_iter().enumerate().collect())
}

/// Where a parameter is looked for.
enum Dimension {
    /// Evenly on the logarithm.
    Log(&'static str, f64, f64),
    WholeLog(&'static str, f64, f64),
    Even(&'static str, f64, f64),
    Fixed(&'static str, u64),
}

impl Dimension {
    fn draw(&self, draws: &mut Draws) -> (String, Value) {
        let mut log = |from: f64, to: f64| exp(ln(from) + draws.share() * (ln(to) - ln(from))).clamp(from, to);
        match self {
            Self::Log(name, from, to) => ((*name).to_owned(), log(*from, *to).into()),
            Self::WholeLog(name, from, to) => ((*name).to_owned(), (log(*from, *to).round() as u64).into()),
            Self::Even(name, from, to) => ((*name).to_owned(), (from + draws.share() * (to - from)).into()),
            Self::Fixed(name, value) => ((*name).to_owned(), (*value).into()),
        }
    }
}

fn dimensions(algorithm: Algorithm) -> Vec<Dimension> {
    use Dimension::{Even, Fixed, Log, WholeLog};
    match algorithm {
        Algorithm::GradientBoosting => vec![
            Fixed("n_estimators", 500),
            Fixed("early_stopping_rounds", 20),
            Log("learning_rate", 0.02, 0.3),
            WholeLog("max_leaves", 4.0, 128.0),
            WholeLog("min_samples_leaf", 5.0, 100.0),
            Log("l2", 0.001, 30.0),
            Even("subsample", 0.5, 1.0),
            Even("colsample", 0.4, 1.0),
        ],
        Algorithm::RandomForest => {
            vec![WholeLog("min_samples_leaf", 1.0, 30.0), Even("max_features", 0.1, 1.0), WholeLog("max_depth", 4.0, 60.0)]
        }
        Algorithm::DecisionTree => vec![WholeLog("min_samples_leaf", 1.0, 100.0), WholeLog("max_depth", 2.0, 30.0)],
        Algorithm::Ridge | Algorithm::Lasso => vec![Log("penalty", 1e-5, 10.0)],
        Algorithm::ElasticNet => vec![Log("penalty", 1e-5, 10.0), Even("l1_ratio", 0.0, 1.0)],
        Algorithm::LogisticRegression => vec![Log("l2", 1e-4, 1e3)],
        Algorithm::NaiveBayes => vec![Log("smoothing", 1e-9, 1e-1)],
        Algorithm::Ftrl => vec![Log("alpha", 1e-3, 1.0), Log("beta", 0.1, 10.0), Log("l1", 1e-6, 1.0), Log("l2", 1e-6, 1.0)],
        Algorithm::Svm => vec![Log("c", 1e-2, 1e2), Log("kernel_width", 0.3, 100.0)],
        Algorithm::Knn => vec![WholeLog("neighbours", 1.0, 200.0)],
        Algorithm::Pls => vec![WholeLog("components", 1.0, 30.0)],
        Algorithm::LinearRegression => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lessons(rows: usize) -> (Table, Vec<f64>, Task) {
        let mut draws = Draws::new(5, 5);
        let x: Vec<f64> = (0..rows).map(|_| draws.share()).collect();
        let targets: Vec<f64> = x.iter().map(|x| f64::from(u8::from(draws.share() < 0.1 + 0.8 * x))).collect();
        let table = Table::of_numbers(vec![("x".to_owned(), x), ("label".to_owned(), targets.clone())]);
        (table, targets, Task::Classification(vec!["0".to_owned(), "1".to_owned()]))
    }

    fn searched(budget: Budget, stop_after: u32) -> Search {
        let (table, targets, task) = lessons(2_000);
        let lessons = Lessons { table: &table, label: "label", task: &task, targets: &targets, times: None };
        let given: Given = [("seed".to_owned(), 3_u64.into())].into_iter().collect();
        let watch = &mut |done, _| done < stop_after;
        search(Algorithm::DecisionTree, &given, None, &lessons, budget, &Pool::new(1), watch).unwrap()
    }

    #[test]
    fn fewer_and_fewer_candidates_see_more_and_more_rows_and_the_best_wins() {
        let told = searched(Budget::default(), u32::MAX);
        let rungs: Vec<usize> =
            [500, 666, 2_000].map(|rows| told.trials.iter().filter(|trial| trial.rows == rows).count()).into();
        assert_eq!((rungs, told.ended), (vec![27, 9, 3], Ended::Whole));
        let last: Vec<&Trial> = told.trials.iter().filter(|trial| trial.rows == 2_000).collect();
        let best = last.iter().map(|trial| trial.loss).fold(f64::INFINITY, f64::min);
        assert!(last.iter().any(|trial| trial.loss == best && trial.parameters == told.parameters));
        let defaults = told.trials.iter().find(|trial| trial.candidate == 0).unwrap();
        assert!(best < defaults.loss, "{best} against {} of the defaults", defaults.loss);
        assert_eq!(told, searched(Budget::default(), u32::MAX), "the same seed finds the same");
    }

    #[test]
    fn a_budget_ends_it_with_the_best_so_far_and_says_so() {
        let few = searched(Budget { trials: 5, ..Budget::default() }, u32::MAX);
        assert_eq!((few.trials.len(), few.ended), (5, Ended::Budget));
        let narrow = searched(Budget { rows: 1_200, ..Budget::default() }, u32::MAX);
        assert_eq!((narrow.trials.len(), narrow.ended), (2, Ended::Budget));
        let stopped = searched(Budget::default(), 3);
        assert_eq!((stopped.trials.len(), stopped.ended), (3, Ended::Stopped));
        let best = stopped.trials.iter().map(|trial| trial.loss).fold(f64::INFINITY, f64::min);
        assert!(stopped.trials.iter().any(|trial| trial.loss == best && trial.parameters == stopped.parameters));
    }

    #[test]
    fn rows_whose_label_came_after_the_block_are_not_learnt_from() {
        let (table, targets, task) = lessons(2_000);
        // every label comes 5,000 rows late: nothing is known before any block
        let times: Vec<(i64, i64)> = (0..2_000).map(|row| (row, row + 5_000)).collect();
        let lessons = Lessons { table: &table, label: "label", task: &task, targets: &targets, times: Some(&times) };
        let parameters = Algorithm::DecisionTree.complete(&Given::new()).unwrap();
        assert_eq!(trial(Algorithm::DecisionTree, &parameters, &lessons, 2_000, &Pool::new(1)).unwrap(), f64::INFINITY);
    }
}
