//! The streams we need, as `streams/*.toml` declares them: made when absent, compared when present, never changed by force.

use async_nats::jetstream::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::event::subject::Root;
use crate::nats::connect::Nats;
use crate::nats::room::{Held, Unit, reserve};
use crate::nats::stream::{Info, StreamError, StreamStatus, api};

/// The least that the bound of a full stream is raised by: some hundred commands.
const RAISE_BYTES_MIN: u64 = 64 << 10;
const RAISE_MESSAGES_MIN: u64 = 100;

const DECLARATIONS: [&str; 3] = [
    include_str!("../../streams/input.toml"),
    include_str!("../../streams/facts.toml"),
    include_str!("../../streams/jobs.toml"),
];

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Input,
    Facts,
    Jobs,
}

/// One stream as its file in `streams/` declares it; the files say why.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    pub role: Role,
    pub description: String,
    /// Relative to the root.
    pub subjects: Vec<String>,
    pub storage: String,
    pub retention: String,
    pub discard: String,
    pub deny_delete: bool,
    pub deny_purge: bool,
    /// 0: never expires.
    pub max_age_seconds: u64,
    pub max_bytes: u64,
    /// The smallest stream we would still make on a server that refuses `max_bytes`.
    pub max_bytes_min: u64,
    pub max_message_bytes: u64,
    pub duplicate_window_seconds: u64,
}

/// A stream after provisioning.
#[derive(Clone, Debug, PartialEq)]
pub struct Provisioned {
    pub role: Role,
    pub name: String,
    pub subjects: Vec<String>,
    pub status: StreamStatus,
    /// Where the stream on the server is not as declared. Shown, never forced: an operator may have had a reason.
    pub differences: Vec<Difference>,
    /// Made by this call.
    pub is_new: bool,
}

/// One setting of a stream that is not as declared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub stream: String,
    /// As the JetStream API names it, such as `max_bytes`; ages and windows in nanoseconds.
    pub field: String,
    pub wanted: Value,
    pub actual: Value,
}

#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(
        "the NATS server has no room for stream {stream}: even {bytes} bytes were refused ({detail}); raise max_file_store in the \
         server's jetstream block or the account's limit, or free disk space"
    )]
    NoRoom { stream: String, bytes: u64, detail: String },
    #[error(
        "another stream already takes the subjects {subjects:?} that {stream} needs; find it with `nats stream ls --subjects`, \
         remove it or give tidewatch another root"
    )]
    SubjectsTaken { stream: String, subjects: Vec<String> },
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Input, Self::Facts, Self::Jobs];

    /// Such as `TW_INPUT`.
    pub fn stream_name(self, root: &Root) -> String {
        let suffix = match self {
            Self::Input => "INPUT",
            Self::Facts => "FACTS",
            Self::Jobs => "JOBS",
        };
        format!("{}_{suffix}", root.as_str().to_uppercase())
    }
}

/// The three declarations, in the order of [`Role::ALL`].
pub fn declarations() -> [Declaration; 3] {
    DECLARATIONS.map(|text| toml::from_str(text).expect("the files in streams/ are part of the program, and tests read them"))
}

/// Makes the streams that are absent and compares the others; in the order of [`Role::ALL`]. Idempotent; works from server 2.9 on.
///
/// A server reserves the bytes of a stream, and the log needs them most: the others are made at their least size, then the input takes
/// the largest size that fits, and then the others grow into what is left.
pub async fn provision(nats: &Nats) -> Result<Vec<Provisioned>, ProvisionError> {
    let [input, others @ ..] = declarations();
    let mut small = Vec::with_capacity(others.len());
    for declaration in &others {
        small.push(find_or_make(nats, declaration, declaration.max_bytes_min).await?);
    }
    let mut streams = vec![provisioned(nats, &input, find_or_make(nats, &input, input.max_bytes).await?)?];
    for (declaration, (info, is_new)) in others.iter().zip(small) {
        let info = if is_new { grown(nats, declaration, info).await? } else { info };
        streams.push(provisioned(nats, declaration, (info, is_new))?);
    }
    for made in &streams {
        for Difference { stream, field, wanted, actual } in &made.differences {
            if made.is_new {
                info!(stream, field, %wanted, %actual, "the server has less room than is declared, so the stream was made smaller");
            } else {
                warn!(stream, field, %wanted, %actual, "stream setting is not as declared");
            }
        }
    }
    Ok(streams)
}

/// As [`provision`], for one declaration.
pub async fn provision_one(nats: &Nats, declaration: &Declaration) -> Result<Provisioned, ProvisionError> {
    provisioned(nats, declaration, find_or_make(nats, declaration, declaration.max_bytes).await?)
}

