//! What memory has no room for, in a file without a name that goes with the process.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use super::Error;

const WIDTH: usize = size_of::<f64>();

/// How many numbers are read or written at a time.
pub const PAGE: usize = 8 << 10;

/// A file in the directory for temporary files. It is made when something is written.
#[derive(Debug, Default)]
pub struct Spill {
    file: Mutex<Option<(Arc<File>, u64)>>,
    failure: Mutex<Option<io::Error>>,
}

/// Bytes that follow each other in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    start: u64,
    bytes: u64,
}

/// Numbers that follow each other in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    start: u64,
    pub count: u64,
}

impl Spill {
    pub fn write(&self, numbers: &[f64]) -> Result<Run, Error> {
        let (file, start) = self.room((numbers.len() * WIDTH) as u64)?;
        let mut page = Vec::with_capacity(PAGE * WIDTH);
        let mut at = start;
        for numbers in numbers.chunks(PAGE) {
            page.clear();
            numbers.iter().for_each(|number| page.extend_from_slice(&number.to_le_bytes()));
            file.write_all_at(&page, at).map_err(|error| no_room(&error))?;
            at += page.len() as u64;
        }
        Ok(Run { start, count: numbers.len() as u64 })
    }

    /// Reads up to [`PAGE`] numbers of a run from its `from`th on. What fails is kept for [`Self::check`], and the run ends there.
    pub fn page(&self, run: Run, from: u64) -> Vec<f64> {
        let count = (run.count - from).min(PAGE as u64);
        let bytes = self.read_bytes(Piece { start: run.start + from * WIDTH as u64, bytes: count * WIDTH as u64 });
        bytes.chunks_exact(WIDTH).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("a chunk has this width"))).collect()
    }

    pub fn write_bytes(&self, bytes: &[u8]) -> Result<Piece, Error> {
        let (file, start) = self.room(bytes.len() as u64)?;
        file.write_all_at(bytes, start).map_err(|error| no_room(&error))?;
        Ok(Piece { start, bytes: bytes.len() as u64 })
    }

    /// What was written. What fails is kept for [`Self::check`], and is empty.
    pub fn read_bytes(&self, piece: Piece) -> Vec<u8> {
        let mut bytes = vec![0; piece.bytes as usize];
        let file = self.file.lock().expect("no thread panics while it holds the file").as_ref().map(|(file, _)| file.clone());
        if let Err(error) = file.map_or(Ok(()), |file| file.read_exact_at(&mut bytes, piece.start)) {
            self.failure.lock().expect("no thread panics while it holds the failure").get_or_insert(error);
            return Vec::new();
        }
        bytes
    }

    /// The first thing that could not be read, if any: then nothing that was computed of it counts.
    pub fn check(&self) -> Result<(), Error> {
        let failure = self.failure.lock().expect("no thread panics while it holds the failure").take();
        failure.map_or(Ok(()), |error| Err(Error::Io(error)))
    }

    /// The file, and where so many bytes may be written.
    fn room(&self, bytes: u64) -> Result<(Arc<File>, u64), Error> {
        let mut held = self.file.lock().expect("no thread panics while it holds the file");
        if held.is_none() {
            *held = Some((tempfile::tempfile().map_err(|error| no_room(&error))?.into(), 0));
        }
        let (file, end) = held.as_mut().expect("it was made just now");
        let start = *end;
        *end += bytes;
        Ok((file.clone(), start))
    }
}

pub fn no_room(error: &io::Error) -> Error {
    let folder = std::env::temp_dir();
    Error::Unreadable(format!("no room in {} for what memory cannot hold: {error}; set TMPDIR", folder.display()))
}
