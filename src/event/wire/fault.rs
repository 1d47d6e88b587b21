//! Why a record is refused: the closed list of reasons and the pointer to the place.

use compact_str::{CompactString, format_compact};

use crate::event::Fault;

/// Why a record or a message is refused. The codes are part of the interface and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// `empty`: the message holds no record.
    Empty,
    /// `too_large`: the message, or the `message` of a log record, is over its limit in bytes.
    TooLarge,
    /// `too_deep`: a record is nested deeper than 32 levels.
    TooDeep,
    /// `too_many_records`: more than 10,000 in one message.
    TooManyRecords,
    /// `too_many_features`: more than 1,000 in one prediction.
    TooManyFeatures,
    /// `too_many_entries`: too many scores, segments, series labels or metrics in one record.
    TooManyEntries,
    /// `bad_json`: the text is not JSON.
    BadJson,
    /// `bad_msgpack`: the bytes are not one MessagePack value.
    BadMsgpack,
    /// `bad_utf8`: text that is not UTF-8.
    BadUtf8,
    /// `bad_subject`: the subject is not `<root>.in.<kind>.<source>`.
    BadSubject,
    /// `unknown_kind`: the third token of the subject is no kind we know.
    UnknownKind,
    /// `wrong_type`: a field holds another type than it should.
    WrongType,
    /// `missing_field`: a required field is absent or `null`.
    MissingField,
    /// `bad_name`: a name or id is empty, longer than 256 bytes or holds NUL.
    BadName,
    /// `bad_time`: an instant that is neither RFC 3339 nor an epoch number within the years 1 to 9999.
    BadTime,
    /// `future_time`: the event is dated more than five minutes after the server's time.
    FutureTime,
    /// `not_finite`: a number is NaN or infinite.
    NotFinite,
    /// `out_of_range`: a number or word outside the values its field may take.
    OutOfRange,
    /// `bad_command`: a command we do not know, or with fields that do not fit it.
    BadCommand,
}

impl Reason {
    pub const ALL: [Self; 19] = [
        Self::Empty,
        Self::TooLarge,
        Self::TooDeep,
        Self::TooManyRecords,
        Self::TooManyFeatures,
        Self::TooManyEntries,
        Self::BadJson,
        Self::BadMsgpack,
        Self::BadUtf8,
        Self::BadSubject,
        Self::UnknownKind,
        Self::WrongType,
        Self::MissingField,
        Self::BadName,
        Self::BadTime,
        Self::FutureTime,
        Self::NotFinite,
        Self::OutOfRange,
        Self::BadCommand,
    ];

    /// The stable code, as in [`Fault::reason`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::TooManyRecords => "too_many_records",
            Self::TooManyFeatures => "too_many_features",
            Self::TooManyEntries => "too_many_entries",
            Self::BadJson => "bad_json",
            Self::BadMsgpack => "bad_msgpack",
            Self::BadUtf8 => "bad_utf8",
            Self::BadSubject => "bad_subject",
            Self::UnknownKind => "unknown_kind",
            Self::WrongType => "wrong_type",
            Self::MissingField => "missing_field",
            Self::BadName => "bad_name",
            Self::BadTime => "bad_time",
            Self::FutureTime => "future_time",
            Self::NotFinite => "not_finite",
            Self::OutOfRange => "out_of_range",
            Self::BadCommand => "bad_command",
        }
    }
}

/// What is wrong with one value, before it is known where in the message that value stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    pub reason: Reason,
    pub detail: String,
    /// JSON Pointer within the value.
    pub inner: String,
}

impl Problem {
    pub fn new(reason: Reason, detail: String) -> Self {
        Self { reason, detail, inner: String::new() }
    }

    /// As found one level further out, under `key`.
    pub fn under(mut self, key: &str) -> Self {
        let mut pointer = String::with_capacity(1 + key.len() + self.inner.len());
        push_token(&mut pointer, key);
        pointer.push_str(&self.inner);
        self.inner = pointer;
        self
    }

    /// The fault, with `pointer` before what is already known of the place.
    pub fn at(self, pointer: &str) -> Fault {
        let detail = clip(&self.detail, DETAIL_CHARS_MAX).into();
        Fault { reason: self.reason.as_str().into(), detail, pointer: format!("{pointer}{}", self.inner) }
    }
}

/// A parser may quote its input in a detail; a fault has to stay much smaller than a message.
const DETAIL_CHARS_MAX: usize = 400;
/// No longer than a name may be: a longer key is cut in a pointer, and is a fault itself wherever keys are names.
const TOKEN_CHARS_MAX: usize = 256;

/// The beginning of a text.
pub(super) fn clip(text: &str, chars_max: usize) -> CompactString {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format_compact!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// Appends one reference token, escaped as RFC 6901 has it.
pub(super) fn push_token(pointer: &mut String, key: &str) {
    pointer.push('/');
    for char in clip(key, TOKEN_CHARS_MAX).chars() {
        match char {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            plain => pointer.push(plain),
        }
    }
}

/// The first problem of a record; later ones are not told.
#[derive(Default)]
pub(super) struct Flaws(Option<Problem>);

impl Flaws {
    pub fn add(&mut self, problem: Problem) {
        self.0.get_or_insert(problem);
    }

    /// Puts what was read into its slot; an absent value leaves the slot as it is, a problem is noted under `within` and `key`.
    pub fn set<T>(&mut self, slot: &mut Option<T>, read: Result<Option<T>, Problem>, within: &str, key: &str) {
        match read {
            Ok(None) => {}
            Ok(value) => *slot = value,
            Err(problem) => self.field(problem, within, key),
        }
    }

    /// Notes a problem of the field `key` of the object `within`, which is empty for the record itself.
    pub fn field(&mut self, problem: Problem, within: &str, key: &str) {
        let problem = problem.under(key);
        self.add(if within.is_empty() { problem } else { problem.under(within) });
    }

    /// The first problem, if there was one.
    pub fn pass(self) -> Result<(), Problem> {
        self.0.map_or(Ok(()), Err)
    }
}

/// The value of a required field.
pub(super) fn required<T>(slot: Option<T>, key: &str) -> Result<T, Problem> {
    slot.ok_or_else(|| Problem::new(Reason::MissingField, format!("`{key}` is required")).under(key))
}