/// The stream, and whether it was made by this call, with at most `max_bytes`.
async fn find_or_make(nats: &Nats, declaration: &Declaration, max_bytes: u64) -> Result<(Info, bool), ProvisionError> {
    let name = declaration.role.stream_name(nats.root());
    match api::<_, Info>(nats, &name, "STREAM.INFO", &()).await {
        Ok(info) => Ok((info, false)),
        Err(StreamError::Missing { .. }) => {
            let info = create(nats, &name, declaration, max_bytes).await?;
            info!(stream = name, "stream created");
            Ok((info, true))
        }
        Err(error) => Err(error.into()),
    }
}

fn provisioned(nats: &Nats, declaration: &Declaration, found: (Info, bool)) -> Result<Provisioned, ProvisionError> {
    let (info, is_new) = found;
    let name = declaration.role.stream_name(nats.root());
    let wanted = declaration.config(nats.root(), declaration.max_bytes);
    let differences = differences(&name, &wanted, &info.config);
    let subjects = declaration.subjects(nats.root());
    let status = info.status(&name)?;
    Ok(Provisioned { role: declaration.role, name, subjects, status, differences, is_new })
}

impl Declaration {
    pub(super) fn subjects(&self, root: &Root) -> Vec<String> {
        self.subjects.iter().map(|subject| format!("{}.{subject}", root.as_str())).collect()
    }

    /// The stream's configuration in the words of the JetStream API, every setting that matters to us spelled out: a server that
    /// does not know an option ignores it, so the reply is compared with this.
    fn config(&self, root: &Root, max_bytes: u64) -> Value {
        json!({
            "name": self.role.stream_name(root),
            "description": self.description,
            "subjects": self.subjects(root),
            "storage": self.storage,
            "retention": self.retention,
            "discard": self.discard,
            "deny_delete": self.deny_delete,
            "deny_purge": self.deny_purge,
            "allow_rollup_hdrs": false,
            "allow_msg_ttl": false,
            "no_ack": false,
            "sealed": false,
            "mirror": null,
            "sources": null,
            "republish": null,
            "subject_transform": null,
            "max_age": nanoseconds(self.max_age_seconds),
            "max_bytes": max_bytes,
            "max_msg_size": self.max_message_bytes,
            "max_msgs": -1,
            "max_msgs_per_subject": -1,
            "max_consumers": -1,
            "duplicate_window": nanoseconds(self.duplicate_window_seconds),
        })
    }
}

/// Makes the stream with `max_bytes`; with half the bytes, and half again, where the server has no room.
async fn create(nats: &Nats, name: &str, declaration: &Declaration, max_bytes: u64) -> Result<Info, ProvisionError> {
    let mut max_bytes = max_bytes;
    loop {
        let mut config = declaration.config(nats.root(), max_bytes);
        let fields = config.as_object_mut().expect("a configuration is an object");
        fields.retain(|_, value| !value.is_null() && *value != Value::Bool(false));
        // How many copies is the operator's choice; a stream starts with one.
        fields.insert("num_replicas".into(), json!(1));
        let refused = match api::<_, Info>(nats, name, "STREAM.CREATE", &config).await {
            Ok(info) => return Ok(info),
            Err(StreamError::Refused { source, .. }) => source,
            Err(error) => return Err(error.into()),
        };
        let stream = name.to_owned();
        match refused.error_code() {
            // Someone else made it in the meantime.
            ErrorCode::STREAM_NAME_EXIST => return Ok(api(nats, name, "STREAM.INFO", &()).await?),
            ErrorCode::STREAM_SUBJECT_OVERLAP => {
                return Err(ProvisionError::SubjectsTaken { stream, subjects: declaration.subjects(nats.root()) });
            }
            code if is_no_room(code) && declaration.max_bytes_min <= max_bytes / 2 => max_bytes /= 2,
            code if is_no_room(code) => {
                return Err(ProvisionError::NoRoom { stream, bytes: max_bytes, detail: refused.to_string() });
            }
            _ => return Err(StreamError::Refused { stream, source: refused }.into()),
        }
    }
}

