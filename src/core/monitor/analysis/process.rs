//! What a process of Tidewatch says is wrong with itself or with what it stands on: a log that fills up, a disk without room, a panic. It tells
//! all of it each time something begins, changes or is over; each code is a finding from then until it is told no more.

use super::finding::{Figures, Finding, Pattern, Severity};
use super::{About, Analysis, Watched};
use crate::event::Notice;
use crate::ids::{Name, Slug};
use crate::monitor::limits::PROCESSES_MAX;
use crate::monitor::turn::Turn;
use crate::time::Timestamp;

impl Analysis {
    /// Takes all that is wrong with the process that publishes under `source`. False if nothing was wrong before either, or too many
    /// processes are known.
    pub(in crate::monitor) fn on_conditions(&mut self, turn: &mut Turn<'_>, source: &Slug, conditions: &[Notice]) -> bool {
        let name = Name::from(source);
        let is_known = self.by_name.contains_key(&(About::Process, name.clone()));
        if !is_known && (conditions.is_empty() || PROCESSES_MAX <= self.processes()) {
            return false;
        }
        let id = self.id_of(About::Process, &name);
        let turns = self.change(id).hear_of_process(turn, conditions);
        self.turns += turns;
        true
    }

    fn processes(&self) -> usize {
        self.by_name.keys().filter(|(about, _)| *about == About::Process).count()
    }
}

impl Watched {
    /// Begins, follows and ends findings; gives how many have begun or ended, or are worse or better than before.
    fn hear_of_process(&mut self, turn: &mut Turn<'_>, conditions: &[Notice]) -> u64 {
        let is_told = |finding: &Finding| conditions.iter().any(|notice| finding.is_about(notice));
        let over = self.findings.iter().filter(|finding| finding.is_open() && !is_told(finding));
        let over: Vec<u32> = over.map(|finding| finding.ordinal).collect();
        let mut turns = over.len() as u64;
        for ordinal in over {
            self.end(turn, ordinal, Pattern::Process, turn.time(), None);
        }
        for notice in conditions {
            match self.findings.iter_mut().find(|finding| finding.is_open() && finding.is_about(notice)) {
                Some(known) => turns += u64::from(known.follow_notice(notice, turn.time())),
                None => {
                    turns += 1;
                    self.add(turn, Finding::of_notice(self.found, notice, turn.time()));
                }
            }
        }
        turns
    }
}

impl Finding {
    fn of_notice(ordinal: u32, notice: &Notice, at: Timestamp) -> Self {
        Self {
            ordinal,
            pattern: Pattern::Process,
            series: None,
            since: at,
            until: None,
            last_at: at,
            severity: severity(notice),
            figures: Figures::default(),
            now: None,
            notice: Some(notice.clone()),
        }
    }

    fn is_about(&self, notice: &Notice) -> bool {
        self.notice.as_ref().is_some_and(|told| told.code == notice.code)
    }

    /// True if it is graver or less grave than it was told to be before.
    fn follow_notice(&mut self, notice: &Notice, at: Timestamp) -> bool {
        let changed = self.notice.as_ref().is_none_or(|told| told.is_critical != notice.is_critical);
        (self.last_at, self.severity) = (at, self.severity.max(severity(notice)));
        self.notice = Some(notice.clone());
        changed
    }
}

const fn severity(notice: &Notice) -> Severity {
    if notice.is_critical { Severity::Critical } else { Severity::Warning }
}
