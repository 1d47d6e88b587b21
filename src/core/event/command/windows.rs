//! How long windows are kept.

use serde::{Deserialize, Serialize};

use super::Role;
use crate::event::wire::fault::{Flaws, Problem, Reason};

/// Who may say how long windows are kept.
pub const ROLE: Role = Role::Admin;

/// How long windows are kept; fields left out keep their value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionChange {
    /// Days that windows of a minute are kept; at least as long as labels can join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute_windows_days: Option<u32>,
    /// Days that windows of an hour are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour_windows_days: Option<u32>,
    /// Days that windows of a day are kept; nothing is known of the time before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_windows_days: Option<u32>,
}

/// Looks for what is wrong with it.
pub(super) fn check(change: &RetentionChange, flaws: &mut Flaws) {
    if *change == RetentionChange::default() {
        let detail = "give at least one of minute_windows_days, hour_windows_days and day_windows_days".to_owned();
        flaws.add(Problem::new(Reason::BadCommand, detail));
    }
    // each for itself: whether they go together is seen once it is known what the others are
    for (key, days) in [
        ("minute_windows_days", change.minute_windows_days),
        ("hour_windows_days", change.hour_windows_days),
        ("day_windows_days", change.day_windows_days),
    ] {
        if days.is_some_and(|days| !(30..=3_653).contains(&days)) {
            flaws.add(Problem::new(Reason::OutOfRange, "must be in 30 to 3653 days".to_owned()).under(key));
        }
    }
}
