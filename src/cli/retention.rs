//! `tidewatch retention`: how long windows are kept.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::api::Target;
use super::token::shown;
use super::{Answer, Outcome};

const PATH: &str = "/api/v1/windows/retention";

/// Show and set how long windows are kept, as minutes, hours and days
#[derive(Args)]
#[command(after_help = "\
Windows of a minute are merged to hours an hour after these have ended, and to days; figures stay the same to the last digit. What is kept
for less time goes earlier, and a chart of the time before is made of wider windows.

Examples:
  tidewatch retention show
  tidewatch retention set --hours 180
  tidewatch retention set --minutes 60 --hours 180 --days 1095")]
pub struct Retention {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show how long windows are kept, and how many were merged and deleted
    #[command(after_help = "\
Examples:
  tidewatch retention show --json")]
    Show,
    /// Set how long windows are kept: it is an event in the log, and what was deleted does not come back
    #[command(after_help = "\
Examples:
  tidewatch retention set --hours 180")]
    Set(Days),
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Days {
    /// Keep windows of a minute for so many days, 30 at least
    #[arg(long, value_name = "DAYS")]
    minutes: Option<u32>,
    /// Keep windows of an hour for so many days
    #[arg(long, value_name = "DAYS")]
    hours: Option<u32>,
    /// Keep windows of a day for so many days
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
}

impl Retention {
    pub async fn run(self, answer: Answer) -> Outcome {
        let api = self.target.open()?;
        let told = match self.action {
            Action::Show => api.get(PATH).await?,
            Action::Set(Days { minutes, hours, days }) => {
                let given = [("minute_windows_days", minutes), ("hour_windows_days", hours), ("day_windows_days", days)];
                let given = given.into_iter().filter_map(|(name, days)| Some((name.to_owned(), json!(days?))));
                api.put(PATH, &Value::Object(given.collect::<Map<_, _>>())).await?
            }
        };
        answer.give(&told, text)
    }
}

fn text(told: &Value) -> String {
    let fields = told.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{name:<20} {}\n", shown(value))).collect()
}
