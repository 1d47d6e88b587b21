//! When models are trained anew, from what, and what becomes of the result.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::event::{GatesChange, Mode, ModelConfig, RetrainingChange, Trained};
use crate::ids::Name;
use crate::time::Span;

/// What learns where nobody says otherwise.
const ALGORITHM: &str = "gradient_boosting";

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub auto_retrain_enabled: bool,
    pub max_concurrent_tasks: u32,
    /// Of log time; 0: none by schedule.
    pub retrain_interval_hours: f64,
    pub backup_models: bool,
    pub performance_threshold: f64,
    pub drift_threshold: f64,
    pub rules: Rules,
    #[serde(with = "super::as_json")]
    pub models: BTreeMap<Name, ModelConfig>,
}

/// What may differ from model to model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    pub mode: Mode,
    pub search: bool,
    pub cooldown_hours: f64,
    pub window_days: u32,
    pub gates: Gates,
}

/// Bounds that a new model has to keep before its evidence counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gates {
    pub ece_increase_max: f64,
    pub segment_loss_max: f64,
    pub segment_rows_min: u32,
    pub p99_ms_max: f64,
    pub bytes_max: u64,
}

/// Why a new model is not wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// `calibration`, `segment`, `latency`, `size` or `worse`.
    pub code: CompactString,
    pub detail: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            auto_retrain_enabled: false,
            max_concurrent_tasks: 2,
            retrain_interval_hours: 24.0,
            backup_models: true,
            performance_threshold: 0.7,
            drift_threshold: 0.2,
            rules: Rules::default(),
            models: BTreeMap::new(),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { mode: Mode::Propose, search: false, cooldown_hours: 6.0, window_days: 30, gates: Gates::default() }
    }
}

impl Default for Gates {
    fn default() -> Self {
        Self { ece_increase_max: 0.02, segment_loss_max: 0.05, segment_rows_min: 100, p99_ms_max: 50.0, bytes_max: 64 << 20 }
    }
}

impl Policy {
    /// With what `change` names.
    #[must_use]
    pub fn changed(&self, change: &RetrainingChange) -> Self {
        let own = ModelConfig {
            mode: change.mode,
            search: change.search,
            cooldown_hours: change.cooldown_hours,
            window_days: change.window_days,
            gates: change.gates.clone(),
            ..ModelConfig::default()
        };
        Self {
            auto_retrain_enabled: change.auto_retrain_enabled.unwrap_or(self.auto_retrain_enabled),
            max_concurrent_tasks: change.max_concurrent_tasks.unwrap_or(self.max_concurrent_tasks),
            retrain_interval_hours: change.retrain_interval_hours.unwrap_or(self.retrain_interval_hours),
            backup_models: change.backup_models.unwrap_or(self.backup_models),
            performance_threshold: change.performance_threshold.unwrap_or(self.performance_threshold),
            drift_threshold: change.drift_threshold.unwrap_or(self.drift_threshold),
            rules: self.rules.with(&own),
            models: change.model_configs.clone().unwrap_or_else(|| self.models.clone()),
        }
    }

    /// How one model is retrained.
    pub fn rules_of(&self, model: &Name) -> Rules {
        self.models.get(model).map_or(self.rules, |own| self.rules.with(own))
    }

    /// What learns one model, and with which parameters.
    pub fn learner_of(&self, model: &Name) -> (CompactString, Map<String, Value>) {
        let own = self.models.get(model);
        let algorithm = own.and_then(|own| own.algorithm.clone()).unwrap_or_else(|| ALGORITHM.into());
        (algorithm, own.map(|own| own.hyperparameters.clone()).unwrap_or_default())
    }

    /// From one training to the next; `None` without a schedule.
    pub fn interval(&self) -> Option<Span> {
        (0.0 < self.retrain_interval_hours).then(|| hours(self.retrain_interval_hours))
    }
}

impl Rules {
    fn with(self, own: &ModelConfig) -> Self {
        Self {
            mode: own.mode.unwrap_or(self.mode),
            search: own.search.unwrap_or(self.search),
            cooldown_hours: own.cooldown_hours.unwrap_or(self.cooldown_hours),
            window_days: own.window_days.unwrap_or(self.window_days),
            gates: own.gates.as_ref().map_or(self.gates, |gates| self.gates.with(gates)),
        }
    }

    pub fn cooldown(&self) -> Span {
        hours(self.cooldown_hours)
    }
}

impl Gates {
    fn with(self, change: &GatesChange) -> Self {
        Self {
            ece_increase_max: change.ece_increase_max.unwrap_or(self.ece_increase_max),
            segment_loss_max: change.segment_loss_max.unwrap_or(self.segment_loss_max),
            segment_rows_min: change.segment_rows_min.unwrap_or(self.segment_rows_min),
            p99_ms_max: change.p99_ms_max.unwrap_or(self.p99_ms_max),
            bytes_max: change.bytes_max.unwrap_or(self.bytes_max),
        }
    }

    /// Every bound that a new model breaks.
    pub fn broken(&self, trained: &Trained) -> Vec<Objection> {
        let mut objections = Vec::new();
        let mut object = |code: &str, detail: String| objections.push(Objection { code: code.into(), detail });
        let ece = |of: &BTreeMap<CompactString, crate::event::Measured>| of.get("ece").map(|measured| measured.value);
        if let (Some(champion), Some(challenger)) = (ece(&trained.champion), ece(&trained.challenger))
            && self.ece_increase_max < challenger - champion
        {
            object("calibration", format!("its calibration error is {challenger:.4}, that of the champion {champion:.4}"));
        }
        for segment in &trained.segments {
            let worse = segment.challenger - segment.champion;
            if u64::from(self.segment_rows_min) <= segment.rows && self.segment_loss_max < worse {
                let (name, value, rows) = (&segment.name, &segment.value, segment.rows);
                object("segment", format!("where {name} is {value:?} it is worse by {worse:.4}, over {rows} rows"));
            }
        }
        let p99 = 1e3 * trained.p99_seconds;
        if self.p99_ms_max < p99 {
            object("latency", format!("one answer in a hundred takes {p99:.1} ms or more"));
        }
        if self.bytes_max < trained.bytes {
            object("size", format!("it has {} bytes", trained.bytes));
        }
        objections
    }
}

/// A span of so many hours.
pub(super) fn hours(hours: f64) -> Span {
    Span::from_micros((hours * 3_600e6) as i64)
}
