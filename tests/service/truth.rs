//! What the windows say is true: the golden stream through the real process against figures of published packages, and every
//! roll-up, version and segment against a recomputation from the events that shares nothing with the product.

use crate::golden;
use std::collections::{BTreeMap, BTreeSet};

use crate::house::{House, Plan};
use crate::nats_server::NatsServer;
use crate::publisher::{Publisher, frames};
use serde_json::{Value, json};

const MODELS: [&str; 4] = ["fraud", "churn", "ctr", "credit"];
const VERSIONS: [&str; 3] = ["v1", "v2", "v3-beta"];
const REGIONS: [&str; 3] = ["kr", "eu", "us"];
const TIERS: [&str; 2] = ["free", "gold"];

/// Records of one frame.
const FRAME: usize = 100;

const MINUTE_MS: i64 = 60_000;

/// A prediction with its label, as the stream tells it.
struct Row {
    model: String,
    at_ms: i64,
    predicted: i64,
    score: f64,
    actual: i64,
    /// Seconds.
    latency: f64,
    version: &'static str,
    region: &'static str,
    tier: &'static str,
}

/// Which version and segments a prediction has, by its number.
fn slice_of(id: &str) -> (&'static str, &'static str, &'static str) {
    let number: usize = id.trim_start_matches('p').parse().unwrap();
    (VERSIONS[number % 3], REGIONS[number / 7 % 3], TIERS[number / 5 % 2])
}

impl Row {
    /// Of a line of the joined form.
    fn of(line: &Value) -> Self {
        let (version, region, tier) = slice_of(line["prediction_id"].as_str().unwrap());
        Self {
            model: line["model"].as_str().unwrap().to_owned(),
            at_ms: line["ts"].as_i64().unwrap(),
            predicted: line["y_pred"].as_i64().unwrap(),
            score: line["y_proba"].as_f64().unwrap(),
            actual: line["y_true"].as_i64().unwrap(),
            latency: line["latency_ms"].as_f64().unwrap() / 1000.0,
            version,
            region,
            tier,
        }
    }
}

/// A line of either form as the body of an event. Only the score of class `1` is sent, so that it arrives to the last bit.
fn body_of(line: &Value) -> Value {
    let mut body = json!({ "model": line["model"], "prediction_id": line["prediction_id"], "at": line["ts"] });
    if line.get("kind").is_some_and(|kind| kind == "label") {
        body["actual"] = line["y_true"].clone();
        return body;
    }
    let (version, region, tier) = slice_of(line["prediction_id"].as_str().unwrap());
    let features: serde_json::Map<_, _> =
        (0..10).map(|i| format!("f{i}")).map(|name| (name.clone(), line[&name].clone())).collect();
    body["prediction"] = line["y_pred"].clone();
    body["scores"] = json!({ "1": line["y_proba"] });
    body["response_time"] = json!(line["latency_ms"].as_f64().unwrap() / 1000.0);
    body["features"] = features.into();
    body["model_version"] = json!(version);
    body["segment"] = json!({ "region": region, "tier": tier });
    if let Some(actual) = line.get("y_true") {
        body["actual"] = actual.clone();
    }
    body
}

/// What a window over some rows must say.
struct Figures {
    count: u64,
    /// By true and predicted class.
    confusion: BTreeMap<(i64, i64), u64>,
    accuracy: f64,
    f1: f64,
    roc_auc: Option<f64>,
    /// How far the area may be off: nothing up to 512 distinct scores, then what sharing bins of 1/1024 costs at most.
    roc_auc_slack: f64,
    brier: f64,
    /// Seconds, ascending.
    latencies: Vec<f64>,
}

