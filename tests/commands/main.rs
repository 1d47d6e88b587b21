//! The commands, run as a user runs them.

mod cli;
mod detect;
mod files;
#[path = "../support/golden.rs"]
mod golden;
#[path = "../support/house.rs"]
mod house;
#[path = "../support/nats_server.rs"]
mod nats_server;
mod offline;
mod run;
mod train;
