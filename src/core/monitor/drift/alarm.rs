//! What a drift alarm says.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::monitor::drift::judge::Against;
use crate::time::Timestamp;

/// A drift was detected, or is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Log time.
    pub at: Timestamp,
    /// What has moved: `prediction`, `score`, `multivariate`, `error`, or `feature/` and a name.
    pub subject: String,
    /// Name and value of the segment in which it has moved; `None` for the version as a whole.
    pub segment: Option<(Name, Name)>,
    /// Who says so: `window`, or the name of a change detector.
    pub detector: Cow<'static, str>,
    /// False: the drift is over.
    pub detected: bool,
    /// Event time from which on it was so: of a window its start, of a change detector the change that it has found.
    pub onset: Timestamp,
    /// Start and end of the window that was judged; `None` for a detector of arriving values.
    pub window: Option<(Timestamp, Timestamp)>,
    /// What the window was compared with; `None` for a detector of arriving values.
    pub against: Option<Against>,
    /// How much, by name: `psi` and `jensen_shannon` of a window; of a detector `rate_before` and `rate_now` of errors or `mean_before` and
    /// `mean_now` of another input, and `values_since` the change.
    pub effect: Vec<(Cow<'static, str>, f64)>,
    /// How evidently: nats for a window, the statistic of a detector.
    pub evidence: f64,
    /// What the evidence was compared with.
    pub threshold: f64,
}
