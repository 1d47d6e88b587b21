//! The decoder takes anything: it never panics, bounds what it returns, and reads a record alike in both encodings.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tidewatch::event::subject::Root;
use tidewatch::event::wire::{DEPTH_MAX, MESSAGE_BYTES_MAX, RECORDS_MAX, Raw, Reason, decode, record_as_json};
use tidewatch::event::{Event, Fault, Kind};
use tidewatch::files::message::Arrow;
use tidewatch::ids::Slug;
use tidewatch::time::Timestamp;

fn read(kind: Kind, payload: &[u8]) -> Vec<Result<Event, Fault>> {
    let root = Root::new(Slug::try_from("tw").unwrap());
    let subject = root.input(kind, &Slug::try_from("web-01").unwrap());
    let stored_at = Timestamp::parse_rfc3339("2026-01-01T00:01:00Z").unwrap();
    let message = decode(Raw { seq: 1, stored_at, subject: &subject, headers: &(), payload }, &root, Arrow);
    assert!((1..=RECORDS_MAX).contains(&message.records.len()));
    for fault in message.records.iter().filter_map(|record| record.as_ref().err()) {
        assert!(Reason::ALL.iter().any(|reason| reason.as_str() == fault.reason), "{fault:?}");
        assert!(fault.pointer.is_empty() || fault.pointer.starts_with('/'), "{fault:?}");
        assert!(!fault.detail.is_empty());
    }
    let accepted = message.records.iter().rposition(Result::is_ok).filter(|_| kind != Kind::Tick);
    let shown = record_as_json(None, payload, accepted.unwrap_or_default(), Arrow);
    assert!(accepted.is_none() || shown.is_some_and(|json| serde_json::from_str::<Value>(&json).is_ok()), "{payload:?}");
    message.records
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-2.0..2.0f64).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from("2026-01-01T00:00:30Z")),
        Just(Value::from("info")),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(field(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Mostly names the decoder knows.
fn field() -> impl Strategy<Value = String> {
    let known = [
        "prediction_id",
        "model",
        "model_name",
        "model_version",
        "at",
        "timestamp",
        "ts",
        "features",
        "prediction",
        "confidence",
        "scores",
        "response_time",
        "latency_ms",
        "error",
        "actual",
        "segment",
        "tags",
        "prediction_data",
        "input_features",
        "result",
        "source",
        "plugin_id",
        "labels",
        "metrics",
        "metric_type",
        "value",
        "metadata",
        "name",
        "unit",
        "level",
        "message",
        "event_type",
        "severity",
        "cpu_usage",
        "error_rate",
        "disk_io",
        "custom_metrics",
        "job_id",
        "state",
        "command",
        "settled_through",
        "lane",
        "conditions",
        "event_id",
        "class",
    ];
    prop_oneof![8 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

fn record() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(field(), any_value(), 0..10)
        .prop_map(|map| Value::Object(map.into_iter().collect::<Map<String, Value>>()))
}

fn good(kind: Kind) -> Value {
    match kind {
        Kind::Prediction => {
            json!({"prediction_id": "p", "model": "m", "at": "2026-01-01T00:00:30Z", "features": {"a": 1.5, "b": [1, 2]},
            "prediction": {"value": 3}, "scores": {"a": 0.5}, "segment": {"s": "x"}, "response_time": 0.1})
        }
        Kind::Label => json!({"prediction_id": "p", "actual": {"x": 1}}),
        Kind::Sample => json!({"metrics": [{"name": "cpu", "value": 1.5, "labels": {"core": 0}}], "labels": {"a": "b"}}),
        Kind::Log => json!({"message": "hello \u{202e}", "level": "info", "context": {"a": [1, {"b": null}]}}),
        Kind::Event => json!({"event_type": "x", "data": [1, 2]}),
        Kind::Snapshot => json!({"cpu_usage": 1.0, "disk_io": {"read": 1}}),
        Kind::Job => json!({"job_id": "j", "state": "START"}),
        Kind::Command => json!({"command": "set_thresholds", "drift_threshold": 0.1}),
        Kind::Outcome => json!({"settled_through": 7, "lane": "jobs"}),
        Kind::Tick | Kind::Unknown => json!({}),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(kind in any_kind(), bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        read(kind, &bytes);
    }

    #[test]
    fn bytes_that_open_like_messagepack_are_survived(
        kind in any_kind(), first in 0x80_u8..=0x9f, bytes in prop::collection::vec(any::<u8>(), 0..256)
    ) {
        read(kind, &[&[first], bytes.as_slice()].concat());
    }

    #[test]
    fn damaged_messages_are_survived(
        kind in any_kind(), packed in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>()
    ) {
        let frame = Value::Array(vec![good(kind); 3]);
        let mut bytes = if packed { rmp_serde::to_vec_named(&frame).unwrap() } else { frame.to_string().into_bytes() };
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(kind, &bytes);
        bytes.truncate(cut.index(bytes.len()));
        read(kind, &bytes);
    }

    #[test]
    fn both_encodings_say_the_same(kind in any_kind(), records in prop::collection::vec(record(), 1..4)) {
        let frame = Value::Array(records.clone());
        let from_json = read(kind, frame.to_string().as_bytes());
        prop_assert_eq!(&from_json, &read(kind, &rmp_serde::to_vec_named(&frame).unwrap()));
        prop_assert_eq!(from_json.len(), records.len());
        // A record is judged alike alone and in a frame, but for the pointer.
        let alone = read(kind, records[0].to_string().as_bytes()).remove(0);
        match (&from_json[0], &alone) {
            (Err(framed), Err(alone)) => {
                prop_assert_eq!(&framed.pointer, &format!("/0{}", alone.pointer));
                prop_assert_eq!(&framed.reason, &alone.reason);
            }
            (framed, alone) => prop_assert_eq!(framed, alone),
        }
    }

    #[test]
    fn a_bad_record_never_harms_its_neighbours(kind in any_kind(), record in record(), bad in scalar()) {
        let frame = json!([good(kind), record, bad, good(kind)]);
        let records = read(kind, frame.to_string().as_bytes());
        prop_assert_eq!(records.len(), 4);
        prop_assert!(records[0].is_ok() && records[3].is_ok() && records[2].is_err());
    }
}

/// Messages made to break a decoder, as (kind, payload, reason of the first fault, or none if it is read).
#[test]
fn hostile_messages_are_refused_early_or_read() {
    let nested = |open: u8, count: usize, close: &[u8]| [vec![open; count], close.repeat(count)].concat();
    let text = |json: &str| json.as_bytes().to_vec();
    let packed_text = |bytes: &[u8]| [&[0x81, 0xaa], b"prediction".as_slice(), &[0xa0 | bytes.len() as u8], bytes].concat();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("10 MB of text", format!("{{\"prediction\":\"{}\"}}", "x".repeat(10 << 20)).into_bytes(), "too_large"),
        ("a long class", format!("{{\"prediction\":\"{}\"}}", "x".repeat(1_000)).into_bytes(), "bad_name"),
        ("deep JSON arrays", nested(b'[', 1_024, b"]"), "too_deep"),
        ("half a megabyte of brackets", vec![b'['; MESSAGE_BYTES_MAX / 2], "too_deep"),
        ("deep JSON objects", [b"{\"a\":".repeat(1_024), b"1".to_vec(), b"}".repeat(1_024)].concat(), "too_deep"),
        ("deep MessagePack arrays", nested(0x91, 1_024, &[]), "too_deep"),
        ("a megabyte of MessagePack nesting", vec![0x91; MESSAGE_BYTES_MAX], "too_deep"),
        ("deep MessagePack maps", [0x81, 0xa1, b'a'].repeat(1_024), "too_deep"),
        ("deep MessagePack keys", vec![0x81; 1_024], "too_deep"),
        ("an array that claims 4 G items", vec![0xdd, 0xff, 0xff, 0xff, 0xff], "bad_msgpack"),
        ("a map that claims 4 G entries", vec![0xdf, 0xff, 0xff, 0xff, 0xff], "bad_msgpack"),
        (
            "text that claims 4 GB",
            [packed_text(b"")[..11].to_vec(), vec![0x81, 0xdb, 0xff, 0xff, 0xff, 0xff]].concat(),
            "bad_msgpack",
        ),
        (
            "bytes that claim 4 GB",
            [&[0x81, 0xa1, b'x', 0xc6, 0xff, 0xff, 0xff, 0xff], b"ab".as_slice()].concat(),
            "bad_msgpack",
        ),
        ("an extension that claims 4 GB", vec![0x81, 0xa1, b'x', 0xc9, 0xff, 0xff, 0xff, 0xff, 0x05], "bad_msgpack"),
        ("the reserved marker", vec![0x81, 0xc1], "bad_msgpack"),
        ("more than one value", [packed_text(b"x"), vec![0x05]].concat(), "bad_msgpack"),
        ("an Arrow stream that ends at once", vec![0xff; 4], "bad_arrow"),
        ("an Arrow message that claims 2 GB", [&[0xff; 4][..], &[0xff, 0xff, 0xff, 0x7f]].concat(), "bad_arrow"),
        ("gzip", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "bad_utf8"),
        ("zstd", vec![0x28, 0xb5, 0x2f, 0xfd, 0], "bad_utf8"),
        ("nothing", Vec::new(), "empty"),
        ("space", text(" \r\n\t "), "empty"),
        ("an empty array", text("[]"), "empty"),
        ("a byte order mark and nothing", "\u{feff}".as_bytes().to_vec(), "bad_json"),
        ("a byte order mark", "\u{feff}{\"prediction\":1}".as_bytes().to_vec(), ""),
        ("invalid UTF-8 in JSON", b"{\"prediction\":\"\xff\"}".to_vec(), "bad_utf8"),
        ("invalid UTF-8 in MessagePack", packed_text(b"\xff"), "bad_utf8"),
        ("NUL in a class", text("{\"prediction\":\"a\\u0000\"}"), "bad_name"),
        ("NUL between values", b"{\"prediction\":1}\0".to_vec(), "bad_json"),
        ("a number that is none", text("{\"prediction\":NaN}"), "not_finite"),
        ("minus infinity", text("{\"prediction\":-Infinity}"), "not_finite"),
        ("a number beyond all", text("{\"prediction\":1e999}"), "not_finite"),
        ("minus zero", text("{\"prediction\":-0}"), ""),
        ("huge sums", text("{\"prediction\":1e308,\"actual\":-1e308,\"features\":{\"x\":1e308}}"), ""),
        ("duplicate keys", text("{\"prediction\":1,\"prediction\":2}"), ""),
        ("a lone surrogate", text("{\"prediction\":\"\\ud800\"}"), "bad_json"),
        ("surrogates the wrong way round", text("{\"prediction\":\"\\udc00\\ud800\"}"), "bad_json"),
        ("right-to-left marks", text("{\"prediction\":\"\\u202eabc\"}"), ""),
        ("the edge of i64", text("{\"prediction\":-9223372036854775808}"), ""),
        ("the edge of u64", text("{\"prediction\":18446744073709551615}"), ""),
        ("beyond u64", text("{\"prediction\":18446744073709551616}"), ""),
        ("u64 as a time", text("{\"prediction\":1,\"at\":18446744073709551615}"), "future_time"),
        ("i64 as a time", text("{\"prediction\":1,\"at\":9223372036854775807}"), "future_time"),
        ("a comment", text("{\"prediction\":1/**/}"), "bad_json"),
        ("a trailing comma", text("[{\"prediction\":1},]"), "bad_json"),
        ("10,001 empty records", [b"[".to_vec(), b"{},".repeat(10_000), b"{}]".to_vec()].concat(), "too_many_records"),
        ("10,001 lines", b"{}\n".repeat(10_001), "too_many_records"),
    ];
    for (name, payload, reason) in cases {
        let records = read(Kind::Prediction, &payload);
        let first = records[0].as_ref().map_or_else(|fault| fault.reason.as_str(), |_| "");
        assert_eq!(first, reason, "{name}: {:?}", records[0]);
    }
}

#[test]
fn the_last_of_two_fields_with_one_name_wins() {
    let read = |json: &str| read(Kind::Prediction, json.as_bytes()).remove(0).unwrap();
    assert_eq!(read(r#"{"prediction":1,"model":"a","model_name":"b"}"#), read(r#"{"prediction":1,"model":"b"}"#));
    assert_eq!(read(r#"{"prediction":1,"model":"a","model":null}"#), read(r#"{"prediction":1,"model":"a"}"#));
}

#[test]
fn the_deepest_allowed_record_is_read_on_a_small_stack() {
    let levels = usize::from(DEPTH_MAX) - 1;
    let json = format!("{{\"message\":\"m\",\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let packed = rmp_serde::to_vec_named(&serde_json::from_str::<Value>(&json).unwrap()).unwrap();
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
        assert!(read(Kind::Log, json.as_bytes())[0].is_ok());
        assert!(read(Kind::Log, &packed)[0].is_ok());
    });
    thread.unwrap().join().unwrap();
}
