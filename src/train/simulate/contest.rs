//! Champion, challengers and the previous champion, label by label. Knows models by number only.

use serde::Serialize;
use tidewatch_core::stats::logarithm::ln;
use tidewatch_core::stats::promotion::{Evidence, Return, Setback, advantage, threshold};

use super::policy::Policy;

/// A model by its number: 0 for the first, then in the order of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Model(pub usize);

/// Something that was decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// The row after whose label it was decided, counted from 0 among labelled rows.
    pub row: usize,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Event {
    /// A challenger has come up: a new model, or one that served before and whose watch is over.
    Challenged { challenger: Model, champion: Model },
    /// It took the place of the champion.
    Promoted {
        challenger: Model,
        champion: Model,
        /// ln of the evidence, and of what it had to reach.
        log_evidence: f64,
        log_threshold: f64,
        labels: u64,
        mean_advantage: f64,
    },
    /// Another challenger took its place before anything was proved.
    Superseded { challenger: Model, log_evidence: f64, labels: u64 },
    /// The champion before the last promotion has come back.
    RolledBack { from: Model, to: Model, reason: Return, labels: u64, mean_advantage: f64 },
    /// The last promotion has stood its time of watch.
    Confirmed { champion: Model, labels: u64 },
}

struct Challenger {
    model: Model,
    evidence: Evidence,
    /// Whether it has served before.
    former: bool,
}

/// Who serves, who would like to, and who served before.
pub struct Contest {
    policy: Policy,
    champion: Model,
    challengers: Vec<Challenger>,
    previous: Option<(Model, Setback)>,
    pub decisions: Vec<Decision>,
}

impl Contest {
    pub fn new(policy: &Policy, champion: Model) -> Self {
        Self { policy: policy.clone(), champion, challengers: Vec::new(), previous: None, decisions: Vec::new() }
    }

    pub const fn champion(&self) -> Model {
        self.champion
    }

    /// All whose answers are asked for.
    pub fn models(&self) -> impl Iterator<Item = Model> + '_ {
        let challengers = self.challengers.iter().map(|challenger| challenger.model);
        [self.champion].into_iter().chain(challengers).chain(self.previous.iter().map(|(model, _)| *model))
    }

    /// A new challenger.
    pub fn challenge(&mut self, row: usize, model: Model) {
        self.arm(row, model, false, self.policy.challengers);
    }

    /// A challenger whose evidence begins, in the place of the oldest of its kind if there are as many as may be.
    fn arm(&mut self, row: usize, model: Model, former: bool, most: usize) {
        let of_kind = self.challengers.iter().filter(|challenger| challenger.former == former).count();
        if most <= of_kind {
            let Some(oldest) = self.challengers.iter().position(|challenger| challenger.former == former) else { return };
            let Challenger { model, evidence, .. } = self.challengers.remove(oldest);
            let (log_evidence, labels) = (evidence.logarithm(), evidence.labels());
            self.decide(row, Event::Superseded { challenger: model, log_evidence, labels });
        }
        self.challengers.push(Challenger { model, evidence: Evidence::new(self.policy.margin), former });
        self.decide(row, Event::Challenged { challenger: model, champion: self.champion });
    }

    /// The label of a row has come.
    ///
    /// * `loss`: of a model on that row, 0 to 1.
    pub fn label(&mut self, row: usize, loss: impl Fn(Model) -> f64) {
        let of_champion = loss(self.champion);
        for challenger in &mut self.challengers {
            challenger.evidence.add(advantage(of_champion, loss(challenger.model)));
        }
        if self.watch(row, of_champion, &loss) {
            return;
        }
        self.promote(row);
    }

    /// Compares with the previous champion; true if that has come back.
    fn watch(&mut self, row: usize, of_champion: f64, loss: &impl Fn(Model) -> f64) -> bool {
        let Some((previous, setback)) = &mut self.previous else { return false };
        let reason = setback.add(advantage(of_champion, loss(*previous)));
        let (previous, labels) = (*previous, setback.evidence().labels());
        if let Some(reason) = reason {
            let mean_advantage = setback.evidence().mean().unwrap_or_default();
            self.decide(row, Event::RolledBack { from: self.champion, to: previous, reason, labels, mean_advantage });
            self.serve(previous, None);
            return true;
        }
        if self.policy.watch <= labels {
            self.previous = None;
            self.decide(row, Event::Confirmed { champion: self.champion, labels });
            self.arm(row, previous, true, self.policy.former);
        }
        false
    }

    fn promote(&mut self, row: usize) {
        let log_threshold = ln(threshold(self.policy.alpha, self.challengers.len()));
        let proved = self.challengers.iter().map(|challenger| challenger.evidence.logarithm());
        let best = proved.enumerate().fold(None, |best: Option<(usize, f64)>, (place, evidence)| match best {
            Some((_, most)) if evidence <= most => best,
            _ => Some((place, evidence)),
        });
        let Some((place, log_evidence)) = best.filter(|(_, evidence)| log_threshold <= *evidence) else { return };
        let Challenger { model: challenger, evidence, .. } = self.challengers.remove(place);
        let (labels, mean_advantage) = (evidence.labels(), evidence.mean().unwrap_or_default());
        let champion = self.champion;
        self.decide(row, Event::Promoted { challenger, champion, log_evidence, log_threshold, labels, mean_advantage });
        let before = self.previous.take();
        self.serve(challenger, Some((champion, Setback::new(self.policy.run_length))));
        if let Some((before, _)) = before {
            self.arm(row, before, true, self.policy.former);
        }
    }

    /// Changes who serves. What was proved against another champion proves nothing against this one.
    fn serve(&mut self, champion: Model, previous: Option<(Model, Setback)>) {
        self.champion = champion;
        self.previous = previous;
        let margin = self.policy.margin;
        self.challengers.iter_mut().for_each(|challenger| challenger.evidence = Evidence::new(margin));
    }

    fn decide(&mut self, row: usize, event: Event) {
        self.decisions.push(Decision { row, event });
    }
}
