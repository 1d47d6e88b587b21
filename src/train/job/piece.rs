//! Pieces of bytes with their length before them, and messages of the log as pieces.

use std::io::{self, Read, Write};

use tidewatch_core::event::wire::{Headers, Raw};
use tidewatch_core::time::Timestamp;

/// The longest piece: an artifact.
const BYTES_MAX: usize = 1 << 30;

/// Headers that say how a message is read.
pub const HEADERS: [&str; 4] = ["content-type", "ce-time", "ce-id", "nats-msg-id"];

/// Puts a piece behind `to`.
pub fn put(to: &mut Vec<u8>, piece: &[u8]) {
    to.extend_from_slice(&(piece.len() as u32).to_le_bytes());
    to.extend_from_slice(piece);
}

/// Writes a piece.
pub fn write(to: &mut impl Write, piece: &[u8]) -> io::Result<()> {
    to.write_all(&(piece.len() as u32).to_le_bytes())?;
    to.write_all(piece)
}

/// The next piece; `None` at the end, which lies between two.
pub fn read(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read(&mut length[..1])? {
        0 => return Ok(None),
        _ => from.read_exact(&mut length[1..])?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if BYTES_MAX < length {
        return Err(io::Error::other(format!("a piece of {length} bytes is longer than any")));
    }
    let mut piece = vec![0; length];
    from.read_exact(&mut piece)?;
    Ok(Some(piece))
}

/// A message of the log as it was stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    pub seq: u64,
    pub stored_at: i64,
    pub subject: String,
    /// Of [`HEADERS`], in their order.
    pub headers: [Option<String>; HEADERS.len()],
    pub payload: Vec<u8>,
}

/// Puts a message behind `to`, as one piece.
pub fn put_message(to: &mut Vec<u8>, raw: Raw<'_>) {
    let begin = to.len();
    to.extend_from_slice(&[0; 4]);
    to.extend_from_slice(&raw.seq.to_le_bytes());
    to.extend_from_slice(&raw.stored_at.micros().to_le_bytes());
    put(to, raw.subject.as_bytes());
    for name in HEADERS {
        match raw.headers.get(name) {
            None => to.push(0),
            Some(value) => {
                to.push(1);
                put(to, value.as_bytes());
            }
        }
    }
    to.extend_from_slice(raw.payload);
    let length = (to.len() - begin - 4) as u32;
    to[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
}

impl Stored {
    /// The message that [`put_message`] wrote; `None` if it is none.
    pub fn of(piece: &[u8]) -> Option<Self> {
        let mut rest = piece;
        let seq = u64::from_le_bytes(take(&mut rest)?);
        let stored_at = i64::from_le_bytes(take(&mut rest)?);
        let subject = text(&mut rest)?;
        let mut headers = [const { None }; HEADERS.len()];
        for header in &mut headers {
            *header = match take::<1>(&mut rest)?[0] {
                0 => None,
                _ => Some(text(&mut rest)?),
            };
        }
        Some(Self { seq, stored_at, subject, headers, payload: rest.to_vec() })
    }

    pub fn raw(&self) -> Raw<'_> {
        let stored_at = Timestamp::from_micros(self.stored_at);
        Raw { seq: self.seq, stored_at, subject: &self.subject, headers: self, payload: &self.payload }
    }
}

impl Headers for Stored {
    fn get(&self, name: &str) -> Option<&str> {
        let place = HEADERS.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        self.headers[place].as_deref()
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (field, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*field)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let length = u32::from_le_bytes(take(rest)?) as usize;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_out_as_it_went_in_and_one_that_is_cut_is_none() {
        let message = Stored {
            seq: 7,
            stored_at: -3,
            subject: "tw.in.label.사기".to_owned(),
            headers: [Some("application/json".to_owned()), None, Some(String::new()), None],
            payload: b"{\"a\":1}".to_vec(),
        };
        let mut bytes = Vec::new();
        put_message(&mut bytes, message.raw());
        put(&mut bytes, b"");
        let mut input = bytes.as_slice();
        let piece = read(&mut input).unwrap().unwrap();
        assert_eq!(Stored::of(&piece), Some(message));
        assert_eq!(Stored::of(&piece[..20]), None);
        assert_eq!(read(&mut input).unwrap(), Some(Vec::new()));
        assert_eq!(read(&mut input).unwrap(), None);
        assert!(read(&mut &bytes[..10]).is_err());
    }
}
