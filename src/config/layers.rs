//! Where a setting comes from: default, file, environment, flag; the later wins. All values are text here; `value` reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use zeroize::Zeroize;

use super::tables::{self, Entry};
use super::{KEYS, Key};

/// The server's address as the `nats` command line and other clients read it.
const SHARED_URL_ENV: &str = "NATS_URL";
/// The environment variable of a key is this and its name in capitals.
const ENV_PREFIX: &str = "TIDEWATCH_";

/// A switch that is on by default is also known by this and its name, as `no_demo`.
const NEGATION: &str = "no_";

/// Variables with our prefix that are not settings of the process.
const OTHER_ENV: &[&str] = &["TIDEWATCH_CONFIG"];

/// What one setting says and who said it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub text: String,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize, column: usize },
    Env(String),
    Flag(String),
}

/// One flag as it was given: key, value as text.
pub struct Flag {
    pub key: &'static str,
    pub text: String,
}

/// All settings, each from its highest layer.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    settings: BTreeMap<&'static str, Setting>,
    /// Variables with our prefix that name no setting: ignored, since orchestrators invent such names, and reported.
    pub ignored_env: Vec<String>,
    /// What is wrong with the file itself; [`Config::resolve`](super::Config::resolve) tells it with the rest.
    pub(super) faults: Vec<Fault>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the configuration file {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}", in_lines(.0))]
    Faults(Vec<Fault>),
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("{origin}: {message}")]
    Syntax { origin: Origin, message: String },
    #[error("{origin}: unknown key `{key}`{hint}")]
    UnknownKey { origin: Origin, key: String, hint: String },
    #[error("{origin}: `{key}` {problem}")]
    BadValue { origin: Origin, key: &'static str, problem: String },
    #[error("`{one}` ({one_origin}) and `{other}` ({other_origin}) contradict each other; give one of them")]
    Contradiction { one: &'static str, one_origin: Origin, other: &'static str, other_origin: Origin },
}

impl Error {
    /// Whether flags alone are to blame: then the usage is wrong rather than the configuration.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Read { .. } => false,
            Self::Faults(faults) => faults.iter().all(Fault::is_usage),
        }
    }
}

impl Fault {
    /// Faults of a file in the order of its lines, then the others.
    pub(super) fn in_order(mut faults: Vec<Self>) -> Vec<Self> {
        faults.sort_by_key(|fault| match fault {
            Self::Syntax { origin, .. } | Self::UnknownKey { origin, .. } | Self::BadValue { origin, .. } => origin.line(),
            Self::Contradiction { one_origin, .. } => one_origin.line(),
        });
        faults
    }

    /// The keys to blame, that others can be looked at without them.
    pub(super) fn keys(&self) -> [Option<&'static str>; 2] {
        match self {
            Self::Syntax { .. } | Self::UnknownKey { .. } => [None, None],
            Self::BadValue { key, .. } => [Some(key), None],
            Self::Contradiction { one, other, .. } => [Some(one), Some(other)],
        }
    }

    fn is_usage(&self) -> bool {
        match self {
            Self::BadValue { origin, .. } => matches!(origin, Origin::Flag(_)),
            Self::Contradiction { one_origin, other_origin, .. } => {
                matches!(one_origin, Origin::Flag(_)) && matches!(other_origin, Origin::Flag(_))
            }
            Self::Syntax { .. } | Self::UnknownKey { .. } => false,
        }
    }
}

/// One fault as it is, several below their number.
fn in_lines(faults: &[Fault]) -> String {
    match faults {
        [only] => only.to_string(),
        several => {
            let lines = several.iter().map(|fault| format!("\n  {fault}"));
            format!("{} faults in the configuration:{}", several.len(), lines.collect::<String>())
        }
    }
}

