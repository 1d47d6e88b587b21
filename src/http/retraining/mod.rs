//! Retraining: its policy, its jobs, the versions that were trained, and which of them serves.

pub mod ai;
pub mod jobs;
pub mod policy;
pub mod versions;
