//! The records few publish: commands of people and policies, and the outcomes our own hands report.

use serde::de::MapAccess;
use serde_json::Value as Json;

use super::FEATURES_MAX;
use super::fault::{Problem, Reason, required};
use super::leaf::{Leaf, checked};
use super::walk::{Cx, Take, Tree};
use crate::event::{Command, Event, PastRange, PolicyChange, TrainingRows};
use crate::ids::NAME_BYTES_MAX;

/// Reads one command to its end.
pub(super) fn read<'de, A: MapAccess<'de>>(cx: &Cx<'_>, entries: A) -> Result<Result<Event, Problem>, A::Error> {
    Ok(Tree(cx, 0).map(entries)?.and_then(command))
}

fn command(tree: Json) -> Result<Event, Problem> {
    match &tree["command"] {
        Json::Null => return Err(required(None::<()>, "command").map_or_else(|missing| missing, |()| unnamed())),
        Json::String(_) => {}
        _ => return Err(unnamed()),
    }
    let command = serde_json::from_value(tree).map_err(|error| Problem::new(Reason::BadCommand, error.to_string()))?;
    check(&command)?;
    Ok(Event::CommandGiven(command))
}

fn unnamed() -> Problem {
    Problem::new(Reason::WrongType, "expected the name of a command".to_owned()).under("command")
}

/// What a command's types do not say.
fn check(command: &Command) -> Result<(), Problem> {
    match command {
        Command::SetThresholds { accuracy_threshold, response_time_threshold, error_rate_threshold, drift_threshold } => {
            let shares = [
                ("accuracy_threshold", accuracy_threshold),
                ("error_rate_threshold", error_rate_threshold),
                ("drift_threshold", drift_threshold),
            ];
            for (key, share) in shares {
                share.map_or(Leaf::Null, Leaf::Real).fraction().map_err(|problem| problem.under(key))?;
            }
            let seconds = response_time_threshold.map_or(Leaf::Null, Leaf::Real);
            seconds.not_negative().map_err(|problem| problem.under("response_time_threshold")).map(drop)
        }
        Command::CreateToken { id, name: _, role: _, hash } => {
            checked(id.clone()).map_err(|problem| problem.under("id"))?;
            let hexadecimal = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            let detail = || "expected 64 hexadecimal digits".to_owned();
            if hexadecimal { Ok(()) } else { Err(Problem::new(Reason::OutOfRange, detail()).under("hash")) }
        }
        Command::SetDriftPolicy(change) => check_policy(change),
        Command::GatherReference { .. } | Command::SetDetectors { .. } => Ok(()),
        Command::ReferenceFromRange(range) => check_range(range),
        Command::UseReference(training) => check_training(training),
        Command::RevokeToken { id } => checked(id.clone()).map(drop).map_err(|problem| problem.under("id")),
    }
}

fn check_policy(change: &PolicyChange) -> Result<(), Problem> {
    let PolicyChange { reference_rows, window_seconds, psi_threshold, false_alarms_per_month, error_run_length, .. } = change;
    let whole = |value: &Option<u32>| value.map(f64::from);
    for (key, value, low, high) in [
        ("reference_rows", whole(reference_rows), 100.0, 10_000.0),
        ("window_seconds", whole(window_seconds), 60.0, 86_400.0),
        ("psi_threshold", *psi_threshold, 0.0, 10.0),
        ("false_alarms_per_month", *false_alarms_per_month, 1e-6, 1e6),
        ("error_run_length", *error_run_length, 100.0, 1e12),
    ] {
        if value.is_some_and(|value| !(low..=high).contains(&value)) {
            return Err(Problem::new(Reason::OutOfRange, format!("must be in {low} to {high}")).under(key));
        }
    }
    match window_seconds {
        Some(seconds) if 86_400 % seconds != 0 || seconds % 60 != 0 => {
            let detail = "must be whole minutes that part a day evenly, such as 600".to_owned();
            Err(Problem::new(Reason::OutOfRange, detail).under("window_seconds"))
        }
        _ => Ok(()),
    }
}

fn check_range(range: &PastRange) -> Result<(), Problem> {
    for (key, instant) in [("from", range.from), ("until", range.until)] {
        Leaf::Instant(instant).instant().map_err(|problem| problem.under(key))?;
    }
    let detail = || format!("must lie after `from`, {}", range.from);
    if range.from < range.until { Ok(()) } else { Err(Problem::new(Reason::OutOfRange, detail()).under("until")) }
}

fn check_training(training: &TrainingRows) -> Result<(), Problem> {
    for (index, row) in training.rows.iter().enumerate() {
        let at = |problem: Problem, key: &str| problem.under(key).under(&index.to_string()).under("rows");
        if row.features.values().len() > FEATURES_MAX {
            let detail = format!("a row holds at most {FEATURES_MAX} features");
            return Err(at(Problem::new(Reason::TooManyFeatures, detail), "features"));
        }
        if let Some((name, _)) = row.features.iter().find(|(name, _)| !(1..=NAME_BYTES_MAX).contains(&name.len())) {
            let detail = format!("the name of a feature holds 1 to {NAME_BYTES_MAX} bytes, not {}", name.len());
            return Err(at(Problem::new(Reason::BadName, detail), "features"));
        }
        row.score.map_or(Leaf::Null, Leaf::Real).fraction().map_err(|problem| at(problem, "score"))?;
    }
    Ok(())
}

/// Reads one outcome to its end: how far effects have been carried out, or a command that our own hands gave.
pub(super) fn read_outcome<'de, A: MapAccess<'de>>(cx: &Cx<'_>, entries: A) -> Result<Result<Event, Problem>, A::Error> {
    Ok(Tree(cx, 0).map(entries)?.and_then(|tree| match &tree["settled_through"] {
        Json::Null if !tree["command"].is_null() => command(tree),
        Json::Null => required(None, "settled_through"),
        Json::Number(number) => match number.as_u64() {
            Some(settled_through) => Ok(Event::EffectsSettled { settled_through }),
            None => {
                Err(unsettled(Reason::OutOfRange, format!("a sequence is a whole number and not negative, unlike {number}")))
            }
        },
        _ => Err(unsettled(Reason::WrongType, "expected a sequence: a whole number".to_owned())),
    }))
}

fn unsettled(reason: Reason, detail: String) -> Problem {
    Problem::new(reason, detail).under("settled_through")
}
