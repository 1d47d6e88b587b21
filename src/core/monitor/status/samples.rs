//! Samples of sources that a model's own thresholds are about: judged by the mean of a stretch of them, with an interval that allows for
//! each being much like the one before; by the newest alone while there are few.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::Status;
use super::evidence::{Basis, Looks};
use super::ladder::{Ladder, Tally};
use super::rule::{self, Decision, Line, Span};
use crate::ids::Name;
use crate::time::Timestamp;

/// How much like the one before samples are taken to be at most: what is more alike is hardly told from a trend.
const LIKENESS_MAX: f64 = 0.99;

/// The newest value of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest {
    pub metric: CompactString,
    pub source: Name,
    /// By its own time.
    pub at: Timestamp,
    pub value: f64,
}

/// What one threshold is about: the samples of a metric of a source. At each tick the newest is taken, so of those that come faster than ticks
/// some are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampled {
    metric: CompactString,
    source: Name,
    at: Timestamp,
    value: f64,
    /// By log time.
    lately: Ladder<Run>,
}

/// Values in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    n: u64,
    sum: f64,
    squares: f64,
    /// Products of each with the next.
    products: f64,
    first: f64,
    last: f64,
}

impl Sampled {
    /// Takes in the newest of each that thresholds are about; true if anything is new. What nobody asks about any more is forgotten.
    pub fn take_all(known: &mut Vec<Self>, newest: Vec<Newest>, log_time: Timestamp) -> bool {
        let mut before = std::mem::take(known);
        let mut news = false;
        for Newest { metric, source, at, value } in newest {
            let place = before.iter().position(|sampled| sampled.is_of(&metric, &source));
            let mut sampled = match place {
                Some(place) => before.swap_remove(place),
                None => Self { metric, source, at: Timestamp::from_micros(i64::MIN), value, lately: Ladder::default() },
            };
            sampled.lately.forget(log_time);
            if sampled.at < at {
                (sampled.at, sampled.value) = (at, value);
                sampled.lately.add(log_time, &Run::of(value));
                news = true;
            }
            known.push(sampled);
        }
        news |= !before.is_empty();
        news
    }

    /// Whether [`Self::take_all`] would change anything.
    pub fn are_as(known: &[Self], newest: &[Newest]) -> bool {
        let same =
            |(sampled, newest): (&Self, &Newest)| sampled.is_of(&newest.metric, &newest.source) && newest.at <= sampled.at;
        known.len() == newest.len() && known.iter().zip(newest).all(same)
    }

    pub fn is_of(&self, metric: &str, source: &Name) -> bool {
        self.metric == metric && self.source == *source
    }

    pub fn n(&self) -> u64 {
        self.lately.total().n
    }

    pub fn judge(&self, before: Option<Status>, line: &Line) -> Decision {
        let spans: Vec<Span> =
            self.lately.stretches().map(|stretch| Span { from: stretch.from, basis: stretch.tally.basis() }).collect();
        rule::judge(before, line, &Looks::alike(), &spans).unwrap_or_else(|| {
            let over = Span { from: self.at, basis: Basis::Bare { n: 1, value: self.value } };
            rule::judge_point(before, line, over)
        })
    }
}

impl Run {
    fn of(value: f64) -> Self {
        // a square without end would leave nothing of the others
        let value = value.clamp(-1e150, 1e150);
        Self { n: 1, sum: value, squares: value * value, products: 0.0, first: value, last: value }
    }

    /// The mean, its error that of independent values times `(1 + r)/(1 − r)`, where `r` is how much each is like the one before: Bartlett (1946),
    /// *J. R. Stat. Soc. Suppl.* 8, 27–41; Bayley & Hammersley (1946), the same, 184–197.
    fn basis(&self) -> Basis {
        let n = self.n as f64;
        let mean = self.sum / n.max(1.0);
        let variance = (self.squares / n.max(1.0) - mean * mean).max(0.0);
        let pairs = n - 1.0;
        let together = self.products - mean * (2.0 * self.sum - self.first - self.last) + pairs * mean * mean;
        let likeness = if variance == 0.0 { 0.0 } else { (together / n / variance).clamp(0.0, LIKENESS_MAX) };
        let error_squared = variance / pairs.max(1.0) * (1.0 + likeness) / (1.0 - likeness);
        Basis::Mean { n: self.n, mean, error_squared }
    }
}

impl Tally for Run {
    fn n(&self) -> u64 {
        self.n
    }

    fn merge(&mut self, other: &Self) {
        *self = match (self.n, other.n) {
            (0, _) => *other,
            (_, 0) => *self,
            _ => Self {
                n: self.n + other.n,
                sum: self.sum + other.sum,
                squares: self.squares + other.squares,
                products: self.products + other.products + self.last * other.first,
                first: self.first,
                last: other.last,
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span as Length;

    fn sampled(values: impl Iterator<Item = f64>) -> Sampled {
        let (metric, source): (CompactString, Name) = ("sample/latency".into(), "cam".try_into().unwrap());
        let mut known = Vec::new();
        for (second, value) in values.enumerate() {
            let at = Timestamp::from_millis(1_767_225_600_000) + Length::from_secs(5 * second as i64);
            let newest = Newest { metric: metric.clone(), source: source.clone(), at, value };
            assert!(Sampled::take_all(&mut known, vec![newest.clone()], at));
            assert!(!Sampled::take_all(&mut known, vec![newest.clone()], at) && Sampled::are_as(&known, &[newest]));
        }
        known.pop().unwrap()
    }

    const CEILING: Line = Line { direction: crate::event::Direction::Above, threshold: 150.0, margin: 15.0 };

    #[test]
    fn of_many_samples_one_that_is_far_off_decides_nothing() {
        let usual = |i: i32| 100.0 + f64::from(i * 37 % 11);
        let quiet = sampled((0..200).map(usual).chain([400.0]));
        assert_eq!(quiet.judge(Some(Status::Healthy), &CEILING).status, Status::Healthy);
        let risen = sampled((0..200).map(usual).chain((0..60).map(|i| 60.0 + usual(i))));
        assert_eq!(risen.judge(Some(Status::Healthy), &CEILING).status, Status::Critical);
    }

    #[test]
    fn of_few_the_newest_counts_as_it_is() {
        let few = sampled([100.0, 100.0, 400.0].into_iter());
        let decision = few.judge(Some(Status::Healthy), &CEILING);
        assert_eq!((decision.status, decision.over.basis), (Status::Critical, Basis::Bare { n: 1, value: 400.0 }));
    }

    #[test]
    fn samples_that_follow_one_another_closely_say_less() {
        let error = |values: &mut dyn Iterator<Item = f64>| {
            let mut run = Run::default();
            values.for_each(|value| run.merge(&Run::of(value)));
            let Basis::Mean { error_squared, .. } = run.basis() else { panic!("a mean") };
            error_squared
        };
        // the same values, in steps of twenty and mixed
        let steps = error(&mut (0..400).map(|i| f64::from(i / 20 % 2)));
        let mixed = error(&mut (0..400).map(|i| f64::from(i * 7 % 400 / 20 % 2)));
        assert!(5.0 * mixed < steps, "{mixed} {steps}");
        // an autoregression of 0.95 and twenty states: (1 + r)/(1 − r) is 19 of 1/4/399
        assert!((steps / (0.25 / 399.0) - 19.0).abs() < 2.0, "{steps}");
    }
}
