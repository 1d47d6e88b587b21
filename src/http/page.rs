//! Lists are read page by page: `limit` and an opaque `cursor` that names the last item given.

use serde::Serialize;

use crate::http::problem::Problem;
use crate::ids::{from_token, token};

/// Items of a page unless asked otherwise, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// The `next` of a list that is always given whole: null, so that a client reads all lists alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Whole;

/// How many items to give.
pub fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(LIMIT_DEFAULT),
        Some(limit @ 1..=LIMIT_MAX) => Ok(limit),
        Some(other) => Err(Problem::bad_request("bad-limit", format!("limit is 1 to {LIMIT_MAX}, not {other}"))),
    }
}

/// The cursor after a name.
pub fn after_name(name: &str) -> String {
    token(name)
}

/// The name a cursor stands after.
pub fn name_of(cursor: &str) -> Result<String, Problem> {
    from_token(cursor).filter(|name| !name.is_empty()).ok_or_else(bad_cursor)
}

/// The cursor after a key of the store.
pub fn after_key(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key a cursor stands after; it must begin with `prefix`.
pub fn key_of(cursor: &str, prefix: &[u8]) -> Result<Vec<u8>, Problem> {
    let digits = cursor.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let plain = digits.len().is_multiple_of(2) && digits.len() <= 64 && digits.iter().all(u8::is_ascii_hexdigit);
    let key: Option<Vec<u8>> = if plain { digits.chunks(2).map(byte).collect() } else { None };
    key.filter(|key| key.starts_with(prefix)).ok_or_else(bad_cursor)
}

pub fn bad_cursor() -> Problem {
    Problem::bad_request("bad-cursor", "a cursor is the next of the page before, with the same filters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is() {
        assert_eq!(name_of(&after_name("사기.v1")).unwrap(), "사기.v1");
        assert!(name_of("a b").is_err() && name_of("").is_err());
        assert_eq!(key_of(&after_key(b"x\x00\xff"), b"x").unwrap(), b"x\x00\xff");
        for bad in ["", "7", "zz", "+1", "79"] {
            assert!(key_of(bad, b"x").is_err(), "{bad:?}");
        }
    }
}
