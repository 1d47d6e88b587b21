//! What people and policies decide, handed to the room that each command is about.

use std::sync::Arc;

use crate::event::Command;
use crate::ids::Name;
use crate::monitor::analysis::About;
use crate::monitor::cold::Cold;
use crate::monitor::effect::Effects;
use crate::monitor::model::Verdict;
use crate::monitor::tokens::Token;
use crate::monitor::{Place, State};

impl State {
    pub(super) fn on_command(
        &mut self,
        cold: &mut impl Cold,
        at: Place<'_>,
        command: &Command,
        effects: &mut Effects,
    ) -> Verdict {
        match command {
            Command::SetThresholds { .. } => {
                let verdict = self.desk.thresholds.set(command);
                if verdict == Verdict::Applied {
                    self.models.judge_all(cold, at, &self.desk, effects);
                }
                verdict
            }
            Command::CreateToken { id, name, role, hash, expires_at } => {
                let token = Token {
                    name: name.clone(),
                    role: *role,
                    hash: hash.clone(),
                    created_at: at.stored_at,
                    expires_at: *expires_at,
                };
                Arc::make_mut(&mut self.desk.tokens).create(id, token)
            }
            Command::RevokeToken { id } => Arc::make_mut(&mut self.desk.tokens).revoke(id),
            Command::SetModelThresholds { model, thresholds, replace } => {
                self.models.on_thresholds(cold, at, (model, thresholds, *replace), &self.desk, effects)
            }
            Command::UnsetModelThresholds { model, metrics } => {
                self.models.on_thresholds_unset(cold, at, (model, metrics), &self.desk, effects)
            }
            Command::SetDriftPolicy(change) => {
                let before = self.desk.drift.policy;
                let verdict = self.desk.drift.policy.change(change);
                self.models.on_policy(at, &before, &mut self.desk, effects);
                verdict
            }
            Command::GatherReference { model, version } => {
                self.models.on_gather_reference(at, model, version.as_ref(), &mut self.desk, effects)
            }
            Command::SetDetectors { model, detectors } => self.models.on_detectors(at, model, detectors, &self.desk, effects),
            Command::DescribeModel(change) => self.models.on_description(at, change),
            Command::SetTask { model, task } => self.models.on_task(at, model, *task),
            Command::ReferenceFromRange(range) => self.models.on_past_range(cold, at, range, &mut self.desk, effects),
            Command::UseReference(training) => self.models.on_training_rows(cold, at, training, &mut self.desk, effects),
            Command::ForgetModel { model } => self.forget_model(cold, model, effects),
            Command::ForgetSource { source } => self.forget_source(source, effects),
        }
    }

    /// Deletes a model, what is analysed about it, and its name. What goes on ends.
    fn forget_model(&mut self, cold: &mut impl Cold, model: &Name, effects: &mut Effects) -> Verdict {
        let verdict = self.models.forget(cold, model, &mut self.desk, effects);
        if verdict == Verdict::Applied {
            self.desk.forgotten.models += 1;
            self.desk.forgotten.models_forgotten_at = self.desk.position;
            self.forget_subject(About::Model, model, effects);
        }
        verdict
    }

    /// As [`Self::forget_model`], of a source.
    fn forget_source(&mut self, source: &Name, effects: &mut Effects) -> Verdict {
        let verdict = self.sources.forget(source, &mut self.desk);
        if verdict == Verdict::Applied {
            self.desk.forgotten.sources += 1;
            self.forget_subject(About::Source, source, effects);
        }
        verdict
    }

    fn forget_subject(&mut self, about: About, name: &Name, effects: &mut Effects) {
        self.analysis.forget(about, name, self.desk.log_time, effects);
        self.desk.forgotten.subjects_given = self.analysis.given();
    }
}
