//! The records few publish: commands of people and policies, and ticks.

use serde::Deserialize;
use serde::de::MapAccess;
use serde_json::Value as Json;

use super::FEATURES_MAX;
use super::fault::{FAULTS_MAX, Flaws, Problem, Reason, required};
use super::leaf::{Leaf, checked};
use super::retraining;
use super::walk::{Any, Cx, Key, One, Skip, Take, Tree};
use crate::event::{
    Command, DescriptionChange, Event, MetricThreshold, PastRange, PolicyChange, RetentionChange, TrainingRows,
};
use crate::ids::NAME_BYTES_MAX;

/// Reads one command to its end.
pub(super) fn read<'de, A: MapAccess<'de>>(cx: &Cx<'_>, entries: A) -> Result<Result<Event, Problem>, A::Error> {
    Ok(Tree(cx, 0).map(entries)?.and_then(versioned).and_then(command))
}

/// The record without its `schema_version`, if that is one we read.
pub(super) fn versioned(mut tree: Json) -> Result<Json, Problem> {
    let given = tree.as_object_mut().and_then(|fields| fields.remove("schema_version"));
    let leaf = match &given {
        None => Leaf::Null,
        Some(Json::Number(number)) => number.as_i64().map_or(Leaf::Real(number.as_f64().unwrap_or(f64::NAN)), Leaf::Whole),
        Some(Json::String(text)) => Leaf::Text(text.as_str().into()),
        Some(Json::Null) => Leaf::Null,
        Some(Json::Bool(flag)) => Leaf::Bool(*flag),
        Some(Json::Array(_)) => Leaf::List,
        Some(Json::Object(_)) => Leaf::Map,
    };
    leaf.schema_version().map_err(|problem| problem.under("schema_version"))?;
    Ok(tree)
}

/// The command that a record says.
pub(super) fn command(tree: Json) -> Result<Event, Problem> {
    match &tree["command"] {
        Json::Null => return Err(required(None::<()>, "command").map_or_else(|missing| missing, |()| unnamed())),
        Json::String(_) => {}
        _ => return Err(unnamed()),
    }
    let mut command = typed(tree)?;
    let mut flaws = Flaws::default();
    check(&mut command, &mut flaws);
    flaws.pass()?;
    Ok(Event::CommandGiven(command))
}

/// The command that the record is. A key that it does not have is refused: whoever writes one expects something of it.
fn typed(mut tree: Json) -> Result<Command, Problem> {
    let mut flaws = Flaws::default();
    for _ in 0..FAULTS_MAX {
        let error = match Command::deserialize(&tree) {
            Ok(command) => return flaws.pass().map(|()| command),
            Err(error) => error.to_string(),
        };
        let unknown = error.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')).map(|(key, _)| key);
        let removed = unknown.filter(|key| tree.as_object_mut().is_some_and(|fields| fields.remove(*key).is_some()));
        let problem = Problem::new(Reason::BadCommand, error.clone());
        match removed {
            Some(key) => flaws.add(problem.under(key)),
            None => {
                flaws.add(problem);
                break;
            }
        }
    }
    flaws.pass().and_then(|()| Err(unnamed()))
}

fn unnamed() -> Problem {
    Problem::new(Reason::WrongType, "expected the name of a command".to_owned()).under("command")
}

