//! What a classifier's answers say, from counts of (truth, predicted).

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::MetricName;
use super::estimate::{MEMBERS_MIN, NoInterval};
use super::multinomial::Table;

/// So many pairs are put in one by one.
const FEW_PAIRS: usize = 16;

/// How often each class was taken for which, by class index. Holds a count per pair seen; sorted; none is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion {
    /// (truth, predicted, count).
    cells: Vec<(u16, u16, i64)>,
}

/// The figures of one class against the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassFigures {
    pub precision: Estimate,
    pub recall: Estimate,
    pub f1: Estimate,
    pub fpr: Estimate,
    pub fnr: Estimate,
    pub specificity: Estimate,
    /// How often it was the truth.
    pub support: u64,
}

/// One class against the rest: how often it was both, the truth, the prediction, and how many answers there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Margin {
    pub hits: u64,
    pub truths: u64,
    pub predictions: u64,
    all: u64,
}

impl Confusion {
    #[inline]
    pub fn add(&mut self, truth: u16, predicted: u16) {
        self.put(truth, predicted, 1);
    }

    /// Takes one such answer out again.
    #[inline]
    pub fn sub(&mut self, truth: u16, predicted: u16) {
        self.put(truth, predicted, -1);
    }

    pub fn merge(&mut self, other: &Self) {
        self.put_all(other, 1);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.put_all(other, -1);
    }

    /// Whether all classes seen are wanted.
    pub fn is_of(&self, wanted: impl Fn(u16) -> bool) -> bool {
        self.cells.iter().all(|(truth, predicted, _)| wanted(*truth) && wanted(*predicted))
    }

    /// The pairs of which both classes are wanted.
    pub fn only(&self, wanted: impl Fn(u16) -> bool) -> Self {
        let cells = self.cells.iter().filter(|(truth, predicted, _)| wanted(*truth) && wanted(*predicted));
        Self { cells: cells.copied().collect() }
    }

    /// Labelled answers.
    pub fn count(&self) -> u64 {
        self.iter().map(|(_, _, count)| count).sum()
    }

    /// Labelled answers that were right.
    pub fn correct(&self) -> u64 {
        self.iter().filter(|(truth, predicted, _)| truth == predicted).map(|(_, _, count)| count).sum()
    }