impl Figures {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Option<Self> {
        let rows: Vec<&Row> = rows.collect();
        let n = rows.len() as f64;
        let mut confusion = BTreeMap::new();
        rows.iter().for_each(|row| *confusion.entry((row.actual, row.predicted)).or_default() += 1);
        let cell = |actual, predicted| confusion.get(&(actual, predicted)).copied().unwrap_or(0) as f64;
        let (tp, fp, fn_, tn) = (cell(1, 1), cell(0, 1), cell(1, 0), cell(0, 0));
        let brier = rows.iter().map(|row| (row.score - row.actual as f64).powi(2)).sum::<f64>() / n;
        let mut latencies: Vec<f64> = rows.iter().map(|row| row.latency).collect();
        latencies.sort_by(f64::total_cmp);
        let distinct: BTreeSet<u64> = rows.iter().map(|row| row.score.to_bits()).collect();
        (!rows.is_empty()).then(|| Self {
            count: rows.len() as u64,
            accuracy: (tp + tn) / n,
            f1: if tp + fp + fn_ == 0.0 { 0.0 } else { 2.0 * tp / (2.0 * tp + fp + fn_) },
            roc_auc: area(&rows),
            roc_auc_slack: if distinct.len() <= 512 { 0.0 } else { shared_bins(&rows) },
            brier,
            latencies,
            confusion,
        })
    }

    /// The smallest latency at or above which a share of at most `1 - q` lies.
    fn nearest_rank(&self, q: f64) -> f64 {
        let rank = (q * self.latencies.len() as f64).ceil() as usize;
        self.latencies[rank.max(1) - 1]
    }
}

