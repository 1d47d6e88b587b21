//! The versions that were trained for one model: which of them serves, which would like to, and which served before.

use serde::{Deserialize, Serialize};

use crate::event::Trained;
use crate::ids::{EffectId, Name, Slug};
use crate::monitor::limits::{ARTIFACTS_KEPT, BARRED_MAX, DECISIONS_MAX, TRAINED_VERSIONS_MAX};
use crate::monitor::retraining::policy::Objection;
use crate::stats::promotion::{Evidence, Return, Served, Setback};
use crate::time::Timestamp;

/// What a version is to its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Compared with the champion; nothing is proved yet.
    Challenger,
    /// Proved to be better; a person promotes it.
    Proposed,
    Champion,
    /// The champion before, which comes back if that was a mistake.
    Previous,
    /// Served, and is not the one before any more.
    Retired,
    Rejected,
    /// Newer challengers took its place before anything was proved.
    Superseded,
    /// Served, and was a mistake.
    RolledBack,
}

impl Standing {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Challenger => "challenger",
            Self::Proposed => "proposed",
            Self::Champion => "champion",
            Self::Previous => "previous",
            Self::Retired => "retired",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
        }
    }

    /// Whether labels are still compared.
    pub const fn is_compared(self) -> bool {
        matches!(self, Self::Challenger | Self::Proposed)
    }
}

/// A version that was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Shown as `r1`, `r2`, …
    pub number: u32,
    pub job: EffectId,
    pub made_at: Timestamp,
    pub standing: Standing,
    /// Its advantages are in `evidence`.
    pub trained: Trained,
    /// First and last sequence that it was trained from.
    pub range: (u64, u64),
    pub seed: u64,
    pub parent: Option<u32>,
    /// That it is better than the champion.
    pub evidence: Evidence,
    /// That it is worse.
    pub against: Evidence,
    /// Labels up to this sequence are in the evidence.
    pub through_seq: u64,
    pub objections: Vec<Objection>,
    /// Log time of its services, the last of which may go on.
    pub served: Vec<(Timestamp, Option<Timestamp>)>,
    /// Whether its artifact is kept.
    pub kept: bool,
}

/// The champion before, while a new one is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// `None` of one that is served elsewhere: it cannot be asked, so evidence says nothing of it and only errors and slowness lead back to it.
    pub previous: Option<u32>,
    /// How that one had served when its place was taken.
    pub before: Served,
    pub since: Timestamp,
    /// A person decided for the new champion: what evidence says against it is proposed only.
    pub by_person: bool,
    pub setback: Setback,
    pub through_seq: u64,
    /// The way back is proposed.
    pub proposed: Option<Return>,
}

/// Something that was decided about who serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub at: Timestamp,
    /// `promoted`, `rolled_back`, `rejected`, `proposed`, `confirmed`, `superseded`, `pinned` or `unpinned`.
    pub what: Decided,
    pub from: Option<u32>,
    pub to: Option<u32>,
    /// Who published the command; `None` where evidence decided.
    pub by: Option<Slug>,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    Promoted,
    RolledBack,
    Rejected,
    Proposed,
    Confirmed,
    Superseded,
    Pinned,
    Unpinned,
}

impl Decided {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled_back",
            Self::Rejected => "rejected",
            Self::Proposed => "proposed",
            Self::Confirmed => "confirmed",
            Self::Superseded => "superseded",
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
        }
    }
}

/// What serves or may serve again at once.
const IN_USE: [Standing; 2] = [Standing::Champion, Standing::Previous];

/// What is known of the retraining of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Book {
    pub model: Name,
    /// Ascending.
    pub versions: Vec<Version>,
    /// Numbers given.
    pub given: u32,
    /// The version that serves; `None`: what is served elsewhere.
    pub champion: Option<u32>,
    /// A person has promoted it: what would take its place is proposed only.
    pub by_person: bool,
    pub watch: Option<Watch>,
    pub pinned: bool,
    /// Champions and what was rolled back to them: such a pair is not armed again.
    pub barred: Vec<(Option<u32>, u32)>,
    /// When a model was last trained.
    pub trained_at: Option<Timestamp>,
    /// When the last job ended, whatever came of it.
    pub ended_at: Option<Timestamp>,
    /// Nothing begins by itself before.
    pub cool_until: Timestamp,
    /// Seconds that the last training took.
    pub seconds: Option<f64>,
    /// Causes that were passed over while the model cooled down.
    pub passed_over: u64,
    /// Newest last.
    pub decisions: Vec<Decision>,
}

impl Book {
    pub fn of(model: &Name) -> Self {
        Self {
            model: model.clone(),
            versions: Vec::new(),
            given: 0,
            champion: None,
            by_person: false,
            watch: None,
            pinned: false,
            barred: Vec::new(),
            trained_at: None,
            ended_at: None,
            cool_until: Timestamp::default(),
            seconds: None,
            passed_over: 0,
            decisions: Vec::new(),
        }
    }

    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    pub(super) fn version_mut(&mut self, number: u32) -> Option<&mut Version> {
        self.versions.iter_mut().find(|version| version.number == number)
    }

    /// Versions that are compared with the champion.
    pub fn challengers(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().filter(|version| version.standing.is_compared())
    }

    /// Adds a version, and forgets what there is no room for: artifacts of old ones that never served, then the oldest of those.
    pub(super) fn add(&mut self, version: Version) {
        self.versions.push(version);
        let newest = self.versions.len().saturating_sub(ARTIFACTS_KEPT);
        for old in &mut self.versions[..newest] {
            old.kept &= !old.served.is_empty() || old.standing.is_compared();
        }
        if TRAINED_VERSIONS_MAX < self.versions.len() {
            let needed = |version: &Version| version.standing.is_compared() || IN_USE.contains(&version.standing);
            let spare = self.versions.iter().position(|version| !version.kept);
            if let Some(spare) = spare.or_else(|| self.versions.iter().position(|version| !needed(version))) {
                self.versions.remove(spare);
            }
        }
    }

    /// Notes who serves from now on.
    pub(super) fn serve(&mut self, champion: Option<u32>, at: Timestamp) {
        let before = std::mem::replace(&mut self.champion, champion);
        if let Some(version) = before.and_then(|before| self.version_mut(before))
            && let Some((_, until @ None)) = version.served.last_mut()
        {
            *until = Some(at);
        }
        if let Some(version) = champion.and_then(|champion| self.version_mut(champion)) {
            version.standing = Standing::Champion;
            version.served.push((at, None));
            version.kept = true;
        }
    }

    pub(super) fn decide(&mut self, decision: Decision) {
        self.decisions.push(decision);
        let spare = self.decisions.len().saturating_sub(DECISIONS_MAX);
        self.decisions.drain(..spare);
    }

    pub(super) fn bar(&mut self, champion: Option<u32>, challenger: u32) {
        self.barred.push((champion, challenger));
        let spare = self.barred.len().saturating_sub(BARRED_MAX);
        self.barred.drain(..spare);
    }
}

/// The name of a version as services know it; of `None` there is none.
pub fn shown(number: u32) -> String {
    format!("r{number}")
}
