//! `tidewatch check`: one model as a monitoring plugin or a step of a pipeline asks for it. One line, an exit code, figures.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::api::{Api, Target};
use super::glance::{Glance, Verdict, short};
use super::status::no_model;
use super::table::shown;
use super::{Answer, Failure};

/// Check one model: one line with figures, and an exit code for Nagios, Icinga or a pipeline
#[derive(Args)]
#[command(after_help = "\
Ends with 0 if the model is healthy, 1 for a warning, 2 if it is critical, 3 if that is not known: no such model, nothing to judge
by, no answer. The figures behind `|` are performance data as monitoring plugins write them: value; warning; critical; lowest;
highest. They are of the last five minutes of the model's own time.

Examples:
  tidewatch check fraud
  tidewatch check fraud && ./deploy.sh                      a gate: go on only if the model is healthy
  tidewatch check fraud --url https://tidewatch.example --token-file /etc/nagios/tidewatch.token
  tidewatch check fraud --json | jq -r .status")]
pub struct Check {
    /// The model
    model: String,
    #[command(flatten)]
    target: Target,
}

/// What a check found.
#[derive(Serialize)]
struct Report {
    model: String,
    /// `null` if there is no answer or no such model.
    status: Option<String>,
    exit: u8,
    /// What a person reads.
    line: String,
    figures: Vec<Figure>,
}

/// One figure of a model, as performance data has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Figure {
    name: &'static str,
    value: f64,
    /// `s` for seconds, `c` for a count that only grows, else nothing.
    unit: &'static str,
    /// Below or above what it is critical, in the range notation of monitoring plugins: `0.7:` is "at least 0.7".
    critical: Option<String>,
    /// Highest possible value.
    highest: Option<f64>,
}

impl Check {
    /// Prints the line. Whatever goes wrong is unknown, and never critical or healthy.
    pub async fn run(self, answer: Answer) -> ExitCode {
        let report = match self.report().await {
            Ok(report) => report,
            Err(failure) => Report::unknown(&self.model, &format!("{:#}", failure.error)),
        };
        let exit = report.exit;
        match answer.give(&report, Report::text) {
            Ok(()) => ExitCode::from(exit),
            Err(_unwritable) => ExitCode::from(Verdict::Unknown as u8),
        }
    }

    async fn report(&self) -> Result<Report, Failure> {
        let api = self.target.open()?;
        let Some(model) = Glance::of(&api, &self.model).await? else {
            return Ok(Report::unknown(&self.model, &no_model(&self.model).to_string()));
        };
        let thresholds = thresholds(&api).await;
        Ok(Report::of(&model, &thresholds))
    }
}

/// The thresholds in force; nothing where they cannot be read, for the status is judged already.
async fn thresholds(api: &Api) -> Value {
    api.get("/api/v1/thresholds").await.unwrap_or_default()
}

