//! Whether the values of a segment are served alike, and which segments are served worse than the rest.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::classes::Task;
use crate::monitor::model::Model;
use crate::monitor::pane::Cell;
use crate::stats::Estimate;
use crate::stats::fairness::{self, Finding, Outcomes, Proportion};
use crate::view::totals::Totals;

/// Fewest rows of a segment that is compared.
pub const ROWS_MIN: u64 = 30;

/// The segments of a model side by side.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Fairness {
    pub model: String,
    pub start: String,
    pub end: String,
    /// The class that counts as positive; null unless there are two.
    pub positive: Option<String>,
    /// Segments with fewer rows than this are left out.
    pub rows_min: u64,
    pub segments: Vec<SegmentFairness>,
    /// Values of any segment that are wrong more often than all other predictions, most suspicious first.
    pub worst: Vec<WorstSegment>,
}

/// One segment: the widest gap between its values, rate by rate.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SegmentFairness {
    pub name: String,
    pub values: Vec<String>,
    /// `demographic_parity`, `equal_opportunity`, `fpr_gap`, `fnr_gap` (with two classes), `error_gap`; a rate that fewer than two values
    /// have enough rows for is left out.
    pub gaps: BTreeMap<&'static str, GapFigures>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GapFigures {
    /// The highest rate less the lowest. The interval holds for the gaps of all pairs at once.
    pub difference: Estimate,
    pub highest: String,
    pub lowest: String,
    pub compared: usize,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WorstSegment {
    pub name: String,
    pub value: String,
    pub error_rate: Estimate,
    /// Its rate less that of all other predictions.
    pub difference: Estimate,
    pub p_value: f64,
    /// Holds for all segments looked at (Holm).
    pub p_value_adjusted: f64,
}

/// The counts of one value of one segment, or of all predictions.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    outcomes: Outcomes,
    judged: u64,
    wrong: u64,
    answered: u64,
    selected: u64,
}

/// One rate of a segment.
type Rate = fn(&Counts) -> Proportion;

impl Counts {
    fn of(model: &Model, cell: &Cell) -> Self {
        let classes = &model.profile.classes;
        let (judged, correct) = cell.judged(classes);
        let positive = classes.positive().filter(|_| classes.task() == Task::Classification);
        let mut counts = Self { judged, wrong: judged - correct, ..Self::default() };
        let Some(positive) = positive else { return counts };
        for (truth, predicted, count) in cell.read(classes).confusion.iter() {
            *match (predicted == positive, truth == positive) {
                (true, true) => &mut counts.outcomes.true_positives,
                (true, false) => &mut counts.outcomes.false_positives,
                (false, true) => &mut counts.outcomes.false_negatives,
                (false, false) => &mut counts.outcomes.true_negatives,
            } += count;
        }
        let fits = |class: u16| classes.decision.reading.is_some_and(|reading| classes.fits(class, reading));
        counts.answered = cell.predicted.iter().filter(|(class, _)| fits(*class)).map(|(_, count)| count).sum();
        counts.selected = cell.predicted.iter().filter(|(class, _)| *class == positive).map(|(_, count)| count).sum();
        counts
    }

    const fn errors(&self) -> Proportion {
        Proportion::new(self.wrong, self.judged)
    }
}

impl Fairness {
    /// Of what the cells of a range add up to.
    pub fn of(model: &Model, (start, end): (String, String), totals: &Totals) -> Self {
        let mut values: BTreeMap<(&str, &str), Cell> = BTreeMap::new();
        let mut all = Cell::default();
        for (index, cell) in totals.cells() {
            all.merge(cell);
            let segment = model.profile.cells.get(usize::from(index)).map_or([].as_slice(), |key| &key.segment);
            for (name, value) in segment {
                values.entry((name.as_str(), value.as_str())).or_default().merge(cell);
            }
        }
        let counts: Vec<((&str, &str), Counts)> = values.iter().map(|(of, cell)| (*of, Counts::of(model, cell))).collect();
        let classes = &model.profile.classes;
        let positive = classes.positive().filter(|_| classes.task() == Task::Classification);
        let of_name = |same: &[((&str, &str), Counts)]| SegmentFairness::of(same, positive.is_some());
        let errors: Vec<Proportion> = counts.iter().map(|(_, counts)| counts.errors()).collect();
        let search = fairness::search(&errors, Counts::of(model, &all).errors(), ROWS_MIN);
        let worst = |finding: &Finding| {
            let ((name, value), _) = counts[finding.segment];
            let Finding { rate, difference, p_value, p_value_adjusted, .. } = *finding;
            WorstSegment {
                name: name.to_owned(),
                value: value.to_owned(),
                error_rate: rate,
                difference,
                p_value,
                p_value_adjusted,
            }
        };
        Self {
            model: model.name.to_string(),
            start,
            end,
            positive: positive.map(|class| classes.name(class).to_owned()),
            rows_min: ROWS_MIN,
            segments: counts.chunk_by(|a, b| a.0.0 == b.0.0).map(of_name).collect(),
            worst: search.findings.iter().map(worst).collect(),
        }
    }
}

impl SegmentFairness {
    fn of(same: &[((&str, &str), Counts)], of_two_classes: bool) -> Self {
        let mut rates: Vec<(&'static str, Rate)> = vec![("error_gap", |counts| counts.errors())];
        if of_two_classes {
            rates.extend([
                ("demographic_parity", (|counts| Proportion::new(counts.selected, counts.answered)) as Rate),
                ("equal_opportunity", |counts| counts.outcomes.true_positive_rate()),
                ("fpr_gap", |counts| counts.outcomes.false_positive_rate()),
                ("fnr_gap", |counts| counts.outcomes.false_negative_rate()),
            ]);
        }
        let value = |place: usize| same[place].0.1.to_owned();
        let gap = |(name, rate): (&'static str, Rate)| {
            let segments: Vec<Proportion> = same.iter().map(|(_, counts)| rate(counts)).collect();
            let gap = fairness::gap(&segments, ROWS_MIN)?;
            let (highest, lowest) = (value(gap.highest), value(gap.lowest));
            Some((name, GapFigures { difference: gap.difference, highest, lowest, compared: gap.compared }))
        };
        Self {
            name: same[0].0.0.to_owned(),
            values: (0..same.len()).map(value).collect(),
            gaps: rates.into_iter().filter_map(gap).collect(),
        }
    }
}
