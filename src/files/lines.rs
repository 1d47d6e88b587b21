//! JSON Lines.

use serde_json::{Map, Value};

use super::Error;

/// Whole lines of a JSON Lines file.
#[derive(Debug)]
pub struct Lines {
    pub(crate) text: Vec<u8>,
    /// The number of the first line.
    pub(crate) first: u64,
}

impl Lines {
    /// Each line that is not blank, with its number.
    pub fn raw(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let lines = (self.first..).zip(self.text.split(|byte| *byte == b'\n'));
        lines.map(|(place, line)| (place, line.trim_ascii())).filter(|(_, line)| !line.is_empty())
    }

    /// The record of the line `place`.
    pub fn record(place: u64, line: &[u8]) -> Result<Map<String, Value>, Error> {
        parsed(place, line)
    }

    /// Each record with its line.
    pub fn records(&self) -> impl Iterator<Item = Result<(u64, Map<String, Value>), Error>> {
        self.raw().map(|(place, line)| Ok((place, parsed(place, line)?)))
    }
}

/// The record of a line.
fn parsed(place: u64, line: &[u8]) -> Result<Map<String, Value>, Error> {
    let read = |line: &[u8]| serde_json::from_slice::<Map<String, Value>>(line);
    read(line).or_else(|error| {
        read(&without_non_finite(line)).map_err(|_| Error::at_line(place, format!(" is not a JSON object: {error}")))
    })
}

/// The line with `NaN`, `Infinity` and `-Infinity` outside of strings as `null`: Python writes them, though JSON has no such thing.
fn without_non_finite(line: &[u8]) -> Vec<u8> {
    let mut fixed = Vec::with_capacity(line.len());
    let (mut at, mut quoted) = (0, false);
    while let Some(byte) = line.get(at) {
        let token = [&b"NaN"[..], b"-Infinity", b"Infinity"].into_iter().find(|token| line[at..].starts_with(token));
        match (byte, token) {
            (_, Some(token)) if !quoted => {
                fixed.extend_from_slice(b"null");
                at += token.len();
                continue;
            }
            (b'\\', _) if quoted => {
                fixed.push(*byte);
                at += 1;
                fixed.extend(line.get(at));
            }
            _ => {
                quoted ^= *byte == b'"';
                fixed.push(*byte);
            }
        }
        at += 1;
    }
    fixed
}
