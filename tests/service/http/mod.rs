//! The API over real sockets: a nats-server, the log, the projection and the HTTP server, all but the binary around them.

mod access;
mod crowd;
mod document;
mod encodings;
mod live;
mod overview;
mod prometheus;
mod reads;
mod recorded;
pub mod room;
mod sessions;
mod writes;
