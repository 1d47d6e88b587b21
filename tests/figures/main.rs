//! Figures against published packages and their laws, without a server.

mod decode_properties;
mod e_detector;
#[path = "../support/golden.rs"]
mod golden;
mod golden_detectors;
mod golden_drift;
mod golden_estimates;
mod golden_stats;
