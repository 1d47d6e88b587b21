use std::sync::Arc as Shared;

use arrow_array::builder::{FixedSizeListBuilder, Float64Builder, ListBuilder, MapBuilder, StringBuilder, StringRunBuilder};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, DurationMillisecondArray, Float16Array,
    Float32Array, Float64Array, Int8Array, Int64Array, LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray,
    StructArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field};
use half::f16;
use proptest::prelude::*;
use tidewatch_core::event::columns::Columns;
use tidewatch_core::event::wire::{MESSAGE_BYTES_MAX, NoTables, RECORDS_MAX, Reason, Tables, decode_body};
use tidewatch_core::event::{Event, Fault, Kind};
use tidewatch_core::ids::Slug;
use tidewatch_core::time::Timestamp;

use super::Arrow;
use super::bounds::VALUES_MAX;

/// 2026-01-02T00:00:00Z.
const STORED_AT: Timestamp = Timestamp::from_millis(1_767_312_000_000);

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn stream(batches: &[RecordBatch], compression: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn decoded(kind: Kind, body: &[u8], tables: impl Tables) -> Vec<Result<Event, Fault>> {
    decode_body(kind, &Slug::try_from("web").unwrap(), None, &(), body, STORED_AT, tables)
}

/// A frame of predictions says what the JSON says.
#[track_caller]
fn says(batches: &[RecordBatch], json: &str) {
    let told = decoded(Kind::Prediction, json.as_bytes(), NoTables);
    assert!(told.iter().all(Result::is_ok), "{told:?}");
    for compression in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        assert_eq!(decoded(Kind::Prediction, &stream(batches, compression), Arrow), told, "{compression:?}");
    }
}

/// Why a stream as a whole is refused.
#[track_caller]
fn refused(body: &[u8]) -> (Reason, String) {
    let unreadable = Arrow.read(body).unwrap_err();
    (unreadable.reason, unreadable.detail)
}

fn array<A: arrow_array::Array + 'static>(array: A) -> ArrayRef {
    Shared::new(array)
}

#[test]
fn fields_of_every_type_say_what_json_says() {
    let ids = array(Int64Array::from(vec![i64::MAX, -1]));
    let at = array(
        TimestampNanosecondArray::from(vec![1_767_225_600_000_000_999, 1_767_225_601_000_000_000]).with_timezone("Asia/Seoul"),
    );
    let models = DictionaryArray::<Int8Type>::from_iter([Some("fraud"), None]);
    let versions = StringViewArray::from(vec!["a version of more than twelve bytes", "2"]);
    let spent = DurationMillisecondArray::from(vec![Some(12), None]);
    let scores = StructArray::from(vec![(
        Shared::new(Field::new("yes", DataType::Float32, false)),
        array(Float32Array::from(vec![0.25, 0.5])),
    )]);
    let columns = vec![
        ("prediction_id", ids),
        ("at", at),
        ("model", array(models)),
        ("version", array(versions)),
        ("prediction", array(LargeStringArray::from(vec!["yes", "no"]))),
        ("response_time", array(spent)),
        ("error", array(BooleanArray::from(vec![Some(false), None]))),
        ("scores", array(scores)),
        ("__index_level_0__", array(Int64Array::from(vec![0, 1]))),
    ];
    says(
        &[batch(columns)],
        r#"[{"prediction_id": 9223372036854775807, "at": "2026-01-01T00:00:00Z", "model": "fraud", "version": "a version of more than twelve bytes",
             "prediction": "yes", "response_time": 0.012, "error": false, "scores": {"yes": 0.25}},
            {"prediction_id": -1, "at": "2026-01-01T00:00:01Z", "version": "2", "prediction": "no", "scores": {"yes": 0.5}}]"#,
    );
}

#[test]
fn features_of_every_type_say_what_json_says() {
    let mut lists = ListBuilder::new(Float64Builder::new());
    lists.append_value([Some(3.0), Some(4.0)]);
    lists.append_null();
    let mut pairs = FixedSizeListBuilder::new(Float64Builder::new(), 2);
    pairs.values().append_slice(&[0.0, 5.0, 6.0, 8.0]);
    pairs.append(true);
    pairs.append(true);
    let mut runs = StringRunBuilder::<Int32Type>::new();
    runs.extend([Some("web"), Some("web")]);
    let columns = vec![
        ("prediction", array(UInt64Array::from(vec![1, 0]))),
        ("i8", array(Int8Array::from(vec![-1, 2]))),
        ("f16", array(Float16Array::from(vec![f16::from_f32(0.5), f16::from_f32(2.0)]))),
        ("f64", array(Float64Array::from(vec![Some(0.1), None]))),
        ("decimal", array(Decimal128Array::from(vec![1_230, -1]).with_precision_and_scale(38, 3).unwrap())),
        ("whole", array(Decimal128Array::from(vec![7, 8]).with_precision_and_scale(38, 0).unwrap())),
        ("since", array(TimestampMillisecondArray::from(vec![1_500, 2_000]))),
        ("day", array(Date32Array::from(vec![1, 2]))),
        ("flag", array(BooleanArray::from(vec![true, false]))),
        ("text", array(StringArray::from(vec![Some("a"), None]))),
        ("none", array(NullArray::new(2))),
        ("list", array(lists.finish())),
        ("pair", array(pairs.finish())),
        ("run", array(runs.finish())),
    ];
    let whole = batch(columns);
    let json = r#"[
        {"prediction": 1, "features": {"i8": -1, "f16": 0.5, "f64": 0.1, "decimal": 1.23, "whole": 7, "since": 1.5, "day": 86400, "flag": true,
         "text": "a", "none": null, "list": [3, 4], "pair": [0, 5], "run": "web"}},
        {"prediction": 0, "features": {"i8": 2, "f16": 2, "f64": null, "decimal": -0.001, "whole": 8, "since": 2, "day": 172800, "flag": false,
         "text": null, "none": null, "list": null, "pair": [6, 8], "run": "web"}}]"#;
    says(std::slice::from_ref(&whole), json);
    says(&[whole.slice(0, 1), whole.slice(1, 1)], json);
}

