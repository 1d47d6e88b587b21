//! `tidewatch demo`: the simulator alone.
use super::{Answer, Outcome};
use clap::Args;
/// Simulate models and servers
#[derive(Args)]
pub struct Demo {}
impl Demo {
    pub async fn run(self, _: Answer) -> Outcome {
        Ok(())
    }
}
