//! The log: the connection to NATS, the streams, reading the input in order ([`ingest`]) and the one way in ([`door`]).
//! Knows `async_nats`, subjects and sequences; knows nothing of what a payload means.

pub mod carry;
mod configured;
pub mod connect;
pub mod context;
pub mod continuity;
mod cut;
pub mod door;
pub mod growth;
pub mod ingest;
mod intake;
mod link;
pub mod managed;
pub mod outlet;
pub mod provision;
mod rights;
pub mod room;
pub mod stream;
pub mod tap;

pub use carry::{CarryError, StreamForm};
pub use connect::{Auth, ConnectConfig, ConnectError, Nats, Tls, connect};
pub use continuity::{LogChanged, Mark, Saved};
pub use cut::Cut;
pub use door::{Door, DoorError, Headers, Publication, Stored};
pub use ingest::{IngestError, Past, PastError, RawBatch, RawMessage};
pub use link::Forbidden;
pub use managed::{Managed, ManagedConfig, ManagedError};
pub use provision::{Difference, Provisioned, Role, provision};
pub use room::Room;
pub use stream::{StoredMessage, StreamError, StreamStatus, fingerprint, header};
