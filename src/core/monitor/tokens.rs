//! Who may come in. Tokens are events, so a revoked one stays revoked whatever happens to the store. Holds hashes only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::Role;
use crate::ids::Name;
use crate::monitor::limits::{REVOKED_TOKENS_MAX, TOKENS_MAX};
use crate::monitor::model::Verdict;
use crate::monitor::{Desk, bound_reached};
use crate::time::Timestamp;

/// The tokens by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    valid: BTreeMap<CompactString, Token>,
    /// An id is never used twice.
    revoked: BTreeSet<CompactString>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    pub name: Name,
    pub role: Role,
    /// BLAKE3 of the token, in hexadecimal.
    pub hash: CompactString,
    pub created_at: Timestamp,
    /// `None`: valid until it is revoked.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl Token {
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

impl Tokens {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Token)> {
        self.valid.iter().map(|(id, token)| (id.as_str(), token))
    }

    pub fn is_revoked(&self, id: &str) -> bool {
        self.revoked.contains(id)
    }

    pub(super) fn create(&mut self, id: &CompactString, token: Token) -> Verdict {
        if self.valid.contains_key(id) {
            return Verdict::Duplicate;
        }
        if self.revoked.contains(id) {
            return Verdict::Ignored;
        }
        if TOKENS_MAX <= self.valid.len() {
            return bound_reached("too_many_tokens", format!("{TOKENS_MAX} tokens are valid already; revoke one first"));
        }
        if REVOKED_TOKENS_MAX <= self.revoked.len() {
            return bound_reached("too_many_tokens", format!("{REVOKED_TOKENS_MAX} tokens were revoked already"));
        }
        self.valid.insert(id.clone(), token);
        Verdict::Applied
    }

    pub(super) fn revoke(&mut self, id: &str) -> Verdict {
        let Some((id, _)) = self.valid.remove_entry(id) else { return Verdict::Ignored };
        self.revoked.insert(id);
        Verdict::Applied
    }
}

impl Desk {
    /// Makes room: a token whose time is over is as good as revoked. Tokens of which none is over are not copied.
    pub(super) fn expire_tokens(&mut self) {
        let over = self.tokens.valid.iter().filter(|(_, token)| token.is_expired(self.log_time));
        let over: Vec<CompactString> = over.map(|(id, _)| id.clone()).collect();
        for id in over {
            let tokens = Arc::make_mut(&mut self.tokens);
            tokens.valid.remove(&id);
            tokens.revoked.insert(id);
        }
    }
}
