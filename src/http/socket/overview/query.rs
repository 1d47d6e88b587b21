//! What a reader of the overview wants to see: which models, in which order, and which rows of the list are in view.

use std::cmp::Ordering;

use serde::Deserialize;

use crate::view::order::{Figure, Order};

/// Rows of one view: a tall screen and what lies just outside of it. More than that nobody reads.
const ROWS_MAX: usize = 200;
/// Rows unless told otherwise.
const ROWS_DEFAULT: usize = 50;

/// Which models, in which order. Part of a subscription; what is left out takes its default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// Only models whose name, owner or tags hold this text, whatever the case.
    pub q: String,
    pub status: Option<StatusFilter>,
    pub tag: Option<String>,
    pub owner: Option<String>,
    /// Only those that are archived; else only those that are not.
    pub archived: bool,
    pub sort: Order,
    pub group: Group,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusFilter {
    Healthy,
    Warning,
    Critical,
    Training,
    Unknown,
    Stale,
}

/// What stands together below one heading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    #[default]
    None,
    Owner,
    /// A model with several tags stands below each of them.
    Tag,
    Status,
}

/// The rows in view, of the list as it is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: usize,
    pub rows: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            q: String::new(),
            status: None,
            tag: None,
            owner: None,
            archived: false,
            sort: Order::rising(Figure::Status),
            group: Group::None,
        }
    }
}

impl Span {
    pub fn of(first: Option<usize>, rows: Option<usize>) -> Self {
        Self { first: first.unwrap_or(0), rows: rows.unwrap_or(ROWS_DEFAULT).clamp(1, ROWS_MAX) }
    }
}

impl StatusFilter {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Training => "training",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
        }
    }
}

/// Compares names as people order them: runs of digits by their number, so that `m9` comes before `m10`; else without regard to case, and
/// names that are the same then by their bytes.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    loop {
        let (run_a, run_b) = (digits(rest_a), digits(rest_b));
        if !run_a.is_empty() && !run_b.is_empty() {
            let (number_a, number_b) = (run_a.trim_start_matches('0'), run_b.trim_start_matches('0'));
            match number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b)) {
                Ordering::Equal => (rest_a, rest_b) = (&rest_a[run_a.len()..], &rest_b[run_b.len()..]),
                other => return other,
            }
            continue;
        }
        let (mut chars_a, mut chars_b) = (rest_a.chars(), rest_b.chars());
        match (chars_a.next(), chars_b.next()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => match x.to_lowercase().cmp(y.to_lowercase()) {
                Ordering::Equal => (rest_a, rest_b) = (chars_a.as_str(), chars_b.as_str()),
                other => return other,
            },
        }
    }
}

/// The digits a text begins with.
fn digits(text: &str) -> &str {
    &text[..text.bytes().take_while(u8::is_ascii_digit).count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_their_numbers() {
        let mut names = ["m10", "M9", "m", "b2", "a", "m09", "사기", "m10a"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "b2", "m", "M9", "m09", "m10", "m10a", "사기"]);
    }

    #[test]
    fn a_view_is_bounded_whatever_is_asked() {
        assert_eq!(Span::of(Some(7), Some(1_000_000)), Span { first: 7, rows: ROWS_MAX });
        assert_eq!(Span::of(None, None), Span { first: 0, rows: ROWS_DEFAULT });
    }

    #[test]
    fn an_unknown_field_of_a_query_is_refused() {
        assert!(serde_json::from_str::<Query>(r#"{"sort":"-drift"}"#).is_ok());
        assert!(serde_json::from_str::<Query>(r#"{"order":"drift"}"#).is_err());
    }
}
