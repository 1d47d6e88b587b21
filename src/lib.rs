//! Tidewatch: watches machine-learning models live. Data falls one way through the rooms below; `ARCHITECTURE.md` is the map
//! and `tests/code/architecture.rs` holds the walls.
// examples of the API are JSON as long as its answers
#![recursion_limit = "256"]
#![deny(unsafe_code)]

// The core is a crate of its own, so that Cargo keeps the shell out of it.
pub use tidewatch_core::{event, ids, monitor, stats, time, view};
// The reader of files too: it takes long to compile and changes seldom.
pub use tidewatch_files as files;
// What measures a machine: so it is tested without a server.
pub use tidewatch_machine as machine;
// And what trains: its learners bring many crates.
pub use tidewatch_train as train;

// The shell: moves bytes and decides nothing.
pub mod agent;
pub mod artifacts;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod effects;
pub mod failpoint;
pub mod http;
pub mod memory;
pub mod nats;
pub mod post;
pub mod processor;
pub mod run_file;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod telemetry;
pub mod ticker;
