//! What has a model trained anew by itself: drift, worse answers, or its time. Two causes within the time of cooling down make one job.

use std::sync::Arc;

use super::Retraining;
use super::job::Cause;
use crate::event::Mode;
use crate::monitor::drift::judge::Score;
use crate::monitor::effect::{Action, Announcement};
use crate::monitor::limits::{RETRAINING_LABELS_MIN, RETRAINING_LOOKED_AT, SAMPLES_MIN};
use crate::monitor::model::{Model, Models};
use crate::monitor::status::{ACCURACY, LOSS, Status};
use crate::monitor::turn::Turn;

impl Retraining {
    /// Hears what was told of models.
    pub(in crate::monitor) fn hear(&mut self, turn: &mut Turn<'_>, models: &Models, action: &Action) {
        if !self.ledger.policy.auto_retrain_enabled {
            return;
        }
        let Action::Announce(announcement) = action else { return };
        let (model, cause) = match announcement {
            Announcement::Drift { model, alarm, .. } if alarm.detected => {
                let of_answers = ["error", "loss"].contains(&alarm.subject.as_str());
                (model, if of_answers { Cause::Performance } else { Cause::ModelDrift })
            }
            Announcement::StatusChanged { model, to: Status::Critical, reasons, .. } => {
                let of_answers = |metric: &str| [ACCURACY, LOSS].contains(&metric);
                let worse = reasons
                    .iter()
                    .any(|reason| reason.status == Status::Critical && reason.metric.as_deref().is_some_and(of_answers));
                if !worse {
                    return;
                }
                (model, Cause::Performance)
            }
            _ => return,
        };
        if let Some(model) = models.by_name(model.as_str()) {
            self.consider(turn, model, cause);
        }
    }

    /// Looks once a minute of log time which models are beyond the thresholds of the policy, or whose time has come.
    pub(in crate::monitor) fn on_tick(&mut self, turn: &mut Turn<'_>, models: &Models) {
        let now = turn.desk.log_time;
        let watched: Vec<u32> = self.books.iter().filter(|(_, book)| book.watch.is_some()).map(|(id, _)| *id).collect();
        let due = self.ledger.policy.auto_retrain_enabled && RETRAINING_LOOKED_AT <= now - self.ledger.looked_at;
        if due {
            Arc::make_mut(&mut self.ledger).change().looked_at = now;
            for model in models.iter() {
                if let Some(cause) = self.cause_of(turn, model) {
                    self.consider(turn, model, cause);
                }
            }
        }
        for id in watched {
            let over = self.book(id).and_then(|book| book.watch.as_ref().map(|watch| (watch.since, book.model.clone())));
            if let Some((since, name)) = over
                && crate::monitor::limits::WATCH <= now - since
            {
                self.at_desk(turn, id, &name, |desk| desk.confirm());
            }
        }
    }

    fn cause_of(&self, turn: &Turn<'_>, model: &Model) -> Option<Cause> {
        let policy = &self.ledger.policy;
        let accuracy = model.condition.findings.iter().find(|finding| finding.metric == ACCURACY && finding.lacking.is_none());
        let basis = accuracy.map(|finding| &finding.over.basis).filter(|basis| SAMPLES_MIN <= basis.n());
        if basis.is_some_and(|basis| basis.value() < policy.performance_threshold) {
            return Some(Cause::Performance);
        }
        if model.drift.worst_score().map(Score::value).is_some_and(|score| policy.drift_threshold < score) {
            return Some(Cause::ModelDrift);
        }
        let last = self.book(model.id).and_then(|book| book.ended_at).max(self.ledger.enabled_at)?;
        policy.interval().is_some_and(|interval| interval <= turn.desk.log_time - last).then_some(Cause::Scheduled)
    }

    /// Queues a job for a model that has enough labels and does not cool down.
    fn consider(&mut self, turn: &mut Turn<'_>, model: &Model, cause: Cause) {
        let rules = self.ledger.policy.rules_of(&model.name);
        if rules.mode == Mode::Off || model.counters.labelled < RETRAINING_LABELS_MIN {
            return;
        }
        let now = turn.desk.log_time;
        let cools = self
            .book(model.id)
            .is_some_and(|book| now < book.cool_until || book.ended_at.is_some_and(|ended| now - ended < rules.cooldown()));
        if cools {
            self.change_book(model.id, &model.name).passed_over += 1;
        } else {
            // the bound on open jobs holds here too; with the next look there may be room
            let _ = self.queue(turn, model.id, &model.name, cause, None);
        }
    }
}
