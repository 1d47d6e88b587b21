//! The records few publish: commands of people and policies, and the outcomes our own hands report.

use serde::de::MapAccess;
use serde_json::Value as Json;

use super::fault::{Problem, Reason, required};
use super::leaf::{Leaf, checked};
use super::walk::{Cx, Take, Tree};
use crate::event::{Command, Event};

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
        Command::RevokeToken { id } => checked(id.clone()).map(drop).map_err(|problem| problem.under("id")),
    }
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
