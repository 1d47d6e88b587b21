//! What every room is handed while a message is applied.

use crate::event::Kind;
use crate::ids::Slug;
use crate::monitor::Desk;
use crate::monitor::cold::Cold;
use crate::monitor::effect::Effects;
use crate::time::Timestamp;

/// The turn of one message: what it may read and change beside the room it is about, and where it tells what happened.
pub struct Turn<'a> {
    pub cold: &'a mut dyn Cold,
    pub desk: &'a mut Desk,
    pub effects: &'a mut Effects,
}

impl Turn<'_> {
    /// What time it is, as far as the log says.
    pub const fn time(&self) -> Timestamp {
        self.desk.log_time
    }
}

/// Where in the log a record stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub seq: u64,
    /// Of the record within its message.
    pub index: u32,
    pub stored_at: Timestamp,
    pub kind: Kind,
    pub source: &'a Slug,
}
