//! When a figure is healthy, a warning or critical: the interval decides, over the shortest stretch that suffices, and what was decided stays
//! until the opposite is evident.

use serde::{Deserialize, Serialize};

use super::Status;
use super::evidence::{Basis, Looks, needed};
pub use crate::event::Direction;
use crate::monitor::limits::SAMPLES_MIN;
use crate::time::Timestamp;

/// What the line of the margin needs beyond what the threshold needs, in nats: whether a figure is near is in less of a hurry, and a model that
/// stands right there should not go to and fro.
const NATS_OF_MARGIN: f64 = 4.0;

/// What a figure is compared to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub direction: Direction,
    /// Critical beyond it.
    pub threshold: f64,
    /// A warning from this near to it.
    pub margin: f64,
}

/// What was decided, and over what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    pub status: Status,
    pub over: Span,
    /// Of a figure that has just become critical or has just recovered: from where on it is so. What is older was of another time, and must
    /// not be what takes the decision back.
    pub new_from: Option<Timestamp>,
}

/// A stretch of observations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub from: Timestamp,
    pub basis: Basis,
}

/// On which side of a line a stretch lies evidently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Good,
    Bad,
}

/// What the stretches say of one line: the side that the shortest of those names that decides, and of all that name it the most evident.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    side: Option<(Side, Span, f64)>,
    /// A longer stretch says the opposite: that is older news, and so is whatever is longer still.
    contradicted: bool,
}

impl Span {
    fn with_variance_of(&self, whole: &Basis) -> Self {
        Self { basis: self.basis.with_variance_of(whole), ..*self }
    }
}

impl Line {
    /// The line a figure must be clear of to be healthy.
    pub fn near(&self) -> f64 {
        match self.direction {
            Direction::Below => self.threshold + self.margin,
            Direction::Above => self.threshold - self.margin,
        }
    }

    /// Whether `value` lies on the bad side of `line`.
    pub fn is_beyond(&self, value: f64, line: f64) -> bool {
        match self.direction {
            Direction::Below => value < line,
            Direction::Above => line < value,
        }
    }

    fn side(&self, basis: &Basis, line: f64, needed: f64) -> Option<Side> {
        basis.decides(line, needed).then(|| if self.is_beyond(basis.value(), line) { Side::Bad } else { Side::Good })
    }

    /// Whether a stretch on one side of `line` may decide beside the `whole` that it is the newest part of. What came before it and lies on the other side is
    /// what the model is known to be like, and it must evidently differ from that; else from the line itself. Without this, a model right above its floor would be
    /// critical every few hours.
    fn is_news(&self, side: Side, line: f64, (basis, whole): (&Basis, &Basis), looks: &Looks) -> bool {
        let Some((older, change)) = basis.change_within(whole) else { return true };
        let opposite = self.is_beyond(older, line) != (side == Side::Bad);
        let nats = if opposite && looks.compare { change } else { basis.nats(line) };
        looks.needed_of_change(basis.n()) <= nats
    }
}

impl Found {
    /// Looks at a stretch, the newest part of `whole`.
    ///
    /// * `more`: nats needed beyond the usual.
    fn see(&mut self, line: &Line, at: f64, (span, whole): (&Span, &Span), looks: &Looks, more: f64) {
        if self.contradicted {
            return;
        }
        let nats = needed(span.basis.n()) + more;
        let Some(side) = line.side(&span.basis, at, nats) else { return };
        if !line.is_news(side, at, (&span.basis, &whole.basis), looks) {
            return;
        }
        if self.side.is_some_and(|(known, ..)| known != side) {
            self.contradicted = true;
            return;
        }
        let excess = span.basis.nats(at) - nats;
        if self.side.is_none_or(|(_, _, most)| most < excess) {
            self.side = Some((side, *span, excess));
        }
    }
}

/// Judges stretches, shortest first, after `before` was decided. `None`: the longest has fewer than [`SAMPLES_MIN`] observations.
///
/// * `looks`: how much a stretch must differ from what came before it.
/// * Critical if the shortest stretch whose interval lies on one side of the threshold lies beyond it, and until one lies on the good side. Then what was
///   before that no longer counts.
/// * A warning if the shortest stretch whose interval lies on one side of the margin's line lies beyond that, and until one lies on the good side.
/// * Where no interval decides the estimate of the longest stretch does: at first as it is; later only where its interval excludes the threshold.
pub fn judge(before: Option<Status>, line: &Line, looks: &Looks, spans: &[Span]) -> Option<Decision> {
    let begin = spans.iter().position(|span| SAMPLES_MIN <= span.basis.n())?;
    let (spans, whole) = (&spans[begin..], spans[spans.len() - 1].basis);
    let longest = spans[spans.len() - 1].with_variance_of(&whole);
    let (mut floor, mut near) = (Found::default(), Found::default());
    for span in spans {
        let span = span.with_variance_of(&whole);
        floor.see(line, line.threshold, (&span, &longest), looks, 0.0);
        near.see(line, line.near(), (&span, &longest), looks, NATS_OF_MARGIN);
    }
    match (floor.side, before == Some(Status::Critical)) {
        (Some((Side::Bad, over, _)), was_critical) => {
            Some(Decision { status: Status::Critical, over, new_from: (!was_critical).then_some(over.from) })
        }
        (None, true) => Some(Decision { status: Status::Critical, over: longest, new_from: None }),
        (Some((Side::Good, over, _)), true) => {
            // judged as it will be at the next look, or that would say something else
            let since = spans.iter().take_while(|span| over.from <= span.from).count();
            let decision = judge(Some(Status::Warning), line, looks, &spans[..since])?;
            Some(Decision { new_from: Some(over.from), ..decision })
        }
        (_, false) => Some(beside(before, line, near.side, longest)),
    }
}

