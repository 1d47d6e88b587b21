//! The records few publish: commands of people and policies, and ticks.

use serde::Deserialize;
use serde::de::MapAccess;
use serde_json::Value as Json;

use super::fault::{FAULTS_MAX, Flaws, Problem, Reason, required};
use super::leaf::Leaf;
use super::walk::{Any, Cx, Key, One, Skip, Take, Tree};
use crate::event::{Command, Event};

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
    command.check(&mut flaws);
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
