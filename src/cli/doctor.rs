//! `tidewatch doctor`: the simulator alone.
use super::{Answer, Outcome};
use clap::Args;
/// Simulate models and servers
#[derive(Args)]
pub struct Doctor {}
impl Doctor {
    pub async fn run(self, _: Answer) -> Outcome {
        Ok(())
    }
}