    /// (truth, predicted, count) of each pair seen, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u16, u64)> + '_ {
        let held = self.cells.iter().filter(|(_, _, count)| 0 < *count);
        held.map(|(truth, predicted, count)| (*truth, *predicted, *count as u64))
    }

    /// Classes seen as truth or as prediction, ascending.
    pub fn classes(&self) -> Vec<u16> {
        self.margins().into_keys().collect()
    }

    /// The `most` classes that were the truth or the prediction most often, ascending; of equal ones the first.
    pub fn most_seen(&self, most: usize) -> Vec<u16> {
        let mut seen: Vec<(u64, u16)> =
            self.margins().into_iter().map(|(class, margin)| (margin.truths + margin.predictions, class)).collect();
        seen.sort_by_key(|(times, class)| (Reverse(*times), *class));
        seen.truncate(most);
        let mut classes: Vec<u16> = seen.into_iter().map(|(_, class)| class).collect();
        classes.sort_unstable();
        classes
    }

    /// Counts with a row per true class and a column per predicted class, in the order of `classes`.
    pub fn matrix(&self, classes: &[u16]) -> Vec<Vec<u64>> {
        let places: BTreeMap<u16, usize> = classes.iter().enumerate().map(|(place, class)| (*class, place)).collect();
        let mut matrix = vec![vec![0; classes.len()]; classes.len()];
        for (truth, predicted, count) in self.iter() {
            if let (Some(&row), Some(&column)) = (places.get(&truth), places.get(&predicted)) {
                matrix[row][column] = count;
            }
        }
        matrix
    }

    /// Every classification figure that follows from the counts; empty if there are none.
    ///
    /// Definitions and conventions are scikit-learn's (`zero_division=0`): precision, recall and F1 over nothing are 0, the
    /// rates over nothing are missing; Matthews' coefficient is 0 where a margin is empty.
    ///
    /// * `positive`: the positive class of a binary problem. Precision, recall, F1, FPR, FNR and specificity are then of that
    ///   class; with `None` they are macro averages over the classes seen, each against the rest.
    ///
    /// Intervals: Wilson for proportions, none of fewer than 12 members of a class; F1 of one class by [`Estimate::map`] of the Wilson interval of TP/(TP+FP+FN);
    /// macro averages of recall and of precision by [`Estimate::mean_of_proportions`]; macro and weighted F1, weighted precision, macro FPR
    /// and specificity, kappa and Matthews' coefficient by the delta method, see [`Table::interval`].
    pub fn metrics(&self, positive: Option<u16>) -> Vec<(MetricName, Estimate)> {
        let margins = self.margins();
        let n = self.count();
        if n == 0 {
            return Vec::new();
        }
        let accuracy = Estimate::proportion(self.correct(), n);
        let classes: Vec<ClassFigures> = margins.values().map(Margin::figures).collect();
        let every = |figure: fn(&ClassFigures) -> Estimate| -> Vec<Estimate> { classes.iter().map(figure).collect() };
        let present: Vec<Estimate> = classes.iter().filter(|class| 0 < class.support).map(|class| class.recall).collect();
        let table = Table::of(self, &margins);
        let mean_share = |shares: &[Estimate]| table.mean_share(bare_mean(shares), shares);
        let precision_macro = mean_share(&every(|class| class.precision));
        let recall_macro = mean_share(&every(|class| class.recall));
        let balanced = mean_share(&present);
        let f1_macro = table.f1_macro(bare_mean(&every(|class| class.f1)));
        let one = match positive {
            Some(class) => margins.get(&class).copied().unwrap_or(Margin { all: n, ..Margin::default() }).figures(),
            None => ClassFigures {
                precision: precision_macro,
                recall: recall_macro,
                f1: f1_macro,
                fpr: table.fpr_macro(bare_mean(&every(|class| class.fpr))),
                fnr: balanced.map(|recall| 1.0 - recall),
                specificity: table.specificity_macro(bare_mean(&every(|class| class.specificity))),
                support: n,
            },
        };
        let weighted = |figure: fn(&ClassFigures) -> Estimate| {
            let sum: f64 = classes.iter().filter_map(|class| Some(class.support as f64 * figure(class).value?)).sum();
            sum / n as f64
        };
        vec![
            (MetricName::Accuracy, accuracy),
            (MetricName::BalancedAccuracy, balanced),
            (MetricName::Precision, one.precision),
            (MetricName::Recall, one.recall),
            (MetricName::F1, one.f1),
            (MetricName::PrecisionMacro, precision_macro),
            (MetricName::RecallMacro, recall_macro),
            (MetricName::F1Macro, f1_macro),
            // One answer per question: what is a false positive of one class is a false negative of another.
            (MetricName::PrecisionMicro, accuracy),
            (MetricName::RecallMicro, accuracy),
            (MetricName::F1Micro, accuracy),
            (MetricName::PrecisionWeighted, table.precision_weighted(weighted(|class| class.precision))),
            // Recalls weighted by support are the share of right answers.
            (MetricName::RecallWeighted, accuracy),
            (MetricName::F1Weighted, table.f1_weighted(weighted(|class| class.f1))),
            (MetricName::Fpr, one.fpr),
            (MetricName::Fnr, one.fnr),
            (MetricName::Specificity, one.specificity),
            (MetricName::Mcc, table.matthews(self.matthews(&margins))),
            (MetricName::CohenKappa, table.kappa(self.kappa(&margins))),
        ]
    }

    /// The figures of each class seen, against the rest, by class index ascending.
    pub fn per_class(&self) -> Vec<(u16, ClassFigures)> {
        self.margins().iter().map(|(class, margin)| (*class, margin.figures())).collect()
    }

    fn put(&mut self, truth: u16, predicted: u16, times: i64) {
        match self.cells.binary_search_by_key(&(truth, predicted), |cell| (cell.0, cell.1)) {
            Ok(at) if self.cells[at].2 + times == 0 => {
                self.cells.remove(at);
            }
            Ok(at) => self.cells[at].2 += times,
            Err(at) => self.cells.insert(at, (truth, predicted, times)),
        }
    }

    /// Adds all counts of `other`, `times` each. One pass over both: of a thousand classes there may be a million pairs.
    fn put_all(&mut self, other: &Self, times: i64) {
        if other.cells.len() <= FEW_PAIRS {
            other.cells.iter().for_each(|(truth, predicted, count)| self.put(*truth, *predicted, times * count));
            return;
        }
        let mut merged = Vec::with_capacity(self.cells.len().max(other.cells.len()));
        let (mut ours, mut theirs) = (self.cells.iter().peekable(), other.cells.iter().peekable());
        loop {
            let place = |cell: &(u16, u16, i64)| (cell.0, cell.1);
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(our), Some(their)) => place(our).cmp(&place(their)),
            };
            let our = if order.is_le() { ours.next() } else { None };
            let their = if order.is_ge() { theirs.next() } else { None };
            let Some((truth, predicted, _)) = our.or(their) else { break };
            let count = our.map_or(0, |cell| cell.2) + their.map_or(0, |cell| times * cell.2);
            if count != 0 {
                merged.push((*truth, *predicted, count));
            }
        }
        self.cells = merged;
    }

    fn margins(&self) -> BTreeMap<u16, Margin> {
        let mut margins: BTreeMap<u16, Margin> = BTreeMap::new();
        for (truth, predicted, count) in self.iter() {
            margins.entry(truth).or_default().truths += count;
            let taken = margins.entry(predicted).or_default();
            taken.predictions += count;
            taken.hits += if truth == predicted { count } else { 0 };
        }
        let all = self.count();
        margins.values_mut().for_each(|margin| margin.all = all);
        margins
    }

    /// `(c s − Σ pₖ tₖ) / √((s² − Σ pₖ²)(s² − Σ tₖ²))`, −1 to 1: Matthews (1975), *Biochim. Biophys. Acta* 405, 442–451, in
    /// the form for several classes of Gorodkin (2004), *Comput. Biol. Chem.* 28, 367–374. 0 where a margin is empty.
    fn matthews(&self, margins: &BTreeMap<u16, Margin>) -> f64 {
        let sum = |term: fn(&Margin) -> u128| margins.values().map(term).sum::<u128>() as i128;
        let (all, correct) = (i128::from(self.count()), i128::from(self.correct()));
        let both = all * correct - sum(|class| u128::from(class.predictions) * u128::from(class.truths));
        let predicted = all * all - sum(|class| u128::from(class.predictions) * u128::from(class.predictions));
        let actual = all * all - sum(|class| u128::from(class.truths) * u128::from(class.truths));
        if predicted == 0 || actual == 0 { 0.0 } else { both as f64 / (predicted as f64).sqrt() / (actual as f64).sqrt() }
    }

    /// `(pₒ − pₑ)/(1 − pₑ)`: Cohen (1960), *Educ. Psychol. Meas.* 20, 37–46. Missing where all answers must agree by chance.
    fn kappa(&self, margins: &BTreeMap<u16, Margin>) -> Option<f64> {
        let (all, correct) = (i128::from(self.count()), i128::from(self.correct()));
        let by_chance: i128 = margins.values().map(|class| i128::from(class.predictions) * i128::from(class.truths)).sum();
        let room = all * all - by_chance;
        (room != 0).then(|| (all * correct - by_chance) as f64 / room as f64)
    }
}

