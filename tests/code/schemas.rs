//! The schemas, the examples and the decoder say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidewatch::event::wire::{NoTables, Reason, decode_body};
use tidewatch::event::{Event, Fault, Kind, Message};
use tidewatch::ids::Slug;
use tidewatch::monitor::cold::InMemory;
use tidewatch::monitor::{State, apply};
use tidewatch::time::Timestamp;

const FACTS: [&str; 13] = [
    "window_closed",
    "window_revised",
    "status_changed",
    "drift_detected",
    "drift_cleared",
    "anomaly_detected",
    "anomaly_cleared",
    "rejected",
    "retrain_started",
    "retrain_finished",
    "model_promoted",
    "model_rejected",
    "model_rolled_back",
];

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn validator(name: &str) -> jsonschema::Validator {
    let schema = json(&schemas().join(format!("{name}.v1.schema.json")));
    jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn example(name: &str) -> Value {
    json(&schemas().join(format!("examples/{name}.v1.json")))
}

fn read(kind: Kind, content_type: &str, body: &[u8]) -> Vec<Result<Event, Fault>> {
    let source = Slug::try_from("web-01").unwrap();
    let stored_at = Timestamp::parse_rfc3339("2026-01-01T00:01:00Z").unwrap();
    decode_body(kind, &source, Some(content_type), &(), body, stored_at, NoTables)
}

#[test]
fn every_kind_and_fact_has_a_schema_and_an_example_that_fits_it() {
    let kinds = Kind::ALL.map(Kind::as_str);
    for name in kinds.into_iter().chain(FACTS) {
        let example = example(name);
        if let Err(error) = validator(name).validate(&example) {
            panic!("{name}: {error} at {}", error.instance_path());
        }
    }
}

#[test]
fn every_fact_that_a_log_leads_to_fits_its_schema() {
    let stored_at = Timestamp::parse_rfc3339("2026-01-01T00:01:00Z").unwrap();
    let source = Slug::try_from("web-01").unwrap();
    let (mut state, mut cold) = (State::default(), InMemory::default());
    let mut facts = Vec::new();
    let (mut seq, published) = (0, std::cell::Cell::new(0));
    let mut publish = |kind: Kind, body: Value| {
        seq += 1;
        published.set(seq);
        let records = decode_body(kind, &source, None, &(), body.to_string().as_bytes(), stored_at, NoTables);
        facts.extend(apply(&mut state, &mut cold, &Message { seq, stored_at, kind, source: source.clone(), records }));
    };
    let prediction = |i: usize, at: &str| serde_json::json!({ "model": "m", "prediction_id": format!("p{i}"), "at": at, "prediction": "a", "response_time": 0.1 });
    (0..40).for_each(|i| publish(Kind::Prediction, prediction(i, "2026-01-01T00:00:01Z")));
    publish(Kind::Prediction, prediction(40, "2026-01-01T00:02:00Z"));
    (0..40).for_each(|i| {
        publish(Kind::Label, serde_json::json!({ "model": "m", "prediction_id": format!("p{i}"), "actual": "b" }))
    });
    publish(Kind::Tick, serde_json::json!({}));
    publish(Kind::Prediction, serde_json::json!({ "model": "m", "confidence": "high" }));
    // a reference, two windows elsewhere, and three that have come back
    publish(
        Kind::Command,
        serde_json::json!({ "command": "set_drift_policy", "reference_rows": 200, "window_seconds": 60, "segments": true }),
    );
    for minute in 0..8 {
        let shift = if (3..5).contains(&minute) { 1_000 } else { 0 };
        let at = |i: usize| format!("2025-12-31T00:0{minute}:{:02}.{:03}Z", i / 4, i % 4);
        let record = |i: usize| serde_json::json!({ "model": "d", "at": at(i), "prediction": "a", "features": { "x": i + shift }, "segment": { "half": (i % 2).to_string() } });
        publish(Kind::Prediction, (0..200).map(record).collect());
    }
    // half an hour of a busy server, and a spike in it
    for round in 0..60 {
        let busy = if (40..48).contains(&round) { 95.0 } else { 20.0 };
        let at = format!("2025-12-31T00:{:02}:{:02}Z", round / 2, round % 2 * 30);
        publish(Kind::Sample, serde_json::json!({ "source": "web-01", "at": at, "metrics": { "cpu": busy } }));
    }

    let condition = serde_json::json!({ "code": "log_filling", "severity": "warning", "detail": "85 % of the log is used" });
    publish(Kind::Outcome, serde_json::json!({ "conditions": [condition] }));
    publish(Kind::Outcome, serde_json::json!({ "conditions": [] }));

    // a model that is better, one that is not wanted, and the way back
    publish(Kind::Command, serde_json::json!({ "command": "set_retraining", "mode": "auto" }));
    for p99 in [0.001, 9.0] {
        publish(Kind::Command, serde_json::json!({ "command": "retrain", "model": "m" }));
        let job = format!("{}-0", published.get());
        let report = |told: Value| {
            let mut report = serde_json::json!({ "job": job, "attempt": 1 });
            report.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
            serde_json::json!({ "retraining": report })
        };
        publish(
            Kind::Outcome,
            report(serde_json::json!({ "state": "started", "from_seq": 1, "through_seq": 9, "backup": null })),
        );
        publish(
            Kind::Outcome,
            report(serde_json::json!({ "state": "trained", "artifact": "ab".repeat(32), "bytes": 9, "algorithm": "knn",
            "parameters": {}, "rows": 700, "holdout": 200, "data_hash": "cd", "code_version": "0", "champion": {}, "challenger": {},
            "advantages": vec![0.5; 200], "segments": [], "p99_seconds": p99, "error_max": null, "importance": [], "warnings": [],
            "trials": null, "seconds": 1.5 })),
        );
    }
    publish(Kind::Command, serde_json::json!({ "command": "roll_back_model", "model": "m" }));

    let (mut seen, mut segments, mut codes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for effect in &facts {
        let announcement = effect.announced().expect("a fact");
        let body: Value = serde_json::from_str(&announcement.body(effect.id)).unwrap();
        let name = announcement.fact().as_str();
        if let Err(error) = validator(name).validate(&body) {
            panic!("{name}: {error} at {} of {body}", error.instance_path());
        }
        codes.extend(body["code"].as_str().map(|code| (name, code.to_owned())));
        segments.extend(body["segments"].as_array().into_iter().flatten().map(|segment| segment["half"].to_string()));
        seen.insert(name);
    }
    assert_eq!(seen, BTreeSet::from(FACTS));
    assert_eq!(codes, ["anomaly_cleared", "anomaly_detected"].map(|name| (name, "log_filling".to_owned())).into());
    assert_eq!(segments, BTreeSet::from(["\"0\"".to_owned(), "\"1\"".to_owned()]), "both halves moved and came back");
}

#[test]
fn every_example_is_read_without_a_fault_and_alike_in_both_encodings() {
    for kind in Kind::ALL {
        let example = example(kind.as_str());
        let from_json = read(kind, "application/json", example.to_string().as_bytes());
        let packed = rmp_serde::to_vec_named(&example).unwrap();
        let from_msgpack = read(kind, "application/msgpack", &packed);
        assert!(matches!(from_json.as_slice(), [Ok(_)]), "{kind:?}: {from_json:?}");
        assert_eq!(from_json, from_msgpack);
        assert_eq!(from_msgpack, read(kind, "application/octet-stream", &packed), "sniffed");
        let frame = Value::Array(vec![example; 3]);
        assert_eq!(read(kind, "", frame.to_string().as_bytes()).len(), 3);
    }
}

#[test]
fn a_record_that_leaves_out_what_the_schema_requires_is_refused_by_both() {
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Tick) {
        let validator = validator(kind.as_str());
        let schema = json(&schemas().join(format!("{}.v1.schema.json", kind.as_str())));
        for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut example = example(kind.as_str());
            example.as_object_mut().unwrap().remove(field);
            assert!(!validator.is_valid(&example), "{kind:?} without {field}");
            let records = read(kind, "application/json", example.to_string().as_bytes());
            assert_eq!(records[0].as_ref().unwrap_err().reason, "missing_field", "{kind:?} without {field}");
        }
    }
}