/// The share of (positive, negative) pairs in the right order, ties as half: from ranks.
fn area(rows: &[&Row]) -> Option<f64> {
    let mut sorted: Vec<(f64, bool)> = rows.iter().map(|row| (row.score, row.actual == 1)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = sorted.iter().filter(|(_, positive)| *positive).count() as f64;
    let negatives = sorted.len() as f64 - positives;
    let (mut below, mut won) = (0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let up = tied.iter().filter(|(_, positive)| *positive).count() as f64;
        let down = tied.len() as f64 - up;
        won += up * (below + down / 2.0);
        below += down;
    }
    (positives != 0.0 && negatives != 0.0).then(|| won / (positives * negatives))
}

/// Half the share of (positive, negative) pairs that meet in a bin of 1/1024.
fn shared_bins(rows: &[&Row]) -> f64 {
    let mut bins: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
    for row in rows {
        let bin = bins.entry((row.score * 1024.0).floor() as i64).or_default();
        if row.actual == 1 { bin.0 += 1.0 } else { bin.1 += 1.0 }
    }
    let total = bins.values().fold((0.0, 0.0), |sum, bin| (sum.0 + bin.0, sum.1 + bin.1));
    bins.values().map(|(up, down)| up * down).sum::<f64>() / (2.0 * total.0 * total.1)
}

#[track_caller]
fn assert_close(what: &str, got: &Value, wanted: f64, slack: f64) {
    let got = got.as_f64().unwrap_or_else(|| panic!("{what}: {got} instead of {wanted}"));
    assert!((got - wanted).abs() <= 1e-9 * wanted.abs() + 1e-12 + slack, "{what}: {got} instead of {wanted}");
}

/// The confusion matrix of a window by true and predicted class, without empty cells.
fn confusion_of(window: &Value) -> BTreeMap<(i64, i64), u64> {
    let labels = window["confusion"]["labels"].as_array().unwrap();
    let class = |at: usize| labels[at].as_str().unwrap().parse::<i64>().unwrap();
    let mut confusion = BTreeMap::new();
    for (actual, row) in window["confusion"]["matrix"].as_array().unwrap().iter().enumerate() {
        for (predicted, count) in row.as_array().unwrap().iter().enumerate() {
            confusion.insert((class(actual), class(predicted)), count.as_u64().unwrap());
        }
    }
    confusion.retain(|_, count| *count != 0);
    confusion
}

fn assert_window(what: &str, window: &Value, wanted: &Figures) {
    let metric = |name: &str| &window["metrics"][name]["value"];
    assert_eq!(window["predictions"], wanted.count, "{what}");
    assert_eq!(window["labelled"], wanted.count, "{what}");
    assert_eq!(window["errors"], 0, "{what}");
    assert_eq!(window["coverage"], 1.0, "{what}");
    assert_eq!(confusion_of(window), wanted.confusion, "{what}");
    assert_close(&format!("{what}, accuracy"), metric("accuracy"), wanted.accuracy, 0.0);
    assert_eq!(window["metrics"]["accuracy"]["n"], wanted.count, "{what}");
    assert_close(&format!("{what}, f1"), metric("f1"), wanted.f1, 0.0);
    match wanted.roc_auc {
        Some(area) => assert_close(&format!("{what}, roc_auc"), metric("roc_auc"), area, wanted.roc_auc_slack),
        None => assert!(metric("roc_auc").is_null(), "{what}: an area of one class"),
    }
    assert_close(&format!("{what}, brier"), metric("brier"), wanted.brier, 0.0);
    let latency = &window["latency"];
    assert_eq!(latency["n"], wanted.count, "{what}");
    let mean = wanted.latencies.iter().sum::<f64>() / wanted.count as f64;
    assert_close(&format!("{what}, mean latency"), &latency["mean"], mean, 0.0);
    assert_close(&format!("{what}, largest latency"), &latency["max"], *wanted.latencies.last().unwrap(), 0.0);
    for (name, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let exact = wanted.nearest_rank(q);
        assert_close(&format!("{what}, {name}"), &latency[name], exact, 0.01 * exact);
    }
}

/// One window against the figures of the published packages.
fn assert_golden(window: &Value, golden: &Value) {
    let what = format!("{} at {}", golden["model"], golden["window_start_ms"]);
    let metric = |name: &str| &window["metrics"][name]["value"];
    assert_eq!(window["predictions"], golden["count"], "{what}");
    assert_eq!(window["labelled"], golden["count"], "{what}");
    let cells = [((1, 1), "tp"), ((0, 1), "fp"), ((0, 0), "tn"), ((1, 0), "fn")];
    let mut confusion: BTreeMap<_, _> = cells.into_iter().map(|(cell, name)| (cell, golden[name].as_u64().unwrap())).collect();
    confusion.retain(|_, count| *count != 0);
    assert_eq!(confusion_of(window), confusion, "{what}");
    for name in ["accuracy", "f1", "roc_auc", "brier"] {
        match golden[name].as_f64() {
            Some(value) => assert_close(&format!("{what}, {name}"), metric(name), value, 0.0),
            None => assert!(metric(name).is_null(), "{what}, {name}: {} instead of null", metric(name)),
        }
    }
    // theirs is the share of wrong answers, ours that of failed predictions
    let wrong = json!(1.0 - metric("accuracy").as_f64().unwrap());
    assert_close(&format!("{what}, error_rate"), &wrong, golden["error_rate"].as_f64().unwrap(), 0.0);
    assert_eq!(*metric("error_rate"), 0.0, "{what}");
    let seconds = |name: &str| golden["latency"][name].as_f64().unwrap() / 1000.0;
    assert_close(&format!("{what}, mean latency"), &window["latency"]["mean"], seconds("mean"), 0.0);
    assert_close(&format!("{what}, largest latency"), &window["latency"]["max"], seconds("max"), 0.0);
    for name in ["p50", "p95", "p99"] {
        let exact = seconds(&format!("{name}_nearest_rank"));
        assert_close(&format!("{what}, {name}"), &window["latency"][name], exact, 0.01 * exact);
    }
}

fn start_ms(window: &Value) -> i64 {
    window["start"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

async fn windows(house: &House, model: &str, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/models/{model}/windows?from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00Z&{query}");
    house.get(&path).await.unwrap_or_else(|| panic!("{path}")).as_array().unwrap().clone()
}

/// Every window of every model as the API tells it, but for when and how often it was published.
async fn minutes(house: &House) -> Vec<Value> {
    let mut all = Vec::new();
    for model in MODELS {
        for mut window in windows(house, model, "resolution=1m").await {
            let fields = window.as_object_mut().unwrap();
            fields.remove("closed");
            fields.remove("revision");
            // scores are calibrated on the labels that came first, and those differ
            fields.remove("estimated");
            fields.insert("model".into(), json!(model));
            all.push(window);
        }
    }
    all
}

/// A process on a server of its own that has applied these messages.
async fn fed(messages: impl Iterator<Item = (String, Vec<u8>)>, records: u64) -> (NatsServer, tempfile::TempDir, House) {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let last = Publisher::to(&server.url()).await.send_all(messages).await;
    let state = house.applied(last).await;
    let counts = &state["counts"];
    assert_eq!(counts["applied"], records, "{counts}");
    for none in ["rejected", "duplicates", "too_late", "expired", "ignored"] {
        assert_eq!(counts[none], 0, "{counts}");
    }
    (server, data, house)
}

async fn assert_recomputed(house: &House, rows: &[Row], resolution: (&str, i64), query: &str, of: impl Fn(&Row) -> bool) {
    let (name, width_ms) = resolution;
    for model in MODELS {
        let mut wanted: BTreeMap<i64, Vec<&Row>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.model == model && of(row)) {
            wanted.entry(row.at_ms / width_ms * width_ms).or_default().push(row);
        }
        let told = windows(house, model, &format!("resolution={name}{query}")).await;
        assert_eq!(told.iter().map(start_ms).collect::<Vec<_>>(), wanted.keys().copied().collect::<Vec<_>>());
        for (window, (start, rows)) in told.iter().zip(wanted) {
            let figures = Figures::of(rows.into_iter()).unwrap();
            assert_window(&format!("{model}, {name} at {start}{query}"), window, &figures);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_golden_stream_gives_the_golden_figures_in_every_window_roll_up_and_slice() {
    let golden = golden::values("windows.json");
    let (joined, split) = (golden::stream(false), golden::stream(true));

    let bodies: Vec<Value> = joined.iter().map(body_of).collect();
    let (_server, _data, house) = fed(frames("prediction", &bodies, FRAME), 20_000).await;
    let told = minutes(&house).await;
    let of_golden: BTreeMap<(&str, i64), &Value> = golden["windows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|window| ((window["model"].as_str().unwrap(), window["window_start_ms"].as_i64().unwrap()), window))
        .collect();
    assert_eq!(told.len(), of_golden.len());
    for window in &told {
        assert_golden(window, of_golden[&(window["model"].as_str().unwrap(), start_ms(window))]);
    }

    let rows: Vec<Row> = joined.iter().map(Row::of).collect();
    for resolution in [("1m", MINUTE_MS), ("5m", 5 * MINUTE_MS), ("1h", 60 * MINUTE_MS), ("1d", 1_440 * MINUTE_MS)] {
        assert_recomputed(&house, &rows, resolution, "", |_| true).await;
        for version in VERSIONS {
            assert_recomputed(&house, &rows, resolution, &format!("&version={version}"), |row| row.version == version).await;
        }
        for region in REGIONS {
            assert_recomputed(&house, &rows, resolution, &format!("&segment=region:{region}"), |row| row.region == region)
                .await;
        }
        let query = "&version=v2&segment=tier:gold";
        assert_recomputed(&house, &rows, resolution, query, |row| row.version == "v2" && row.tier == "gold").await;
    }

    // labels that come later, each in its place among the predictions
    let alike = split.chunk_by(|a, b| a["kind"] == b["kind"]).flat_map(|run| {
        let bodies: Vec<Value> = run.iter().map(body_of).collect();
        frames(run[0]["kind"].as_str().unwrap(), &bodies, FRAME).collect::<Vec<_>>()
    });
    let (_server, _data, later) = fed(alike, 40_000).await;
    let told_later = minutes(&later).await;
    assert_eq!(told.len(), told_later.len());
    for (together, later) in told.iter().zip(&told_later) {
        assert_eq!(together, later);
    }
}
