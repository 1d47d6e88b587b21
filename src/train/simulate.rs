//! The whole loop of retraining over a file in its order: a model that stays, one that is replaced blindly at an interval, and one that is replaced
//! only on evidence and goes back when that was a mistake.

mod contest;
mod policy;

use serde::Serialize;
use tidewatch_core::stats::boosting::Column;

use crate::artifact::Answer;
use crate::features::{self, Features};
use crate::learner::Learner;
use crate::table::Table;
use crate::task::{Labels, Task, labels};
use crate::training::{Error, learn, options};
use crate::workers::Pool;
use contest::{Contest, Model};

pub use contest::{Decision, Event};
pub use policy::{Error as PolicyError, LossKind, Policy};

/// Where the file is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Rows that the first model learns from.
    pub first: usize,
    /// Rows between two trainings.
    pub every: usize,
    /// Rows that each training sees at most, the newest.
    pub window: usize,
}

/// What the three would have been worth, over the rows after the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Simulation {
    /// Rows that were answered and have a label.
    pub rows: usize,
    /// Rows without a label, which are passed over.
    pub unlabelled: usize,
    pub plan: Plan,
    pub policy_used: Policy,
    #[serde(rename = "static")]
    pub unchanged: Figures,
    pub scheduled: Figures,
    pub policy: OfPolicy,
    /// The same by stretches of `every` rows.
    pub blocks: Vec<Block>,
    /// What the policy decided, in order.
    pub decisions: Vec<Decision>,
    /// Trainings whose rows had fewer than two classes: the models stayed as they were.
    pub trainings_skipped: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Of classes the share that was right; of quantities the share within 10 % of the truth.
    pub accuracy: f64,
    /// Of quantities the mean absolute error, in their unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OfPolicy {
    #[serde(flatten)]
    pub figures: Figures,
    pub promotions: usize,
    pub rollbacks: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Block {
    /// The first row and the one behind the last, counted from 0 among labelled rows.
    pub from: usize,
    pub to: usize,
    #[serde(rename = "static")]
    pub unchanged: f64,
    pub scheduled: f64,
    pub policy: f64,
}

/// How good answers were over some rows.
#[derive(Clone, Copy, Default)]
struct Tally {
    rows: usize,
    right: usize,
    errors: f64,
}

/// Runs the three over `table`.
///
/// * `watch`: told how many rows of how many are done.
/// * Errors: see [`Error`]; too few rows for a first model and one stretch after it.
pub fn simulate(
    table: &Table,
    label: &str,
    plan: Plan,
    policy: &Policy,
    workers: &Pool,
    watch: &mut dyn FnMut(usize, usize),
) -> Result<Simulation, Error> {
    let parameters = policy.algorithm.complete(&policy.hyperparameters)?;
    let Labels { task, targets, rows, unlabelled } = labels(table, label, None)?;
    let table = table.rows(&rows);
    if targets.len() <= plan.first {
        return Err(Error::TooShort { rows: targets.len(), first: plan.first });
    }
    let mut policy = policy.clone();
    let made = {
        let trainer =
            Trainer { table: &table, label, task: &task, targets: &targets, parameters: &parameters, policy: &policy, workers };
        let first = trainer.train(0, plan.first)?.ok_or(Error::FirstRows { rows: plan.first })?;
        let of_first = || error_max(&trainer.answers(&first, plan.first, next(plan, targets.len())), &targets[plan.first..]);
        let most = policy.error_max.unwrap_or_else(of_first);
        policy.error_max = (task == Task::Regression).then_some(most);
        first
    };
    let trainer =
        Trainer { table: &table, label, task: &task, targets: &targets, parameters: &parameters, policy: &policy, workers };
    let mut runner = Runner::new(&policy, made);
    let mut from = plan.first;
    while from < targets.len() {
        let to = targets.len().min(from + plan.every);
        runner.stretch(&trainer, plan, from, to)?;
        watch(to - plan.first, targets.len() - plan.first);
        from = to;
    }
    Ok(runner.finish(plan, unlabelled, &policy))
}

/// Where the first stretch after the first model ends.
fn next(plan: Plan, rows: usize) -> usize {
    rows.min(plan.first + plan.every)
}

/// Up to where errors of quantities count: the 0.99 quantile of these answers' errors.
fn error_max(answers: &[Answer], targets: &[f64]) -> f64 {
    let error = |(answer, target): (&Answer, &f64)| match answer {
        Answer::Quantity(quantity) => (quantity - target).abs(),
        Answer::Class(..) => 0.0,
    };
    let mut errors: Vec<f64> = answers.iter().zip(targets).map(error).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let most = errors.get(errors.len() * 99 / 100).copied().unwrap_or_default();
    if 0.0 < most { most } else { 1.0 }
}

/// Makes models of stretches of the file.
struct Trainer<'a> {
    table: &'a Table,
    label: &'a str,
    task: &'a Task,
    targets: &'a [f64],
    policy: &'a Policy,
    parameters: &'a crate::parameters::Given,
    workers: &'a Pool,
}

/// A model of the simulation.
struct Made {
    features: Features,
    learner: Learner,
}

