use super::*;
use crate::event::columns::{Cells, Column, Columns};
use crate::event::{Command, Feature, Prediction, Value};

const STORED_AT: &str = "2026-01-01T00:01:00Z";

fn stored_at() -> Timestamp {
    Timestamp::parse_rfc3339(STORED_AT).unwrap()
}

fn slug() -> Slug {
    Slug::try_from("web-01").unwrap()
}

fn read(kind: Kind, body: impl AsRef<[u8]>) -> Vec<Result<Event, Fault>> {
    decode_body(kind, &slug(), None, &(), body.as_ref(), stored_at(), NoTables)
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
    let read = |body: &str| decode_body(Kind::Prediction, &slug(), None, &headers, body.as_bytes(), stored_at(), NoTables);
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
        (Kind::Outcome, r#"{"settled_through":1,"lane":"mail"}"#, "out_of_range", "/lane"),
        (Kind::Outcome, r#"{"settled_through":1,"lane":1}"#, "wrong_type", "/lane"),
        (Kind::Outcome, r#"{"conditions":7}"#, "wrong_type", "/conditions"),
        (Kind::Outcome, r#"{"conditions":[{"code":"","severity":"warning","detail":"d"}]}"#, "bad_name", "/conditions"),
        (Kind::Outcome, r#"{"conditions":[{"code":"c","severity":"bad","detail":"d"}]}"#, "wrong_type", "/conditions"),
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
    let message =
        |subject| decode(Raw { seq: 7, stored_at: stored_at(), subject, headers: &(), payload: b"" }, &root, NoTables);
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
    assert_eq!(record_as_json(None, frame.as_bytes(), 1, NoTables).as_deref(), Some(second));
    assert_eq!(record_as_json(None, format!("{{}}\n\n{second}").as_bytes(), 1, NoTables).as_deref(), Some(second));
    assert_eq!(record_as_json(None, &packed(&format!("[{{}},{second},3]")), 1, NoTables).as_deref(), Some(second));
    assert_eq!(record_as_json(None, second.as_bytes(), 0, NoTables).as_deref(), Some(second));
    assert_eq!(record_as_json(None, second.as_bytes(), 1, NoTables), None);
    assert_eq!(record_as_json(None, frame.as_bytes(), 2, NoTables), None);
}

#[test]
fn an_epoch_number_in_quotes_is_an_instant_in_every_kind_and_under_every_name() {
    let expected = Timestamp::parse_rfc3339("2026-01-01T00:00:30.5Z").unwrap();
    let stored = |record: Result<Event, Fault>| match record {
        Ok(Event::PredictionLogged(prediction)) => prediction.at,
        Ok(Event::LabelArrived(label)) => label.at,
        Ok(Event::SamplesTaken(sample)) => sample.at,
        Ok(Event::RecordNoted(note)) => note.at,
        other => panic!("{other:?}"),
    };
    let of_kind = [
        (Kind::Prediction, r#""prediction":1"#),
        (Kind::Label, r#""prediction_id":"p","actual":1"#),
        (Kind::Sample, r#""metrics":{"cpu":1}"#),
        (Kind::Log, r#""message":"m""#),
        (Kind::Event, r#""event_type":"e""#),
        (Kind::Snapshot, r#""cpu_usage":1"#),
        (Kind::Job, r#""job_id":"j""#),
    ];
    for (kind, fields) in of_kind {
        for name in ["at", "timestamp", "ts"] {
            for at in ["1767225630.5", "1767225630500", "1767225630500000", "1767225630500000000", "2026-01-01T00:00:30.5Z"] {
                let json = format!(r#"{{{fields},"{name}":"{at}"}}"#);
                for body in [json.as_bytes().to_vec(), packed(&json)] {
                    assert_eq!(stored(read(kind, body).remove(0)), expected, "{kind:?} {name} {at}");
                }
            }
        }
        let headers = [("ce-time", "1767225630500")];
        let by_header =
            decode_body(kind, &slug(), None, &headers, format!("{{{fields}}}").as_bytes(), stored_at(), NoTables).remove(0);
        assert_eq!(stored(by_header), expected, "{kind:?}");
    }
    let range =
        one(Kind::Command, r#"{"command":"reference_from_range","model":"m","from":"1767225600","until":"1767229200000"}"#);
    assert!(matches!(range, Ok(Event::CommandGiven(Command::ReferenceFromRange(_)))), "{range:?}");
    assert_eq!(fault(Kind::Prediction, r#"{"prediction":1,"at":"soon"}"#), ("bad_time".into(), "/at".into()));
    assert_eq!(fault(Kind::Prediction, r#"{"prediction":1,"at":"inf"}"#), ("bad_time".into(), "/at".into()));
}

#[test]
fn a_probability_outside_0_to_1_by_rounding_counts_as_the_bound() {
    let read = prediction(r#"{"prediction":"a","confidence":1.0000054,"scores":{"a":1.0000001192092896,"b":-5.4e-6}}"#);
    assert_eq!((read.confidence, read.scores), (Some(1.0), vec![("a".into(), 1.0), ("b".into(), 0.0)]));
    assert!(one(Kind::Snapshot, r#"{"error_rate":-0.0000054}"#).is_ok());
    let rows = r#"{"command":"use_reference","model":"m","first":true,"last":true,"rows":[{"features":{},"score":1.0000054}]}"#;
    let Ok(Event::CommandGiven(Command::UseReference(training))) = one(Kind::Command, rows) else { panic!() };
    assert_eq!(training.rows[0].score, Some(1.0));
    for far in ["1.00002", "-0.00002", "93"] {
        let json = format!(r#"{{"prediction":1,"confidence":{far}}}"#);
        assert_eq!(fault(Kind::Prediction, &json), ("out_of_range".into(), "/confidence".into()), "{far}");
    }
    let exact = r#"{"command":"set_thresholds","drift_threshold":1.000001}"#;
    assert_eq!(fault(Kind::Command, exact).0, "out_of_range", "a threshold is chosen and not measured");
}

#[test]
fn every_fault_of_a_record_is_told() {
    let all = |kind: Kind, json: &str| -> Vec<(String, String)> {
        let fault = one(kind, json).unwrap_err();
        fault.all().map(|fault| (fault.reason.to_string(), fault.pointer.clone())).collect()
    };
    let told = |faults: &[(&str, &str)]| -> Vec<(String, String)> {
        faults.iter().map(|(reason, pointer)| ((*reason).to_owned(), (*pointer).to_owned())).collect()
    };
    let record =
        r#"{"model":"","confidence":93,"at":"2027-01-01T00:00:00Z","features":{"a":{},"b":[1,"x"]},"scores":{"y":2,"z":-1}}"#;
    let expected = told(&[
        ("bad_name", "/model"),
        ("out_of_range", "/confidence"),
        ("wrong_type", "/features/a"),
        ("wrong_type", "/features/b/1"),
        ("out_of_range", "/scores/y"),
        ("out_of_range", "/scores/z"),
        ("missing_field", "/prediction"),
        ("future_time", "/at"),
    ]);
    // the order of the keys is that of the encoding
    let sorted = |mut faults: Vec<(String, String)>| {
        faults.sort();
        faults
    };
    assert_eq!(
        sorted(all(Kind::Prediction, &serde_json::from_str::<serde_json::Value>(record).unwrap().to_string())),
        sorted(expected)
    );
    assert_eq!(all(Kind::Label, "{}"), told(&[("missing_field", "/prediction_id"), ("missing_field", "/actual")]));
    let label = r#"{"actual_result":[1]}"#;
    assert_eq!(all(Kind::Label, label), told(&[("wrong_type", "/actual_result"), ("missing_field", "/prediction_id")]));
    assert_eq!(all(Kind::Prediction, r#"{"result":{"prediction":[1]}}"#), told(&[("wrong_type", "/result/prediction")]));
    let sample = r#"{"metrics":[{"value":"x"},{"name":"cpu"}]}"#;
    let expected =
        [("wrong_type", "/metrics/0/value"), ("missing_field", "/metrics/0/name"), ("missing_field", "/metrics/1/value")];
    assert_eq!(all(Kind::Sample, sample), told(&expected));
    assert_eq!(all(Kind::Log, r#"{"level":"loud"}"#), told(&[("out_of_range", "/level"), ("missing_field", "/message")]));
    let command = r#"{"command":"set_thresholds","accuracy_threshold":2,"drift_threshold":-1}"#;
    assert_eq!(
        all(Kind::Command, command),
        told(&[("out_of_range", "/accuracy_threshold"), ("out_of_range", "/drift_threshold")])
    );
    let numbers = read(Kind::Prediction, r#"[{"prediction":NaN,"features":{"x":Infinity},"confidence":7},{"prediction":1}]"#);
    let first = numbers[0].as_ref().unwrap_err();
    let pointers: Vec<&str> = first.all().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!((pointers, numbers[1].is_ok()), (vec!["/0/prediction", "/0/features/x", "/0/confidence"], true));
}

#[test]
fn of_very_many_faults_of_one_record_some_are_told_and_that_there_are_more() {
    let features: Vec<String> = (0..100).map(|i| format!("\"f{i:03}\":{{}}")).collect();
    let fault = one(Kind::Prediction, &format!(r#"{{"features":{{{}}},"prediction":1}}"#, features.join(","))).unwrap_err();
    assert_eq!(fault.all().count(), 32);
    assert!(fault.also.last().unwrap().detail.contains("further faults"), "{fault:?}");
}

#[test]
fn a_whole_number_is_an_id_with_all_its_digits_and_one_that_lost_some_is_refused() {
    let id = |json: &str| prediction(&format!(r#"{{"prediction":1,"prediction_id":{json}}}"#)).id.unwrap();
    for digits in ["9007199254740993", "18446744073709551615", "-9223372036854775808"] {
        assert_eq!(id(digits), id(&format!("\"{digits}\"")));
    }
    for lost in ["18446744073709551616", "9007199254740993.0", "1e300"] {
        let json = format!(r#"{{"actual":1,"prediction_id":{lost}}}"#);
        assert_eq!(fault(Kind::Label, &json), ("out_of_range".into(), "/prediction_id".into()), "{lost}");
    }
}

#[test]
fn a_number_in_quotes_is_refused_with_the_advice_to_leave_them_out() {
    let fault = one(Kind::Prediction, r#"{"prediction":1,"confidence":"0.93"}"#).unwrap_err();
    assert_eq!((fault.reason.as_str(), fault.pointer.as_str()), ("wrong_type", "/confidence"));
    assert!(fault.detail.contains("leave the quotes out"), "{fault:?}");
}

#[test]
fn text_that_is_not_utf_8_is_named_for_what_it_is() {
    let json = r#"{"prediction":"a"}"#;
    let (little, big): (Vec<u8>, Vec<u8>) =
        (json.encode_utf16().flat_map(u16::to_le_bytes).collect(), json.encode_utf16().flat_map(u16::to_be_bytes).collect());
    for body in [&little, &big, &[&[0xff, 0xfe][..], &little].concat(), &[&[0xfe, 0xff][..], &big].concat()] {
        let fault = read(Kind::Prediction, body).remove(0).unwrap_err();
        assert_eq!(fault.reason, "bad_utf8");
        assert!(fault.detail.contains("UTF-16"), "{fault:?}");
    }
    for (body, said) in [(&b"ARROW1\0\0\xff"[..], "an Arrow file; send an Arrow stream"), (b"PAR1\x15\xff", "a Parquet file")] {
        let fault = read(Kind::Prediction, body).remove(0).unwrap_err();
        assert!(fault.reason == "bad_utf8" && fault.detail.contains(said), "{fault:?}");
    }
    let lines = "\u{feff}{\"prediction\":1}\n\u{feff}{\"prediction\":2}\n";
    assert_eq!(faults(&read(Kind::Prediction, lines)), [("", ""), ("", "")], "two files in one");
}

#[test]
fn a_key_that_a_command_does_not_have_is_refused_and_named() {
    for (json, pointers) in [
        (
            r#"{"command":"set_thresholds","accuracy_treshold":0.8,"drift_treshold":0.1}"#,
            vec!["/accuracy_treshold", "/drift_treshold"],
        ),
        (r#"{"command":"gather_reference","model":"m","dry_run":true}"#, vec!["/dry_run"]),
        (r#"{"command":"revoke_token","id":"t","until":"2027-01-01T00:00:00Z"}"#, vec!["/until"]),
        (r#"{"command":"set_drift_policy","window":600}"#, vec!["/window"]),
    ] {
        let fault = one(Kind::Command, json).unwrap_err();
        let told: Vec<&str> = fault.all().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!((fault.reason.as_str(), told), ("bad_command", pointers), "{json}");
        assert!(fault.detail.contains("expected"), "{fault:?}");
    }
}

/// A table that is there already.
struct Given(Columns);

impl Tables for Given {
    fn read(&self, _body: &[u8]) -> Result<Columns, Unreadable> {
        Ok(self.0.clone())
    }
}

fn read_table(kind: Kind, rows: usize, columns: Vec<(&str, Column)>) -> Vec<Result<Event, Fault>> {
    let columns = columns.into_iter().map(|(name, column)| (name.into(), column)).collect();
    let arrow = Some("application/vnd.apache.arrow.stream");
    decode_body(kind, &slug(), arrow, &(), b"a table", stored_at(), Given(Columns { rows, columns }))
}

fn texts(texts: &[&str]) -> Column {
    Cells::Texts(texts.iter().copied().collect()).into()
}

fn some(cells: Cells, present: &[bool]) -> Column {
    Column { cells, present: Some(present.to_vec()) }
}

#[test]
fn a_row_of_a_table_is_the_same_record_as_in_json() {
    let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
    let lists = Cells::Lists { ends: vec![2, 2], of: Box::new(Cells::Real(vec![3.0, 4.0]).into()) };
    let maps = Cells::Maps {
        ends: vec![1, 2],
        names: Box::new(texts(&["country", "country"])),
        values: Box::new(texts(&["KR", "PT"])),
    };
    let channels = Cells::Chosen { rows: vec![1, 0], of: Box::new(texts(&["web", "app"])) };
    let read = read_table(
        Kind::Prediction,
        2,
        vec![
            ("prediction_id", Cells::Whole(vec![7, 8]).into()),
            ("at", Cells::Instants(vec![at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:01Z")]).into()),
            ("model", texts(&["fraud", "fraud"])),
            ("prediction", Cells::Flags(vec![true, false]).into()),
            ("confidence", some(Cells::Real(vec![0.5, f64::NAN]), &[true, false])),
            ("segment", maps.into()),
            ("scores.yes", Cells::Real(vec![0.75, 0.25]).into()),
            ("features.amount", Cells::Big(vec![3, 4]).into()),
            ("features.channel", channels.into()),
            ("features.place", lists.into()),
            ("features.nothing", Cells::Missing.into()),
            ("a column that is none of ours", Cells::Unread("Binary".to_owned()).into()),
        ],
    );
    let json = r#"[
        {"prediction_id": 7, "at": "2026-01-01T00:00:00Z", "model": "fraud", "prediction": true, "confidence": 0.5, "segment": {"country": "KR"},
         "scores": {"yes": 0.75}, "features": {"amount": 3, "channel": "app", "place": [3, 4], "nothing": null}},
        {"prediction_id": 8, "at": "2026-01-01T00:00:01Z", "model": "fraud", "prediction": false, "segment": {"country": "PT"},
         "scores": {"yes": 0.25}, "features": {"amount": 4, "channel": "web", "place": [], "nothing": null}}]"#;
    assert_eq!(read, self::read(Kind::Prediction, json));
    assert!(read.iter().all(Result::is_ok), "{read:?}");
}

#[test]
fn without_features_of_its_own_each_column_of_a_table_that_is_no_field_is_one() {
    let columns = vec![
        ("prediction", Cells::Real(vec![1.0]).into()),
        ("age", Cells::Whole(vec![30]).into()),
        ("tags", texts(&["none of them"])),
        ("city", texts(&["Seoul"])),
    ];
    let json = r#"[{"prediction": 1, "features": {"age": 30, "city": "Seoul"}}]"#;
    assert_eq!(read_table(Kind::Prediction, 1, columns.clone()), read(Kind::Prediction, json));
    let objects = Cells::Objects(vec![("height".into(), Cells::Real(vec![1.8]).into())]);
    let with = [columns, vec![("features", objects.into()), ("features.weight", Cells::Whole(vec![70]).into())]].concat();
    let json = r#"[{"prediction": 1, "features": {"height": 1.8, "weight": 70}}]"#;
    assert_eq!(read_table(Kind::Prediction, 1, with), read(Kind::Prediction, json));
}

#[test]
fn a_bad_cell_of_a_table_costs_its_row() {
    let columns = vec![("prediction_id", texts(&["a", "", "c"])), ("actual", Cells::Real(vec![1.0, 0.0, f64::NAN]).into())];
    let read = read_table(Kind::Label, 3, columns);
    assert!(read[0].is_ok());
    let told = |index: usize| read[index].as_ref().map(drop).unwrap_err();
    assert_eq!((told(1).reason.as_str(), told(1).pointer.as_str()), ("bad_name", "/1/prediction_id"));
    assert_eq!((told(2).reason.as_str(), told(2).pointer.as_str()), ("not_finite", "/2/actual"));
}

#[test]
fn a_table_that_cannot_be_read_is_one_fault() {
    let told = |read: Vec<Result<Event, Fault>>| {
        let [Err(fault)] = read.as_slice() else { panic!("{read:?}") };
        (fault.reason.to_string(), fault.detail.clone())
    };
    let unread = Cells::Objects(vec![("photo".into(), Cells::Unread("Binary".to_owned()).into())]);
    let (reason, detail) = told(read_table(Kind::Prediction, 1, vec![("features", unread.into())]));
    assert_eq!(reason, "bad_arrow");
    assert!(detail.contains("\"features.photo\" is of the kind Binary"), "{detail}");
    let (reason, detail) = told(read_table(Kind::Sample, 1, vec![("value", Cells::Whole(vec![1]).into())]));
    assert!(reason == "bad_arrow" && detail.contains("send each sample as JSON"), "{detail}");
    assert_eq!(told(read_table(Kind::Label, 0, Vec::new())).0, "empty");
    let wide = (0..1_000).map(|_| ("x", Cells::Missing.into())).collect();
    assert_eq!(told(read_table(Kind::Prediction, 1_000, wide)).0, "too_large");
    let many = vec![("prediction", Cells::Whole(vec![1; RECORDS_MAX + 1]).into())];
    assert_eq!(told(read_table(Kind::Prediction, RECORDS_MAX + 1, many)).0, "too_many_records");
    let body = [0xff; 4];
    let (reason, detail) = told(decode_body(Kind::Label, &slug(), None, &(), &body, stored_at(), NoTables));
    assert!(reason == "bad_arrow" && detail.contains("not read here"), "recognised by its first bytes: {detail}");
}
