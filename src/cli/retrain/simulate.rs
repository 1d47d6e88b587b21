//! `tidewatch retrain simulate`: what a policy of retraining would have done.

use std::path::PathBuf;

use crate::train::simulate::{Event, Plan, Policy, Simulation, simulate};
use crate::train::workers::Pool;
use anyhow::Context;
use clap::Args;

use crate::cli::files::{read_rows, remark};
use crate::cli::progress::Progress;
use crate::cli::table::table;
use crate::cli::{Answer, Outcome};

/// Run the whole loop of retraining over a file in its order, without a server
///
/// Three models answer each row before its label is known: one that was trained once on the first rows, one that is replaced blindly at an interval,
/// and one that is replaced only when a challenger has proved to be better on the rows after its training, and goes back when it turns worse.
#[derive(Args)]
#[command(after_help = "\
The policy is a JSON document; what it does not name is as by default:
  {\"alpha\": 0.01, \"margin\": 0, \"challengers\": 1, \"former\": 2, \"loss\": \"brier\", \"run_length\": 10000, \"watch\": 10000,
   \"algorithm\": \"gradient_boosting\", \"hyperparameters\": {\"n_estimators\": 100}}
The policy of a server is taken too: the algorithm and hyperparameters of the only entry of its \"model_configs\" count, and what a file
without times cannot show is named.

Examples:
  tidewatch retrain simulate elec.csv --label class --first 6000 --every 3000 --window 6000
  tidewatch retrain simulate churn.parquet --label churned --policy policy.json --json

Exit codes: 0 simulated, 1 failure, 2 wrong usage.")]
pub struct Simulate {
    /// Rows in the order in which they came; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The column to learn
    #[arg(long, value_name = "COL")]
    label: String,
    /// Rows that the first model learns from
    #[arg(long, value_name = "N", default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(1..))]
    first: u32,
    /// Rows between two trainings
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// Rows that each training sees, the newest
    #[arg(long, value_name = "N", default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
    /// The policy to try
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Simulate {
    pub fn run(self, answer: Answer) -> Outcome {
        let policy = match &self.policy {
            None => Policy::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                Policy::parse(&text).with_context(|| format!("cannot use {}", path.display()))?
            }
        };
        if !policy.not_simulated.is_empty() {
            remark(&format!("a file cannot show what the policy says of {}", policy.not_simulated.join(", ")));
        }
        let rows = read_rows(&self.file)?;
        let plan = Plan { first: self.first as usize, every: self.every as usize, window: self.window as usize };
        let mut progress = Progress::new("rows");
        let simulation = simulate(&rows, &self.label, plan, &policy, &Pool::new(0), &mut |done, of| {
            progress.show(done as u64, of as u64);
        });
        progress.end();
        answer.give(&simulation?, page)
    }
}

fn page(simulation: &Simulation) -> String {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let policy = &simulation.policy;
    let mut text = format!(
        "{} rows after the first {}\n\nstatic     {}\nscheduled  {}\npolicy     {}, {} promotions, {} rollbacks\n\n",
        simulation.rows,
        simulation.plan.first,
        percent(simulation.unchanged.accuracy),
        percent(simulation.scheduled.accuracy),
        percent(policy.figures.accuracy),
        policy.promotions,
        policy.rollbacks,
    );
    let blocks: Vec<_> = simulation
        .blocks
        .iter()
        .map(|block| {
            let rows = format!("{}–{}", block.from, block.to - 1);
            [rows, percent(block.unchanged), percent(block.scheduled), percent(block.policy)]
        })
        .collect();
    text.push_str(&table(["rows", "static", "scheduled", "policy"], 1, &blocks));
    text.push_str("\ndecisions\n");
    if policy.promotions == 0 {
        text.push_str("none: no challenger has proved to be better\n");
    }
    for decision in &simulation.decisions {
        let what = match &decision.event {
            Event::Promoted { challenger, champion, log_evidence, labels, mean_advantage, .. } => format!(
                "promoted model {} in place of {}: evidence e^{log_evidence:.1} over {labels} labels, mean advantage {mean_advantage:.4}",
                challenger.0, champion.0
            ),
            Event::RolledBack { from, to, labels, mean_advantage, .. } => format!(
                "rolled back from model {} to {} after {labels} labels: mean advantage of the latter {mean_advantage:.4}",
                from.0, to.0
            ),
            Event::Confirmed { champion, labels } => format!("model {} has stood its watch of {labels} labels", champion.0),
            Event::Challenged { .. } | Event::Superseded { .. } => continue,
        };
        text.push_str(&format!("row {}: {what}\n", decision.row));
    }
    text
}
