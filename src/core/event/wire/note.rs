//! Log records, events, snapshots and measured jobs: their own fields are checked, and the whole record is kept as JSON.

use std::borrow::Cow;

use serde::de::{MapAccess, SeqAccess};

use super::LOG_BYTES_MAX;
use super::fault::{Flaws, Problem, Reason};
use super::leaf::{Leaf, not_finite};
use super::walk::{Any, Cx, Key, Take};
use crate::event::{Event, Kind, Note};

/// The levels of a log record, in any case.
const LEVELS: [&str; 6] = ["debug", "info", "warning", "warn", "error", "critical"];

/// Reads one note to its end.
pub(super) fn read<'de, A: MapAccess<'de>>(cx: &Cx<'_>, mut entries: A) -> Result<Result<Event, Problem>, A::Error> {
    let mut flaws = Flaws::default();
    let (mut schema_version, mut source, mut at, mut id) = (None, None, None, None);
    let mut given: Vec<&'static str> = Vec::new();
    let mut body = Vec::from(b"{");
    while let Some(key) = entries.next_key_seed(Any(Key(cx)))? {
        write_key(&mut body, &key);
        let mut within = Flaws::default();
        let leaf = entries.next_value_seed(Any(Write { cx, depth: 1, body: &mut body, flaws: &mut within }))?;
        let key = key.as_ref();
        if let Err(problem) = within.pass() {
            flaws.field(problem, "", key);
            continue;
        }
        match key {
            "schema_version" => flaws.set(&mut schema_version, leaf.schema_version(), "", key),
            "source" | "plugin_id" => flaws.set(&mut source, leaf.name(), "", key),
            "at" | "timestamp" | "ts" => flaws.set(&mut at, leaf.instant(), "", key),
            "event_id" => flaws.set(&mut id, leaf.checked_id(), "", key),
            _ => {
                let Some((known, rule)) = rules(cx.kind).iter().find(|(known, _)| *known == key) else { continue };
                match judge(*rule, leaf) {
                    Ok(true) => given.push(known),
                    Ok(false) => {}
                    Err(problem) => flaws.field(problem, "", key),
                }
            }
        }
    }
    body.push(b'}');
    for key in needed(cx.kind) {
        flaws.require_or(given.contains(key), &[*key], || format!("`{key}` is required"));
    }
    let at = flaws.take(cx.event_time(at));
    Ok(flaws.pass().map(|()| {
        let source = source.unwrap_or_else(|| cx.slug());
        let event_id = id.or_else(|| cx.event_id());
        let body = String::from_utf8(body).expect("JSON is written from text only");
        Event::RecordNoted(Note { kind: cx.kind, source, at: at.expect("its absence did not pass"), event_id, body })
    }))
}

/// What a field of a note may hold, besides `null`.
#[derive(Clone, Copy)]
enum Rule {
    Text,
    /// Text of at most [`LOG_BYTES_MAX`].
    Message,
    Level,
    /// Text, or a number or boolean as its text, under the rules of a name.
    Id,
    Number,
    NotNegative,
    Fraction,
    NumberOrObject,
    Object,
}

/// The fields a kind checks. Those not listed may hold anything.
const fn rules(kind: Kind) -> &'static [(&'static str, Rule)] {
    match kind {
        Kind::Log => &[("level", Rule::Level), ("message", Rule::Message), ("traceback", Rule::Text), ("trace_id", Rule::Id)],
        Kind::Event => &[("event_type", Rule::Id), ("severity", Rule::Id), ("description", Rule::Text)],
        Kind::Snapshot => &[
            ("cpu_usage", Rule::Number),
            ("memory_usage", Rule::Number),
            ("response_time", Rule::NotNegative),
            ("error_rate", Rule::Fraction),
            ("request_count", Rule::NotNegative),
            ("throughput", Rule::NotNegative),
            ("disk_io", Rule::NumberOrObject),
            ("network_io", Rule::NumberOrObject),
            ("custom_metrics", Rule::Object),
        ],
        Kind::Job => &[
            ("job_id", Rule::Id),
            ("batch_id", Rule::Id),
            ("state", Rule::Id),
            ("cpu_percent_avg", Rule::NotNegative),
            ("cpu_percent_max", Rule::NotNegative),
            ("ram_mb_avg", Rule::NotNegative),
            ("ram_mb_peak", Rule::NotNegative),
            ("gpu_vram_mb_current", Rule::NotNegative),
            ("gpu_vram_mb_peak", Rule::NotNegative),
            ("gpu_percent", Rule::NotNegative),
            ("processing_time_sec", Rule::NotNegative),
            ("error", Rule::Text),
            ("kind", Rule::Id),
            ("run_id", Rule::Id),
            ("model", Rule::Id),
            ("model_version", Rule::Id),
            ("command", Rule::Text),
            ("versions", Rule::Object),
            ("cpu_seconds", Rule::NotNegative),
            ("memory_source", Rule::Id),
            ("memory_peak_source", Rule::Id),
            ("exit_code", Rule::Number),
            ("left_running", Rule::NotNegative),
            ("progress", Rule::Fraction),
        ],
        _ => &[],
    }
}

