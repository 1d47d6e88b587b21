//! What could not be sent yet: a bounded directory of files that several processes append to and one of them sends from, oldest first. Survives
//! a kill at any moment: what was appended is there, and what was sent and not marked is sent again under the same id.
//!
//! Files are numbered and hold records of a length, a checksum and their bytes. The mark says up to where they were sent and how many were
//! dropped unsent because the bound was reached; it is replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use xxhash_rust::xxh3::xxh3_64;

/// All files together.
pub const BYTES_MAX: u64 = 64 << 20;

/// One file; then the next is begun. What is dropped, is dropped by the file.
const FILE_BYTES: u64 = 1 << 20;

/// A record: its length and checksum come before it.
const HEADER_BYTES: usize = 12;

/// The longest record: what a message may hold, and some.
const RECORD_BYTES_MAX: usize = 2 << 20;

const MARK: &str = "mark";

/// One process's hold on the directory.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    bytes_max: u64,
    lock: Arc<File>,
    /// The file this process has last appended to, whose end it knows to be whole.
    checked: Option<u64>,
}

/// One message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: String,
    /// The source token of its subject.
    pub source: String,
    /// The id under which it is sent, each time.
    pub id: String,
    pub body: Vec<u8>,
}

/// Where in the files something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    file: u64,
    offset: u64,
}

/// What the mark says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    sent: Place,
    dropped: u64,
    damaged: u64,
}

/// What waits, and what was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    /// Bytes of all files.
    pub bytes: u64,
    /// Records dropped unsent since the directory was made, because the bound was reached.
    pub dropped: u64,
    /// Places in files that could not be read, since it was made.
    pub damaged: u64,
}

/// The right to send. Only one process has it at a time.
#[derive(Debug)]
pub struct Sender {
    spool: Spool,
    _right: File,
}

impl Spool {
    /// Opens a directory, which is made if it is not there.
    ///
    /// Errors: it cannot be made or locked.
    pub fn open(directory: &Path) -> Result<Self> {
        Self::bounded(directory, BYTES_MAX)
    }

    fn bounded(directory: &Path, bytes_max: u64) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("lock"))?;
        Ok(Self { directory: directory.into(), bytes_max, lock: Arc::new(lock), checked: None })
    }

    /// Whether anything waits in a directory, without making it.
    pub fn waits_in(directory: &Path) -> bool {
        let Ok(files) = fs::read_dir(directory) else { return false };
        files.flatten().any(|file| number_of(&file.file_name().to_string_lossy()).is_some())
    }

    /// Appends a record. The oldest file goes if there is no more room.
    ///
    /// Errors: the disk; a record of more than two megabytes.
    pub fn append(&mut self, entry: &Entry) -> Result<()> {
        let record = entry.encoded()?;
        let _locked = self.locked()?;
        let mut numbers = self.numbers()?;
        let newest = numbers.last().copied();
        let file = match newest {
            Some(number) if self.length(number) + (record.len() as u64) <= FILE_BYTES => number,
            _ => {
                let number = newest.unwrap_or(self.mark().sent.file) + 1;
                numbers.push(number);
                number
            }
        };
        self.make_room(&mut numbers, record.len() as u64)?;
        if self.checked != Some(file) {
            self.cut_torn_end(file)?;
            self.checked = Some(file);
        }
        OpenOptions::new().create(true).append(true).open(self.path(file))?.write_all(&record)
    }

    /// The right to send what waits; `None` while another process has it.
    ///
    /// Errors: the disk.
    pub fn sender(directory: &Path) -> Result<Option<Sender>> {
        let spool = Self::open(directory)?;
        let right = OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("sender.lock"))?;
        match flock(&right, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Sender { spool, _right: right })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What waits, and what was lost.
    pub fn standing(&self) -> Standing {
        let Mark { dropped, damaged, .. } = self.mark();
        let bytes = self.numbers().unwrap_or_default().into_iter().map(|number| self.length(number)).sum();
        Standing { bytes, dropped, damaged }
    }

    fn locked(&self) -> Result<Locked> {
        flock(&*self.lock, FlockOperation::LockExclusive)?;
        Ok(Locked(Arc::clone(&self.lock)))
    }

    /// Files, oldest first.
    fn numbers(&self) -> Result<Vec<u64>> {
        let names = fs::read_dir(&self.directory)?.flatten().map(|file| file.file_name());
        let mut numbers: Vec<u64> = names.filter_map(|name| number_of(&name.to_string_lossy())).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:016}.spool"))
    }

    fn length(&self, number: u64) -> u64 {
        fs::metadata(self.path(number)).map_or(0, |file| file.len())
    }

    /// Deletes the oldest files until so many bytes more fit in.
    fn make_room(&self, numbers: &mut Vec<u64>, more: u64) -> Result<()> {
        let mut bytes: u64 = numbers.iter().map(|number| self.length(*number)).sum();
        while self.bytes_max < bytes + more && 1 < numbers.len() {
            let oldest = numbers.remove(0);
            let mut mark = self.mark();
            let from = if mark.sent.file == oldest { mark.sent.offset } else { 0 };
            if mark.sent.file <= oldest {
                mark.dropped += records(&fs::read(self.path(oldest))?, from).count() as u64;
                mark.sent = Place { file: oldest + 1, offset: 0 };
            }
            self.put_mark(mark)?;
            bytes -= self.length(oldest);
            fs::remove_file(self.path(oldest))?;
        }
        Ok(())
    }

    /// A writer that was killed may have left half a record, behind which nothing could be read.
    fn cut_torn_end(&self, number: u64) -> Result<()> {
        let bytes = match fs::read(self.path(number)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let whole = records(&bytes, 0).last().map_or(0, |(_, end)| end);
        if whole < bytes.len() as u64 {
            OpenOptions::new().write(true).open(self.path(number))?.set_len(whole)?;
            let mark = self.mark();
            self.put_mark(Mark { damaged: mark.damaged + 1, ..mark })?;
        }
        Ok(())
    }

    /// One that is not there or cannot be read says that nothing was sent.
    fn mark(&self) -> Mark {
        let text = fs::read_to_string(self.directory.join(MARK)).unwrap_or_default();
        let numbers: Vec<u64> = text.split_whitespace().map_while(|number| number.parse().ok()).collect();
        let [file, offset, dropped, damaged] = numbers[..] else { return Mark::default() };
        Mark { sent: Place { file, offset }, dropped, damaged }
    }

    fn put_mark(&self, mark: Mark) -> Result<()> {
        let Mark { sent: Place { file, offset }, dropped, damaged } = mark;
        let partial = self.directory.join("mark.partial");
        fs::write(&partial, format!("{file} {offset} {dropped} {damaged}\n"))?;
        fs::rename(partial, self.directory.join(MARK))
    }
}

