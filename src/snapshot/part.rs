//! Rows to parts and back. Where a part ends follows from the keys of its rows and not from how many came before, so a row more or less
//! changes one part and not all that follow.

use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a part on average, and at least and at most before its last row.
const PART_BYTES: u64 = 512 << 10;
const PART_BYTES_MIN: u64 = 128 << 10;
const PART_BYTES_MAX: u64 = 2 << 20;

/// Fast, and the rows are packed already: higher levels make them 5 % smaller in three times the time.
const LEVEL: i32 = 3;

/// The largest row that is believed, a key and a value.
const ROW_BYTES_MAX: u64 = 1 << 30;

/// Rows that gather for one part. Each is the lengths of key and value, u32 little-endian, and both.
#[derive(Debug, Default)]
pub(super) struct Packer {
    bytes: Vec<u8>,
    rows: u64,
}

/// One part, compressed.
#[derive(Debug)]
pub(super) struct Packed {
    pub file: Vec<u8>,
    pub bytes: u64,
    pub rows: u64,
}

impl Packer {
    /// Adds a row; gives the part that ends with it, if one does.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> std::io::Result<Option<Packed>> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a row of the store is far below 4 GiB").to_le_bytes();
        self.bytes.extend_from_slice(&length(key));
        self.bytes.extend_from_slice(&length(value));
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.rows += 1;
        let row_bytes = (8 + key.len() + value.len()) as u64;
        if self.ends_with(key, row_bytes) { self.finish() } else { Ok(None) }
    }

    /// The part of what has gathered; `None` if nothing has.
    pub fn finish(&mut self) -> std::io::Result<Option<Packed>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let file = zstd::bulk::compress(&self.bytes, LEVEL)?;
        let packed = Packed { file, bytes: self.bytes.len() as u64, rows: self.rows };
        self.bytes.clear();
        self.rows = 0;
        Ok(Some(packed))
    }

    /// Large rows end a part more often than small ones, so that parts have about the same size.
    fn ends_with(&self, key: &[u8], row_bytes: u64) -> bool {
        let gathered = self.bytes.len() as u64;
        let is_chosen = || u128::from(xxh3_64(key)) * u128::from(PART_BYTES) < u128::from(row_bytes) << 64;
        PART_BYTES_MAX <= gathered || PART_BYTES_MIN <= gathered && is_chosen()
    }
}

/// Shows the rows of a part.
///
/// Errors: what is wrong with it, in words, or what `see` gives.
pub(super) fn unpack<E>(
    file: &[u8],
    bytes: u64,
    mut see: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<Result<u64, E>, String> {
    if PART_BYTES_MAX + ROW_BYTES_MAX < bytes {
        return Err(format!("too large: {bytes} bytes"));
    }
    let unpacked = zstd::bulk::decompress(file, bytes as usize).map_err(|error| format!("not readable: {error}"))?;
    if unpacked.len() as u64 != bytes {
        return Err(format!("{} bytes long instead of {bytes}", unpacked.len()));
    }
    let (mut rest, mut rows) = (&unpacked[..], 0);
    while !rest.is_empty() {
        let Some((key, value, next)) = row_of(rest) else { return Err("cut off in a row".to_owned()) };
        if let Err(error) = see(key, value) {
            return Ok(Err(error));
        }
        (rest, rows) = (next, rows + 1);
    }
    Ok(Ok(rows))
}

fn row_of(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key_length, rest) = bytes.split_first_chunk()?;
    let (value_length, rest) = rest.split_first_chunk()?;
    let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key_length) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_length) as usize)?;
    Some((key, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(rows: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> Vec<Packed> {
        let mut packer = Packer::default();
        let mut parts: Vec<Packed> = rows.filter_map(|(key, value)| packer.put(&key, &value).unwrap()).collect();
        parts.extend(packer.finish().unwrap());
        parts
    }

    fn rows(count: u32) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        (0..count).map(|number| (number.to_be_bytes().to_vec(), vec![number as u8; 100 + number as usize % 200]))
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let parts = packed(rows(20_000));
        assert!(4 < parts.len(), "{}", parts.len());
        let mut back = Vec::new();
        for part in &parts {
            let seen = unpack(&part.file, part.bytes, |key, value| {
                back.push((key.to_vec(), value.to_vec()));
                Ok::<(), ()>(())
            });
            assert_eq!(seen, Ok(Ok(part.rows)));
        }
        assert!(back.into_iter().eq(rows(20_000)));
    }

    #[test]
    fn one_row_more_changes_one_or_two_parts() {
        let before = packed(rows(40_000));
        let more = rows(40_000).flat_map(|(key, value)| {
            let extra = (key == 12_345_u32.to_be_bytes()).then(|| ([&key[..], &[1]].concat(), vec![7; 50]));
            [(key, value)].into_iter().chain(extra)
        });
        let after = packed(more);
        let fresh = after.iter().filter(|part| before.iter().all(|known| known.file != part.file)).count();
        assert!((1..=2).contains(&fresh), "{fresh} of {} parts are new", after.len());
    }

    #[test]
    fn a_part_that_lies_about_its_size_is_refused() {
        let part = packed(rows(10)).remove(0);
        let see = |_: &[u8], _: &[u8]| Ok::<(), ()>(());
        assert!(unpack(&part.file, part.bytes - 1, see).is_err());
        assert!(unpack(&part.file, part.bytes + 1, see).is_err());
        assert!(unpack(&part.file, u64::MAX, see).is_err());
    }
}
