//! What the input stream takes from whoever publishes over plain NATS, where nobody can be refused by us.
//!
//! nats-server before 2.10 counts payloads when it refuses a message, and whole messages when it then makes room: a stream that is filled to its
//! bound drops the oldest acknowledged messages although it is told to refuse new ones. So before that its subjects are narrowed to those
//! of commands, outcomes and ticks. A producer then hears `no responders`, and no acknowledgement costs another message.

use serde_json::{Value, json};

use crate::event::Kind;
use crate::event::subject::Root;
use crate::nats::connect::Nats;
use crate::nats::managed;
use crate::nats::provision::{Role, declarations};
use crate::nats::stream::{Info, StreamError, StreamStatus, api};

/// What a restricted stream still takes: what the reserve is kept for.
const STILL_TAKEN: [Kind; 3] = [Kind::Command, Kind::Outcome, Kind::Tick];

impl Nats {
    /// Whether the server drops acknowledged messages of a stream that is filled to its bound in bytes.
    pub fn drops_when_full(&self) -> bool {
        managed::old_server(&self.server_version()).is_some()
    }

    /// Lets the input stream take commands, outcomes and ticks only, or everything again. Subjects that are neither, which somebody has chosen,
    /// stay as they are. Gives what the stream says then.
    ///
    /// Errors: the stream cannot be asked for, or its settings must not be changed.
    pub async fn restrict_input(&self, restricted: bool) -> Result<StreamStatus, StreamError> {
        let name = Role::Input.stream_name(self.root());
        let info: Info = api(self, &name, "STREAM.INFO", &()).await?;
        let (all, kept) = (json!(declarations()[0].subjects(self.root())), json!(still_taken(self.root())));
        let (from, to) = if restricted { (all, kept) } else { (kept, all) };
        if info.config["subjects"] != from {
            return info.status(&name);
        }
        let mut config = info.config;
        config["subjects"] = to;
        let info: Info = api(self, &name, "STREAM.UPDATE", &config).await?;
        info.status(&name)
    }
}

fn still_taken(root: &Root) -> [String; 3] {
    STILL_TAKEN.map(|kind| format!("{}.in.{}.>", root.as_str(), kind.as_str()))
}

/// Whether a stream with these subjects is restricted.
pub(super) fn is_restricted(subjects: &Value) -> bool {
    let endings = STILL_TAKEN.map(|kind| format!(".in.{}.>", kind.as_str()));
    let is_kept = |subject: &Value| endings.iter().any(|ending| subject.as_str().is_some_and(|text| text.ends_with(ending)));
    subjects.as_array().is_some_and(|subjects| subjects.len() == endings.len() && subjects.iter().all(is_kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Slug;

    #[test]
    fn a_restricted_stream_is_known_by_its_subjects() {
        let root = Root::new(Slug::try_from("tw").unwrap());
        assert!(is_restricted(&json!(still_taken(&root))));
        assert!(!is_restricted(&json!(declarations()[0].subjects(&root))));
        assert!(!is_restricted(&json!(["tw.in.command.>"])) && !is_restricted(&Value::Null));
    }
}
