//! Parquet.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
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
    let metadata = metadata_of(&source)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, metadata);
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

/// What the file says of itself, in kinds that the reader makes: it makes dictionaries of texts and of nothing else.
fn metadata_of(source: &impl ChunkReader) -> Result<ArrowReaderMetadata, Error> {
    let metadata = ArrowReaderMetadata::load(source, ArrowReaderOptions::new()).map_err(broken)?;
    let fields = plain_fields(metadata.schema().fields());
    if fields == *metadata.schema().fields() {
        return Ok(metadata);
    }
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(broken)
}

fn plain_fields(fields: &Fields) -> Fields {
    let plain = |field: &FieldRef| match field.data_type() {
        DataType::Dictionary(_, values) if !matches!(**values, DataType::Utf8 | DataType::LargeUtf8) => {
            Arc::new(Field::new(field.name(), (**values).clone(), field.is_nullable()))
        }
        DataType::Struct(inner) => {
            Arc::new(Field::new(field.name(), DataType::Struct(plain_fields(inner)), field.is_nullable()))
        }
        _ => field.clone(),
    };
    fields.iter().map(plain).collect()
}
