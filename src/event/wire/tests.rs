use super::*;
use crate::event::{Feature, Prediction, Value};

const STORED_AT: &str = "2026-01-01T00:01:00Z";

fn stored_at() -> Timestamp {
    Timestamp::parse_rfc3339(STORED_AT).unwrap()
}

fn slug() -> Slug {
    Slug::try_from("web-01").unwrap()
}

fn read(kind: Kind, body: impl AsRef<[u8]>) -> Vec<Result<Event, Fault>> {
    decode_body(kind, &slug(), None, &(), body.as_ref(), stored_at())
}

fn packed(json: &str) -> Vec<u8> {
    rmp_serde::to_vec_named(&serde_json::from_str::<serde_json::Value>(json).unwrap()).unwrap()
}

/// Reads one record as JSON and as MessagePack, which must say the same.
fn one(kind: Kind, json: &str) -> Result<Event, Fault> {
    let mut records = read(kind, json);
    assert_eq!(records, read(kind, packed(json)), "{json}");
    assert_eq!(records.len(), 1, "{json}");
    records.remove(0)
}

fn prediction(json: &str) -> Prediction {
    match one(Kind::Prediction, json) {
        Ok(Event::PredictionLogged(prediction)) => prediction,
        other => panic!("{json}: {other:?}"),
    }
}

fn fault(kind: Kind, json: &str) -> (String, String) {
    let fault = one(kind, json).unwrap_err();
    (fault.reason.into(), fault.pointer)
}

fn faults(records: &[Result<Event, Fault>]) -> Vec<(&str, &str)> {
    records
        .iter()
        .map(|record| record.as_ref().map_or_else(|f| (f.reason.as_str(), f.pointer.as_str()), |_| ("", "")))
        .collect()
}

#[test]
fn a_prediction_is_read_with_all_its_fields() {
    let read = prediction(
        r#"{"prediction_id":"p1","model":"사기 탐지","model_version":"1.2","at":"2026-01-01T00:00:30Z","features":{"a":1,"b":"x",
            "c":null,"d":[1,2.5],"e":true},"prediction":"yes","confidence":0.9,"scores":{"no":0.1,"yes":0.9},"response_time":0.12,
            "actual":"no","segment":{"b":2,"a":"x"},"tags":["t"]}"#,
    );
    let name = |text: &str| crate::ids::Name::try_from(text).unwrap();
    let expected = Prediction {
        id: Some("p1".into()),
        model: name("사기 탐지"),
        version: Some(name("1.2")),
        at: Timestamp::parse_rfc3339("2026-01-01T00:00:30Z").unwrap(),
        features: [
            ("a".into(), Feature::Number(1.0)),
            ("b".into(), Feature::Category("x".into())),
            ("c".into(), Feature::Missing),
            ("d".into(), Feature::Number(7.25_f64.sqrt())),
            ("e".into(), Feature::Category("true".into())),
        ]
        .into_iter()
        .collect(),
        value: Some(Value::Class("yes".into())),
        confidence: Some(0.9),
        scores: vec![("no".into(), 0.1), ("yes".into(), 0.9)],
        response_time: Some(0.12),
        failed: false,
        actual: Some(Value::Class("no".into())),
        segment: vec![(name("a"), name("x")), (name("b"), name("2"))],
    };
    assert_eq!(read, expected);
}

