//! `tidewatch train`: a model from a table, without a server.

use std::path::{Path, PathBuf};

use crate::train::parameters::{Algorithm, Given, parsed};
use crate::train::refusals::Refusal;
use crate::train::search::{Budget, Ended};
use crate::train::table::Table;
use crate::train::task::Asked;
use crate::train::training::{Error, Order, Report, Trained, train};
use crate::train::workers::Pool;
use anyhow::Context;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::files::{read_rows, remark};
use super::progress::Progress;
use super::table::{figure, shown, table};
use super::{Answer, Exit, Outcome};

/// Train a model on a table, and say how good it is
///
/// Reads CSV, JSON Lines, Parquet or Arrow. Every column but the label is a feature: numbers as they are, texts as categories, dates as their parts.
#[derive(Args)]
#[command(after_help = "\
An unknown parameter lists all that an algorithm has. Those of gradient_boosting: n_estimators, learning_rate, max_depth, max_leaves, min_samples_leaf, l2, subsample, colsample,
early_stopping_rounds, monotone=FEATURE:1,FEATURE:-1, loss and seed. The same rows, parameters and seed give the same model, byte for byte.

Data that proves nothing is refused by name: too_few_rows, one_class, class_too_small, no_features, target_among_features, leaking_feature,
duplicates_across_split. --allow passes one over.

Examples:
  tidewatch train train.csv --label churned --test test.csv
  tidewatch train train.parquet --label price --algorithm random_forest --param n_estimators=300 --out price.model
  tidewatch train train.csv --label fraud --param max_depth=5 --param early_stopping_rounds=10 --json

Exit codes: 0 trained, 1 refused or failed, 2 wrong usage.")]
pub struct Train {
    /// The rows to learn from; `-` for standard input
    #[arg(value_name = "TRAIN")]
    file: PathBuf,
    /// The column to learn
    #[arg(long, value_name = "COL")]
    label: String,
    /// Rows to grade the model on, none of which it was trained on
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// What learns
    #[arg(long, value_name = "NAME", default_value = "gradient_boosting", value_parser = algorithms())]
    algorithm: Algorithm,
    /// A parameter of the algorithm, as NAME=VALUE; may be given more than once
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// What the label is; by default texts and few whole numbers are classes
    #[arg(long, value_enum, value_name = "TASK")]
    task: Option<AskedTask>,
    /// Pass over a refusal by its name; may be given more than once
    #[arg(long, value_name = "REFUSAL", value_parser = Refusal::CODES)]
    allow: Vec<String>,
    /// Search the parameters that are not given: 27 candidates, the best of them on more and more rows
    #[arg(long)]
    search: bool,
    /// Trials of the search at most
    #[arg(long, value_name = "N", requires = "search", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// Where to write the model
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum AskedTask {
    /// The label is a class
    Classification,
    /// The label is a quantity
    Regression,
}

fn algorithms() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::as_str)).try_map(|name| Algorithm::from_name(&name))
}

impl Train {
    pub fn run(self, answer: Answer) -> Outcome {
        let parameters = given(&self.parameters).map_err(|error| Exit::Usage.because(error))?;
        self.algorithm.complete(&parameters).map_err(|error| Exit::Usage.because(error))?;
        let rows = read_rows(&self.file)?;
        let test = self.test.as_deref().map(read_rows).transpose()?;
        let order = Order {
            label: &self.label,
            task: self.task.map(|task| match task {
                AskedTask::Classification => Asked::Classification,
                AskedTask::Regression => Asked::Regression,
            }),
            algorithm: self.algorithm,
            parameters: &parameters,
            allowed: &self.allow,
            search: self.search.then(|| {
                let by_default = Budget::default();
                Budget { trials: self.trials.map_or(by_default.trials, |trials| trials as usize), ..by_default }
            }),
        };
        let trained = trained(&rows, test.as_ref(), &order)?;
        trained.report.warnings.iter().for_each(|warning| remark(&warning.to_string()));
        trained.report.allowed.iter().for_each(|refusal| remark(&format!("passed over: {refusal}")));
        if let Some(out) = &self.out {
            write(out, &trained.artifact.to_bytes())?;
        }
        answer.give(&trained.report, page)
    }
}

fn trained(rows: &Table, test: Option<&Table>, order: &Order<'_>) -> anyhow::Result<Trained> {
    let mut progress = Progress::new("steps");
    let trained = train(rows, test, order, &Pool::new(0), &mut |done, of| {
        progress.show(u64::from(done), u64::from(of));
        true
    });
    progress.end();
    trained.map_err(|error| match &error {
        Error::Refused(refusals) => {
            let names: Vec<_> =
                refusals.iter().filter(|refusal| refusal.can_be_allowed()).map(|refusal| refusal.code()).collect();
            let way_out = names.iter().map(|name| format!("--allow {name}")).collect::<Vec<_>>().join(" ");
            let hint = if names.len() < refusals.len() { String::new() } else { format!("\nto train all the same: {way_out}") };
            anyhow::anyhow!("these rows are not fit to learn from\n{error}{hint}")
        }
        _ => anyhow::Error::from(error),
    })
}

/// Parameters as `NAME=VALUE`.
pub fn given(parameters: &[String]) -> anyhow::Result<Given> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').with_context(|| format!("{text:?} is no parameter: write NAME=VALUE"))?;
        Ok((name.trim().to_owned(), parsed(value.trim())))
    };
    parameters.iter().map(pair).collect()
}

/// Writes a file whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let name = path.file_name().with_context(|| format!("{} names no file", path.display()))?;
    let beside = path.with_file_name(format!(".{}.part", name.to_string_lossy()));
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn page(report: &Report) -> String {
    let mut text = format!(
        "{} over {} rows and {} features in {:.2} s\n",
        report.algorithm.as_str(),
        report.rows,
        report.features.len(),
        report.seconds
    );
    if let Some(search) = &report.search {
        let how = match search.ended {
            Ended::Whole => "",
            Ended::Budget => ", which is all that the budget allows",
            Ended::Stopped => ", then it was stopped",
        };
        text.push_str(&format!("parameters are the best of {} trials{how}\n", search.trials.len()));
    }
    let sides = [("test", report.test.as_ref()), ("train", Some(&report.train))];
    for (name, graded) in sides {
        let Some(graded) = graded else { continue };
        text.push_str(&format!("\n{name}: {} rows\n", graded.rows));
        let metrics: Vec<_> = graded
            .evaluation
            .metrics
            .iter()
            .map(|(name, estimate)| [shown(name), figure(estimate.value), figure(estimate.low), figure(estimate.high)])
            .collect();
        text.push_str(&table(["metric", "value", "low", "high"], 1, &metrics));
    }
    let importance: Vec<_> =
        report.importance.iter().take(10).map(|one| [shown(&one.feature), figure(Some(one.value))]).collect();
    text.push_str("\nloss without the feature\n");
    text.push_str(&table(["feature", "rise"], 1, &importance));
    text
}