impl Trainer<'_> {
    /// A model of the rows `from` to before `to`; `None` if they have only one class.
    fn train(&self, from: usize, to: usize) -> Result<Option<Made>, Error> {
        let targets = &self.targets[from..to];
        if self.task.classes().is_some() && targets.iter().all(|target| *target == targets[0]) {
            return Ok(None);
        }
        let rows: Vec<usize> = (from..to).collect();
        let options = options(self.policy.algorithm, self.parameters);
        let fitted = features::fit(&self.table.rows(&rows), self.label, self.task, targets, options);
        let names = fitted.features.outputs();
        let goes_on = &mut |_, _| true;
        let columns: &[Column] = &fitted.columns;
        let algorithm = self.policy.algorithm;
        let learner = learn(algorithm, self.parameters, columns, &names, (targets, self.task), self.workers, goes_on)?;
        Ok(Some(Made { features: fitted.features, learner }))
    }

    /// What a model says of the rows `from` to before `to`.
    fn answers(&self, made: &Made, from: usize, to: usize) -> Vec<Answer> {
        let rows: Vec<usize> = (from..to).collect();
        let columns = made.features.columns(&self.table.rows(&rows));
        crate::training::answers(&made.learner, self.task, &columns, to - from, self.workers)
    }
}

/// The three, row after row.
struct Runner {
    made: Vec<Made>,
    scheduled_now: Model,
    contest: Contest,
    tallies: [Tally; 3],
    blocks: Vec<Block>,
    skipped: usize,
}

impl Runner {
    fn new(policy: &Policy, first: Made) -> Self {
        let contest = Contest::new(policy, Model(0));
        let made = vec![first];
        Self { made, scheduled_now: Model(0), contest, tallies: Default::default(), blocks: Vec::new(), skipped: 0 }
    }

    fn stretch(&mut self, trainer: &Trainer<'_>, plan: Plan, from: usize, to: usize) -> Result<(), Error> {
        if plan.first < from {
            self.retrain(trainer, plan, from)?;
        }
        let mut known: Vec<Option<Vec<Answer>>> = vec![None; self.made.len()];
        for model in self.contest.models().chain([self.scheduled_now, Model(0)]) {
            let answers = || trainer.answers(&self.made[model.0], from, to);
            known[model.0].get_or_insert_with(answers);
        }
        let of = |model: Model, row: usize| &known[model.0].as_ref().expect("who plays has answered")[row - from];
        let before = self.tallies;
        for row in from..to {
            let target = trainer.targets[row];
            let players = [Model(0), self.scheduled_now, self.contest.champion()];
            for (tally, player) in self.tallies.iter_mut().zip(players) {
                tally.add(of(player, row), target);
            }
            self.contest.label(row, |model| trainer.policy.loss(of(model, row), target));
        }
        let [unchanged, scheduled, policy] = [0, 1, 2].map(|player| self.tallies[player].since(before[player]).accuracy());
        self.blocks.push(Block { from, to, unchanged, scheduled, policy });
        Ok(())
    }

    /// A new model of the newest rows before `now`.
    fn retrain(&mut self, trainer: &Trainer<'_>, plan: Plan, now: usize) -> Result<(), Error> {
        let Some(made) = trainer.train(now.saturating_sub(plan.window), now)? else {
            self.skipped += 1;
            return Ok(());
        };
        let model = Model(self.made.len());
        self.made.push(made);
        self.scheduled_now = model;
        self.contest.challenge(now, model);
        Ok(())
    }

    fn finish(self, plan: Plan, unlabelled: usize, policy: &Policy) -> Simulation {
        let [unchanged, scheduled, of_policy] = self.tallies.map(Tally::figures);
        let count = |event: fn(&Event) -> bool| self.contest.decisions.iter().filter(|told| event(&told.event)).count();
        let promotions = count(|event| matches!(event, Event::Promoted { .. }));
        let rollbacks = count(|event| matches!(event, Event::RolledBack { .. }));
        Simulation {
            rows: self.tallies[0].rows,
            unlabelled,
            plan,
            policy_used: policy.clone(),
            unchanged,
            scheduled,
            policy: OfPolicy { figures: of_policy, promotions, rollbacks },
            blocks: self.blocks,
            decisions: self.contest.decisions,
            trainings_skipped: self.skipped,
        }
    }
}

impl Tally {
    fn add(&mut self, answer: &Answer, target: f64) {
        self.rows += 1;
        self.right += usize::from(match answer {
            Answer::Class(class, _) => *class as f64 == target,
            Answer::Quantity(quantity) => (quantity - target).abs() <= 0.1 * target.abs(),
        });
        if let Answer::Quantity(quantity) = answer {
            self.errors += (quantity - target).abs();
        }
    }

    fn since(self, before: Self) -> Self {
        Self { rows: self.rows - before.rows, right: self.right - before.right, errors: self.errors - before.errors }
    }

    fn accuracy(self) -> f64 {
        self.right as f64 / self.rows.max(1) as f64
    }

    fn figures(self) -> Figures {
        let mae = (self.errors != 0.0).then(|| self.errors / self.rows as f64);
        Figures { accuracy: self.accuracy(), mae }
    }
}