/// What is no more than a warning: `near` is what the stretches say of the line of the margin.
fn beside(before: Option<Status>, line: &Line, near: Option<(Side, Span, f64)>, longest: Span) -> Decision {
    let decided = |status, over| Decision { status, over, new_from: None };
    match near {
        Some((Side::Bad, over, _)) => return decided(Status::Warning, over),
        Some((Side::Good, over, _)) => return decided(Status::Healthy, over),
        None => {}
    }
    let value = longest.basis.value();
    let is_evident = |nats: f64| longest.basis.decides(line.threshold, needed(longest.basis.n()) + nats);
    let beyond = line.is_beyond(value, line.threshold);
    let status = match before {
        Some(Status::Healthy) if !beyond || !is_evident(0.0) => Status::Healthy,
        Some(Status::Warning | Status::Critical) if !line.is_beyond(value, line.near()) && is_evident(NATS_OF_MARGIN) => {
            Status::Healthy
        }
        Some(Status::Unknown) | None if !beyond => Status::Healthy,
        _ => Status::Warning,
    };
    decided(status, longest)
}

/// Judges a figure that has no interval and comes from elsewhere: critical beyond the threshold, and until it is clear of the margin.
pub fn judge_point(before: Option<Status>, line: &Line, over: Span) -> Decision {
    let value = over.basis.value();
    let status = match before {
        _ if line.is_beyond(value, line.threshold) => Status::Critical,
        Some(Status::Critical) if line.is_beyond(value, line.near()) => Status::Critical,
        _ if line.is_beyond(value, line.near()) => Status::Warning,
        _ => Status::Healthy,
    };
    Decision { status, over, new_from: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: Line = Line { direction: Direction::Below, threshold: 0.7, margin: 0.02 };

    fn spans(of: &[(u64, u64)]) -> Vec<Span> {
        let span = |(hits, n): &(u64, u64)| Span {
            from: Timestamp::from_micros(-(*n as i64)),
            basis: Basis::Share { n: *n, hits: *hits },
        };
        of.iter().map(span).collect()
    }

    fn status(before: Option<Status>, of: &[(u64, u64)]) -> Option<Status> {
        judge(before, &FLOOR, &Looks::every(None), &spans(of)).map(|decision| decision.status)
    }

    #[test]
    fn too_few_observations_decide_nothing() {
        assert_eq!(status(None, &[(0, 29)]), None);
        assert_eq!(status(None, &[(0, 30)]), Some(Status::Critical));
        assert_eq!(status(None, &[]), None);
    }

    #[test]
    fn the_interval_decides_and_not_the_point() {
        // 69 % of a hundred is below the floor, but its interval is not
        assert_eq!(status(None, &[(69, 100)]), Some(Status::Warning));
        assert_eq!(status(Some(Status::Healthy), &[(69, 100)]), Some(Status::Healthy));
        assert_eq!(status(Some(Status::Healthy), &[(6_000, 10_000)]), Some(Status::Critical));
        assert_eq!(status(Some(Status::Healthy), &[(70_300, 100_000)]), Some(Status::Warning), "evidently within the margin");
        assert_eq!(status(Some(Status::Warning), &[(9_000, 10_000)]), Some(Status::Healthy));
    }

    #[test]
    fn critical_ends_where_the_interval_is_clear_on_the_other_side() {
        assert_eq!(status(Some(Status::Critical), &[(80, 100), (300, 500)]), Some(Status::Critical));
        assert_eq!(status(Some(Status::Critical), &[(75, 100)]), Some(Status::Critical), "75 % of 100 may be 65 %");
        assert_eq!(status(Some(Status::Critical), &[(900, 1_000), (1_500, 2_000)]), Some(Status::Healthy));
        assert_eq!(
            status(Some(Status::Critical), &[(200, 250), (560, 840)]),
            Some(Status::Warning),
            "what was before it ended is not news, and the margin is still near"
        );
    }

    #[test]
    fn a_recovery_says_at_once_what_the_next_look_will() {
        let before = spans(&[(200, 250), (560, 840)]);
        let recovered = judge(Some(Status::Critical), &FLOOR, &Looks::every(None), &before).unwrap();
        assert_eq!(recovered.new_from, Some(before[0].from));
        let next = judge(Some(recovered.status), &FLOOR, &Looks::every(None), &before[..1]).unwrap();
        assert_eq!(recovered.status, next.status);
    }

    #[test]
    fn of_stretches_that_disagree_the_newest_counts() {
        assert_eq!(status(Some(Status::Healthy), &[(10, 50), (900, 1_000)]), Some(Status::Critical));
        assert_eq!(status(Some(Status::Healthy), &[(400, 410), (900, 2_000)]), Some(Status::Healthy));
    }

    #[test]
    fn a_ceiling_is_a_floor_upside_down() {
        let ceiling = Line { direction: Direction::Above, threshold: 0.1, margin: 0.02 };
        let judged = |before, of: &[(u64, u64)]| {
            judge(before, &ceiling, &Looks::every(None), &spans(of)).map(|decision| decision.status)
        };
        assert_eq!(judged(None, &[(30, 30)]), Some(Status::Critical));
        assert_eq!(judged(None, &[(0, 1_000)]), Some(Status::Healthy));
        assert_eq!(judged(Some(Status::Healthy), &[(950, 10_000)]), Some(Status::Warning));
        assert_eq!(judged(Some(Status::Critical), &[(10, 1_000)]), Some(Status::Healthy));
    }
}
