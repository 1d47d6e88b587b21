//! Every record of the world is counted once, by what became of it.

use crate::monitor::cold::Cold;
use crate::monitor::effect::Effects;
use crate::monitor::model::Verdict;
use crate::monitor::{Place, State};

impl State {
    pub(super) fn count(&mut self, cold: &mut dyn Cold, at: Place<'_>, verdict: Verdict, effects: &mut Effects) {
        if at.kind.is_internal() && !matches!(verdict, Verdict::Rejected(_)) {
            return;
        }
        let counts = &mut self.desk.counts;
        match verdict {
            Verdict::Applied => counts.applied += 1,
            Verdict::AppliedLate => {
                counts.applied += 1;
                counts.late += 1;
            }
            Verdict::Duplicate => counts.duplicates += 1,
            Verdict::TooLate => counts.too_late += 1,
            Verdict::Ignored => counts.ignored += 1,
            Verdict::Rejected(fault) => {
                counts.rejected += 1;
                let log_time = self.desk.log_time;
                self.desk.rejections.add(cold, at, &fault, log_time, effects);
            }
        }
    }
}
