//! The one table of the file: `[agent]`, whose keys are those of the top that begin with `agent_`, and whose services are tables of their own.

use toml::de::{DeTable, DeValue};

use super::layers::plain;

/// Its name.
pub(super) const AGENT: &str = "agent";

/// The ways to check a service, as keys of its table.
const WAYS: [&str; 4] = ["process", "unit", "tcp", "http"];

/// A key as the top of the file would hold it, and its value or what is wrong with that; both with where they begin, in bytes.
pub(super) struct Entry {
    pub key: String,
    pub key_offset: usize,
    pub text: Result<String, String>,
    pub offset: usize,
}

/// Entries of `[agent]`: `interval` is `agent_interval`, and the tables `[[agent.service]]` are `agent_services`.
pub(super) fn agent<'a>(table: &'a DeTable<'_>) -> impl Iterator<Item = Entry> + use<'a> {
    table.iter().map(|(key, value)| {
        let (name, key_offset): (&str, usize) = (key.get_ref(), key.span().start);
        let (key, (text, offset)) = match name {
            "service" => ("agent_services".to_owned(), services(value)),
            name => (format!("agent_{name}"), (plain(value.get_ref()), value.span().start)),
        };
        Entry { key, key_offset, text, offset }
    })
}

/// All of them as `NAME=process:NAME,…`; or what is wrong with the first that is wrong, and where that is.
fn services(value: &toml::Spanned<DeValue<'_>>) -> (Result<String, String>, usize) {
    let start = value.span().start;
    let DeValue::Array(tables) = value.get_ref() else { return (Err(how_it_is_written()), start) };
    let mut services = Vec::new();
    for table in tables.iter() {
        let DeValue::Table(fields) = table.get_ref() else { return (Err(how_it_is_written()), table.span().start) };
        match service(fields) {
            Some(service) => services.push(service),
            None => return (Err(how_it_is_written()), table.span().start),
        }
    }
    (Ok(services.join(",")), start)
}

fn service(fields: &DeTable<'_>) -> Option<String> {
    let (mut name, mut way) = (None, None);
    for (key, value) in fields.iter() {
        let key: &str = key.get_ref();
        let text = plain(value.get_ref()).ok().filter(|text| !text.is_empty() && !text.contains(','))?;
        match key {
            "name" => name = Some(text),
            // its address begins with the way
            "http" if way.is_none() => way = Some(text),
            key if WAYS.contains(&key) && way.is_none() => way = Some(format!("{key}:{text}")),
            _ => return None,
        }
    }
    Some(format!("{}={}", name?, way?))
}

fn how_it_is_written() -> String {
    "takes tables `[[agent.service]]` of a `name` and one of `process`, `unit`, `tcp` (HOST:PORT) and `http` (http://HOST/PATH), texts without a comma".into()
}
