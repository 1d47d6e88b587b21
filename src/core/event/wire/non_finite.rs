//! Finds the numbers that JSON cannot write (`NaN`, `Infinity`, `-Infinity`, `1e999`) in text that a parser has refused.
//! Only ever run after a failure, so it may be plain rather than fast.

use super::fault::{FAULTS_MAX, push_token};

/// The text with every such number replaced by zero, and where they stood.
pub(super) struct Fixed {
    pub text: String,
    /// In the order of the text; of each record at most one more than faults of it are told.
    pub places: Vec<Place>,
}

pub(super) struct Place {
    /// Index of the record in an array of records; 0 in a single record.
    pub record: usize,
    /// JSON Pointer within the text.
    pub pointer: String,
    pub token: String,
}

/// Deeper text is refused elsewhere.
const LEVELS_MAX: usize = 64;
enum Level<'t> {
    List(usize),
    /// The key of the entry being read, quoted as it stands; `None` where a key comes next.
    Map(Option<&'t str>),
}

/// `None` if there is no such number, or if the text is too deep or broken in a way that hides where it stands.
pub(super) fn fix(text: &str) -> Option<Fixed> {
    let mut fixed = text.as_bytes().to_vec();
    let mut places = Vec::new();
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut of_record = 0;
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        let mut length = 1;
        match byte {
            b'"' => {
                length = string_length(&text.as_bytes()[at..])?;
                if let Some(Level::Map(key @ None)) = levels.last_mut() {
                    *key = Some(&text[at..at + length]);
                }
            }
            b'[' | b'{' if levels.len() == LEVELS_MAX => return None,
            b'[' => levels.push(Level::List(0)),
            b'{' => levels.push(Level::Map(None)),
            b']' | b'}' => drop(levels.pop()),
            b',' => match levels.last_mut() {
                Some(Level::List(index)) => *index += 1,
                Some(Level::Map(key)) => *key = None,
                None => {}
            },
            b'-' | b'+' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                length = text[at..].bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
                let token = &text[at..at + length];
                if is_not_finite(token) {
                    fixed[at..at + length].fill(b' ');
                    fixed[at] = b'0';
                    let record = record(&levels);
                    of_record = if places.last().is_some_and(|last: &Place| last.record == record) { of_record + 1 } else { 1 };
                    if of_record <= FAULTS_MAX + 1 {
                        places.push(Place { record, pointer: pointer(&levels), token: super::clip(token).into() });
                    }
                }
            }
            _ => {}
        }
        at += length;
    }
    let text = String::from_utf8(fixed).ok()?;
    (!places.is_empty()).then_some(Fixed { text, places })
}

fn is_not_finite(token: &str) -> bool {
    match token {
        "NaN" | "-NaN" | "Infinity" | "-Infinity" => true,
        _ if token.ends_with(|last: char| last.is_ascii_digit()) => token.parse().is_ok_and(f64::is_infinite),
        _ => false,
    }
}

/// The bytes of the string that starts here, its quotes too. `None` if it does not end.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn record(levels: &[Level<'_>]) -> usize {
    match levels.first() {
        Some(Level::List(index)) => *index,
        _ => 0,
    }
}

fn pointer(levels: &[Level<'_>]) -> String {
    let mut pointer = String::new();
    for level in levels {
        match level {
            Level::List(index) => push_token(&mut pointer, &index.to_string()),
            Level::Map(key) => {
                let quoted = key.unwrap_or("\"\"");
                push_token(&mut pointer, &serde_json::from_str::<String>(quoted).unwrap_or_default());
            }
        }
    }
    pointer
}
