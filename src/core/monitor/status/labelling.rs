//! How complete and how late the labels are that a figure rests on.

use super::{ACCURACY, Condition, Finding, LOSS};
use crate::monitor::limits::SAMPLES_MIN;
use crate::time::{Span, Timestamp};

/// What stands behind a figure of labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelling {
    /// Of the predictions of the time that the labels are of, about what share has one; `None` if that is not known.
    pub share: Option<f64>,
    /// Mean seconds between a prediction and its label.
    pub delay: f64,
}

impl Condition {
    /// How complete and how late the labels of a finding are; `None` of what is not about labels.
    pub fn labelling(&self, finding: &Finding) -> Option<Labelling> {
        let newest = match &*finding.metric {
            ACCURACY => self.labels.newest(),
            LOSS => self.losses.newest(),
            _ => None,
        };
        let (newest, delay) = newest.filter(|_| finding.lacking.is_none()).zip(self.label_delay())?;
        let late = Span::from_micros((delay * 1e6) as i64);
        let since = |moment: Timestamp| self.served.about_since(moment - late);
        let served = since(finding.over.from).zip(since(newest + Span::from_secs(1))).map(|(all, since)| all - since);
        let served = served.filter(|served| SAMPLES_MIN as f64 <= *served);
        let share = served.map(|served| (finding.over.basis.n() as f64 / served).min(1.0));
        Some(Labelling { share, delay })
    }
}
