//! Who may use the service.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::wire::fault::{Flaws, Problem, Reason};
use crate::event::wire::leaf::checked;

/// Who may make tokens and revoke them.
pub const ROLE: Role = Role::Admin;

/// What the bearer of a token may do; each role may do what the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Publishes and gives commands.
    Operator,
    /// Changes settings and tokens.
    Admin,
}

pub(super) fn check_id(id: &CompactString, flaws: &mut Flaws) {
    drop(flaws.take(checked(id.clone()).map_err(|problem| problem.under("id"))));
}

pub(super) fn check_hash(hash: &str, flaws: &mut Flaws) {
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        flaws.add(Problem::new(Reason::OutOfRange, "expected 64 hexadecimal digits".to_owned()).under("hash"));
    }
}