impl Report {
    fn of(model: &Glance, thresholds: &Value) -> Self {
        let verdict = model.verdict();
        let reasons: Vec<String> = model.reasons.iter().map(|reason| shown(&reason.message)).collect();
        let why = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
        let (figures, accuracy) = (figures(model, thresholds), model.shown_accuracy());
        let told = [
            accuracy.value.map(|value| format!("accuracy {} of {} labels", short(Some(value)), accuracy.n)),
            model.error_rate().map(|value| format!("failures {}", short(Some(value)))),
            model.p95().map(|value| format!("p95 {} s", short(Some(value)))),
            model.drift().map(|value| format!("drift {}", short(Some(value)))),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        let told = if told.is_empty() { "no figures yet".to_owned() } else { told.join(", ") };
        let line = format!("{} - {} is {}{why}: {told}", verdict.word(), shown(&model.name), shown(&model.status));
        Self { model: model.name.clone(), status: Some(model.status.clone()), exit: verdict as u8, line, figures }
    }

    fn unknown(model: &str, problem: &str) -> Self {
        let line = format!("{} - {}", Verdict::Unknown.word(), shown(problem));
        Self { model: model.to_owned(), status: None, exit: Verdict::Unknown as u8, line, figures: Vec::new() }
    }

    /// One line: text, `|`, performance data.
    fn text(&self) -> String {
        // a bar would end the text
        let line = self.line.replace('|', "/");
        if self.figures.is_empty() {
            return line;
        }
        let data: Vec<String> = self.figures.iter().map(Figure::performance_data).collect();
        format!("{line} | {}", data.join(" "))
    }
}

impl Figure {
    /// `'label'=value[unit];[warning];[critical];[lowest];[highest]`, as the Monitoring Plugins guidelines have it.
    fn performance_data(&self) -> String {
        let Self { name, value, unit, critical, highest } = self;
        let highest = highest.map(|highest| highest.to_string()).unwrap_or_default();
        let data = format!("{name}={value}{unit};;{};0;{highest}", critical.as_deref().unwrap_or_default());
        data.trim_end_matches(';').to_owned()
    }
}

/// The figures that are known.
fn figures(model: &Glance, thresholds: &Value) -> Vec<Figure> {
    let threshold = |name: &str| thresholds[name].as_f64();
    let above = |name: &str| threshold(name).map(|limit| limit.to_string());
    let current = model.current.clone().unwrap_or_default();
    let figure = |name, value: Option<f64>, unit, critical, highest| {
        value.filter(|value| value.is_finite()).map(|value| Figure { name, value, unit, critical, highest })
    };
    let least_accuracy = threshold("accuracy_threshold").map(|limit| format!("{limit}:"));
    let known = [
        figure("accuracy", model.accuracy(), "", least_accuracy, Some(1.0)),
        figure("error_rate", current.error_rate.value, "", above("error_rate_threshold"), Some(1.0)),
        figure("response_time", current.mean_response_time_seconds, "s", above("response_time_threshold"), None),
        figure("p95", current.p95_seconds, "s", None, None),
        figure("drift", model.drift(), "", above("drift_threshold"), Some(1.0)),
        figure("coverage", current.coverage, "", None, Some(1.0)),
        figure("throughput", current.throughput_per_second, "", None, None),
        figure("predictions", Some(model.predictions as f64), "c", None, None),
        figure("labelled", Some(model.labelled as f64), "c", None, None),
    ];
    known.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn thresholds() -> Value {
        json!({ "accuracy_threshold": 0.7, "error_rate_threshold": 0.1, "response_time_threshold": 2.0, "drift_threshold": 0.2 })
    }

    #[test]
    fn the_line_has_the_word_the_reasons_and_performance_data() {
        let model = json!({"name": "fraud", "status": "critical", "predictions": 1200, "labelled": 900,
            "reasons": [{"code": "accuracy", "status": "critical", "message": "accuracy 0.5 | below 0.7"}],
            "current": {"accuracy": {"value": 0.5, "n": 80}, "error_rate": {"value": 0.01, "n": 100}, "p95_seconds": 0.2,
                "mean_response_time_seconds": 0.1, "throughput_per_second": 0.33, "coverage": 0.8}, "drift": {"value": 0.08}});
        let report = Report::of(&serde_json::from_value(model).unwrap(), &thresholds());
        assert_eq!(report.exit, 2);
        assert_eq!(
            report.text(),
            "CRITICAL - fraud is critical (accuracy 0.5 / below 0.7): accuracy 0.5 of 80 labels, failures 0.01, p95 0.2 s, \
             drift 0.08 | accuracy=0.5;;0.7:;0;1 error_rate=0.01;;0.1;0;1 response_time=0.1s;;2;0 p95=0.2s;;;0 \
             drift=0.08;;0.2;0;1 coverage=0.8;;;0;1 throughput=0.33;;;0 predictions=1200c;;;0 labelled=900c;;;0"
        );
    }

    #[test]
    fn a_model_without_figures_still_has_a_line() {
        let model = json!({"name": "new", "status": "unknown", "current": null});
        let report = Report::of(&serde_json::from_value(model).unwrap(), &Value::Null);
        assert_eq!((report.exit, report.line.as_str()), (3, "UNKNOWN - new is unknown: no figures yet"));
    }
}