impl Sender {
    /// The next records, oldest first, with the place behind each: about `bytes_max` of them, and one at least if any waits.
    ///
    /// Errors: the disk.
    pub fn next(&self, bytes_max: usize) -> Result<Vec<(Entry, Place)>> {
        let _locked = self.spool.locked()?;
        let mark = self.spool.mark();
        let mut found = Vec::new();
        let mut bytes = 0;
        for number in self.spool.numbers()? {
            if number < mark.sent.file {
                continue;
            }
            let from = if number == mark.sent.file { mark.sent.offset } else { 0 };
            for (entry, end) in records(&fs::read(self.spool.path(number))?, from) {
                bytes += entry.body.len();
                found.push((entry, Place { file: number, offset: end }));
                if bytes_max <= bytes {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// What lies before `place` has been sent. Files that are through are deleted.
    ///
    /// Errors: the disk.
    pub fn sent(&self, place: Place) -> Result<()> {
        let _locked = self.spool.locked()?;
        let mark = self.spool.mark();
        // what was dropped meanwhile may lie behind it
        self.spool.put_mark(Mark { sent: place.max(mark.sent), ..mark })?;
        for number in self.spool.numbers()? {
            if number < place.file || (number == place.file && self.spool.length(number) <= place.offset) {
                fs::remove_file(self.spool.path(number))?;
            }
        }
        Ok(())
    }

    /// As [`Spool::standing`].
    pub fn standing(&self) -> Standing {
        self.spool.standing()
    }
}

/// Held until dropped.
struct Locked(Arc<File>);

impl Drop for Locked {
    fn drop(&mut self) {
        // a lock that cannot be given back goes with the file
        let _ = flock(&*self.0, FlockOperation::Unlock);
    }
}

impl Entry {
    fn encoded(&self) -> Result<Vec<u8>> {
        let Self { kind, source, id, body } = self;
        let is_line = |text: &&String| !text.contains('\n');
        if ![kind, source, id].iter().all(is_line) {
            return Err(Error::new(ErrorKind::InvalidInput, "a kind, source or id of several lines"));
        }
        let mut bytes = vec![0; HEADER_BYTES];
        bytes.extend_from_slice(format!("{kind}\n{source}\n{id}\n").as_bytes());
        bytes.extend_from_slice(body);
        let record = &bytes[HEADER_BYTES..];
        if RECORD_BYTES_MAX < record.len() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("a record of {} bytes; at most {RECORD_BYTES_MAX} fit", record.len()),
            ));
        }
        let (length, sum) = (record.len() as u32, xxh3_64(record));
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
        Ok(bytes)
    }

    fn decoded(record: &[u8]) -> Option<Self> {
        let mut lines = record.splitn(4, |byte| *byte == b'\n');
        let mut text = || String::from_utf8(lines.next()?.to_vec()).ok();
        let (kind, source, id) = (text()?, text()?, text()?);
        Some(Self { kind, source, id, body: lines.next()?.to_vec() })
    }
}

/// The whole records of a file from an offset on, each with the offset behind it. Ends at the first that is torn.
fn records(bytes: &[u8], from: u64) -> impl Iterator<Item = (Entry, u64)> {
    let mut offset = from as usize;
    std::iter::from_fn(move || {
        let (mut header, mut length, mut sum) = (bytes.get(offset..)?, [0; 4], [0; 8]);
        header.read_exact(&mut length).and_then(|()| header.read_exact(&mut sum)).ok()?;
        let begin = offset + HEADER_BYTES;
        let record = bytes.get(begin..begin + u32::from_le_bytes(length) as usize)?;
        if xxh3_64(record) != u64::from_le_bytes(sum) {
            return None;
        }
        offset = begin + record.len();
        Some((Entry::decoded(record)?, offset as u64))
    })
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(".spool")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: usize, bytes: usize) -> Entry {
        Entry { kind: "job".into(), source: "host".into(), id: number.to_string(), body: vec![b'x'; bytes] }
    }

