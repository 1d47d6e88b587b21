//! From Arrow arrays to the core's columns.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, RunEndIndexType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use tidewatch_core::event::columns::{Cells, Column, Columns, Texts};
use tidewatch_core::event::wire::{MESSAGE_BYTES_MAX, Unreadable};
use tidewatch_core::time::Timestamp;

use super::bounds::VALUES_MAX;
use super::{damaged, too_large};

/// What pandas calls columns that number the rows.
const INDEX: &str = "__index_level_";

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What may still be made. Arrays share buffers, so that few bytes can stand for many values.
struct Budget {
    values: usize,
    text_bytes: usize,
}

/// The columns of a batch, but for those in which pandas numbers its rows.
pub fn of(batch: &RecordBatch) -> Result<Columns, Unreadable> {
    let mut budget = Budget { values: VALUES_MAX, text_bytes: 4 * MESSAGE_BYTES_MAX };
    let (rows, mut columns) = (batch.num_rows(), Vec::with_capacity(batch.num_columns()));
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if !field.name().starts_with(INDEX) {
            columns.push((field.name().trim().into(), column(array.as_ref(), &mut budget)?));
        }
    }
    Ok(Columns { rows, columns })
}

fn column(array: &dyn Array, budget: &mut Budget) -> Result<Column, Unreadable> {
    let rows = array.len();
    let too_many = || too_large(format!("the stream holds more than {VALUES_MAX} values; send fewer rows at once"));
    budget.values = budget.values.checked_sub(rows).ok_or_else(too_many)?;
    let nulls = array.nulls().filter(|nulls| nulls.null_count() != 0);
    let present = nulls.map(|nulls| nulls.iter().collect());
    Ok(Column { cells: cells(array, budget)?, present })
}

fn cells(array: &dyn Array, budget: &mut Budget) -> Result<Cells, Unreadable> {
    Ok(match array.data_type() {
        DataType::Null => Cells::Missing,
        DataType::Boolean => Cells::Flags(array.as_boolean().values().iter().collect()),
        DataType::Int8 => whole::<Int8Type>(array, i64::from),
        DataType::Int16 => whole::<Int16Type>(array, i64::from),
        DataType::Int32 => whole::<Int32Type>(array, i64::from),
        DataType::Int64 => whole::<Int64Type>(array, |number| number),
        DataType::UInt8 => whole::<UInt8Type>(array, i64::from),
        DataType::UInt16 => whole::<UInt16Type>(array, i64::from),
        DataType::UInt32 => whole::<UInt32Type>(array, i64::from),
        DataType::UInt64 => Cells::Big(each::<UInt64Type, _>(array, |number| number)),
        DataType::Float16 => real::<Float16Type>(array, f64::from),
        DataType::Float32 => real::<Float32Type>(array, f64::from),
        DataType::Float64 => real::<Float64Type>(array, |number| number),
        DataType::Decimal32(..) => decimal::<Decimal32Type>(array),
        DataType::Decimal64(..) => decimal::<Decimal64Type>(array),
        DataType::Decimal128(..) => decimal::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimal::<Decimal256Type>(array),
        DataType::Duration(unit) => match unit {
            TimeUnit::Second => real::<DurationSecondType>(array, |time| time as f64),
            TimeUnit::Millisecond => real::<DurationMillisecondType>(array, |time| time as f64 / 1e3),
            TimeUnit::Microsecond => real::<DurationMicrosecondType>(array, |time| time as f64 / 1e6),
            TimeUnit::Nanosecond => real::<DurationNanosecondType>(array, |time| time as f64 / 1e9),
        },
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => instants::<TimestampSecondType>(array, |at| at.saturating_mul(1_000_000)),
            TimeUnit::Millisecond => instants::<TimestampMillisecondType>(array, |at| at.saturating_mul(1_000)),
            TimeUnit::Microsecond => instants::<TimestampMicrosecondType>(array, |at| at),
            TimeUnit::Nanosecond => instants::<TimestampNanosecondType>(array, |at| at.div_euclid(1_000)),
        },
        DataType::Date32 => instants::<Date32Type>(array, |days| i64::from(days) * DAY),
        DataType::Date64 => instants::<Date64Type>(array, |milliseconds| milliseconds.saturating_mul(1_000)),
        DataType::Utf8 => texts(array.as_string::<i32>().iter(), budget)?,
        DataType::LargeUtf8 => texts(array.as_string::<i64>().iter(), budget)?,
        DataType::Utf8View => texts(array.as_string_view().iter(), budget)?,
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = column(dictionary.values().as_ref(), budget)?;
            // where a row has no value its key may be anything
            let last = dictionary.values().len().saturating_sub(1);
            chosen(dictionary.normalized_keys().into_iter().map(|row| row.min(last)), values, array.len())
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => runs::<Int16Type>(array, budget)?,
            DataType::Int32 => runs::<Int32Type>(array, budget)?,
            _ => runs::<Int64Type>(array, budget)?,
        },
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            of_lists(lists.offsets().iter().map(|end| *end as usize), lists.values().as_ref(), budget)?
        }
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            of_lists(lists.offsets().iter().map(|end| *end as usize), lists.values().as_ref(), budget)?
        }
        DataType::FixedSizeList(_, size) => {
            let (size, lists) = (*size as usize, array.as_fixed_size_list());
            of_lists((0..=array.len()).map(|row| row * size), lists.values().as_ref(), budget)?
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            let (ends, first, count) = ends(maps.offsets().iter().map(|end| *end as usize));
            let names = column(maps.keys().slice(first, count).as_ref(), budget)?;
            let values = column(maps.values().slice(first, count).as_ref(), budget)?;
            Cells::Maps { ends, names: names.into(), values: values.into() }
        }
        DataType::Struct(fields) => {
            let structure = array.as_struct();
            let entries = fields.iter().zip(structure.columns());
            let entries = entries.map(|(field, inner)| Ok((field.name().trim().into(), column(inner.as_ref(), budget)?)));
            Cells::Objects(entries.collect::<Result<_, _>>()?)
        }
        other => Cells::Unread(other.to_string()),
    })
}

