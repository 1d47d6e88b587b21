//! What Tidewatch reports of itself: how far effects have been carried out, what is wrong with the process, what came of trainings, and the command
//! that lets its own admin in.

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::MapAccess;
use serde_json::Value as Json;

use super::command::{command, versioned};
use super::fault::{Problem, Reason, required};
use super::retraining::{compared, report};
use super::walk::{Cx, Take, Tree};
use crate::event::{Event, Lane, Notice};
use crate::ids::NAME_BYTES_MAX;

/// Conditions of one record, and bytes of what one of them says.
const CONDITIONS_MAX: usize = 64;
const DETAIL_BYTES_MAX: usize = 1_000;

/// A condition as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    code: CompactString,
    severity: Severity,
    detail: CompactString,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Severity {
    Warning,
    Critical,
}

/// Reads one outcome to its end.
pub(super) fn read<'de, A: MapAccess<'de>>(cx: &Cx<'_>, entries: A) -> Result<Result<Event, Problem>, A::Error> {
    Ok(Tree(cx, 0).map(entries)?.and_then(versioned).and_then(|mut tree| match &tree["settled_through"] {
        Json::Null if !tree["command"].is_null() => command(tree),
        Json::Null if !tree["conditions"].is_null() => conditions(tree["conditions"].take()),
        Json::Null if !tree["retraining"].is_null() => report(tree["retraining"].take()),
        Json::Null if !tree["compared"].is_null() => compared(tree["compared"].take()),
        Json::Null => required(None, "settled_through"),
        Json::Number(number) => match number.as_u64() {
            Some(settled_through) => lane(&tree["lane"]).map(|lane| Event::EffectsSettled { lane, settled_through }),
            None => {
                Err(unsettled(Reason::OutOfRange, format!("a sequence is a whole number and not negative, unlike {number}")))
            }
        },
        _ => Err(unsettled(Reason::WrongType, "expected a sequence: a whole number".to_owned())),
    }))
}

/// The lane that is settled. Before there were others every effect was a fact, and no lane was named.
fn lane(named: &Json) -> Result<Lane, Problem> {
    let names = || Lane::ALL.map(Lane::as_str).join(", ");
    let bad = |reason, detail| Err(Problem::new(reason, detail).under("lane"));
    match named {
        Json::Null => Ok(Lane::Facts),
        Json::String(name) => match Lane::named(name) {
            Some(lane) => Ok(lane),
            None => bad(Reason::OutOfRange, format!("{name:?} is no lane; there are {}", names())),
        },
        _ => bad(Reason::WrongType, format!("expected the name of a lane: {}", names())),
    }
}

fn unsettled(reason: Reason, detail: String) -> Problem {
    Problem::new(reason, detail).under("settled_through")
}

/// What a process says is wrong with it.
fn conditions(told: Json) -> Result<Event, Problem> {
    let bad = |reason: Reason, detail: String| Problem::new(reason, detail).under("conditions");
    let told: Vec<Condition> = serde_json::from_value(told).map_err(|error| bad(Reason::WrongType, error.to_string()))?;
    if CONDITIONS_MAX < told.len() {
        return Err(bad(Reason::OutOfRange, format!("a record holds at most {CONDITIONS_MAX} conditions, not {}", told.len())));
    }
    if let Some(odd) = told.iter().find(|condition| !(1..=NAME_BYTES_MAX).contains(&condition.code.len())) {
        let detail = format!("a code holds 1 to {NAME_BYTES_MAX} bytes, not {}", odd.code.len());
        return Err(bad(Reason::BadName, detail));
    }
    let notice = |Condition { code, severity, detail }: Condition| {
        let detail = detail[..detail.floor_char_boundary(DETAIL_BYTES_MAX)].into();
        Notice { code, is_critical: matches!(severity, Severity::Critical), detail }
    };
    Ok(Event::ConditionsSeen { conditions: told.into_iter().map(notice).collect() })
}