#[test]
fn a_record_of_a_version_that_is_not_known_is_refused_in_every_kind_by_both() {
    for kind in Kind::ALL {
        let of_version = |version: Value| {
            let mut record = example(kind.as_str());
            record["schema_version"] = version;
            (
                validator(kind.as_str()).is_valid(&record),
                read(kind, "application/json", record.to_string().as_bytes()).remove(0),
            )
        };
        for known in [1.into(), "1".into(), Value::Null] {
            let (fits, record) = of_version(known);
            assert!(fits && record.is_ok(), "{kind:?}: {record:?}");
        }
        for unknown in [2.into(), 99.into(), "2026-01".into(), serde_json::json!({})] {
            let (fits, record) = of_version(unknown);
            let fault = record.unwrap_err();
            let expected = ("unknown_version", "/schema_version");
            assert_eq!((fits, (fault.reason.as_str(), fault.pointer.as_str())), (false, expected), "{kind:?}");
        }
    }
}

#[test]
fn newline_delimited_records_are_read_one_by_one() {
    let lines = fs::read(schemas().join("examples/prediction.v1.ndjson")).unwrap();
    for content_type in ["application/x-ndjson", "application/json", ""] {
        let records = read(Kind::Prediction, content_type, &lines);
        assert_eq!(records.iter().filter(|record| record.is_ok()).count(), 3, "{content_type}");
    }
}

