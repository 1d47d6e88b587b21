//! Carrying out what the core asked for, at least once each, and saying so in the log. The outbox is lanes: each has a worker of its own and an
//! order of its own, so that one that hangs delays no other.
//!
//! A new way out is a [`Lane`](crate::event::Lane), an [`Action`](crate::monitor::effect::Action) that waits on it, and a [`Handler`] that
//! carries it out.

pub mod retraining;
mod streams;
mod worker;

use crate::event::Lane;
use crate::monitor::effect::Effect;

pub use streams::IntoStream;
pub use worker::{Told, Worker};

/// Why effects have to wait: they are tried again after a pause.
pub type Held = Box<dyn std::error::Error + Send + Sync>;

/// Carries out the effects of one lane.
pub trait Handler: Send + 'static {
    fn lane(&self) -> Lane;

    /// Carries out effects, all of one row of the outbox, in their order. Once it has returned `Ok` none of them is handed in again, unless the
    /// process ends before the log was told; an effect that can never be carried out is given up and counted here.
    ///
    /// It may be dropped at any point when the process stops: then the effects come again at the next start, under the same ids. Work that takes
    /// long is started here and not waited for.
    ///
    /// Errors: why they have to wait; the same effects are handed in again.
    fn carry_out(&mut self, effects: Vec<Effect>) -> impl Future<Output = Result<(), Held>> + Send;
}
