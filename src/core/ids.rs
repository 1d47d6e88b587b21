//! Parsed names. Names are data: any UTF-8 up to 256 bytes. The one codec from a name to a subject token, key or file name
//! is [`token`].

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The longest name in bytes: a model, version, source, segment, class or prediction id.
pub const NAME_BYTES_MAX: usize = 256;

/// A name as people write it: 1 to 256 bytes of UTF-8, anything in them but NUL. Never put into a subject, key, path or page as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "CompactString")]
pub struct Name(CompactString);

/// The routing token of a subject: `[A-Za-z0-9_-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "CompactString")]
pub struct Slug(CompactString);

/// Names one effect: the sequence of the message that caused it and a counter within that message. A replay mints the same id.
/// Shown as `<seq>-<index>`: the `Nats-Msg-Id` of a fact, the `Idempotency-Key` of a webhook, the name of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectId {
    pub seq: u64,
    pub index: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("a name must not be empty")]
    Empty,
    #[error("a name holds at most {NAME_BYTES_MAX} bytes, this one has {0}")]
    TooLong(usize),
    #[error("a name must not hold the NUL character")]
    Nul,
    #[error("a source token is 1 to 64 of A-Z a-z 0-9 _ -, not {0:?}")]
    NotASlug(String),
}

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<CompactString> for Name {
    type Error = BadName;
    fn try_from(raw: CompactString) -> Result<Self, BadName> {
        match raw.len() {
            0 => Err(BadName::Empty),
            1..=NAME_BYTES_MAX if raw.as_bytes().contains(&0) => Err(BadName::Nul),
            1..=NAME_BYTES_MAX => Ok(Self(raw)),
            bytes => Err(BadName::TooLong(bytes)),
        }
    }
}

impl TryFrom<&str> for Name {
    type Error = BadName;
    fn try_from(raw: &str) -> Result<Self, BadName> {
        CompactString::from(raw).try_into()
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Slug {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<CompactString> for Slug {
    type Error = BadName;
    fn try_from(raw: CompactString) -> Result<Self, BadName> {
        let plain = raw.bytes().all(is_plain);
        if plain && (1..=64).contains(&raw.len()) { Ok(Self(raw)) } else { Err(BadName::NotASlug(raw.into_string())) }
    }
}

impl TryFrom<&str> for Slug {
    type Error = BadName;
    fn try_from(raw: &str) -> Result<Self, BadName> {
        CompactString::from(raw).try_into()
    }
}

/// A slug is a valid name.
impl From<&Slug> for Name {
    fn from(slug: &Slug) -> Self {
        Self(slug.0.clone())
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.seq, self.index)
    }
}

impl EffectId {
    /// The id that is shown as `text`.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, index) = text.split_once('-')?;
        let id = Self { seq: seq.parse().ok()?, index: index.parse().ok()? };
        // one id has one spelling
        (id.to_string() == text).then_some(id)
    }
}

/// Encodes any text as one token of `[A-Za-z0-9_-]` and `=`: plain bytes stay, every other byte becomes `=XX`. Reversible by
/// [`from_token`]; safe as a NATS subject token, a key and a file name.
pub fn token(text: &str) -> String {
    use fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "={byte:02X}").expect("writing to a String cannot fail");
        }
    }
    out
}

/// Undoes [`token`]. `None` if `token` is not its output.
pub fn from_token(token: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'=' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            plain if is_plain(plain) => bytes.push(plain),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_is_plain_and_reversible(text in any::<String>()) {
            let token = token(&text);
            prop_assert!(token.bytes().all(|b| is_plain(b) || b == b'='));
            prop_assert_eq!(from_token(&token), Some(text));
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(EffectId::parse("12-3"), Some(EffectId { seq: 12, index: 3 }));
        for bad in ["", "12", "12-", "-3", "012-3", "12-3-4", "+12-3", "a-b"] {
            assert_eq!(EffectId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_name_may_hold_anything_but_has_bounds() {
        assert!(Name::try_from("사기 탐지 v1.2/<b>\"\n>*").is_ok());
        assert_eq!(Name::try_from(""), Err(BadName::Empty));
        assert_eq!(Name::try_from("x".repeat(257).as_str()), Err(BadName::TooLong(257)));
    }

    #[test]
    fn a_slug_is_one_plain_subject_token() {
        assert!(Slug::try_from("web-01_a").is_ok());
        for bad in ["", "a.b", "a b", "*", ">", "é"] {
            assert!(Slug::try_from(bad).is_err(), "{bad:?}");
        }
    }
}
