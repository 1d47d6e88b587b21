//! Cells, columns and numbers beyond memory. Forms of files are tried on the commands, in `tests/commands/files.rs`.

use std::sync::{Arc, OnceLock};

use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::properties::WriterProperties;
use arrow_array::ArrowPrimitiveType;
use arrow_array::types::{Decimal256Type, Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, BooleanArray, Decimal256Array, DictionaryArray, Int64Array, RecordBatch, RunArray, StringArray, StructArray,
    Time64MicrosecondArray, UInt64Array,
};
use proptest::prelude::*;

use super::cell::{Plain, classify};
use super::columns::{Columns, Kind, Part};
use super::sorted::Numbers;
use super::*;
use tidewatch_core::stats::drift::Ascending;

#[test]
fn numbers_that_were_put_aside_come_back_in_order() {
    let spill = Arc::default();
    let (mut numbers, mut wanted) = (Numbers::new(&spill), Vec::new());
    for round in 0..7_u32 {
        let some: Vec<f64> =
            (0..20_000_u32).map(|step| f64::from(step.wrapping_mul(2_654_435_761 + round) % 1_000_003)).collect();
        numbers.extend(&some);
        wanted.extend(some);
        if round % 2 == 0 {
            numbers.put_aside().unwrap();
        }
    }
    numbers.sort();
    wanted.sort_unstable_by(f64::total_cmp);
    assert_eq!(numbers.count(), wanted.len() as u64);
    for _ in 0..2 {
        assert!(numbers.ascending().eq(wanted.iter().copied()), "each walk begins anew");
    }
    spill.check().unwrap();
}

#[test]
fn numbers_are_read_as_they_are_written() {
    for (text, wanted) in [
        ("12.50", Plain::Cell(Cell::Number(12.5))),
        ("-7", Plain::Cell(Cell::Number(-7.0))),
        ("-0", Plain::Cell(Cell::Number(0.0))),
        (".5", Plain::Cell(Cell::Number(0.5))),
        ("1e3", Plain::Cell(Cell::Number(1_000.0))),
        ("9007199254740992", Plain::Cell(Cell::Number(9_007_199_254_740_992.0))),
        ("9007199254740993", Plain::Long),
        ("60,5", Plain::Cell(Cell::Comma(60.5))),
        ("60,000", Plain::Cell(Cell::Either(60.0))),
        ("0,125", Plain::Cell(Cell::Comma(0.125))),
        ("1,234,567", Plain::Cell(Cell::Grouped(1_234_567.0))),
        ("1,234.5", Plain::Cell(Cell::Grouped(1_234.5))),
        ("-1.234,5", Plain::Cell(Cell::Comma(-1_234.5))),
        ("1.234.567", Plain::Cell(Cell::Comma(1_234_567.0))),
        ("1 234,5", Plain::Cell(Cell::Comma(1_234.5))),
        ("1'234.5", Plain::Cell(Cell::Grouped(1_234.5))),
        ("1.2.3", Plain::Text),
        ("12:30", Plain::Text),
        ("1,2,3", Plain::Text),
        ("-", Plain::Text),
        ("inf", Plain::Cell(Cell::NotFinite)),
        ("1e999", Plain::Cell(Cell::NotFinite)),
        ("NaN", Plain::Word),
        ("None", Plain::Word),
        ("TRUE", Plain::Cell(Cell::Truth(true))),
        ("n.a.", Plain::Text),
        ("", Plain::Cell(Cell::Missing)),
    ] {
        assert_eq!(classify(text), wanted, "{text:?}");
    }
}

#[test]
fn a_column_with_more_texts_than_memory_takes_is_told_so() {
    let mut all = Columns::default();
    for block in 0..10 {
        let mut part = Part::default();
        for row in 0..10_000 {
            part.add_row();
            part.text("id", &format!("row {block} {row}"), row);
            part.text("kind", if row % 2 == 0 { "a" } else { "b" }, row);
        }
        all.add(part).unwrap();
    }
    let mut pairs = Columns::beside(all, Columns::default()).into_iter().map(|sides| sides.unite([Format::JsonLines; 2]));
    assert_eq!(pairs.next().unwrap().present, [100_000, 0]);
    assert!(matches!(pairs.next().unwrap().kind, Kind::Empty));
}

