//! Where in event time the values of a stream lie, so that a change that is so many values back has a time. The newest values are known
//! one by one, older ones more and more roughly: to within a quarter of how far back they are.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::monitor::limits::MARKS_MAX;
use crate::time::{Span, Timestamp};

/// Values between two marks, as a share of how far back they are: one in so many.
const ROUGHNESS: u64 = 4;
/// Values between two times of thinning out.
const THIN_EVERY: u64 = 16;

/// Event times of some values. Their number grows with the logarithm of that of the values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Marks {
    /// Event time of the newest value; `None` before the first.
    newest: Option<Timestamp>,
    /// Steps from one mark to the one before it, the newest first.
    steps: VecDeque<Step>,
    seen: u64,
}

/// From a mark back to the one before: so many values, and so many microseconds of event time (negative where values came out of order).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Step(u64, i64);

impl Marks {
    /// Another value, of this event time.
    pub fn add(&mut self, at: Timestamp) {
        if let Some(before) = self.newest.replace(at) {
            self.steps.push_front(Step(1, (at - before).micros()));
        }
        self.seen += 1;
        if self.seen.is_multiple_of(THIN_EVERY) {
            self.thin();
        }
    }

    /// The event time of the value `back` values ago, 1 for the newest, or of the last known one after it; `None` before the first.
    pub fn back(&self, back: u64) -> Option<Timestamp> {
        let mut at = self.newest?;
        let mut left = back.saturating_sub(1);
        for Step(values, micros) in &self.steps {
            if left < *values {
                break;
            }
            (left, at) = (left - values, at - Span::from_micros(*micros));
        }
        Some(at)
    }

    /// Joins steps that are short for how far back they are.
    fn thin(&mut self) {
        let (mut kept, mut back) = (0, 0);
        for nth in 0..self.steps.len() {
            let Step(values, micros) = self.steps[nth];
            back += values;
            match kept {
                0 => kept = 1,
                _ if (self.steps[kept - 1].0 + values) * ROUGHNESS <= back => {
                    let Step(joined, so_far) = self.steps[kept - 1];
                    self.steps[kept - 1] = Step(joined + values, so_far + micros);
                }
                _ => {
                    self.steps[kept] = Step(values, micros);
                    kept += 1;
                }
            }
        }
        self.steps.truncate(kept.min(MARKS_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_far_back_is_known_to_within_a_quarter_of_its_distance_and_few_are_remembered() {
        let mut marks = Marks::default();
        assert_eq!(marks.back(1), None);
        for n in 0..100_000 {
            marks.add(Timestamp::from_micros(n));
        }
        assert!(marks.steps.len() < 100, "{}", marks.steps.len());
        for back in [1, 2, 10, 100, 1_000, 40_000, 99_999] {
            let found = 100_000 - marks.back(back).unwrap().micros() as u64;
            assert!(found <= back && back - found <= back / 4 + 2, "{back}: {found}");
        }
        assert!(marks.back(1_000_000).unwrap().micros() < 25_000);
    }
}