fn each<P: ArrowPrimitiveType, T>(array: &dyn Array, value: impl Fn(P::Native) -> T) -> Vec<T> {
    array.as_primitive::<P>().values().iter().map(|native| value(*native)).collect()
}

fn whole<P: ArrowPrimitiveType>(array: &dyn Array, value: impl Fn(P::Native) -> i64) -> Cells {
    Cells::Whole(each::<P, _>(array, value))
}

fn real<P: ArrowPrimitiveType>(array: &dyn Array, value: impl Fn(P::Native) -> f64) -> Cells {
    Cells::Real(each::<P, _>(array, value))
}

fn instants<P: ArrowPrimitiveType>(array: &dyn Array, micros: impl Fn(P::Native) -> i64) -> Cells {
    Cells::Instants(each::<P, _>(array, |native| Timestamp::from_micros(micros(native))))
}

/// Decimals as numbers, whole ones as such.
fn decimal<P: ArrowPrimitiveType + DecimalType>(array: &dyn Array) -> Cells {
    let decimals = array.as_primitive::<P>();
    let said = |row| if decimals.is_valid(row) { decimals.value_as_string(row) } else { "0".to_owned() };
    let whole: Option<Vec<i64>> = (0..array.len()).map(|row| said(row).parse().ok()).collect();
    let real = || Cells::Real((0..array.len()).map(|row| said(row).parse().unwrap_or(f64::NAN)).collect());
    whole.map_or_else(real, Cells::Whole)
}

fn texts<'t>(texts: impl Iterator<Item = Option<&'t str>>, budget: &mut Budget) -> Result<Cells, Unreadable> {
    let mut all = Texts::default();
    for text in texts.map(Option::unwrap_or_default) {
        let too_long = || too_large("the texts of the stream are too long together; send fewer rows at once".to_owned());
        budget.text_bytes = budget.text_bytes.checked_sub(text.len()).ok_or_else(too_long)?;
        all.push(text);
    }
    Ok(Cells::Texts(all))
}

/// `of` must have a value wherever a row that has one points to.
fn chosen(rows: impl Iterator<Item = usize>, of: Column, count: usize) -> Cells {
    match of.cells {
        Cells::Missing => Cells::Missing,
        _ if count == 0 => Cells::Missing,
        _ => Cells::Chosen { rows: rows.map(|row| row as u32).collect(), of: of.into() },
    }
}

fn runs<E: RunEndIndexType>(array: &dyn Array, budget: &mut Budget) -> Result<Cells, Unreadable> {
    let runs = array.as_run_opt::<E>().ok_or_else(|| damaged("a column of runs is none"))?;
    let values = column(runs.values().as_ref(), budget)?;
    Ok(chosen((0..array.len()).map(|row| runs.get_physical_index(row)), values, array.len()))
}

/// `offsets`: where the lists begin, and where the last one ends.
fn of_lists(offsets: impl Iterator<Item = usize>, values: &dyn Array, budget: &mut Budget) -> Result<Cells, Unreadable> {
    let (ends, first, count) = ends(offsets);
    let of = column(values.slice(first, count).as_ref(), budget)?;
    Ok(Cells::Lists { ends, of: of.into() })
}

/// Where the lists end, counted from the beginning of the first one; where that is; and how many values they have together.
fn ends(mut offsets: impl Iterator<Item = usize>) -> (Vec<u32>, usize, usize) {
    let first = offsets.next().unwrap_or_default();
    let ends: Vec<u32> = offsets.map(|end| (end - first) as u32).collect();
    let count = ends.last().map_or(0, |end| *end as usize);
    (ends, first, count)
}