/// Cells as they are read of a file: their text, or how they show.
fn cells_of(bytes: Vec<u8>, texts: bool) -> Result<Vec<Vec<String>>, Error> {
    let mut all = Vec::new();
    let map = |batch: Batch| {
        let Batch::Rows(rows) = batch else { panic!("a table has rows") };
        let shown = |cell: &Cell| rows.text_of(*cell).map_or_else(|| format!("{cell:?}"), str::to_owned);
        Ok(rows.columns.iter().map(|cells| cells.iter().map(shown).collect::<Vec<_>>()).collect::<Vec<_>>())
    };
    let ask = Ask { columns: &|_| true, texts: &|_| texts, plain: false, progress: None };
    read(&Input::Bytes(bytes.into()), ask, map, |columns| {
        all.resize(columns.len(), Vec::new());
        all.iter_mut().zip(columns).for_each(|(all, cells): (&mut Vec<String>, _)| all.extend(cells));
        Ok(())
    })?;
    Ok(all)
}

fn batch(rows: i64) -> RecordBatch {
    let columns: [(&str, ArrayRef); 4] = [
        ("long", Arc::new(Int64Array::from_iter_values((0..rows).map(|row| (1 << 53) + row)))),
        ("unsigned", Arc::new(UInt64Array::from_iter((0..rows).map(|row| (row % 3 != 0).then_some(u64::MAX))))),
        ("flag", Arc::new(BooleanArray::from_iter((0..rows).map(|row| Some(row % 2 == 0))))),
        ("text", Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("{}.50", row % 7))))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn as_parquet(batch: &RecordBatch) -> Vec<u8> {
    as_parquet_with(batch, WriterProperties::default())
}