/// The fields a kind cannot do without.
const fn needed(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Log => &["message"],
        Kind::Event => &["event_type"],
        Kind::Job => &["job_id"],
        _ => &[],
    }
}

/// Whether the field holds something, or what is wrong with it.
fn judge(rule: Rule, leaf: Leaf<'_>) -> Result<bool, Problem> {
    if leaf == Leaf::Null {
        return Ok(false);
    }
    match rule {
        Rule::Text => leaf.text().map(drop),
        Rule::Message => leaf.text().and_then(|text| message(text.unwrap_or_default())),
        Rule::Level => leaf.text().and_then(|text| level(&text.unwrap_or_default())),
        Rule::Id => leaf.checked_id().map(drop),
        Rule::Number => leaf.number().map(drop),
        Rule::NotNegative => leaf.not_negative().map(drop),
        Rule::Fraction => leaf.fraction().map(drop),
        Rule::NumberOrObject if leaf == Leaf::Map => Ok(()),
        Rule::NumberOrObject => leaf.number().map(drop),
        Rule::Object if leaf == Leaf::Map => Ok(()),
        Rule::Object => Err(leaf.not("an object")),
    }?;
    Ok(true)
}

fn message(text: Cow<'_, str>) -> Result<(), Problem> {
    if text.len() <= LOG_BYTES_MAX {
        return Ok(());
    }
    let detail = format!("the message of a log record holds at most {LOG_BYTES_MAX} bytes, this one has {}", text.len());
    Err(Problem::new(Reason::TooLarge, detail))
}

fn level(text: &str) -> Result<(), Problem> {
    if LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text)) {
        return Ok(());
    }
    let detail = format!("{:?} is no level; they are debug, info, warning, error and critical", super::clip(text));
    Err(Problem::new(Reason::OutOfRange, detail))
}

/// Writes one value as compact JSON and tells what it was. Bytes that are no UTF-8 are written as `null`.
pub(super) struct Write<'r, 'w> {
    pub cx: &'r Cx<'w>,
    pub depth: u8,
    pub body: &'r mut Vec<u8>,
    /// Numbers that are not finite; `null` is written in their place.
    pub flaws: &'r mut Flaws,
}

impl<'de> Take<'de> for Write<'_, '_> {
    type Out = Leaf<'de>;

    fn leaf(self, leaf: Leaf<'de>) -> Leaf<'de> {
        match &leaf {
            Leaf::Bool(bool) => write_json(self.body, bool),
            Leaf::Whole(number) => write_json(self.body, number),
            Leaf::Big(number) => write_json(self.body, number),
            Leaf::Real(number) if number.is_finite() => write_json(self.body, number),
            Leaf::Real(number) => {
                self.flaws.add(not_finite(*number));
                self.body.extend_from_slice(b"null");
            }
            Leaf::Text(text) => write_json(self.body, text),
            Leaf::Instant(instant) => write_json(self.body, &instant.to_string()),
            Leaf::Null | Leaf::Binary | Leaf::List | Leaf::Map => self.body.extend_from_slice(b"null"),
        }
        leaf
    }

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<Leaf<'de>, A::Error> {
        let Self { cx, depth, body, flaws } = self;
        let depth = cx.deeper(depth)?;
        let mut index = 0_usize;
        body.push(b'[');
        let rest = body.len();
        loop {
            let start = body.len();
            if rest < start {
                body.push(b',');
            }
            let mut within = Flaws::default();
            if items.next_element_seed(Any(Write { cx, depth, body: &mut *body, flaws: &mut within }))?.is_none() {
                body.truncate(start);
                break;
            }
            if let Err(problem) = within.pass() {
                flaws.add(problem.under(&index.to_string()));
            }
            index += 1;
        }
        body.push(b']');
        Ok(Leaf::List)
    }

    fn map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Leaf<'de>, A::Error> {
        let Self { cx, depth, body, flaws } = self;
        let depth = cx.deeper(depth)?;
        body.push(b'{');
        while let Some(key) = entries.next_key_seed(Any(Key(cx)))? {
            write_key(body, &key);
            let mut within = Flaws::default();
            entries.next_value_seed(Any(Write { cx, depth, body: &mut *body, flaws: &mut within }))?;
            if let Err(problem) = within.pass() {
                flaws.add(problem.under(&key));
            }
        }
        body.push(b'}');
        Ok(Leaf::Map)
    }
}

/// Writes a key, after a comma where one is due.
fn write_key(body: &mut Vec<u8>, key: &str) {
    if body.last() != Some(&b'{') {
        body.push(b',');
    }
    write_json(body, key);
    body.push(b':');
}

fn write_json<T: serde::Serialize + ?Sized>(body: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(body, value).expect("a scalar can be written to memory");
}