    fn ids(entries: &[(Entry, Place)]) -> Vec<usize> {
        entries.iter().map(|(entry, _)| entry.id.parse().unwrap()).collect()
    }

    #[test]
    fn what_was_appended_is_sent_once_and_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (Spool::open(directory.path()).unwrap(), Spool::open(directory.path()).unwrap());
        (0..10).for_each(|number| if number % 2 == 0 { &mut one } else { &mut other }.append(&entry(number, 9)).unwrap());
        let sender = Spool::sender(directory.path()).unwrap().unwrap();
        assert!(Spool::sender(directory.path()).unwrap().is_none(), "one sends at a time");
        let first = sender.next(30).unwrap();
        assert_eq!(ids(&first), [0, 1, 2, 3]);
        sender.sent(first[1].1).unwrap();
        drop(sender);
        let sender = Spool::sender(directory.path()).unwrap().unwrap();
        let rest = sender.next(usize::MAX).unwrap();
        assert_eq!(ids(&rest), (2..10).collect::<Vec<_>>(), "the mark is remembered");
        sender.sent(rest.last().unwrap().1).unwrap();
        assert!(sender.next(1).unwrap().is_empty() && !Spool::waits_in(directory.path()));
        one.append(&entry(10, 9)).unwrap();
        assert_eq!(ids(&sender.next(1).unwrap()), [10], "and it goes on after all was sent");
    }

    #[test]
    fn half_a_record_is_cut_off_and_the_next_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(directory.path()).unwrap();
        (0..3).for_each(|number| spool.append(&entry(number, 100)).unwrap());
        let path = spool.path(spool.numbers().unwrap()[0]);
        let length = fs::metadata(&path).unwrap().len();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 7).unwrap();
        let mut after = Spool::open(directory.path()).unwrap();
        after.append(&entry(3, 100)).unwrap();
        let sender = Spool::sender(directory.path()).unwrap().unwrap();
        assert_eq!(ids(&sender.next(usize::MAX).unwrap()), [0, 1, 3]);
        assert_eq!(sender.standing().damaged, 1);
    }

    #[test]
    fn the_oldest_go_when_there_is_no_more_room_and_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::bounded(directory.path(), 4 * FILE_BYTES).unwrap();
        (0..60).for_each(|number| spool.append(&entry(number, 100_000)).unwrap());
        let standing = spool.standing();
        assert!(standing.bytes <= 4 * FILE_BYTES, "{standing:?}");
        let sender = Spool::sender(directory.path()).unwrap().unwrap();
        let left = ids(&sender.next(usize::MAX).unwrap());
        assert_eq!(left.len() as u64 + standing.dropped, 60);
        assert_eq!(left, (60 - left.len()..60).collect::<Vec<_>>(), "the newest are there, in order");
    }

    #[test]
    fn a_mark_of_what_was_dropped_meanwhile_does_not_go_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::bounded(directory.path(), 2 * FILE_BYTES).unwrap();
        (0..10).for_each(|number| spool.append(&entry(number, 100_000)).unwrap());
        let sender = Spool::sender(directory.path()).unwrap().unwrap();
        let first = sender.next(1).unwrap();
        (10..40).for_each(|number| spool.append(&entry(number, 100_000)).unwrap());
        sender.sent(first[0].1).unwrap();
        let left = ids(&sender.next(usize::MAX).unwrap());
        assert_eq!(left.last(), Some(&39));
        assert_eq!(left.len() as u64 + spool.standing().dropped, 40);
    }
}
