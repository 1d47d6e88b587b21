//! The cells of an Arrow array.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, RunEndIndexType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, RunArray};
use arrow_schema::{DataType, TimeUnit};
use jiff::{SignedDuration, Timestamp, civil};

use crate::cell::{Cell, POWERS, Rows, WHOLE_MAX};

/// The kind of a column in words if it is not read.
pub fn unread(kind: &DataType) -> Option<&'static str> {
    match kind {
        DataType::Null | DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => None,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) | DataType::Duration(_) => None,
        DataType::Time32(_) | DataType::Time64(_) => None,
        kind if kind.is_numeric() => None,
        DataType::Dictionary(_, values) => unread(values),
        DataType::RunEndEncoded(_, values) => unread(values.data_type()),
        DataType::Struct(_) => Some("structures"),
        DataType::Map(..) => Some("maps"),
        DataType::Union(..) => Some("unions"),
        DataType::Interval(_) => Some("calendar intervals"),
        kind if kind.is_binary() || matches!(kind, DataType::FixedSizeBinary(_)) => Some("binary data"),
        _ => Some("lists"),
    }
}

/// The cells of an array whose kind is read.
///
/// * `as_text`: whether every cell is the text that says it.
///
/// Instants are texts as in RFC 3339, with `Z` where the file gives a time zone; times of day are texts such as `03:30:15.5`; durations are
/// seconds; texts are read as in a CSV file.
pub fn of(rows: &mut Rows, array: &dyn Array, as_text: bool) -> Vec<Cell> {
    let mut cells = as_they_are(rows, array, as_text);
    if as_text {
        cells.iter_mut().for_each(|cell| *cell = rows.worded(*cell));
    }
    cells
}

fn as_they_are(rows: &mut Rows, array: &dyn Array, as_text: bool) -> Vec<Cell> {
    match array.data_type() {
        DataType::Boolean => array.as_boolean().iter().map(|value| value.map_or(Cell::Missing, Cell::Truth)).collect(),
        DataType::Int8 => numbers::<Int8Type>(array, f64::from),
        DataType::Int16 => numbers::<Int16Type>(array, f64::from),
        DataType::Int32 => numbers::<Int32Type>(array, f64::from),
        DataType::UInt8 => numbers::<UInt8Type>(array, f64::from),
        DataType::UInt16 => numbers::<UInt16Type>(array, f64::from),
        DataType::UInt32 => numbers::<UInt32Type>(array, f64::from),
        DataType::Float16 => numbers::<Float16Type>(array, f64::from),
        DataType::Float32 => numbers::<Float32Type>(array, f64::from),
        DataType::Float64 => numbers::<Float64Type>(array, |number| number),
        DataType::Int64 => each::<Int64Type>(array, |whole| decimal(rows, whole.into(), 0)),
        DataType::UInt64 => each::<UInt64Type>(array, |whole| decimal(rows, whole.into(), 0)),
        DataType::Decimal32(_, scale) => each::<Decimal32Type>(array, |units| decimal(rows, units.into(), *scale)),
        DataType::Decimal64(_, scale) => each::<Decimal64Type>(array, |units| decimal(rows, units.into(), *scale)),
        DataType::Decimal128(_, scale) => each::<Decimal128Type>(array, |units| decimal(rows, units, *scale)),
        DataType::Decimal256(..) => {
            let decimals = array.as_primitive::<Decimal256Type>();
            let texts = (0..array.len()).map(|row| array.is_valid(row).then(|| decimals.value_as_string(row)));
            texts.map(|text| text.map_or(Cell::Missing, |text| rows.cell_of(&text))).collect()
        }
        DataType::Date32 => each::<Date32Type>(array, |days| date(rows, i64::from(days))),
        DataType::Date64 => each::<Date64Type>(array, |milliseconds| date(rows, milliseconds.div_euclid(86_400_000))),
        DataType::Timestamp(unit, zone) => {
            let zoned = zone.is_some();
            match unit {
                TimeUnit::Second => each::<TimestampSecondType>(array, |at| instant(rows, at, 1, zoned)),
                TimeUnit::Millisecond => each::<TimestampMillisecondType>(array, |at| instant(rows, at, 1_000, zoned)),
                TimeUnit::Microsecond => each::<TimestampMicrosecondType>(array, |at| instant(rows, at, 1_000_000, zoned)),
                TimeUnit::Nanosecond => each::<TimestampNanosecondType>(array, |at| instant(rows, at, 1_000_000_000, zoned)),
            }
        }
        DataType::Time32(TimeUnit::Second) => each::<Time32SecondType>(array, |at| of_day(rows, at.into(), 1)),
        DataType::Time32(_) => each::<Time32MillisecondType>(array, |at| of_day(rows, at.into(), 1_000)),
        DataType::Time64(TimeUnit::Microsecond) => each::<Time64MicrosecondType>(array, |at| of_day(rows, at, 1_000_000)),
        DataType::Time64(_) => each::<Time64NanosecondType>(array, |at| of_day(rows, at, 1_000_000_000)),
        DataType::Duration(TimeUnit::Second) => numbers::<DurationSecondType>(array, |time| time as f64),
        DataType::Duration(TimeUnit::Millisecond) => numbers::<DurationMillisecondType>(array, |time| time as f64 / 1e3),
        DataType::Duration(TimeUnit::Microsecond) => numbers::<DurationMicrosecondType>(array, |time| time as f64 / 1e6),
        DataType::Duration(TimeUnit::Nanosecond) => numbers::<DurationNanosecondType>(array, |time| time as f64 / 1e9),
        DataType::Utf8 => texts(rows, array.as_string::<i32>().iter(), as_text),
        DataType::LargeUtf8 => texts(rows, array.as_string::<i64>().iter(), as_text),
        DataType::Utf8View => texts(rows, array.as_string_view().iter(), as_text),
        DataType::Dictionary(..) => dictionary(rows, array, as_text),
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => runs::<Int16Type>(rows, array, as_text),
            DataType::Int32 => runs::<Int32Type>(rows, array, as_text),
            _ => runs::<Int64Type>(rows, array, as_text),
        },
        // a column of nulls, and no other: `unread` names the rest
        _ => vec![Cell::Missing; array.len()],
    }
}

