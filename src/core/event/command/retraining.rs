//! When models are trained anew, and which version serves: what the types of [`crate::event::RetrainingChange`] do not say.

use super::Role;
use crate::event::wire::fault::{Flaws, Problem, Reason};
use crate::event::{GatesChange, ModelConfig, RetrainingChange};

/// Who may change the policy.
pub const ROLE: Role = Role::Admin;

/// Who may have a model trained, and decide which version serves.
pub const ROLE_TO_DECIDE: Role = Role::Operator;

/// Models that a policy names, and hyper-parameters of one.
const CONFIGS_MAX: usize = 1_000;
const PARAMETERS_MAX: usize = 100;

/// Looks for values of a policy that are out of their ranges.
pub(super) fn check(change: &RetrainingChange, flaws: &mut Flaws) {
    if *change == RetrainingChange::default() {
        flaws.add(Problem::new(Reason::BadCommand, "give at least one key of the policy".to_owned()));
    }
    let whole = |value: Option<u32>| value.map(f64::from);
    for (key, value, low, high) in [
        ("max_concurrent_tasks", whole(change.max_concurrent_tasks), 1.0, 16.0),
        ("retrain_interval_hours", change.retrain_interval_hours, 0.0, 87_600.0),
        ("performance_threshold", change.performance_threshold, 0.0, 1.0),
        ("drift_threshold", change.drift_threshold, 0.0, 1.0),
    ] {
        ranged(key, value, low, high, flaws);
    }
    rules(change.cooldown_hours, change.window_days, change.gates.as_ref(), &|problem| problem, flaws);
    let configs = change.model_configs.iter().flatten();
    if CONFIGS_MAX < change.model_configs.as_ref().map_or(0, std::collections::BTreeMap::len) {
        let detail = format!("at most {CONFIGS_MAX} models are named");
        flaws.add(Problem::new(Reason::TooManyEntries, detail).under("model_configs"));
    }
    for (model, ModelConfig { hyperparameters, cooldown_hours, window_days, gates, .. }) in configs {
        let place = |problem: Problem| problem.under(model.as_str()).under("model_configs");
        rules(*cooldown_hours, *window_days, gates.as_ref(), &place, flaws);
        if PARAMETERS_MAX < hyperparameters.len() {
            let detail = format!("at most {PARAMETERS_MAX} hyper-parameters");
            flaws.add(place(Problem::new(Reason::TooManyEntries, detail).under("hyperparameters")));
        }
    }
}

/// What may differ from model to model.
fn rules(
    cooldown_hours: Option<f64>,
    window_days: Option<u32>,
    gates: Option<&GatesChange>,
    place: &dyn Fn(Problem) -> Problem,
    flaws: &mut Flaws,
) {
    let mut own = Flaws::default();
    ranged("cooldown_hours", cooldown_hours, 0.0, 8_760.0, &mut own);
    ranged("window_days", window_days.map(f64::from), 1.0, 3_653.0, &mut own);
    flaws.take(own.pass().map_err(place));
    let Some(gates) = gates else { return };
    let mut of_gates = Flaws::default();
    for (key, value, low, high) in [
        ("ece_increase_max", gates.ece_increase_max, 0.0, 1.0),
        ("segment_loss_max", gates.segment_loss_max, 0.0, 1.0),
        ("segment_rows_min", gates.segment_rows_min.map(f64::from), 1.0, 1e6),
        ("p99_ms_max", gates.p99_ms_max, 0.001, 3_600_000.0),
        ("bytes_max", gates.bytes_max.map(|bytes| bytes as f64), 1.0, 1_073_741_824.0),
    ] {
        ranged(key, value, low, high, &mut of_gates);
    }
    flaws.take(of_gates.pass().map_err(|problem| place(problem.under("gates"))));
}

fn ranged(key: &str, value: Option<f64>, low: f64, high: f64, flaws: &mut Flaws) {
    if value.is_some_and(|value| !(low..=high).contains(&value)) {
        flaws.add(Problem::new(Reason::OutOfRange, format!("must be in {low} to {high}")).under(key));
    }
}