impl Origin {
    /// Line and column; what is in no file comes after all of them.
    fn line(&self) -> (usize, usize) {
        match self {
            Self::File { line, column, .. } => (*line, *column),
            Self::Default | Self::Env(_) | Self::Flag(_) => (usize::MAX, 0),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Env(variable) => f.write_str(variable),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// It may be a secret, so its memory is wiped when it goes.
impl Drop for Setting {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl Setting {
    pub fn is_set(&self) -> bool {
        !self.text.is_empty()
    }
}

impl Layers {
    /// Stacks the layers: defaults, the file (if any), the variables of the environment, the flags.
    ///
    /// Errors: the file cannot be read. What is wrong in it waits for [`Config::resolve`](super::Config::resolve), which tells it
    /// with the values that are wrong.
    pub fn stack(file: Option<&Path>, env: impl Iterator<Item = (String, String)>, flags: Vec<Flag>) -> Result<Self, Error> {
        let mut layers = Self::default();
        for key in KEYS {
            layers.settings.insert(key.name, Setting { text: key.default.into(), origin: Origin::Default });
        }
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.into(), source })?;
            layers.add_file(path, &text);
        }
        let shared_url = layers.add_env(env);
        for Flag { key, text } in flags {
            let shown = if text == "false" { format!("--{NEGATION}{key}") } else { format!("--{key}") };
            layers.put(key, text, Origin::Flag(shown.replace('_', "-")));
        }
        // what is said to all clients of NATS counts where nothing is said to us
        let unsaid = |name| matches!(layers.get(name).origin, Origin::Default);
        if let Some(url) = shared_url
            && ["nats_url", "nats_context", "nats_port"].into_iter().all(unsaid)
        {
            layers.put("nats_url", url, Origin::Env(SHARED_URL_ENV.into()));
        }
        Ok(layers)
    }

    /// The setting of a key. `name` must be one of [`KEYS`].
    pub fn get(&self, name: &str) -> &Setting {
        self.settings.get(name).expect("every key has a default, so it has a setting")
    }

    /// Every key with its setting, in the order of [`KEYS`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static Key, &Setting)> {
        KEYS.iter().map(|key| (key, self.get(key.name)))
    }

    pub(super) fn parse<T>(&self, key: &'static str, read: fn(&str) -> Result<T, String>) -> Result<T, Fault> {
        let setting = self.get(key);
        read(&setting.text).map_err(|problem| Fault::BadValue { origin: setting.origin.clone(), key, problem })
    }

    pub(super) fn parse_set<T>(&self, key: &'static str, read: fn(&str) -> Result<T, String>) -> Result<Option<T>, Fault> {
        self.get(key).is_set().then(|| self.parse(key, read)).transpose()
    }

    pub(super) fn parse_or<T>(&self, key: &'static str, unset: T, read: fn(&str) -> Result<T, String>) -> Result<T, Fault> {
        Ok(self.parse_set(key, read)?.unwrap_or(unset))
    }

    /// Refuses two keys that were both given.
    pub(super) fn not_both(&self, one: &'static str, other: &'static str) -> Result<(), Fault> {
        let given = |name| Some(self.get(name)).filter(|setting| setting.is_set() && setting.origin != Origin::Default);
        match (given(one), given(other)) {
            (Some(a), Some(b)) => {
                Err(Fault::Contradiction { one, one_origin: a.origin.clone(), other, other_origin: b.origin.clone() })
            }
            _ => Ok(()),
        }
    }

    fn put(&mut self, key: &'static str, text: String, origin: Origin) {
        self.settings.insert(key, Setting { text, origin });
    }

    /// What the key said before it was set: its default.
    pub(super) fn reset(&mut self, name: &str) {
        if let Some(key) = KEYS.iter().find(|key| key.name == name) {
            self.put(key.name, key.default.into(), Origin::Default);
        }
    }