/// What a command's types do not say.
fn check(command: &mut Command, flaws: &mut Flaws) {
    match command {
        Command::SetThresholds { accuracy_threshold, response_time_threshold, error_rate_threshold, drift_threshold } => {
            let shares = [
                ("accuracy_threshold", accuracy_threshold),
                ("error_rate_threshold", error_rate_threshold),
                ("drift_threshold", drift_threshold),
            ];
            for (key, share) in shares {
                flaws.take(share.map_or(Leaf::Null, Leaf::Real).chosen_share().map_err(|problem| problem.under(key)));
            }
            let seconds = response_time_threshold.map_or(Leaf::Null, Leaf::Real);
            flaws.take(seconds.not_negative().map_err(|problem| problem.under("response_time_threshold")));
        }
        Command::CreateToken { id, name: _, role: _, hash, expires_at: _ } => {
            flaws.take(checked(id.clone()).map_err(|problem| problem.under("id")));
            if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                flaws.add(Problem::new(Reason::OutOfRange, "expected 64 hexadecimal digits".to_owned()).under("hash"));
            }
        }
        Command::DescribeModel(change) => check_description(change, flaws),
        Command::SetDriftPolicy(change) => check_policy(change, flaws),
        Command::SetModelThresholds { thresholds, .. } => check_thresholds(thresholds, flaws),
        Command::SetRetraining(change) => retraining::check(change, flaws),
        Command::SetWindowRetention(change) => check_retention(change, flaws),
        Command::CancelRetraining { .. }
        | Command::ForgetModel { .. }
        | Command::ForgetSource { .. }
        | Command::GatherReference { .. }
        | Command::PinModel { .. }
        | Command::PromoteVersion { .. }
        | Command::Retrain { .. }
        | Command::RollBackModel { .. }
        | Command::SetDetectors { .. }
        | Command::SetTask { .. }
        | Command::SetVersionState { .. }
        | Command::UnsetModelThresholds { .. } => {}
        Command::ReferenceFromRange(range) => check_range(range, flaws),
        Command::UseReference(training) => check_training(training, flaws),
        Command::RevokeToken { id } => drop(flaws.take(checked(id.clone()).map_err(|problem| problem.under("id")))),
    }
}

/// Bytes of an owner and of a tag: what fits a line of a list.
const WORD_BYTES_MAX: usize = 64;

fn check_description(change: &DescriptionChange, flaws: &mut Flaws) {
    let DescriptionChange { model: _, owner, tags, add_tags, remove_tags, archived } = change;
    if owner.is_none() && tags.is_none() && archived.is_none() && add_tags.is_empty() && remove_tags.is_empty() {
        let detail = "give at least one of owner, tags, add_tags, remove_tags and archived".to_owned();
        flaws.add(Problem::new(Reason::BadCommand, detail));
    }
    let is_word = |text: &str| text.len() <= WORD_BYTES_MAX && !text.chars().any(char::is_control);
    let bad = |detail: &str| {
        Problem::new(Reason::BadName, format!("{detail} of at most {WORD_BYTES_MAX} bytes, without control characters"))
    };
    if owner.as_deref().is_some_and(|owner| !is_word(owner)) {
        flaws.add(bad("an owner is a text").under("owner"));
    }
    for (key, tags) in [("tags", tags.as_ref()), ("add_tags", Some(add_tags)), ("remove_tags", Some(remove_tags))] {
        for (index, tag) in tags.into_iter().flatten().enumerate() {
            if tag.trim().is_empty() || !is_word(tag) {
                flaws.add(bad("a tag is a word").under(&index.to_string()).under(key));
            }
        }
    }
}

fn check_thresholds(thresholds: &[MetricThreshold], flaws: &mut Flaws) {
    for (index, threshold) in thresholds.iter().enumerate() {
        let mut flaw = |key: &str, detail: &str| {
            let problem = Problem::new(Reason::OutOfRange, detail.to_owned());
            flaws.add(problem.under(key).under(&index.to_string()).under("thresholds"));
        };
        if !threshold.value.is_finite() {
            flaw("value", "must be a finite number");
        }
        if threshold.margin.is_some_and(|margin| !(0.0..f64::INFINITY).contains(&margin)) {
            flaw("margin", "must not be negative");
        }
        if threshold.metric.starts_with("sample/") != threshold.source.is_some() {
            flaw("source", "a metric of the form sample/<name> needs the source that sends it, and no other has one");
        }
    }
}

