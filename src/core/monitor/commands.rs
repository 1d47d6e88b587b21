//! What people and policies decide, handed to the room that each command is about.

use std::sync::Arc;

use crate::event::Command;
use crate::ids::Name;
use crate::monitor::analysis::About;
use crate::monitor::cold::Cold;
use crate::monitor::effect::Effects;
use crate::monitor::model::{Model, Models, Verdict};
use crate::monitor::tokens::Token;
use crate::monitor::turn::Turn;
use crate::monitor::{Place, State};

impl State {
    pub(super) fn on_command(
        &mut self,
        cold: &mut dyn Cold,
        at: Place<'_>,
        command: &Command,
        effects: &mut Effects,
    ) -> Verdict {
        let turn = &mut Turn { cold, desk: &mut self.desk, effects };
        match command {
            Command::SetThresholds { .. } => {
                let verdict = turn.desk.thresholds.set(command);
                if verdict == Verdict::Applied {
                    self.models.judge_all(turn, at);
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
                Arc::make_mut(&mut turn.desk.tokens).create(id, token)
            }
            Command::RevokeToken { id } => Arc::make_mut(&mut turn.desk.tokens).revoke(id),
            Command::SetModelThresholds { model, thresholds, replace } => {
                self.models.on_thresholds(turn, at, (model, thresholds, *replace))
            }
            Command::UnsetModelThresholds { model, metrics } => self.models.on_thresholds_unset(turn, at, (model, metrics)),
            Command::SetDriftPolicy(change) => {
                let before = turn.desk.drift.policy;
                let verdict = turn.desk.drift.policy.change(change);
                self.models.on_policy(turn, at, &before);
                verdict
            }
            Command::SetWindowRetention(change) => turn.desk.rolled.change(change),
            Command::SetVersionState { model, version, state } => {
                self.models.on_version_state(turn, at, (model, version.as_ref()), *state)
            }
            Command::GatherReference { model, version } => self.models.on_gather_reference(turn, at, model, version.as_ref()),
            Command::SetDetectors { model, detectors } => self.models.on_detectors(turn, at, model, detectors),
            Command::DescribeModel(change) => self.models.on_description(at, change),
            Command::SetTask { model, task } => self.models.on_task(at, model, *task),
            Command::ReferenceFromRange(range) => self.models.on_past_range(turn, at, range),
            Command::UseReference(training) => self.models.on_training_rows(turn, at, training),
            Command::SetRetraining(change) => self.retraining.set(turn, change),
            Command::Retrain { model } => self.retraining.ask(turn, at, found(&self.models, model), model),
            Command::CancelRetraining { job } => self.retraining.cancel(turn, job),
            Command::PromoteVersion { model, version } => {
                self.retraining.promote(turn, at, (found(&self.models, model), model), *version)
            }
            Command::RollBackModel { model, to } => {
                self.retraining.roll_back(turn, at, (found(&self.models, model), model), *to)
            }
            Command::PinModel { model, pinned } => self.retraining.pin(turn, at, (found(&self.models, model), model), *pinned),
            Command::ForgetModel { model } => self.forget_model(cold, model, effects),
            Command::ForgetSource { source } => self.forget_source(cold, source, effects),
        }
    }

    /// Deletes a model, what is analysed about it, and its name. What goes on ends.
    fn forget_model(&mut self, cold: &mut dyn Cold, model: &Name, effects: &mut Effects) -> Verdict {
        let turn = &mut Turn { cold, desk: &mut self.desk, effects };
        let id = self.models.by_name(model.as_str()).map(|model| model.id);
        let verdict = self.models.forget(turn, model);
        if verdict == Verdict::Applied {
            turn.desk.forgotten.models += 1;
            turn.desk.forgotten.models_forgotten_at = turn.desk.position;
            self.analysis.forget(turn, About::Model, model);
            if let Some(id) = id {
                self.retraining.forget(turn, id);
            }
        }
        verdict
    }

    /// Forgets sources of which nothing has come for long. Of one for whose rows there is no room a later tick is asked.
    pub(super) fn forget_outlived(&mut self, cold: &mut dyn Cold, effects: &mut Effects) {
        for source in self.sources.outlived(self.desk.log_time) {
            let verdict = self.forget_source(cold, &source, effects);
            self.desk.forgotten.sources_outlived += u64::from(verdict == Verdict::Applied);
        }
    }

    /// As [`Self::forget_model`], of a source.
    fn forget_source(&mut self, cold: &mut dyn Cold, source: &Name, effects: &mut Effects) -> Verdict {
        let turn = &mut Turn { cold, desk: &mut self.desk, effects };
        let verdict = self.sources.forget(source, turn.desk);
        if verdict == Verdict::Applied {
            turn.desk.forgotten.sources += 1;
            self.analysis.forget(turn, About::Source, source);
        }
        verdict
    }
}

fn found<'a>(models: &'a Models, name: &Name) -> Option<&'a Model> {
    models.by_name(name.as_str()).map(|model| &**model)
}