/// Gives a stream that was made small the largest size up to the declared one that the server still has room for.
async fn grown(nats: &Nats, declaration: &Declaration, info: Info) -> Result<Info, ProvisionError> {
    let name = declaration.role.stream_name(nats.root());
    let mut max_bytes = declaration.max_bytes;
    while declaration.max_bytes_min < max_bytes {
        match resize(nats, &name, &info, &[(Unit::Bytes, max_bytes)]).await {
            Ok(info) => return Ok(info),
            Err(StreamError::Refused { .. }) => max_bytes /= 2,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(info)
}

/// Gives the stream other bounds.
async fn resize(nats: &Nats, name: &str, info: &Info, bounds: &[(Unit, u64)]) -> Result<Info, StreamError> {
    let mut config = info.config.clone();
    for (unit, most) in bounds {
        config[unit.setting()] = json!(most);
    }
    api(nats, name, "STREAM.UPDATE", &config).await
}

impl Nats {
    /// Raises the bounds of the input stream that are nearly reached by what is kept for commands, so that one finds room in a log that others have
    /// filled to the brim. Only admins give commands, so this is not a way around the bounds. Gives the new ones; none if the settings bound nothing.
    pub(crate) async fn raise_bounds(&self) -> Result<Vec<(Unit, u64)>, StreamError> {
        let name = Role::Input.stream_name(self.root());
        let info: Info = api(self, &name, "STREAM.INFO", &()).await?;
        let raised: Vec<(Unit, u64)> = info.status(&name)?.held().into_iter().filter_map(raised).collect();
        if !raised.is_empty() {
            self.room().set(resize(self, &name, &info, &raised).await?.status(&name)?.held());
        }
        Ok(raised)
    }
}

/// A higher bound of what is nearly used up.
fn raised(held: Held) -> Option<(Unit, u64)> {
    let most = held.most?;
    let more = reserve(held.unit, most);
    let least = match held.unit {
        Unit::Bytes => RAISE_BYTES_MIN,
        Unit::Messages => RAISE_MESSAGES_MIN,
    };
    (most <= held.used.saturating_add(more.max(least))).then(|| (held.unit, most + more.max(least)))
}

/// The server, the account or a tier has no storage left to give.
pub(crate) fn is_no_room(code: ErrorCode) -> bool {
    const MAX_BYTES_REQUIRED_WITHIN: ErrorCode = ErrorCode(10122);
    matches!(
        code,
        ErrorCode::STORAGE_RESOURCES_EXCEEDED
            | ErrorCode::INSUFFICIENT_RESOURCES
            | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
            | MAX_BYTES_REQUIRED_WITHIN
    )
}

/// Field by field; what a server leaves out counts as the option's zero value. The description is not compared.
fn differences(stream: &str, wanted: &Value, actual: &Value) -> Vec<Difference> {
    let wanted = wanted.as_object().expect("a configuration is an object");
    let mut found = Vec::new();
    for (field, wanted) in wanted.iter().filter(|(field, _)| *field != "description" && *field != "name") {
        let actual = &actual[field];
        if wanted != actual && !(is_unset(wanted) && is_unset(actual)) {
            found.push(Difference {
                stream: stream.to_owned(),
                field: field.clone(),
                wanted: wanted.clone(),
                actual: actual.clone(),
            });
        }
    }
    found
}

fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => matches!(number.as_i64(), Some(0 | -1)),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

const fn nanoseconds(seconds: u64) -> u64 {
    seconds * 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Slug;

    fn root() -> Root {
        Root::new(Slug::try_from("tw").unwrap())
    }

    #[test]
    fn each_file_in_streams_declares_one_role() {
        assert_eq!(declarations().map(|declaration| declaration.role), Role::ALL);
        for declaration in declarations() {
            assert!(0 < declaration.max_bytes_min && declaration.max_bytes_min <= declaration.max_bytes);
            assert_eq!((declaration.storage.as_str(), declaration.retention.as_str()), ("file", "limits"));
        }
    }

    #[test]
    fn the_input_stream_refuses_deletion_can_be_cut_and_pushes_back_when_full() {
        let config = declarations()[0].config(&root(), 1);
        assert_eq!(config["name"], "TW_INPUT");
        assert_eq!(config["subjects"], json!(["tw.in.>"]));
        assert_eq!(config["discard"], "new");
        assert_eq!((&config["deny_delete"], &config["deny_purge"]), (&json!(true), &json!(false)));
    }

    #[test]
    fn an_option_the_server_left_out_is_a_difference_only_when_it_was_wanted() {
        let wanted = json!({"deny_delete": true, "sealed": false, "max_msgs": -1, "discard": "new"});
        let actual = json!({"max_msgs": 0, "discard": "old"});
        let found = differences("TW_INPUT", &wanted, &actual);
        assert_eq!(found.iter().map(|d| d.field.as_str()).collect::<Vec<_>>(), ["deny_delete", "discard"]);
        assert_eq!(found[1].actual, "old");
    }
}