fn each<P: ArrowPrimitiveType>(array: &dyn Array, mut cell: impl FnMut(P::Native) -> Cell) -> Vec<Cell> {
    array.as_primitive::<P>().iter().map(|value| value.map_or(Cell::Missing, &mut cell)).collect()
}

fn numbers<P: ArrowPrimitiveType>(array: &dyn Array, number: impl Fn(P::Native) -> f64) -> Vec<Cell> {
    each::<P>(array, |value| match number(value) {
        // pandas writes NaN where there is no value
        number if number.is_nan() => Cell::Missing,
        number if number.is_finite() => Cell::Number(number + 0.0),
        _ => Cell::NotFinite,
    })
}

/// The number `units / 10^scale`, as its text says it where a division may round twice.
fn decimal(rows: &mut Rows, units: i128, scale: i8) -> Cell {
    match usize::try_from(scale).ok().and_then(|scale| POWERS.get(scale)) {
        Some(power) if units.unsigned_abs() <= u128::from(WHOLE_MAX) => Cell::Number(units as f64 / power),
        _ if scale == 0 => rows.cell_of(&units.to_string()),
        _ => rows.cell_of(&format!("{units}e{}", -i32::from(scale))),
    }
}

fn date(rows: &mut Rows, days: i64) -> Cell {
    let text = days.checked_mul(86_400).and_then(|seconds| Timestamp::from_second(seconds).ok());
    text.map_or(Cell::NotFinite, |at| rows.cell_of(&at.to_string()[..10]))
}

/// * `per_second`: units of `at` in a second.
fn instant(rows: &mut Rows, at: i64, per_second: i64, zoned: bool) -> Cell {
    let nanoseconds = i128::from(at) * i128::from(1_000_000_000 / per_second);
    let Ok(at) = Timestamp::from_nanosecond(nanoseconds) else { return Cell::NotFinite };
    let text = at.to_string();
    rows.cell_of(if zoned { &text } else { text.trim_end_matches('Z') })
}

/// A time since midnight.
///
/// * `per_second`: units of `at` in a second.
fn of_day(rows: &mut Rows, at: i64, per_second: i64) -> Cell {
    let nanoseconds = at.checked_mul(1_000_000_000 / per_second).filter(|at| 0 <= *at);
    let since = nanoseconds.map(SignedDuration::from_nanos).and_then(|since| civil::Time::midnight().checked_add(since).ok());
    since.map_or(Cell::NotFinite, |time| rows.cell_of(&time.to_string()))
}

fn texts<'t>(rows: &mut Rows, texts: impl Iterator<Item = Option<&'t str>>, as_text: bool) -> Vec<Cell> {
    let mut cell = |text: &str| if as_text { rows.verbatim(text.trim()) } else { rows.cell_of(text.trim()) };
    texts.map(|text| text.map_or(Cell::Missing, &mut cell)).collect()
}

/// Each entry is read once.
fn dictionary(rows: &mut Rows, array: &dyn Array, as_text: bool) -> Vec<Cell> {
    let dictionary = array.as_any_dictionary();
    let entries = of(rows, dictionary.values().as_ref(), as_text);
    if entries.is_empty() {
        return vec![Cell::Missing; array.len()];
    }
    let keys = dictionary.normalized_keys().into_iter().enumerate();
    keys.map(|(row, key)| if array.is_null(row) { Cell::Missing } else { entries[key] }).collect()
}

/// Each run is read once.
fn runs<R: RunEndIndexType>(rows: &mut Rows, array: &dyn Array, as_text: bool) -> Vec<Cell> {
    let Some(runs) = array.as_any().downcast_ref::<RunArray<R>>() else { return vec![Cell::Missing; array.len()] };
    let entries = of(rows, runs.values().as_ref(), as_text);
    (0..array.len()).map(|row| entries.get(runs.get_physical_index(row)).copied().unwrap_or(Cell::Missing)).collect()
}
