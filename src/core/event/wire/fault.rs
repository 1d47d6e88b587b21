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
    /// `bad_arrow`: the bytes are not an Arrow stream, or a column of it is of a kind that is not read.
    BadArrow,
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
    /// `unknown_version`: a record of a `schema_version` that this release does not read.
    UnknownVersion,
}

impl Reason {
    pub const ALL: [Self; 21] = [
        Self::Empty,
        Self::TooLarge,
        Self::TooDeep,
        Self::TooManyRecords,
        Self::TooManyFeatures,
        Self::TooManyEntries,
        Self::BadJson,
        Self::BadMsgpack,
        Self::BadArrow,
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
        Self::UnknownVersion,
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
            Self::BadArrow => "bad_arrow",
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
            Self::UnknownVersion => "unknown_version",
        }
    }
}

/// What is wrong with one value, before it is known where in the message that value stands.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::event) struct Problem {
    pub reason: Reason,
    pub detail: String,
    /// JSON Pointer within the value.
    pub inner: String,
    /// What else is wrong with the value.
    pub also: Vec<Problem>,
}

impl Problem {
    pub fn new(reason: Reason, detail: String) -> Self {
        Self { reason, detail, inner: String::new(), also: Vec::new() }
    }

    /// As found one level further out, under `key`.
    pub fn under(mut self, key: &str) -> Self {
        let mut pointer = String::with_capacity(1 + key.len() + self.inner.len());
        push_token(&mut pointer, key);
        pointer.push_str(&self.inner);
        self.inner = pointer;
        self.also = self.also.into_iter().map(|problem| problem.under(key)).collect();
        self
    }

    /// Both problems, this one first.
    pub fn and(mut self, mut later: Self) -> Self {
        let also = std::mem::take(&mut later.also);
        self.also.push(later);
        self.also.extend(also);
        self
    }

    /// The fault, with `pointer` before what is already known of the place.
    pub fn at(self, pointer: &str) -> Fault {
        let detail = clip(&self.detail, DETAIL_CHARS_MAX).into();
        let first = Fault::new(self.reason.as_str(), detail, format!("{pointer}{}", self.inner));
        joined(first, self.also.into_iter().map(|problem| problem.at(pointer)))
    }

    /// Whether it is about the field `name` of the record, or of one of the objects around its fields.
    fn tells_of(&self, name: &str) -> bool {
        let field = self.inner.strip_prefix("/prediction_data").or_else(|| self.inner.strip_prefix("/result"));
        let rest = field.unwrap_or(&self.inner).strip_prefix('/').and_then(|inner| inner.strip_prefix(name));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Faults of one record that are told.
pub(super) const FAULTS_MAX: usize = 32;

/// The faults of one record as one. Beyond [`FAULTS_MAX`] the last of them says that there are more.
pub(super) fn joined(mut first: Fault, others: impl IntoIterator<Item = Fault>) -> Fault {
    let mut others = others.into_iter();
    first.also.extend(others.by_ref().take(FAULTS_MAX - 1));
    if others.next().is_some()
        && let Some(last) = first.also.last_mut()
    {
        last.detail.push_str(" (further faults of this record are not told)");
    }
    first
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

/// The problems of one record or value.
#[derive(Default)]
pub(in crate::event) struct Flaws(Option<Problem>);

impl Flaws {
    pub fn add(&mut self, problem: Problem) {
        self.0 = Some(match self.0.take() {
            None => problem,
            Some(first) => first.and(problem),
        });
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

    /// What was read; a problem of it is noted as it is.
    pub fn take<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.add(problem)).ok()
    }

    /// Notes the absence of a required field, unless something is known to be wrong with it under one of its names already. The first
    /// name is the one that is told.
    pub fn require<T>(&mut self, slot: &Option<T>, names: &[&str]) {
        self.require_or(slot.is_some(), names, || format!("`{}` is required", names[0]));
    }

    /// As [`Self::require`], saying why in its own words.
    pub fn require_or(&mut self, is_given: bool, names: &[&str], why: impl FnOnce() -> String) {
        if !is_given && !names.iter().any(|name| self.tells_of(name)) {
            self.add(Problem::new(Reason::MissingField, why()).under(names[0]));
        }
    }

    /// Whether something is wrong with the field `name`.
    pub fn tells_of(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|first| first.tells_of(name) || first.also.iter().any(|problem| problem.tells_of(name)))
    }

    /// All problems as one, if there was any.
    pub fn pass(self) -> Result<(), Problem> {
        self.0.map_or(Ok(()), Err)
    }
}

/// The value of a required field.
pub(super) fn required<T>(slot: Option<T>, key: &str) -> Result<T, Problem> {
    slot.ok_or_else(|| Problem::new(Reason::MissingField, format!("`{key}` is required")).under(key))
}
