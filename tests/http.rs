//! The API over real sockets: a nats-server, the log, the projection and the HTTP server, all but the binary around them.

#[path = "support/nats_server.rs"]
mod nats_server;

#[path = "http/access.rs"]
mod access;
#[path = "http/crowd.rs"]
mod crowd;
#[path = "http/document.rs"]
mod document;
#[path = "http/encodings.rs"]
mod encodings;
#[path = "http/live.rs"]
mod live;
#[path = "http/overview.rs"]
mod overview;
#[path = "http/prometheus.rs"]
mod prometheus;
#[path = "http/reads.rs"]
mod reads;
#[path = "http/room.rs"]
mod room;
#[path = "http/sessions.rs"]
mod sessions;
#[path = "http/writes.rs"]
mod writes;
