//! How long windows are kept, and which versions serve, as commands say it.

use serde::{Deserialize, Serialize};

/// What people say of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionChoice {
    Serving,
    /// Its answers are compared and not used.
    Shadow,
    /// Nobody asks it any more. With its next prediction it serves again.
    Retired,
}

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
