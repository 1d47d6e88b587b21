//! Whether a column has drifted: one decision, made of an effect and of evidence, the same for a window of the stream as for two files.
//!
//! A column has drifted if its values have moved far enough *and* evidently, or if the share of its missing values has. A large distance
//! of few rows may be chance, and an evident difference of many rows may be too small to matter: neither alone decides. All other tests and
//! distances are figures for a reader, and none of them decides.

use super::{Comparison, evidence};
use crate::stats::logarithm::ln;

/// The least population stability index that matters: custom watches from here (Siddiqi (2006), *Credit Risk Scorecards*).
pub const PSI_MATTERS: f64 = 0.1;

/// By how much the share of missing values must have changed.
pub const MISSING_MATTERS: f64 = 0.01;

/// Questions asked of a column: have its values moved, has the share of missing ones.
pub const QUESTIONS: u64 = 2;

/// What a column has to reach to count as drifted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The least population stability index that matters, in nats.
    pub psi: f64,
    /// The least change of the share of missing values that matters, 0 to 1.
    pub missing: f64,
    /// Nats of evidence that each question needs, see [`evidence`].
    pub evidence: f64,
}

/// The values of a column on both sides, as counts.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// One side has none, or too few to compare: only the missing ones are asked about.
    Absent,
    /// Numbers over fine bins, for evidence, and over those of the index (deciles), for the effect.
    Ordered {
        fine: &'a Comparison,
        coarse: &'a Comparison,
    },
    Categories(&'a Comparison),
}

/// How many of the rows of one side have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    pub present: u64,
    pub rows: u64,
}

/// What is said of a column, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// Population stability index in nats, counts raised by ½.
    pub psi: f64,
    /// Jensen–Shannon distance in bits^½, what chance alone gives taken off.
    pub jensen_shannon: f64,
    /// Nats of evidence that the values have moved.
    pub evidence_of_values: f64,
    /// Share of missing values now, less that of the reference.
    pub missing_change: f64,
    /// Nats of evidence that the share of missing values has changed.
    pub evidence_of_missing: f64,
    /// Whether the values have moved far enough and evidently.
    pub values: bool,
    /// Whether the share of missing values has.
    pub missing: bool,
}

impl Rule {
    /// The rule for two files: `alpha`, the chance of any false alarm at all, is shared out over the questions of all columns (Bonferroni).
    ///
    /// * `alpha`: above 0 and below 1. `columns`: those that are compared.
    pub fn of_files(alpha: f64, columns: usize) -> Self {
        let questions = columns.max(1) as u64 * QUESTIONS;
        Self { psi: PSI_MATTERS, missing: MISSING_MATTERS, evidence: ln(questions as f64 / alpha) }
    }
}

impl Presence {
    fn missing(self) -> u64 {
        self.rows - self.present.min(self.rows)
    }

    fn missing_share(self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.missing() as f64 / self.rows as f64 }
    }
}

impl Decision {
    /// Decides about one column. Total: sides without a row are no evidence. Cost: O(bins log bins).
    pub fn of(values: Values<'_>, reference: Presence, current: Presence, rule: &Rule) -> Self {
        let counts = |side: Presence| [side.rows - side.missing(), side.missing()];
        let missing_change = current.missing_share() - reference.missing_share();
        let evidence_of_missing =
            Comparison::new(&counts(reference), &counts(current)).map_or(0.0, |presence| evidence::of_categories(&presence));
        let (psi, jensen_shannon, evidence_of_values) = match values {
            Values::Absent => (0.0, 0.0, 0.0),
            Values::Ordered { fine, coarse } => (coarse.psi_add_half(), beyond_chance(coarse), evidence::of_order(fine)),
            Values::Categories(bins) => (bins.psi_add_half(), beyond_chance(bins), evidence::of_categories(bins)),
        };
        Self {
            psi,
            jensen_shannon,
            evidence_of_values,
            missing_change,
            evidence_of_missing,
            values: rule.psi <= psi && rule.evidence <= evidence_of_values,
            missing: rule.missing <= missing_change.abs() && rule.evidence <= evidence_of_missing,
        }
    }

    pub const fn drift(&self) -> bool {
        self.values || self.missing
    }

    /// Nats, of the values or of the missing ones, whichever is more.
    pub const fn evidence(&self) -> f64 {
        self.evidence_of_values.max(self.evidence_of_missing)
    }
}

/// The Jensen–Shannon distance, less what sampling alone gives on average: to second order the divergence of two samples of one
/// distribution is `(k − 1)(1/n + 1/m)/8` nats over `k` bins in use (see [`super::noise`]).
fn beyond_chance(bins: &Comparison) -> f64 {
    let (n, m): (u64, u64) = (bins.reference().iter().sum(), bins.current().iter().sum());
    let in_use = bins.reference().iter().zip(bins.current()).filter(|(a, b)| **a + **b != 0).count();
    let chance = (in_use.saturating_sub(1)) as f64 * (1.0 / n as f64 + 1.0 / m as f64) / 8.0 / ln(2.0);
    let distance = bins.jensen_shannon();
    (distance * distance - chance).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { psi: PSI_MATTERS, missing: MISSING_MATTERS, evidence: 10.0 };

    fn whole(rows: u64) -> Presence {
        Presence { present: rows, rows }
    }

    fn of_categories(reference: &[u64], current: &[u64]) -> Decision {
        let (n, m) = (reference.iter().sum(), current.iter().sum());
        Decision::of(Values::Categories(&Comparison::new(reference, current).unwrap()), whole(n), whole(m), &RULE)
    }

    #[test]
    fn an_effect_without_evidence_and_evidence_without_an_effect_are_no_drift() {
        let few = of_categories(&[12, 8], &[6, 14]);
        assert!(RULE.psi < few.psi && few.evidence() < RULE.evidence && !few.drift(), "{few:?}");
        let small = of_categories(&[500_000, 500_000], &[520_000, 480_000]);
        assert!(small.psi < RULE.psi && RULE.evidence < small.evidence() && !small.drift(), "{small:?}");
        assert!(of_categories(&[500, 500], &[800, 200]).drift());
    }

    #[test]
    fn missing_values_are_a_question_of_their_own() {
        let (before, now) = (Presence { present: 990, rows: 1_000 }, Presence { present: 800, rows: 1_000 });
        let decision = Decision::of(Values::Absent, before, now, &RULE);
        assert!(decision.missing && !decision.values && (decision.missing_change - 0.19).abs() < 1e-12, "{decision:?}");
        assert!(!Decision::of(Values::Absent, before, Presence { present: 0, rows: 0 }, &RULE).drift(), "no row, no evidence");
    }

    #[test]
    fn the_rule_for_files_shares_its_level_out_over_all_questions() {
        assert!((Rule::of_files(0.05, 10).evidence - 400.0_f64.ln()).abs() < 1e-12);
    }
}