#[test]
fn what_features_the_record_before_had_does_not_matter() {
    // each pair shares a part of its names; one message, so that what can be shared is
    let features = [r#"{"a":1,"b":2}"#, r#"{"a":3,"b":4}"#, r#"{"a":5}"#, r#"{"a":6,"c":7}"#, r#"{"b":9}"#, "{}", r#"{"b":1}"#];
    let body = features.map(|features| format!(r#"{{"prediction":1,"features":{features}}}"#));
    let frame = read(Kind::Prediction, format!("[{}]", body.join(",")));
    for (together, alone) in frame.into_iter().zip(&body) {
        let (Ok(Event::PredictionLogged(together)), alone) = (together, prediction(alone)) else { panic!("{alone}") };
        assert_eq!(together.features, alone.features);
    }
    let last = prediction(&body[4]);
    assert_eq!(last.features.iter().collect::<Vec<_>>(), [("b", &Feature::Number(9.0))]);
}

#[test]
fn the_names_of_the_requirement_documents_are_read() {
    let read = prediction(
        r#"{"model_name":"sales_forecast","prediction_data":{"input_features":{"a":1}},
            "result":{"prediction":1250000,"confidence":0.85,"response_time":0.12},"timestamp":1767225600}"#,
    );
    assert_eq!(read.model.as_str(), "sales_forecast");
    assert_eq!(read.value, Some(Value::Number(1_250_000.0)));
    assert_eq!((read.confidence, read.response_time), (Some(0.85), Some(0.12)));
    assert_eq!(read.at.to_string(), "2026-01-01T00:00:00Z");
    let label = one(Kind::Label, r#"{"prediction_id":"p","actual_result":{"actual_sales":1280000}}"#);
    assert!(matches!(label, Ok(Event::LabelArrived(label)) if label.actual == Value::Number(1_280_000.0)));
    let sample = one(
        Kind::Sample,
        r#"{"plugin_id":"my_plugin","metric_type":"response_time","value":125.5,"metadata":{"endpoint":"/api/data"}}"#,
    );
    let Ok(Event::SamplesTaken(sample)) = sample else { panic!("{sample:?}") };
    assert_eq!((sample.source.as_str(), sample.metrics[0].value), ("my_plugin", 125.5));
    assert_eq!(sample.metrics[0].labels[0].1, "/api/data");
}

#[test]
fn what_is_absent_comes_from_the_subject_and_the_server() {
    let read = prediction(r#"{"prediction":1}"#);
    assert_eq!((read.model.as_str(), read.at, read.id), ("web-01", stored_at(), None));
}

#[test]
fn headers_stand_in_for_an_absent_time_and_id() {
    let headers = [("Ce-Id", "e-1"), ("Ce-Time", "2026-01-01T00:00:01Z")];
    let read = |body: &str| decode_body(Kind::Prediction, &slug(), None, &headers, body.as_bytes(), stored_at());
    let ids = |records: Vec<Result<Event, Fault>>| -> Vec<(CompactString, String)> {
        let mut ids = Vec::new();
        for record in records {
            let Ok(Event::PredictionLogged(prediction)) = record else { panic!("{record:?}") };
            ids.push((prediction.id.unwrap(), prediction.at.to_string()));
        }
        ids
    };
    assert_eq!(ids(read(r#"{"prediction":1}"#)), [("e-1".into(), "2026-01-01T00:00:01Z".to_owned())]);
    assert_eq!(ids(read(r#"[{"prediction":1},{"prediction":2}]"#))[1].0, "e-1/1");
    assert_eq!(ids(read(r#"{"prediction":1,"prediction_id":"own"}"#))[0].0, "own");
}

#[test]
fn an_object_as_a_value_gives_its_one_or_named_field_or_its_text() {
    let value = |json: &str| prediction(&format!(r#"{{"prediction":{json}}}"#)).value.unwrap();
    assert_eq!(value(r#"{"sales":5}"#), Value::Number(5.0));
    assert_eq!(value(r#"{"x":1,"class":"cat"}"#), Value::Class("cat".into()));
    assert_eq!(value(r#"{"b":1,"a":true}"#), Value::Class(r#"{"a":true,"b":1}"#.into()));
    assert_eq!(value("true"), Value::Class("true".into()));
    assert_eq!(value("-0.0"), Value::Number(0.0));
}

#[test]
fn an_error_that_says_something_is_a_failure() {
    for (error, failed) in [("\"boom\"", true), ("true", true), ("\"\"", false), ("false", false), ("null", false)] {
        assert_eq!(prediction(&format!(r#"{{"prediction":1,"error":{error}}}"#)).failed, failed, "{error}");
    }
    assert_eq!(prediction(r#"{"error":"boom"}"#).value, None);
    assert_eq!(fault(Kind::Prediction, r#"{"error":""}"#), ("missing_field".into(), "/prediction".into()));
}

#[test]
fn a_bad_record_in_a_frame_leaves_its_neighbours_alone() {
    let frame = r#"[{"prediction":1},{"prediction":1,"features":{"x/y":{}}},7,{"prediction":1,"confidence":2}]"#;
    for body in [frame.as_bytes().to_vec(), packed(frame)] {
        let records = read(Kind::Prediction, body);
        let expected = [("", ""), ("wrong_type", "/1/features/x~1y"), ("wrong_type", "/2"), ("out_of_range", "/3/confidence")];
        assert_eq!(faults(&records), expected);
    }
}

#[test]
fn each_line_stands_by_itself_and_broken_syntax_in_a_frame_rejects_the_frame() {
    let lines = "{\"prediction\":1}\n\n{\"prediction\":\n{\"prediction\":2}\r\n";
    assert_eq!(faults(&read(Kind::Prediction, lines)), [("", ""), ("bad_json", "/1"), ("", "")]);
    let broken_first = "{\"prediction\":\n{\"prediction\":2}";
    assert_eq!(faults(&read(Kind::Prediction, broken_first)), [("bad_json", "/0"), ("", "")]);
    assert_eq!(faults(&read(Kind::Prediction, "[{\"prediction\":1},")), [("bad_json", "")]);
    assert_eq!(faults(&read(Kind::Prediction, "{\n  \"prediction\": 1\n}")), [("", "")]);
    assert_eq!(faults(&read(Kind::Prediction, "{\n  \"prediction\": 1\n")), [("bad_json", "")]);
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_name() {
    let frame = r#"[{"prediction":1},{"prediction":1,"features":{"x":NaN}},{"prediction":-Infinity},{"prediction":1e999}]"#;
    let expected =
        [("", ""), ("not_finite", "/1/features/x"), ("not_finite", "/2/prediction"), ("not_finite", "/3/prediction")];
    assert_eq!(faults(&read(Kind::Prediction, frame)), expected);
    assert_eq!(
        faults(&read(Kind::Prediction, r#"{"prediction":"NaN","features":{"NaN":NaN}}"#)),
        [("not_finite", "/features/NaN")]
    );
    let nan = rmp_serde::to_vec_named(&std::collections::BTreeMap::from([("prediction", f64::NAN)])).unwrap();
    assert_eq!(faults(&read(Kind::Prediction, nan)), [("not_finite", "/prediction")]);
    assert!(prediction(r#"{"prediction":1e308,"features":{"x":-1e308}}"#).value.is_some());
}

#[test]
fn the_future_is_bounded_and_the_past_is_not() {
    for (at, reason) in [
        ("\"2026-01-01T00:06:01Z\"", "future_time"),
        ("\"9999-12-31T23:59:59Z\"", "future_time"),
        ("\"10000-01-01T00:00:00Z\"", "bad_time"),
        ("\"2026-01-01T00:00:00\"", "bad_time"),
        ("1e300", "bad_time"),
        ("-62135596801", "bad_time"),
        ("true", "wrong_type"),
    ] {
        let json = format!(r#"{{"prediction":1,"at":{at}}}"#);
        assert_eq!(fault(Kind::Prediction, &json), (reason.into(), "/at".into()), "{at}");
    }
    for past in ["0", "-1", "-9223372036854775808", "\"2026-01-01T00:06:00Z\"", "1767225600000000000"] {
        prediction(&format!(r#"{{"prediction":1,"at":{past}}}"#));
    }
}

#[test]
fn a_note_keeps_the_whole_record() {
    let json = r#"{"source":"s","level":"WARNING","message":"a\u0000\"<b>","extra":{"list":[1,[],{}],"n":null},"x":1.5}"#;
    let Ok(Event::RecordNoted(note)) = read(Kind::Log, json).remove(0) else { panic!() };
    assert_eq!(note.body, json);
    let Ok(Event::RecordNoted(from_packed)) = read(Kind::Log, packed(json)).remove(0) else { panic!() };
    let value = |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap();
    assert_eq!(value(&from_packed.body), value(json));
}

#[test]
fn every_kind_says_what_is_wrong_with_it() {
    for (kind, json, reason, pointer) in [
        (Kind::Prediction, r#"{"prediction":[1]}"#, "wrong_type", "/prediction"),
        (Kind::Prediction, r#"{"prediction":""}"#, "bad_name", "/prediction"),
        (Kind::Prediction, r#"{"prediction":1,"model":""}"#, "bad_name", "/model"),
        (Kind::Prediction, r#"{"prediction":1,"response_time":-1}"#, "out_of_range", "/response_time"),
        (Kind::Prediction, r#"{"prediction":1,"scores":{"a":1.5}}"#, "out_of_range", "/scores/a"),
        (Kind::Prediction, r#"{"result":{"prediction":1,"confidence":"x"}}"#, "wrong_type", "/result/confidence"),
        (Kind::Label, r#"{"actual":1}"#, "missing_field", "/prediction_id"),
        (Kind::Label, r#"{"prediction_id":"p","actual":null}"#, "missing_field", "/actual"),
        (Kind::Sample, r#"{"source":"s"}"#, "missing_field", "/metrics"),
        (Kind::Sample, r#"{"metrics":{"cpu":"x"}}"#, "wrong_type", "/metrics/cpu"),
        (Kind::Sample, r#"{"metrics":[{"name":"cpu"}]}"#, "missing_field", "/metrics/0/value"),
        (Kind::Log, r#"{"level":"info"}"#, "missing_field", "/message"),
        (Kind::Log, r#"{"level":"loud","message":"m"}"#, "out_of_range", "/level"),
        (Kind::Event, r#"{"description":"d"}"#, "missing_field", "/event_type"),
        (Kind::Snapshot, r#"{"error_rate":2}"#, "out_of_range", "/error_rate"),
        (Kind::Job, r#"{"state":"START"}"#, "missing_field", "/job_id"),
        (Kind::Command, r#"{"command":"dance"}"#, "bad_command", ""),
        (Kind::Command, r#"{}"#, "missing_field", "/command"),
        (Kind::Command, r#"{"command":"set_thresholds","drift_threshold":2}"#, "out_of_range", "/drift_threshold"),
        (Kind::Outcome, r#"{"settled_through":-1}"#, "out_of_range", "/settled_through"),
        (Kind::Tick, "[7]", "wrong_type", "/0"),
    ] {
        assert_eq!(fault(kind, json), (reason.into(), pointer.into()), "{json}");
    }
}

#[test]
fn limits_hold() {
    let deep = |levels: usize| format!(r#"{{"prediction":1,"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    prediction(&deep(31));
    assert_eq!(faults(&read(Kind::Prediction, deep(32))), [("too_deep", "")]);
    assert_eq!(faults(&read(Kind::Prediction, deep(100_000))), [("too_deep", "")]);
    let features = |count: usize| {
        let features: Vec<String> = (0..count).map(|i| format!("\"f{i:04}\":1")).collect();
        format!(r#"{{"prediction":1,"features":{{{}}}}}"#, features.join(","))
    };
    prediction(&features(1_000));
    assert_eq!(fault(Kind::Prediction, &features(1_001)), ("too_many_features".into(), "/features".into()));
    let frame = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    assert_eq!(read(Kind::Tick, frame(10_000)).len(), 10_000);
    assert_eq!(faults(&read(Kind::Tick, frame(10_001))), [("too_many_records", "/10000")]);
    assert_eq!(faults(&read(Kind::Tick, vec![b' '; MESSAGE_BYTES_MAX + 1])), [("too_large", "")]);
    let log = |bytes: usize| format!(r#"{{"message":"{}"}}"#, "x".repeat(bytes));
    assert!(one(Kind::Log, &log(LOG_BYTES_MAX)).is_ok());
    assert_eq!(fault(Kind::Log, &log(LOG_BYTES_MAX + 1)), ("too_large".into(), "/message".into()));
}

#[test]
fn the_subject_decides_the_kind_and_the_source() {
    let root = Root::new(Slug::try_from("tw").unwrap());
    let message = |subject| decode(Raw { seq: 7, stored_at: stored_at(), subject, headers: &(), payload: b"" }, &root);
    assert_eq!(message("tw.in.tick.clock").records, [Ok(Event::ClockTicked)]);
    assert_eq!(faults(&message("tw.in.label.a").records), [("empty", "")]);
    assert_eq!(faults(&message("tw.in.dance.a").records), [("unknown_kind", "")]);
    let foreign = message("elsewhere");
    assert_eq!(
        (foreign.kind, foreign.source.as_str(), faults(&foreign.records)),
        (Kind::Unknown, "unknown", vec![("bad_subject", "")])
    );
}

#[test]
fn a_record_is_shown_as_it_was_published() {
    let second = r#"{"features":{"a":[1,2.5]},"prediction":2,"tags":["x"]}"#;
    let frame = format!(r#"[{{"prediction":NaN}},{second}]"#);
    assert_eq!(record_as_json(None, frame.as_bytes(), 1).as_deref(), Some(second));
    assert_eq!(record_as_json(None, format!("{{}}\n\n{second}").as_bytes(), 1).as_deref(), Some(second));
    assert_eq!(record_as_json(None, &packed(&format!("[{{}},{second},3]")), 1).as_deref(), Some(second));
    assert_eq!(record_as_json(None, second.as_bytes(), 0).as_deref(), Some(second));
    assert_eq!(record_as_json(None, second.as_bytes(), 1), None);
    assert_eq!(record_as_json(None, frame.as_bytes(), 2), None);
}