    fn add_file(&mut self, path: &Path, text: &str) {
        let at = |offset: usize| {
            let (line, column) = position(text, offset);
            Origin::File { path: path.into(), line, column }
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        // of a line that is damaged, what else is found in it follows from the first
        let mut damaged = BTreeSet::new();
        for error in &errors {
            let offset = error.span().map_or(0, |span| span.start);
            if damaged.insert(position(text, offset).0) {
                self.faults.push(Fault::Syntax { origin: at(offset), message: error.message().into() });
            }
        }
        let is_whole = |offset: usize| !damaged.contains(&position(text, offset).0);
        let entries = table.get_ref().iter().filter(|(key, _)| is_whole(key.span().start));
        for (key, value) in entries {
            let name: &str = key.get_ref();
            if let (tables::AGENT, DeValue::Table(table)) = (name, value.get_ref()) {
                for Entry { key, key_offset, text, offset } in tables::agent(table) {
                    self.add_key(&key, at(key_offset), text, at(offset));
                }
                continue;
            }
            self.add_key(name, at(key.span().start), plain(value.get_ref()), at(value.span().start));
        }
    }

    /// Takes what a file says of one key: its value, or why it has none.
    fn add_key(&mut self, name: &str, key_origin: Origin, text: Result<String, String>, origin: Origin) {
        let Some((known, negated)) = find(name) else {
            self.faults.push(Fault::UnknownKey { origin: key_origin, hint: hint(name), key: name.to_owned() });
            return;
        };
        let said = match &self.get(known.name).origin {
            earlier @ Origin::File { .. } => Err(format!("is given at {earlier} already; give it once")),
            _ => text,
        };
        match said {
            Ok(text) => self.put(known.name, if negated { negate(&text) } else { text }, origin),
            Err(problem) => self.faults.push(Fault::BadValue { origin, key: known.name, problem }),
        }
    }

    /// Gives the value of [`SHARED_URL_ENV`].
    fn add_env(&mut self, env: impl Iterator<Item = (String, String)>) -> Option<String> {
        let mut shared_url = None;
        for (variable, text) in env {
            if variable == SHARED_URL_ENV && !text.is_empty() {
                shared_url = Some(text);
                continue;
            }
            let Some(name) = variable.strip_prefix(ENV_PREFIX) else { continue };
            match find(&name.to_ascii_lowercase()) {
                Some((key, negated)) => {
                    let text = if negated { negate(&text) } else { text };
                    self.put(key.name, text, Origin::Env(variable));
                }
                None if OTHER_ENV.contains(&variable.as_str()) => {}
                None => self.ignored_env.push(variable),
            }
        }
        shared_url
    }
}

/// The key called `name`, and whether it was named by its negation.
fn find(name: &str) -> Option<(&'static Key, bool)> {
    let by_name = |name: &str| KEYS.iter().find(|key| key.name == name);
    if let Some(key) = by_name(name) {
        return Some((key, false));
    }
    let key = by_name(name.strip_prefix(NEGATION)?)?;
    matches!(key.name, "demo" | "agent").then_some((key, true))
}

fn negate(text: &str) -> String {
    match super::value::switch(text) {
        Ok(on) => (!on).to_string(),
        Err(_) => text.into(),
    }
}

/// A TOML value as the text an environment variable would hold.
///
/// Errors: it is a table or a date.
pub(super) fn plain(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.to_string()),
        DeValue::Boolean(on) => Ok(on.to_string()),
        DeValue::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| plain(item.get_ref())).collect();
            Ok(items?.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => Err("takes a text, a number, true or false, or a list of texts".into()),
    }
}

/// Line and column, both from 1, of the byte at `offset`.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The variables that may hold a secret.
pub fn secret_env() -> impl Iterator<Item = String> {
    let of_keys = KEYS.iter().filter(|key| key.secret).map(|key| format!("{ENV_PREFIX}{}", key.name.to_ascii_uppercase()));
    of_keys.chain([SHARED_URL_ENV.to_owned()])
}

/// `; did you mean …?` when a key is near, else where to look.
fn hint(unknown: &str) -> String {
    match nearest(unknown) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => "; `tidewatch config show` lists the keys".into(),
    }
}

/// The variable that an ignored one was perhaps meant to be.
pub fn meant_env(ignored: &str) -> Option<String> {
    let name = nearest(&ignored.strip_prefix(ENV_PREFIX)?.to_ascii_lowercase())?;
    Some(format!("{ENV_PREFIX}{}", name.to_ascii_uppercase()))
}

/// The key that is spelt most like an unknown one; `-` and capitals are no difference.
fn nearest(unknown: &str) -> Option<&'static str> {
    let plain = unknown.replace('-', "_").to_ascii_lowercase();
    let (edits, name) = KEYS.iter().map(|key| (distance(&plain, key.name), key.name)).min()?;
    (edits * 3 <= plain.len()).then_some(name)
}

/// Levenshtein distance in bytes: the fewest insertions, deletions and replacements from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
