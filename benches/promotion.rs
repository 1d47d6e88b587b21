//! Claim: of 10,000 campaigns of a challenger that is no better, over 20,000 labels each, at most 100 promote it, whether its advantage is 0 throughout
//! or comes and goes; one of 0.92 against 0.90 is promoted after 1,920, 2,760 and 5,600 labels at most (medians) where 0.06, 0.1 and 0.2 of the
//! answers differ in being right. Varies that share. `cargo bench --bench promotion`.

use tidewatch_core::stats::boosting::draws::Draws;
use tidewatch_core::stats::logarithm::ln;
use tidewatch_core::stats::promotion::{ALPHA, Evidence, threshold};

const CAMPAIGNS: u64 = 10_000;
const LABELS: u32 = 20_000;

/// After how many labels a campaign promotes; answers differ in being right on the share `apart`, and by `mean` on the average.
fn promoted(seed: u64, apart: f64, mean: impl Fn(u32) -> f64) -> Option<u32> {
    let (mut draws, mut evidence) = (Draws::new(seed, 9), Evidence::new(0.0));
    let wanted = ln(threshold(ALPHA, 1));
    (1..=LABELS).find(|label| {
        let chance = draws.share();
        if apart <= chance {
            return false;
        }
        let won = chance < f64::midpoint(apart, mean(*label));
        evidence.add(if won { 1.0 } else { -1.0 });
        won && wanted <= evidence.logarithm()
    })
}

fn main() {
    for apart in [0.05, 0.1, 0.2] {
        let count = |mean: &dyn Fn(u32) -> f64| (0..CAMPAIGNS).filter(|seed| promoted(*seed, apart, mean).is_some()).count();
        let swings = |label: u32| if (label / 1_000).is_multiple_of(2) { -apart / 2.0 } else { apart / 2.0 };
        println!("promotion/wrong/apart={apart}: {} of {CAMPAIGNS} campaigns of an equal challenger", count(&|_| 0.0));
        println!("promotion/wrong/apart={apart}: {} of {CAMPAIGNS} where its advantage comes and goes", count(&swings));
    }
    for apart in [0.06, 0.1, 0.2] {
        let mut labels: Vec<u32> = (0..1_001).map(|seed| promoted(seed, apart, |_| 0.02).unwrap_or(u32::MAX)).collect();
        labels.sort_unstable();
        println!("promotion/power/apart={apart}: a median of {} labels", labels[500]);
    }
}