fn as_parquet_with(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn as_arrow(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn as_arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch.slice(0, batch.num_rows() / 2)).unwrap();
    writer.write(&batch.slice(batch.num_rows() / 2, batch.num_rows() - batch.num_rows() / 2)).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn cells_of_parquet_and_arrow_are_what_they_would_be_in_csv() {
    // more rows than are worked on at a time
    let batch = batch(40_000);
    for bytes in [as_parquet(&batch), as_arrow(&batch)] {
        let cells = cells_of(bytes.clone(), false).unwrap();
        let first = cells.iter().map(|column| column[..2].to_vec()).collect::<Vec<_>>();
        assert_eq!(
            first,
            [
                ["Number(9007199254740992.0)", "9007199254740993"],
                ["Missing", "18446744073709551615"],
                ["Truth(true)", "Truth(false)"],
                ["Number(0.5)", "Number(1.5)"],
            ]
        );
        assert!(cells.iter().all(|column| column.len() == 40_000));
        let texts = cells_of(bytes, true).unwrap();
        assert_eq!(
            texts.iter().map(|column| column[1].as_str()).collect::<Vec<_>>(),
            ["9007199254740993", "18446744073709551615", "false", "1.50"]
        );
    }
}

#[test]
fn structures_dictionaries_runs_times_and_wide_decimals_are_read_as_what_they_hold() {
    let inner: [(&str, ArrayRef); 2] = [
        ("amount", Arc::new(Int64Array::from(vec![Some(7), None, Some(9)]))),
        ("city", Arc::new(StringArray::from(vec!["Seoul", "Jeju", "Jeju"]))),
    ];
    let keys = arrow_array::Int32Array::from(vec![Some(1), None, Some(0)]);
    let codes = DictionaryArray::<Int32Type>::new(keys, Arc::new(Int64Array::from(vec![404, 200])));
    let wide = Decimal256Array::from(vec![Some(<Decimal256Type as ArrowPrimitiveType>::Native::from_i128(1_250)), None, None])
        .with_precision_and_scale(50, 2);
    let columns: [(&str, ArrayRef); 4] = [
        ("features", Arc::new(StructArray::try_from(inner.to_vec()).unwrap())),
        ("code", Arc::new(codes)),
        ("wide", Arc::new(wide.unwrap())),
        ("at", Arc::new(Time64MicrosecondArray::from(vec![12_615_500_000, 0, 86_400_000_000]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let wanted = [
        ["Number(7.0)", "Missing", "Number(9.0)"],
        ["Seoul", "Jeju", "Jeju"],
        ["Number(200.0)", "Missing", "Number(404.0)"],
        ["Number(12.5)", "Missing", "Missing"],
        ["03:30:15.5", "00:00:00", "NotFinite"],
    ];
    for bytes in [as_parquet(&batch), as_arrow(&batch)] {
        assert_eq!(cells_of(bytes, false).unwrap(), wanted);
    }
    let ends = arrow_array::PrimitiveArray::<Int64Type>::from(vec![2, 3]);
    let runs = RunArray::try_new(&ends, &StringArray::from(vec![Some("a"), None])).unwrap();
    let batch = RecordBatch::try_from_iter([("kind", Arc::new(runs) as ArrayRef)]).unwrap();
    assert_eq!(cells_of(as_arrow(&batch), false).unwrap(), [["a", "a", "Missing"]]);
}

#[test]
fn a_file_that_was_cut_off_is_an_error() {
    let batch = batch(500);
    for whole in [as_parquet(&batch), as_arrow(&batch), as_arrow_stream(&batch)] {
        // a stream that ends between two parts is whole: its schema alone is a table without rows
        for cut in (8..whole.len() - 16).step_by(97) {
            assert!(cells_of(whole[..cut].to_vec(), false).is_err(), "cut at {cut} of {}", whole.len());
        }
    }
}

/// The same small table in every form that is not text: of several parts, compressed, with a dictionary.
fn binary_forms() -> &'static [Vec<u8>] {
    static FORMS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let batch = batch(300);
        let compressed = |compression| {
            let properties = WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(Some(100));
            as_parquet_with(&batch, properties.set_data_page_row_count_limit(40).build())
        };
        vec![
            compressed(Compression::UNCOMPRESSED),
            compressed(Compression::SNAPPY),
            compressed(Compression::ZSTD(ZstdLevel::default())),
            as_arrow(&batch),
            as_arrow_stream(&batch),
        ]
    })
}

proptest! {
    /// Whatever happened to a file: its rows, or an error that says something, in bounded time and without the end of the process. More cases with
    /// `PROPTEST_CASES`.
    #[test]
    fn a_damaged_file_is_rows_or_an_error(
        form in 0_usize..5,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        from_end in any::<bool>(),
    ) {
        let mut damaged = binary_forms()[form].clone();
        let length = damaged.len();
        for (place, bit) in flips {
            // what a file says of itself is at its end, or, of a stream, at its beginning
            let place = if from_end { length - 1 - place.index(length.min(1_500)) } else { place.index(length) };
            damaged[place] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            damaged.truncate(cut.index(length));
        }
        match cells_of(damaged, false) {
            Ok(columns) => prop_assert!(columns.iter().all(|cells| cells.len() == columns[0].len())),
            Err(error) => prop_assert!(10 < error.to_string().len(), "{error}"),
        }
    }
}

proptest! {
    #[test]
    fn a_number_is_the_nearest_double_to_its_text(number in prop::num::f64::NORMAL) {
        for text in [number.to_string(), format!("{number:e}"), format!("{number:.3}")] {
            let wanted: f64 = text.parse().unwrap();
            let found = match classify(&text) {
                Plain::Cell(Cell::Number(found)) => found,
                Plain::Long => wanted,
                other => panic!("{text}: {other:?}"),
            };
            prop_assert_eq!(found, wanted, "{}", text);
        }
    }
}
