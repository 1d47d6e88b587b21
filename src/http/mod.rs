//! The way in and out over HTTP: REST, WebSocket, OpenAPI and the embedded dashboard. Knows status codes, tokens and origins.
//! Reads finished views and committed rows; whatever it changes it publishes through the door. Knows nothing of the processor.

pub mod access;
mod ai;
mod analysis;
mod applied;
mod auth;
mod condition;
mod dashboard;
mod description;
mod docs;
mod drift;
mod export;
mod fairness;
mod gate;
mod health;
mod log_clock;
mod mint;
mod models;
mod openapi;
mod page;
mod panes;
mod parameters;
mod peer;
mod predictions;
mod problem;
mod prometheus;
mod publish;
mod rejected;
mod router;
mod serve;
mod shared;
mod slices;
mod socket;
mod sources;
mod step;
mod streams;
mod task;
mod thresholds;
pub mod token;
mod tokens;
mod windows;

pub use openapi::openapi;
pub use problem::Problem;
pub use router::router;
pub use serve::serve;
pub use shared::{App, HttpSettings, LogStatus, PredictionRows};
