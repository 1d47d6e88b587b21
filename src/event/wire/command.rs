//! The records few publish: commands of people and policies, and the outcomes our own hands report.

use serde::de::MapAccess;
use serde_json::Value as Json;

use super::fault::{Flaws, Problem, Reason, required};
use super::leaf::{Leaf, checked};
use super::walk::{Any, Cx, Key, One, Skip, Take, Tree};
use crate::event::{Command, Event};

/// Reads one command to its end.
pub(super) fn read<'de, A: MapAccess<'de>>(cx: &Cx<'_>, entries: A) -> Result<Result<Event, Problem>, A::Error> {
    Ok(Tree(cx, 0).map(entries)?.and_then(|tree| {
        match &tree["command"] {
            Json::Null => return Err(required(None::<()>, "command").map_or_else(|missing| missing, |()| unnamed())),
            Json::String(_) => {}
            _ => return Err(unnamed()),
        }
        let command = serde_json::from_value(tree).map_err(|error| Problem::new(Reason::BadCommand, error.to_string()))?;
        check(&command)?;
        Ok(Event::CommandGiven(command))
    }))
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

/// Reads one outcome to its end.
pub(super) fn read_outcome<'de, A: MapAccess<'de>>(cx: &Cx<'_>, mut entries: A) -> Result<Result<Event, Problem>, A::Error> {
    let mut flaws = Flaws::default();
    let mut settled = None;
    while let Some(key) = entries.next_key_seed(Any(Key(cx)))? {
        match key.as_ref() {
            "settled_through" => {
                let read = sequence(entries.next_value_seed(Any(One(cx, 1)))?);
                flaws.set(&mut settled, read, "", &key);
            }
            _ => entries.next_value_seed(Any(Skip(cx, 1)))?,
        }
    }
    Ok(flaws.pass().and_then(|()| {
        let settled_through = required(settled, "settled_through")?;
        Ok(Event::EffectsSettled { settled_through })
    }))
}

fn sequence(leaf: Leaf<'_>) -> Result<Option<u64>, Problem> {
    match leaf {
        Leaf::Null => Ok(None),
        Leaf::Big(number) => Ok(Some(number)),
        Leaf::Whole(number) => match u64::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Problem::new(Reason::OutOfRange, format!("a sequence is not negative, unlike {number}"))),
        },
        other => Err(other.not("a sequence: a whole number")),
    }
}
