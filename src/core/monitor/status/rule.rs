//! When a figure is healthy, a warning or critical: the interval decides, over the shortest stretch that suffices, and what was decided stays
//! until the opposite is evident.

use serde::{Deserialize, Serialize};

use super::Status;
use super::evidence::{Basis, Looks, needed};
pub use crate::event::Direction;
use crate::monitor::limits::SAMPLES_MIN;
use crate::time::Timestamp;

/// What the line of the margin needs beyond what the threshold needs before a stretch changes what was decided about it, in nats. Whether a figure is
/// near is in less of a hurry, and a model that stands right there should not go to and fro: what was decided stays until its evidence has faded by as much.
const NATS_OF_MARGIN: f64 = 4.0;

/// What a figure is compared to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub direction: Direction,
    /// Critical beyond it.
    pub threshold: f64,
    /// A warning where the interval reaches this near to it.
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

/// The two lines of a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Does the figure lie beyond the threshold?
    Beyond,
    /// Is it near to it? With what was decided before.
    Near(Option<Status>),
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

    fn at(&self, question: Question) -> f64 {
        match question {
            Question::Beyond => self.threshold,
            Question::Near(_) => self.near(),
        }
    }

    fn side(&self, question: Question, basis: &Basis) -> Option<Side> {
        let at = self.at(question);
        let side = if self.is_beyond(basis.value(), at) { Side::Bad } else { Side::Good };
        let nats = match question {
            Question::Beyond => 0.0,
            Question::Near(_) => NATS_OF_MARGIN - question.ease(side),
        };
        basis.decides(at, needed(basis.n()) + nats).then_some(side)
    }

    /// Whether the interval reaches within the margin. One that is wider than the margin on that side reaches there wherever the figure lies, and
    /// says nothing of it.
    fn reaches(&self, basis: &Basis) -> bool {
        let needed = needed(basis.n());
        let end = match self.direction {
            Direction::Below => basis.value() - self.margin,
            Direction::Above => basis.value() + self.margin,
        };
        let is_clear = || !self.is_beyond(basis.value(), self.near()) && basis.decides(self.near(), needed);
        0.0 < self.margin && basis.decides(end, needed) && !is_clear()
    }

    /// Whether a stretch on one side may decide beside the `whole` that it is the newest part of. What came before it and lies on the other side is
    /// what the model is known to be like, and it must evidently differ from that; else from the line itself. Without this, a model right above its floor would be
    /// critical every few hours. A part is clear of the margin where the whole is, or where it evidently differs from what came before.
    fn is_news(&self, (question, side): (Question, Side), (basis, whole): (&Basis, &Basis), looks: &Looks) -> bool {
        let Some((older, change)) = basis.change_within(whole) else { return true };
        let line = self.at(question);
        let is_other = self.is_beyond(older, line) != (side == Side::Bad)
            || (matches!(question, Question::Near(_)) && side == Side::Good && self.side(question, whole) != Some(Side::Good));
        let nats = if is_other && looks.compare { change } else { basis.nats(line) };
        looks.needed_of_change(basis.n()) - question.ease(side) <= nats
    }
}

impl Question {
    /// Nats that are needed less for a side that was decided before.
    fn ease(self, side: Side) -> f64 {
        match (self, side) {
            (Self::Near(Some(Status::Warning)), Side::Bad) | (Self::Near(Some(Status::Healthy)), Side::Good) => NATS_OF_MARGIN,
            _ => 0.0,
        }
    }
}

