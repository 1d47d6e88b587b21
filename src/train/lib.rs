//! Trains models on tables of rows and answers with them: reading, features, learners, evaluation, artifacts. One engine and one code of
//! features for commands on files, for the trainer's process and for serving.
//!
//! Knows no server and no clock; of the log only how its messages are read. Equal rows, parameters and seed give equal artifacts, byte for byte, however many threads there are.

#![forbid(unsafe_code)]

pub mod artifact;
pub mod classical;
pub mod evaluate;
pub mod features;
pub mod importance;
pub mod job;
pub mod learner;
pub mod onnx;
pub mod parameters;
pub mod refusals;
pub mod search;
pub mod simulate;
pub mod table;
pub mod task;
pub mod training;
pub mod workers;
