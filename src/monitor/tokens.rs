//! Who may come in. Tokens are events, so a revoked one stays revoked whatever happens to the store. Holds hashes only.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::Role;
use crate::ids::Name;
use crate::monitor::limits::{REVOKED_TOKENS_MAX, TOKENS_MAX};
use crate::monitor::model::Verdict;
use crate::monitor::{Place, bound_reached};
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
}

impl Tokens {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Token)> {
        self.valid.iter().map(|(id, token)| (id.as_str(), token))
    }

    pub fn is_revoked(&self, id: &str) -> bool {
        self.revoked.contains(id)
    }

    pub(super) fn create(
        &mut self,
        at: Place<'_>,
        id: &CompactString,
        name: &Name,
        role: Role,
        hash: &CompactString,
    ) -> Verdict {
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
        self.valid.insert(id.clone(), Token { name: name.clone(), role, hash: hash.clone(), created_at: at.stored_at });
        Verdict::Applied
    }

    pub(super) fn revoke(&mut self, id: &str) -> Verdict {
        let Some((id, _)) = self.valid.remove_entry(id) else { return Verdict::Ignored };
        self.revoked.insert(id);
        Verdict::Applied
    }
}