impl Found {
    /// Looks at a stretch, the newest part of `whole`.
    fn see(&mut self, line: &Line, question: Question, (span, whole): (&Span, &Span), looks: &Looks) {
        if self.contradicted {
            return;
        }
        let Some(side) = line.side(question, &span.basis) else { return };
        if !line.is_news((question, side), (&span.basis, &whole.basis), looks) {
            return;
        }
        if self.side.is_some_and(|(known, ..)| known != side) {
            self.contradicted = true;
            return;
        }
        let excess = span.basis.nats(line.at(question)) - needed(span.basis.n());
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
/// * A warning if the shortest stretch whose interval lies on one side of the margin's line lies beyond that, or if none does and the interval of all
///   that is known reaches within the margin; and until one lies on the good side.
/// * Where no interval decides the estimate of the longest stretch does, as long as nothing else was decided.
pub fn judge(before: Option<Status>, line: &Line, looks: &Looks, spans: &[Span]) -> Option<Decision> {
    let begin = spans.iter().position(|span| SAMPLES_MIN <= span.basis.n())?;
    let (spans, whole) = (&spans[begin..], spans[spans.len() - 1].basis);
    let longest = spans[spans.len() - 1].with_variance_of(&whole);
    let (mut floor, mut near) = (Found::default(), Found::default());
    for span in spans {
        let span = span.with_variance_of(&whole);
        floor.see(line, Question::Beyond, (&span, &longest), looks);
        near.see(line, Question::Near(before), (&span, &longest), looks);
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
    let beyond = line.is_beyond(longest.basis.value(), line.threshold);
    let status = match before {
        _ if line.reaches(&longest.basis) => Status::Warning,
        Some(Status::Healthy) if !beyond || !longest.basis.decides(line.threshold, needed(longest.basis.n())) => {
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
    fn an_interval_that_reaches_within_the_margin_is_a_warning_until_it_is_clear_of_it() {
        let (healthy, warning) = (Some(Status::Healthy), Some(Status::Warning));
        assert_eq!(status(healthy, &[(4_290, 6_000)]), warning, "71.5 %, from 69.6 on");
        assert_eq!(status(healthy, &[(4_500, 6_000)]), healthy, "75 %, from 73.2 on");
        assert_eq!(status(healthy, &[(715, 1_000)]), healthy, "an interval of five points says nothing of two");
        let wide = Line { margin: 0.1, ..FLOOR };
        let near = judge(healthy, &wide, &Looks::every(None), &spans(&[(800, 1_000)])).unwrap();
        assert_eq!(near.status, Status::Warning, "80 %, from 75.9 on, with a margin of ten points");
        assert_eq!(status(warning, &[(3_680, 5_000)]), warning, "73.6 % is not clear of 72 yet");
        assert_eq!(status(warning, &[(14_720, 20_000)]), healthy);
        // what came before was well clear: the newest part must evidently differ from it
        assert_eq!(status(healthy, &[(3_650, 5_000), (75_000, 100_000)]), healthy);
        assert_eq!(status(healthy, &[(3_450, 5_000), (75_000, 100_000)]), warning);
        assert_eq!(status(warning, &[(2_265, 3_000), (7_305, 10_000)]), warning, "not evidently better than before");
        assert_eq!(status(warning, &[(2_500, 3_000), (7_400, 10_000)]), healthy);
        // what was decided of a part stays until its evidence has faded
        let of_a_part = spans(&[(510, 773), (37_486, 51_333)]);
        let judged = |before| judge(before, &FLOOR, &Looks::every(None), &of_a_part).unwrap().status;
        assert_eq!((judged(healthy), judged(warning)), (Status::Healthy, Status::Warning), "66 % of 773");
        let none = Line { margin: 0.0, ..FLOOR };
        assert_eq!(judge(healthy, &none, &Looks::every(None), &spans(&[(70_100, 100_000)])).unwrap().status, Status::Healthy);
    }

    #[test]
    fn a_figure_of_too_few_observations_for_an_interval_is_never_critical() {
        let spans = |value: f64| [Span { from: Timestamp::default(), basis: Basis::Unsure { n: 100, value } }];
        let judged = |value: f64| judge(None, &FLOOR, &Looks::every(None), &spans(value)).unwrap().status;
        assert_eq!((judged(0.1), judged(0.75)), (Status::Warning, Status::Healthy));
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
