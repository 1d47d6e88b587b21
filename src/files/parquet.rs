//! Parquet.

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use super::arrow::{Kept, ROWS, batches, broken};
use super::source::Whole;
use super::{Ask, Batch, Error, Format, Told};

/// Only the kept columns are read from disk and unpacked.
pub fn read<T: Send>(
    whole: Whole,
    ask: Ask<'_>,
    map: &(impl Fn(Batch) -> Result<T, Error> + Sync),
    fold: &mut impl FnMut(T) -> Result<(), Error>,
) -> Result<Told, Error> {
    match whole {
        Whole::File(file) => of(file, ask, map, fold),
        Whole::Bytes(bytes) => of(bytes, ask, map, fold),
    }
}

fn of<T: Send>(
    source: impl ChunkReader + 'static,
    ask: Ask<'_>,
    map: &(impl Fn(Batch) -> Result<T, Error> + Sync),
    fold: &mut impl FnMut(T) -> Result<(), Error>,
) -> Result<Told, Error> {
    let bytes = source.len();
    let builder = ParquetRecordBatchReaderBuilder::try_new(source).map_err(broken)?;
    let kept = Kept::of(builder.schema(), ask, Format::Parquet)?;
    let rows = builder.metadata().file_metadata().num_rows().max(1) as u64;
    let columns = ProjectionMask::roots(builder.parquet_schema(), kept.places.iter().copied());
    let reader = builder.with_projection(columns).with_batch_size(ROWS).build().map_err(broken)?;
    let mut done = 0;
    let parts = reader.map(|batch| {
        done += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        (batch, Some(((done as f64 / rows as f64 * bytes as f64) as u64, bytes)))
    });
    batches(parts, kept, ask, map, fold)
}
