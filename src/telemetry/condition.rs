//! What is wrong with the process itself or with what it stands on: a full log, a full disk, a broker that does not answer. Each has
//! a code, a severity and a sentence that says what to do. Set by whoever measures it, shown by `/ready`, `/api/v1/health`, the metrics and
//! `doctor`. Lives as long as the process and is no part of the read model.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is lost yet; somebody should act in time.
    Warning,
    /// Something does not work now, or data was lost.
    Critical,
}

/// One thing that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Stable, in snake case, such as `log_full`.
    pub code: &'static str,
    pub severity: Severity,
    /// While it holds the process is not ready.
    pub blocks: bool,
    /// What was found, with its numbers, and the way out.
    pub detail: String,
    pub since: Instant,
}

/// By code. As many as there are codes in the program, so it needs no other bound.
static CONDITIONS: Mutex<BTreeMap<&'static str, Condition>> = Mutex::new(BTreeMap::new());

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Says that something is wrong. Of one that is known already the sentence and severity change and `since` stays. True if it is new, so
/// that the caller can log it once.
pub fn raise(code: &'static str, severity: Severity, blocks: bool, detail: String) -> bool {
    let mut conditions = CONDITIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let since = conditions.get(code).map(|known| known.since);
    conditions.insert(code, Condition { code, severity, blocks, detail, since: since.unwrap_or_else(Instant::now) });
    since.is_none()
}

/// Says that it is over. True if it was there.
pub fn clear(code: &'static str) -> bool {
    CONDITIONS.lock().unwrap_or_else(PoisonError::into_inner).remove(code).is_some()
}

/// Everything that is wrong now: what blocks first, then the worst, then by code.
pub fn list() -> Vec<Condition> {
    let conditions = CONDITIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut list: Vec<Condition> = conditions.values().cloned().collect();
    list.sort_by_key(|condition| (!condition.blocks, std::cmp::Reverse(condition.severity), condition.code));
    list
}

/// Why the process is not ready, if a condition says so.
pub fn blocking() -> Option<String> {
    list().into_iter().find(|condition| condition.blocks).map(|condition| condition.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_new_once_keeps_its_beginning_and_what_blocks_comes_first() {
        assert!(raise("test_b", Severity::Critical, false, "b".into()));
        assert!(raise("test_a", Severity::Warning, true, "a".into()));
        let since = list().iter().find(|found| found.code == "test_b").unwrap().since;
        assert!(!raise("test_b", Severity::Critical, false, "worse".into()));
        let found: Vec<_> = list().into_iter().filter(|found| found.code.starts_with("test_")).collect();
        assert_eq!(found.iter().map(|found| found.detail.as_str()).collect::<Vec<_>>(), ["a", "worse"]);
        assert_eq!(found[1].since, since);
        assert!(clear("test_a") && !clear("test_a") && clear("test_b"));
    }
}