impl Margin {
    fn figures(&self) -> ClassFigures {
        let negatives = self.all - self.truths;
        let false_positives = self.predictions - self.hits;
        let either = self.truths + self.predictions - self.hits;
        let share = |hits: u64, members: u64| {
            let share = Estimate::proportion(hits, members);
            if members < MEMBERS_MIN { share.without(NoInterval::TooFewRows) } else { share }
        };
        // F1 = 2J/(1 + J) with J = TP/(TP + FP + FN), a proportion of the answers that concern the class at all.
        let overlap = Estimate::proportion(self.hits, either);
        ClassFigures {
            precision: share(self.hits, self.predictions).or_zero(),
            recall: share(self.hits, self.truths).or_zero(),
            f1: overlap.map(|share| 2.0 * share / (1.0 + share)).or_zero(),
            fpr: share(false_positives, negatives),
            fnr: share(self.truths - self.hits, self.truths),
            specificity: share(negatives - false_positives, negatives),
            support: self.truths,
        }
    }
}

/// The mean of the figures that are known; not a number if none is.
fn bare_mean(figures: &[Estimate]) -> f64 {
    let known: Vec<f64> = figures.iter().filter_map(|figure| figure.value).collect();
    known.iter().sum::<f64>() / known.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(cells: &[(u16, u16, u64)]) -> Confusion {
        let mut confusion = Confusion::default();
        for (truth, predicted, count) in cells {
            (0..*count).for_each(|_| confusion.add(*truth, *predicted));
        }
        confusion
    }

    fn value(metrics: &[(MetricName, Estimate)], name: MetricName) -> Option<f64> {
        metrics.iter().find(|(other, _)| *other == name).unwrap().1.value
    }

    #[test]
    fn nothing_labelled_gives_no_figures() {
        assert_eq!(Confusion::default().metrics(Some(1)), []);
        assert_eq!(Confusion::default().per_class(), []);
    }

    #[test]
    fn figures_of_a_class_with_few_members_have_no_interval_and_say_why() {
        let figures = |positives: u64| confusion(&[(0, 0, 80), (0, 1, 10), (1, 1, positives - 2), (1, 0, 2)]).metrics(Some(1));
        let of = |positives: u64, name: MetricName| figures(positives).into_iter().find(|(other, _)| *other == name).unwrap().1;
        for name in [MetricName::Recall, MetricName::Fnr, MetricName::BalancedAccuracy, MetricName::F1Macro] {
            let (few, enough) = (of(11, name), of(12, name));
            assert_eq!((few.low, few.why), (None, Some(NoInterval::TooFewRows)), "{name:?}");
            assert!(few.value.is_some() && enough.low.is_some(), "{name:?} {enough:?}");
        }
        assert!(of(11, MetricName::Accuracy).low.is_some() && of(11, MetricName::Specificity).low.is_some());
    }

    #[test]
    fn one_class_alone_leaves_what_needs_two_unknown() {
        // scikit-learn: kappa is nan, Matthews' coefficient 0, and 0/0 is 0 for precision and recall only.
        let metrics = confusion(&[(0, 0, 5)]).metrics(Some(1));
        assert_eq!(value(&metrics, MetricName::Accuracy), Some(1.0));
        assert_eq!(value(&metrics, MetricName::Precision), Some(0.0));
        assert_eq!(value(&metrics, MetricName::F1), Some(0.0));
        assert_eq!(value(&metrics, MetricName::Fpr), Some(0.0));
        assert_eq!(value(&metrics, MetricName::Fnr), None);
        assert_eq!(value(&metrics, MetricName::CohenKappa), None);
        assert_eq!(value(&metrics, MetricName::Mcc), Some(0.0));
        let all_positive = confusion(&[(1, 1, 5)]).metrics(Some(1));
        assert_eq!(value(&all_positive, MetricName::Fpr), None);
        assert_eq!(value(&all_positive, MetricName::Specificity), None);
    }

    #[test]
    fn a_class_that_is_only_predicted_counts_in_macro_averages_and_not_in_balanced_accuracy() {
        let metrics = confusion(&[(0, 0, 2), (0, 2, 2), (1, 1, 4)]).metrics(None);
        assert_eq!(value(&metrics, MetricName::RecallMacro), Some(0.5));
        assert_eq!(value(&metrics, MetricName::BalancedAccuracy), Some(0.75));
        assert_eq!(value(&metrics, MetricName::Fnr), Some(0.25));
    }

    #[test]
    fn figures_do_not_overflow_at_a_day_of_a_million_a_second() {
        let mut confusion = confusion(&[(0, 0, 9), (1, 1, 8), (0, 1, 2), (1, 0, 1)]);
        let small = confusion.metrics(Some(1));
        for _ in 0..33 {
            confusion.merge(&confusion.clone());
        }
        let large = confusion.metrics(Some(1));
        for ((name, small), (_, large)) in small.iter().zip(&large) {
            assert!((small.value.unwrap() - large.value.unwrap()).abs() < 1e-12, "{name:?}");
        }
    }
}
