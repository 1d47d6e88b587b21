//! What Prometheus scrapes: its page read by promtool, and by a Prometheus that answers every query of the dashboard.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use super::room::{ADMIN, PATIENCE, Room, labelled};

const PATH: &str = "/api/prometheus/metrics";

async fn filled() -> Room {
    let room = Room::open().await;
    let records =
        (0..10).flat_map(|minute| (0..20).map(move |index| labelled(minute, index, if index == 7 { "0" } else { "1" }, "1")));
    room.publish("prediction", records.collect()).await;
    room.publish("prediction", json!([{"model": "e\"v\\i\nl", "prediction": "1"}])).await;
    let request = room.request(Method::POST, "/api/v1/publish/prediction/test?wait=applied&partial=true");
    request.json(&json!([{"model": "fraud"}])).send().await.unwrap();
    room
}

fn value(page: &str, sample: &str) -> f64 {
    let line = page.lines().find(|line| line.strip_prefix(sample).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("{sample} in {page}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn each_version_of_each_model_is_told_of_with_the_external_labels() {
    let room = filled().await;
    let page = room.get(PATH).await.text().await.unwrap();
    let of = |name: &str, version: &str| {
        value(&page, &format!("{name}{{model=\"fraud\",model_version=\"{version}\",cluster=\"test\"}}"))
    };
    // of the newest five minutes: ten a minute of each version, of which one of version b is wrong
    assert_eq!((of("tidewatch_model_recent_predictions", "a"), of("tidewatch_model_recent_predictions", "b")), (50.0, 50.0));
    assert_eq!((of("tidewatch_model_accuracy_ratio", "a"), of("tidewatch_model_accuracy_ratio", "b")), (1.0, 0.9));
    assert!(of("tidewatch_model_accuracy_lower_ratio", "b") < 0.9 && 0.9 < of("tidewatch_model_accuracy_upper_ratio", "b"));
    assert_eq!((of("tidewatch_model_error_ratio", "a"), of("tidewatch_model_coverage_ratio", "a")), (0.0, 1.0));
    assert_eq!(value(&page, "tidewatch_model_predictions_total{model=\"fraud\",cluster=\"test\"}"), 200.0);
    let p95 = value(
        &page,
        "tidewatch_model_response_time_seconds{model=\"fraud\",model_version=\"a\",quantile=\"0.95\",cluster=\"test\"}",
    );
    assert!((p95 - 0.1).abs() < 0.001, "{p95}");
    let statuses: f64 = ["healthy", "warning", "critical", "training", "unknown"]
        .iter()
        .map(|status| value(&page, &format!("tidewatch_model_status{{model=\"fraud\",status=\"{status}\",cluster=\"test\"}}")))
        .sum();
    assert_eq!(statuses, 1.0);
    assert_eq!(
        value(&page, "tidewatch_input_rejected_total{kind=\"prediction\",reason=\"missing_field\",cluster=\"test\"}"),
        1.0
    );
    assert_eq!(value(&page, "tidewatch_model_predictions_total{model=\"e\\\"v\\\\i\\nl\",cluster=\"test\"}"), 1.0);
}

#[tokio::test]
async fn every_family_has_its_help_and_type_once_and_openmetrics_comes_when_asked_for() {
    let room = filled().await;
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let response = room.request(Method::GET, PATH).header("Accept", accept).send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    let open_metrics = response.text().await.unwrap();
    assert!(open_metrics.ends_with("# EOF\n") && open_metrics.contains("# TYPE tidewatch_model_predictions counter\n"));
    let response = room.get(PATH).await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = response.text().await.unwrap();
    let named = |prefix: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let (helps, types) = (named("# HELP "), named("# TYPE "));
    assert_eq!(helps, types);
    assert_eq!(types.iter().collect::<BTreeSet<_>>().len(), types.len());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap().to_owned();
        assert!(types.contains(&name), "{line}");
    }
    assert_clean(&text);
    assert_clean(&room.get("/api/v1/metrics").await.text().await.unwrap());
}

/// What promtool says of a page, where it is installed: names, units, help and types.
fn assert_clean(page: &str) {
    let Ok(mut promtool) =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()
    else {
        return eprintln!("promtool is not installed: the page was not given to it");
    };
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

/// A Prometheus that scrapes a room, as `ops/prometheus/scrape.yml` has it. `None` where none is installed.
struct Prometheus {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(room: &Room) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let config = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ops/prometheus/scrape.yml")).unwrap();
        let config = config.replace("127.0.0.1:8080", &room.address.to_string()).replace("15s", "1s");
        std::fs::write(folder.path().join("scrape.yml"), config).unwrap();
        std::fs::write(folder.path().join("tidewatch.token"), ADMIN).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("prometheus");
        command.current_dir(folder.path()).args(["--config.file=scrape.yml", "--storage.tsdb.path=data"]);
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().ok()?;
        Some(Self { child, url: format!("http://127.0.0.1:{port}"), _folder: folder })
    }

    /// The values that a query finds; empty while it cannot be asked.
    async fn query(&self, expression: &str) -> Vec<f64> {
        let request = reqwest::Client::new().post(format!("{}/api/v1/query", self.url));
        let form = format!("query={}", percent(expression));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        let Ok(response) = request.send().await else { return Vec::new() };
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        assert_ne!(status, 400, "{expression}: {answer}");
        let found = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        found.iter().map(|series| series["value"][1].as_str().unwrap().parse().unwrap()).collect()
    }

    async fn found(&self, expression: &str) -> Vec<f64> {
        let begun = Instant::now();
        loop {
            let found = self.query(expression).await;
            if !found.is_empty() {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "nothing is found for {expression}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[tokio::test]
async fn a_prometheus_scrapes_it_and_answers_every_query_of_the_dashboard() {
    let room = filled().await;
    let Some(prometheus) = Prometheus::start(&room) else {
        return eprintln!("prometheus is not installed: nothing scraped the page");
    };
    assert_eq!(prometheus.found("up{job=\"tidewatch\"} == 1").await, [1.0]);
    assert_eq!(prometheus.found("tidewatch_model_predictions_total{model=\"fraud\"}").await, [200.0]);
    let dashboard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ops/grafana/tidewatch-models.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    // drift is told of once a version has its reference
    let empty = ["tidewatch_model_drift_score"];
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let asked = ["$cluster", "$environment", "$model", "$version"]
                .iter()
                .fold(expression.to_owned(), |asked, name| asked.replace(name, ".*"));
            let asked = asked.replace("$__rate_interval", "1m");
            if empty.iter().any(|name| asked.contains(name)) {
                prometheus.query(&asked).await;
            } else {
                prometheus.found(&asked).await;
            }
        }
    }
}
