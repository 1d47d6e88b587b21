//! The service over real sockets: its figures, its API, its place at a NATS server.

mod demo;
mod drift;
mod examples;
#[path = "../support/golden.rs"]
mod golden;
#[path = "../support/house.rs"]
mod house;
mod http;
mod jobs;
#[path = "../support/log.rs"]
mod log;
mod memory;
mod nats;
#[path = "../support/nats_server.rs"]
mod nats_server;
mod permissions;
#[path = "../support/publisher.rs"]
mod publisher;
mod readiness;
mod retention;
mod retraining;
mod truth;
mod verdict;
