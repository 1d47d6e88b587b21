//! What a machine does, measured: hosts, trees of processes, commands that are run and measured, GPUs. Knows `/proc`, `sysinfo` and NVML;
//! knows nothing of events, streams or what a figure is used for, and waits for nothing but the clock and its children.
//!
//! [`spool`] is here too: what could not be sent yet, in a bounded file.
#![deny(unsafe_code)]

pub mod command;
pub mod gpu;
pub mod host;
pub mod meter;
pub mod scope;
pub mod spool;
pub mod tree;
