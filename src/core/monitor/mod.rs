//! What it all means. [`State`] and [`apply`], and nothing else: each subject has a module of its own.

pub mod analysis;
pub mod classes;
pub mod cold;
mod commands;
mod counts;
mod desk;
pub mod drift;
pub mod effect;
pub mod forgotten;
pub mod jobs;
pub mod join;
pub mod kept;
pub mod limits;
pub mod model;
pub mod numbered;
pub mod pane;
pub mod point;
pub mod rejected;
pub mod retraining;
pub mod rollup;
pub mod rooms;
pub mod rows;
pub mod source;
pub mod status;
pub mod task;
pub mod tokens;
pub mod trail;
pub mod turn;
pub mod window;

#[cfg(test)]
mod tests;

use crate::event::{Event, Fault, Kind, Message, Note, Prediction};
use crate::monitor::analysis::Analysis;
use crate::monitor::cold::Cold;
use crate::monitor::effect::{Effect, Effects};
use crate::monitor::jobs::Jobs;
use crate::monitor::model::{Models, Verdict};
use crate::monitor::retraining::Retraining;
use crate::monitor::source::Sources;
use crate::monitor::turn::Turn;

pub use crate::monitor::desk::{Counts, Desk};
pub use crate::monitor::turn::Place;

/// Everything the core knows, but for what lies in [`Cold`].
#[derive(Clone, Debug, Default)]
pub struct State {
    pub desk: Desk,
    pub models: Models,
    pub sources: Sources,
    pub analysis: Analysis,
    pub retraining: Retraining,
    pub jobs: Jobs,
}

/// What one message changes, and what it asks of the world. Total: no decoded input makes it fail or panic. Deterministic: the
/// same messages in the same order give the same state and the same effects, id for id, however they are grouped into batches.
pub fn apply(state: &mut State, cold: &mut dyn Cold, message: &Message) -> Vec<Effect> {
    let mut effects = Effects::caused_by(message.seq);
    state.desk.position = message.seq;
    state.desk.log_time = state.desk.log_time.max(message.stored_at);
    let mut last_refused = None;
    for (index, record) in message.records.iter().enumerate() {
        let at = Place {
            seq: message.seq,
            index: index as u32,
            stored_at: message.stored_at,
            kind: message.kind,
            source: &message.source,
        };
        let verdict = match record {
            Ok(event) => state.on_event(cold, at, event, &mut effects),
            Err(fault) => Verdict::Rejected(fault.clone()),
        };
        last_refused = if let Verdict::Rejected(fault) = &verdict { Some(fault.clone()) } else { last_refused };
        state.count(cold, at, verdict, &mut effects);
    }
    if !message.kind.is_internal() {
        let (records, refused) = (message.records.len() as u64, u64::from(effects.rejected.records()));
        state.analysis.on_message(&message.source, records, refused, last_refused.as_ref(), state.desk.log_time);
    }
    state.desk.rejections.announce(state.desk.log_time, &mut effects);
    state.hear(cold, &mut effects);
    effects.into_vec()
}

impl State {
    fn on_event(&mut self, cold: &mut dyn Cold, at: Place<'_>, event: &Event, effects: &mut Effects) -> Verdict {
        let turn = &mut Turn { cold, desk: &mut self.desk, effects };
        match event {
            Event::PredictionLogged(prediction) => self.on_prediction(cold, at, prediction, effects),
            Event::LabelArrived(label) => self.models.on_label(turn, at, label),
            Event::SamplesTaken(sample) => self.sources.on_sample(turn, at, sample, &mut self.analysis),
            Event::RecordNoted(note) if note.kind == Kind::Job => self.on_job(cold, at, note, effects),
            Event::RecordNoted(note) => self.sources.on_note(turn, at, note),
            Event::CommandGiven(command) => self.on_command(cold, at, command, effects),
            // nobody has carried out what was not yet asked for: believed, it would silence the effects to come
            Event::EffectsSettled { settled_through, .. } if at.seq <= *settled_through => Verdict::Ignored,
            Event::EffectsSettled { lane, settled_through } => {
                self.desk.settled.settle(*lane, *settled_through);
                Verdict::Applied
            }
            Event::ConditionsSeen { conditions } => {
                let is_news = self.analysis.on_conditions(turn, at.source, conditions);
                if is_news { Verdict::Applied } else { Verdict::Ignored }
            }
            Event::JobReported(report) => self.retraining.on_report(turn, report),
            Event::ModelsCompared(told) => {
                self.retraining.on_compared(turn, self.models.by_name(told.model.as_str()).map(|model| &**model), told)
            }
            Event::ClockTicked => {
                self.models.take_samples(at, &self.sources, turn.desk.log_time);
                self.models.on_tick(turn);
                turn.desk.expire_tokens();
                self.sources.on_tick(turn, &mut self.analysis);
                self.analysis.judge_producers(turn);
                self.analysis.judge_values(turn, &self.models);
                self.analysis.judge_names(turn, &self.models, &self.sources);
                self.retraining.on_tick(turn, &self.models);
                turn.desk.forgotten.erase(turn.cold);
                self.forget_outlived(cold, effects);
                Verdict::Applied
            }
        }
    }

    /// Of an answer that is new, retraining hears too: it holds champions against those before.
    fn on_prediction(&mut self, cold: &mut dyn Cold, at: Place<'_>, prediction: &Prediction, effects: &mut Effects) -> Verdict {
        let turn = &mut Turn { cold, desk: &mut self.desk, effects };
        let verdict = self.models.on_prediction(turn, at, prediction);
        if !self.retraining.books.is_empty()
            && matches!(verdict, Verdict::Applied | Verdict::AppliedLate)
            && let Some(model) = self.models.by_name(prediction.model.as_str())
        {
            self.retraining.on_prediction(turn, model, prediction);
        }
        verdict
    }

    /// A report of a job is kept with its source like any record, and is part of the job.
    fn on_job(&mut self, cold: &mut dyn Cold, at: Place<'_>, note: &Note, effects: &mut Effects) -> Verdict {
        if let Some(fault) = self.jobs.refuses(note) {
            return Verdict::Rejected(fault);
        }
        let turn = &mut Turn { cold, desk: &mut self.desk, effects };
        let verdict = self.sources.on_note(turn, at, note);
        if verdict == Verdict::Applied {
            self.jobs.on_report(turn, note);
        }
        verdict
    }

    /// Rooms hear what was told while the message was applied, and what that has others tell, in the order of this function. It ends: analysis
    /// and retraining hear of models, and nobody hears of them.
    fn hear(&mut self, cold: &mut dyn Cold, effects: &mut Effects) {
        let mut heard = 0;
        while heard < effects.told().len() {
            let mut answers = effects.answers();
            let turn = &mut Turn { cold, desk: &mut self.desk, effects: &mut answers };
            for effect in &effects.told()[heard..] {
                self.analysis.hear(turn, &effect.action);
                self.retraining.hear(turn, &self.models, &effect.action);
            }
            heard = effects.told().len();
            effects.append(answers);
        }
    }
}

/// A fault found while applying, where the record was well formed but a bound was reached.
pub(crate) fn bound_reached(reason: &str, detail: String) -> Verdict {
    Verdict::Rejected(Fault::new(reason, detail, String::new()))
}