fn check_policy(change: &PolicyChange, flaws: &mut Flaws) {
    let PolicyChange { reference_rows, window_seconds, psi_threshold, false_alarms_per_month, error_run_length, .. } = change;
    let whole = |value: &Option<u32>| value.map(f64::from);
    for (key, value, low, high) in [
        ("reference_rows", whole(reference_rows), 100.0, 10_000.0),
        ("window_seconds", whole(window_seconds), 0.0, 604_800.0),
        ("psi_threshold", *psi_threshold, 0.0, 10.0),
        ("false_alarms_per_month", *false_alarms_per_month, 1e-6, 1e6),
        ("error_run_length", *error_run_length, 100.0, 1e12),
    ] {
        if value.is_some_and(|value| !(low..=high).contains(&value)) {
            flaws.add(Problem::new(Reason::OutOfRange, format!("must be in {low} to {high}")).under(key));
        }
    }
    // 0: as wide as the traffic of each version needs
    if let Some(seconds) = window_seconds.filter(|seconds| *seconds != 0)
        && !flaws.tells_of("window_seconds")
        && (604_800 % seconds != 0 || seconds % 60 != 0 || (seconds < 86_400 && 86_400 % seconds != 0))
    {
        let detail = "must be whole minutes that part a day evenly, such as 600, or whole days that part a week; 0: as the traffic needs";
        flaws.add(Problem::new(Reason::OutOfRange, detail.to_owned()).under("window_seconds"));
    }
}

fn check_retention(change: &RetentionChange, flaws: &mut Flaws) {
    if *change == RetentionChange::default() {
        let detail = "give at least one of minute_windows_days, hour_windows_days and day_windows_days".to_owned();
        flaws.add(Problem::new(Reason::BadCommand, detail));
    }
    // each for itself: whether they go together is seen once it is known what the others are
    for (key, days) in [
        ("minute_windows_days", change.minute_windows_days),
        ("hour_windows_days", change.hour_windows_days),
        ("day_windows_days", change.day_windows_days),
    ] {
        if days.is_some_and(|days| !(30..=3_653).contains(&days)) {
            flaws.add(Problem::new(Reason::OutOfRange, "must be in 30 to 3653 days".to_owned()).under(key));
        }
    }
}

fn check_range(range: &PastRange, flaws: &mut Flaws) {
    for (key, instant) in [("from", range.from), ("until", range.until)] {
        flaws.take(Leaf::Instant(instant).instant().map_err(|problem| problem.under(key)));
    }
    if range.until <= range.from {
        let detail = format!("must lie after `from`, {}", range.from);
        flaws.add(Problem::new(Reason::OutOfRange, detail).under("until"));
    }
}

fn check_training(training: &mut TrainingRows, flaws: &mut Flaws) {
    for (index, row) in training.rows.iter_mut().enumerate() {
        let at = |problem: Problem, key: &str| problem.under(key).under(&index.to_string()).under("rows");
        if row.features.values().len() > FEATURES_MAX {
            let detail = format!("a row holds at most {FEATURES_MAX} features");
            flaws.add(at(Problem::new(Reason::TooManyFeatures, detail), "features"));
        }
        if let Some((name, _)) = row.features.iter().find(|(name, _)| !(1..=NAME_BYTES_MAX).contains(&name.len())) {
            let detail = format!("the name of a feature holds 1 to {NAME_BYTES_MAX} bytes, not {}", name.len());
            flaws.add(at(Problem::new(Reason::BadName, detail), "features"));
        }
        let score = row.score.map_or(Leaf::Null, Leaf::Real).fraction();
        row.score = flaws.take(score.map_err(|problem| at(problem, "score"))).flatten();
    }
}

/// Reads one tick to its end: of what it may hold, only the version counts.
pub(super) fn read_tick<'de, A: MapAccess<'de>>(cx: &Cx<'_>, mut entries: A) -> Result<Result<Event, Problem>, A::Error> {
    let mut flaws = Flaws::default();
    let mut schema_version = None;
    while let Some(key) = entries.next_key_seed(Any(Key(cx)))? {
        match key.as_ref() {
            "schema_version" => {
                flaws.set(&mut schema_version, entries.next_value_seed(Any(One(cx, 1)))?.schema_version(), "", &key);
            }
            _ => entries.next_value_seed(Any(Skip(cx, 1)))?,
        }
    }
    Ok(flaws.pass().map(|()| Event::ClockTicked))
}