#[test]
fn a_map_is_an_object_of_its_row() {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Float64Builder::new());
    for row in [vec![("a", 1.0), ("b", 2.0)], vec![("c", 3.0)]] {
        for (name, value) in row {
            maps.keys().append_value(name);
            maps.values().append_value(value);
        }
        maps.append(true).unwrap();
    }
    let columns = vec![("prediction", array(Int8Array::from(vec![1, 2]))), ("features", array(maps.finish()))];
    let json = r#"[{"prediction": 1, "features": {"a": 1, "b": 2}}, {"prediction": 2, "features": {"c": 3}}]"#;
    says(&[batch(columns)], json);
}

#[test]
fn a_column_of_another_kind_is_named() {
    let columns = vec![("prediction", array(Int8Array::from(vec![1]))), ("photo", array(BinaryArray::from(vec![&b"x"[..]])))];
    let read = decoded(Kind::Prediction, &stream(&[batch(columns)], None), Arrow);
    let [Err(fault)] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!(fault.reason, "bad_arrow");
    assert!(fault.detail.contains("column \"features.photo\" is of the kind Binary"), "{}", fault.detail);
}

#[test]
fn a_stream_that_says_it_is_large_is_refused_before_it_is_read() {
    let zeros = |rows: usize| batch(vec![("actual", array(Float64Array::from(vec![0.0; rows])))]);
    let many = stream(&[zeros(RECORDS_MAX), zeros(1)], Some(CompressionType::ZSTD));
    assert_eq!(refused(&many).0, Reason::TooManyRecords);
    let wide: Vec<(String, ArrayRef)> = (0..200).map(|n| (format!("x{n}"), array(NullArray::new(6_000)))).collect();
    let wide = RecordBatch::try_from_iter(wide).unwrap();
    let (reason, detail) = refused(&stream(&[wide], None));
    assert!(reason == Reason::TooLarge && detail.contains(&VALUES_MAX.to_string()), "{detail}");
    let long = "a".repeat(5 << 20);
    let bomb =
        stream(&[batch(vec![("prediction", array(StringArray::from(vec![long.as_str()])))])], Some(CompressionType::LZ4_FRAME));
    assert!(bomb.len() < MESSAGE_BYTES_MAX);
    let (reason, detail) = refused(&bomb);
    assert!(reason == Reason::TooLarge && detail.contains("decompressed"), "{detail}");
}

#[test]
fn texts_that_many_rows_share_are_bounded() {
    let long = "a".repeat(2_000);
    let mut views = arrow_array::builder::StringViewBuilder::new().with_deduplicate_strings();
    (0..5_000).for_each(|_| views.append_value(&long));
    let body = stream(&[batch(vec![("text", array(views.finish()))])], None);
    assert!(body.len() < MESSAGE_BYTES_MAX);
    assert_eq!(refused(&body).0, Reason::TooLarge);
}

#[test]
fn an_arrow_file_is_no_stream() {
    let (reason, detail) = refused(b"ARROW1\0\0");
    assert!(reason == Reason::BadArrow && detail.contains("no whole Arrow stream"), "{detail}");
}

/// A frame of many types, compressed or not.
fn sample(compression: Option<CompressionType>) -> Vec<u8> {
    let columns = vec![
        ("prediction_id", array(StringViewArray::from(vec!["one", "a longer one than twelve bytes", "three"]))),
        ("model", array(DictionaryArray::<Int8Type>::from_iter([Some("a"), None, Some("b")]))),
        ("prediction", array(Int64Array::from(vec![Some(1), None, Some(3)]))),
        ("text", array(StringArray::from(vec![Some("x"), Some("yy"), None]))),
        ("flag", array(BooleanArray::from(vec![true, false, true]))),
    ];
    stream(&[batch(columns)], compression)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever is damaged, it is a table or a fault.
    #[test]
    fn no_damage_ends_the_reader(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), packed in 0..3_usize) {
        let mut body = sample([None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)][packed]);
        for (place, byte) in places {
            let place = place.index(body.len());
            body[place] = byte;
        }
        if let Ok(Columns { rows, .. }) = Arrow.read(&body) {
            prop_assert!(rows <= RECORDS_MAX);
        }
    }

    #[test]
    fn a_stream_that_is_cut_off_is_refused_or_whole(end in any::<prop::sample::Index>()) {
        let body = sample(None);
        let read = Arrow.read(&body[..end.index(body.len())]);
        prop_assert!(read.is_err() || read.is_ok_and(|table| [0, 3].contains(&table.rows)));
    }
}
