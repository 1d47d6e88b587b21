//! Opens a file and finds out by its first bytes what it is: takes compression and encoding off.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::Path;

use bytes::Bytes;

use super::spill::no_room;
use super::{Error, Input};

/// Bytes that tell what a file is.
const HEAD: usize = 8;

/// What bytes that came over the network may unpack to.
const UPLOAD_BYTES_MAX: u64 = 1 << 30;

/// How often one compressed file may lie in another.
const LAYERS_MAX: usize = 3;

pub type Stream<'a> = Box<dyn Read + Send + 'a>;

pub enum Content<'a> {
    /// UTF-8, without a byte order mark.
    Text(Stream<'a>),
    Parquet(Whole),
    ArrowFile(Whole),
    ArrowStream(Stream<'a>),
}

/// A file that has to be read in any order.
pub enum Whole {
    File(File),
    Bytes(Bytes),
}

type Progress<'a> = Option<&'a (dyn Fn(u64, Option<u64>) + Sync)>;

pub fn open<'a>(input: &Input, progress: Progress<'a>) -> Result<Content<'a>, Error> {
    match input {
        Input::Bytes(bytes) => {
            content(Box::new(Cursor::new(bytes.clone())), Some(Whole::Bytes(bytes.clone())), Some(UPLOAD_BYTES_MAX))
        }
        Input::Path(path) if path.as_os_str() == "-" => content(counted(std::io::stdin(), None, progress), None, None),
        Input::Path(path) => of_file(path, progress),
        Input::Aside(file) => of_file(file.path(), progress),
    }
}

fn of_file<'a>(path: &Path, progress: Progress<'a>) -> Result<Content<'a>, Error> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(Error::Unreadable("it is a directory".to_owned()));
    }
    let length = about.is_file().then_some(about.len());
    let again = about.is_file().then(|| File::open(path)).transpose()?;
    content(counted(file, length, progress), again.map(Whole::File), None)
}

fn counted<'a>(source: impl Read + Send + 'a, length: Option<u64>, progress: Progress<'a>) -> Stream<'a> {
    match progress {
        Some(tell) => Box::new(Counted { source, read: 0, length, tell }),
        None => Box::new(source),
    }
}

struct Counted<'a, R> {
    source: R,
    read: u64,
    length: Option<u64>,
    tell: &'a (dyn Fn(u64, Option<u64>) + Sync),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.read += read as u64;
        (self.tell)(self.read, self.length);
        Ok(read)
    }
}

/// Ends with an error what is longer than it may be: a few compressed bytes can say very much.
struct Limited<R> {
    source: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.left =
            self.left.checked_sub(read as u64).ok_or_else(|| std::io::Error::other("it unpacks to more than is taken"))?;
        Ok(read)
    }
}

/// * `whole`: the same file, where it can be read in any order.
/// * `most`: bytes that each layer of compression may unpack to.
fn content<'a>(mut source: Stream<'a>, mut whole: Option<Whole>, most: Option<u64>) -> Result<Content<'a>, Error> {
    let limited = |unpacked: Stream<'a>| -> Stream<'a> {
        match most {
            Some(left) => Box::new(Limited { source: unpacked, left }),
            None => unpacked,
        }
    };
    for _ in 0..LAYERS_MAX {
        let mut head = Vec::with_capacity(HEAD);
        source.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        let again: Stream<'a> = Box::new(Cursor::new(head.clone()).chain(source));
        source = match head.as_slice() {
            [0x1f, 0x8b, ..] => limited(Box::new(flate2::read::MultiGzDecoder::new(again))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => limited(Box::new(zstd::Decoder::new(again)?)),
            [b'P', b'A', b'R', b'1', ..] => return Ok(Content::Parquet(or_aside(whole, again)?)),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] => return Ok(Content::ArrowFile(or_aside(whole, again)?)),
            [0xff, 0xff, 0xff, 0xff, ..] => return Ok(Content::ArrowStream(again)),
            [b'P', b'A', b'R', b'E', ..] => return Err(unpack("an encrypted Parquet file: save it without encryption")),
            [b'F', b'E', b'A', b'1', ..] => {
                return Err(unpack("of the first version of Feather: save it anew, as Feather 2 or Parquet"));
            }
            [b'O', b'R', b'C', ..] => return Err(unpack("an ORC file: save it as Parquet or CSV")),
            [b'P', b'K', 3, 4, ..] => return Err(unpack("a zip archive or a workbook: save or unpack it as CSV")),
            [b'B', b'Z', b'h', ..] => {
                return Err(unpack("compressed by bzip2: unpack it first, or compress it by gzip or zstd"));
            }
            [0xfd, b'7', b'z', b'X', b'Z', ..] => {
                return Err(unpack("compressed by xz: unpack it first, or compress it by gzip or zstd"));
            }
            head => return Ok(Content::Text(decoded(head, again)?)),
        };
        whole = None;
    }
    Err(unpack("compressed more often than is read"))
}

/// `whole`, or all of `source` in an unnamed temporary file.
fn or_aside(whole: Option<Whole>, mut source: Stream<'_>) -> Result<Whole, Error> {
    if let Some(whole) = whole {
        return Ok(whole);
    }
    let mut aside = tempfile::tempfile().map_err(|error| no_room(&error))?;
    std::io::copy(&mut source, &mut aside)?;
    aside.rewind()?;
    Ok(Whole::File(aside))
}

fn unpack(what: &str) -> Error {
    Error::Unreadable(format!("it is {what}"))
}

/// Takes a byte order mark off and UTF-16 to UTF-8. Without a mark, text whose every second byte is zero at its start is UTF-16 too.
fn decoded<'a>(head: &[u8], mut source: Stream<'a>) -> Result<Stream<'a>, Error> {
    let encoding = match head {
        [0xef, 0xbb, 0xbf, ..] => {
            source.read_exact(&mut [0; 3])?;
            return Ok(source);
        }
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(unpack("UTF-32: save it as UTF-8")),
        [0xff, 0xfe, ..] => encoding_rs::UTF_16LE,
        [0xfe, 0xff, ..] => encoding_rs::UTF_16BE,
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => encoding_rs::UTF_16LE,
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => encoding_rs::UTF_16BE,
        _ => return Ok(source),
    };
    Ok(Box::new(encoding_rs_io::DecodeReaderBytesBuilder::new().encoding(Some(encoding)).build(source)))
}
