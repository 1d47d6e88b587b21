//! `tidewatch failpoints`: the named places where a test can stop the process.

use clap::Args;
use serde_json::json;

use super::{Answer, Outcome};
use crate::failpoint::{self, Point};

/// List the crash points that FAILPOINTS can arm
#[derive(Args)]
#[command(after_help = "\
Only builds with the feature `failpoints` hold them.

Examples:
  tidewatch failpoints --json
  FAILPOINTS='store.committed=3*off->abort' tidewatch up      abort on the fourth passing")]
pub struct Failpoints {}

impl Failpoints {
    pub fn run(self, answer: Answer) -> Outcome {
        let names = Point::ALL.map(Point::name);
        answer.give(&json!({ "built_in": failpoint::built_in(), "failpoints": names }), |_| {
            let note = if failpoint::built_in() { "" } else { "\n(this build holds none: build with --features failpoints)" };
            names.join("\n") + note
        })
    }
}