#[test]
fn every_bad_example_is_refused_for_its_reason_and_at_its_place() {
    let mut seen = 0;
    for entry in fs::read_dir(schemas().join("examples/bad")).unwrap() {
        let path = entry.unwrap().path();
        let bad = json(&path);
        let field = |name: &str| bad[name].as_str().unwrap().to_owned();
        let kind = Kind::from_token(&field("kind"));
        let records = read(kind, "application/json", field("payload").as_bytes());
        let faults: Vec<&Fault> = records.iter().filter_map(|record| record.as_ref().err()).collect();
        assert_eq!(faults.len(), 1, "{}: {faults:?}", path.display());
        assert_eq!(
            (faults[0].reason.as_str(), &faults[0].pointer),
            (field("reason").as_str(), &field("pointer")),
            "{}",
            path.display()
        );
        if let Ok(payload @ Value::Object(_)) = serde_json::from_str(&field("payload"))
            && kind != Kind::Unknown
            && !["future_time", "bad_time"].contains(&faults[0].reason.as_str())
        {
            assert!(!validator(kind.as_str()).is_valid(&payload), "{} fits its schema", path.display());
        }
        seen += 1;
    }
    assert!(20 <= seen, "the bad examples are there");
}

#[test]
fn the_schema_of_a_rejection_lists_the_reasons_of_the_decoder_and_the_bounds_of_the_core() {
    let schema = json(&schemas().join("rejected.v1.schema.json"));
    let listed: Vec<&str> =
        schema["properties"]["reason"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let bounds = [
        "too_many_models",
        "too_many_sources",
        "too_many_tokens",
        "too_many_versions",
        "too_many_baselines",
        "no_upload",
        "bad_detector",
        "range_too_long",
        "too_few_rows",
        "too_many_jobs",
        "no_such_job",
        "no_such_model",
        "no_such_version",
        "no_artifact",
        "nothing_before",
    ];
    let known: Vec<&str> = Reason::ALL.map(Reason::as_str).into_iter().chain(bounds).collect();
    assert_eq!(listed, known);
}

#[test]
fn the_asyncapi_document_names_every_kind_and_fact() {
    let document = fs::read_to_string(schemas().join("asyncapi.yaml")).unwrap();
    for kind in Kind::ALL {
        assert!(document.contains(&format!("address: tw.in.{}.{{source}}", kind.as_str())), "{kind:?}");
        assert!(document.contains(&format!("$ref: ./{}.v1.schema.json", kind.as_str())), "{kind:?}");
    }
    for fact in FACTS {
        assert!(document.contains(&format!("address: tw.out.{fact}.{{")), "{fact}");
    }
}

/// Of two types of one name the OpenAPI document shows only one, in place of both.
#[test]
fn no_two_types_of_the_api_have_one_name() {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for file in crate::source::read() {
        for item in file.code.split("#[derive(").skip(1) {
            let (derived, item) = item.split_once(")]").unwrap_or_default();
            let mut words = item.split_whitespace().skip_while(|word| !["struct", "enum"].contains(word));
            if derived.contains("ToSchema")
                && let Some(name) = words.nth(1)
            {
                let name = name.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
                places.entry(name.to_owned()).or_default().push(file.path.clone());
            }
        }
    }
    assert!(100 < places.len(), "too few are found: {places:?}");
    places.retain(|_, places| 1 < places.len());
    assert!(places.is_empty(), "{places:#?}");
}

/// What is the same in the API and in frames of `/ws` has one description: fields, types and words.
#[test]
fn frames_of_ws_have_the_types_of_the_api() {
    let document = serde_json::to_string(&tidewatch::http::openapi()).unwrap();
    let document: Value = serde_json::from_str(&document.replace("#/components/schemas/", "#/$defs/")).unwrap();
    let live = json(&schemas().join("live.v1.schema.json"));
    let described = live["$defs"].as_object().unwrap().iter();
    let of_both =
        described.filter_map(|(name, described)| Some((name, described, document["components"]["schemas"].get(name)?)));
    let mut compared = 0;
    for (name, described, of_api) in of_both {
        let mut of_api = of_api.clone();
        without_examples(&mut of_api);
        assert_eq!(described, &of_api, "{name} in schemas/live.v1.schema.json is not what the API says:\n{of_api:#}");
        compared += 1;
    }
    assert!(15 < compared, "too few are found: {compared}");
}

fn without_examples(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.remove("example");
            object.values_mut().for_each(without_examples);
        }
        Value::Array(list) => list.iter_mut().for_each(without_examples),
        _ => {}
    }
}
