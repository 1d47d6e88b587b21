//! What the world is told of retraining.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::book::shown;
use super::job::{Cause, State};
use super::policy::Objection;
use crate::ids::{EffectId, Name, Slug};
use crate::monitor::effect::{Announcement, Fact};
use crate::stats::promotion::Return;
use crate::time::Timestamp;

/// Something that happened to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum News {
    Started {
        job: EffectId,
        cause: Cause,
        attempt: u32,
    },
    Finished {
        job: EffectId,
        cause: Cause,
        state: State,
        version: Option<u32>,
        error: Option<String>,
    },
    Promoted {
        version: u32,
        from: Option<u32>,
        artifact: String,
        by: Option<Slug>,
        proof: Proof,
    },
    Rejected {
        version: u32,
        job: EffectId,
        objections: Vec<Objection>,
    },
    RolledBack {
        from: Option<u32>,
        to: Option<u32>,
        artifact: Option<String>,
        by: Option<Slug>,
        why: Option<Return>,
        proof: Proof,
    },
}

/// The evidence at the moment of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    pub evidence: f64,
    pub threshold: f64,
    pub labels: u64,
    pub mean_advantage: Option<f64>,
}

impl News {
    pub const fn fact(&self) -> Fact {
        match self {
            Self::Started { .. } => Fact::RetrainStarted,
            Self::Finished { .. } => Fact::RetrainFinished,
            Self::Promoted { .. } => Fact::ModelPromoted,
            Self::Rejected { .. } => Fact::ModelRejected,
            Self::RolledBack { .. } => Fact::ModelRolledBack,
        }
    }

    pub fn about(self, model: &Name, at: Timestamp) -> Announcement {
        Announcement::Retraining { model: model.clone(), news: Box::new(self), at }
    }

    /// The members of the fact beside those that every fact has.
    pub fn members(&self) -> Value {
        let version = |number: &Option<u32>| number.map(shown);
        match self {
            Self::Started { job, cause, attempt } => {
                json!({"job_id": job.to_string(), "reason": cause.as_str(), "attempt": attempt})
            }
            Self::Finished { job, cause, state, version: made, error } => json!({
                "job_id": job.to_string(), "reason": cause.as_str(), "status": state.as_str(), "version": version(made), "error": error,
            }),
            Self::Promoted { version: to, from, artifact, by, proof } => json!({
                "version": shown(*to), "from": version(from), "artifact": artifact, "by": by, "evidence": proof.members(),
            }),
            Self::Rejected { version, job, objections } => {
                let reasons = objections.iter().map(|objection| json!({"code": objection.code, "detail": objection.detail}));
                json!({"version": shown(*version), "job_id": job.to_string(), "reasons": reasons.collect::<Vec<_>>()})
            }
            Self::RolledBack { from, to, artifact, by, why, proof } => json!({
                "from": version(from), "version": version(to), "artifact": artifact, "by": by, "reason": why, "evidence": proof.members(),
            }),
        }
    }
}

impl Proof {
    fn members(&self) -> Value {
        json!({
            "value": self.evidence, "threshold": self.threshold, "labels": self.labels, "mean_advantage": self.mean_advantage,
        })
    }
}
