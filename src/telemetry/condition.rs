//! What is wrong with the process itself or with what it stands on: a full log, a full disk, a broker that does not answer. Each has
//! a code, a severity and a sentence that says what to do. Set by whoever measures it, shown by `/ready`, `/api/v1/health`, the metrics and
//! `doctor`. Lives as long as the process and is no part of the read model.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    /// When it ends by itself; `None` of what holds until somebody says that it is over.
    until: Option<Instant>,
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
    insert(Condition { code, severity, blocks, detail, since: Instant::now(), until: None })
}

/// As [`raise`], of something that happens in a moment: a warning that ends by itself once it has not happened again for `lasting`.
pub fn raise_for(lasting: Duration, code: &'static str, detail: String) -> bool {
    let now = Instant::now();
    insert(Condition { code, severity: Severity::Warning, blocks: false, detail, since: now, until: Some(now + lasting) })
}

fn insert(condition: Condition) -> bool {
    let mut conditions = current();
    let since = conditions.get(condition.code).map(|known| known.since);
    conditions.insert(condition.code, Condition { since: since.unwrap_or(condition.since), ..condition });
    since.is_none()
}

/// Those that hold now.
fn current() -> MutexGuard<'static, BTreeMap<&'static str, Condition>> {
    let mut conditions = CONDITIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    conditions.retain(|_, condition| condition.until.is_none_or(|until| now < until));
    conditions
}

/// Says that it is over. True if it was there.
pub fn clear(code: &'static str) -> bool {
    current().remove(code).is_some()
}

/// Everything that is wrong now: what blocks first, then the worst, then by code.
pub fn list() -> Vec<Condition> {
    let mut list: Vec<Condition> = current().values().cloned().collect();
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

    #[test]
    fn what_happens_in_a_moment_ends_by_itself_unless_it_happens_again() {
        let shown = || list().into_iter().find(|found| found.code == "test_moment");
        raise_for(Duration::ZERO, "test_moment", "once".into());
        assert_eq!(shown(), None);
        assert!(raise_for(Duration::from_secs(3600), "test_moment", "again".into()), "the first one is over");
        assert!(!raise_for(Duration::from_secs(3600), "test_moment", "twice".into()));
        assert_eq!(shown().map(|found| found.detail), Some("twice".into()));
        assert!(clear("test_moment"));
    }
}
