//! The core of Tidewatch: plain functions over plain data. No clock, randomness, I/O, async or logging; the same log gives the same bytes.
#![forbid(unsafe_code)]

pub mod event;
pub mod ids;
pub mod monitor;
pub mod stats;
pub mod time;
pub mod view;
