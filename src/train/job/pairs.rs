//! Two answers to the same question, compared once the truth is known.
//!
//! Losses lie in 0 to 1. Of classes it is the Brier score where both sides state probabilities, else 1 for a wrong class; of quantities the absolute
//! error, cut at a bound and divided by it.

use compact_str::CompactString;
use tidewatch_core::event::features::Features;
use tidewatch_core::event::{Value, text_of};
use tidewatch_core::stats::promotion::advantage;

use super::rows::{Logged, raw};
use crate::artifact::{Answer, Artifact, Room};
use crate::learner::Ready;
use crate::table::Raw;
use crate::task::Task;

/// The name of a value as a class.
pub fn class_of(value: &Value) -> CompactString {
    match value {
        Value::Number(number) => text_of(*number),
        Value::Class(name) => name.clone(),
    }
}

/// How one side answered.
#[derive(Clone, Copy, Debug)]
pub enum Side<'a> {
    /// As the log has it.
    Logged(&'a Logged),
    Answer(&'a Answer),
}

impl Side<'_> {
    /// Whether it states how probable classes are.
    fn has_shares(self) -> bool {
        match self {
            Self::Logged(logged) => !logged.scores.is_empty() || logged.confidence.is_some(),
            Self::Answer(answer) => matches!(answer, Answer::Class(..)),
        }
    }

    /// The loss of the answer; `None` if it cannot be compared with the truth.
    fn loss(self, task: &Task, truth: &Value, by_shares: bool, error_max: f64) -> Option<f64> {
        match task {
            Task::Regression => {
                let said = match self {
                    Self::Logged(Logged { value: Value::Number(number), .. }) => *number,
                    Self::Answer(Answer::Quantity(quantity)) => *quantity,
                    _ => return None,
                };
                let Value::Number(truth) = truth else { return None };
                Some(((said - truth).abs() / error_max).min(1.0))
            }
            Task::Classification(classes) => {
                let truth = class_of(truth);
                if !by_shares {
                    let said = match self {
                        Self::Logged(logged) => class_of(&logged.value),
                        Self::Answer(Answer::Class(class, _)) => CompactString::from(&classes[*class]),
                        Self::Answer(Answer::Quantity(_)) => return None,
                    };
                    return Some(f64::from(u8::from(said != truth)));
                }
                Some(match self {
                    Self::Logged(logged) if !logged.scores.is_empty() => {
                        brier(logged.scores.iter().map(|(class, share)| (class.as_str(), *share)), &truth)
                    }
                    Self::Logged(logged) => {
                        let (said, share) = (class_of(&logged.value), logged.confidence.unwrap_or(1.0));
                        let others = classes.iter().filter(|class| **class != said);
                        let rest = (1.0 - share) / others.clone().count().max(1) as f64;
                        let shares = others.map(|class| (class.as_str(), rest));
                        brier(std::iter::once((said.as_str(), share)).chain(shares), &truth)
                    }
                    Self::Answer(Answer::Class(_, shares)) => {
                        brier(classes.iter().map(String::as_str).zip(shares.iter().copied()), &truth)
                    }
                    Self::Answer(Answer::Quantity(_)) => return None,
                })
            }
        }
    }
}

/// Half the squared distance of shares from what was true.
fn brier<'a>(shares: impl Iterator<Item = (&'a str, f64)>, truth: &str) -> f64 {
    let (mut sum, mut met) = (0.0, false);
    for (class, share) in shares {
        let is_true = class == truth;
        met |= is_true;
        let distance = share - f64::from(u8::from(is_true));
        sum += distance * distance;
    }
    (sum + f64::from(u8::from(!met))) / 2.0
}

/// The losses of both on one row; `None` where one of them cannot be compared with the truth.
pub fn losses(task: &Task, champion: Side<'_>, other: Side<'_>, truth: &Value, error_max: f64) -> Option<(f64, f64)> {
    let by_shares = champion.has_shares() && other.has_shares();
    let loss = |side: Side<'_>| side.loss(task, truth, by_shares, error_max);
    Some((loss(champion)?, loss(other)?))
}

/// The advantage of `other`, in ten thousandths, as it goes into the log.
pub fn advantage_of(losses: (f64, f64)) -> f64 {
    (advantage(losses.0, losses.1) * 1e4).round() / 1e4
}

/// Up to where errors of quantities count: the 0.99 quantile of those that were logged, 1 if there are none.
pub fn error_max<'a>(rows: impl Iterator<Item = (&'a Value, &'a Value)>) -> f64 {
    let mut errors: Vec<f64> = rows
        .filter_map(|(said, truth)| match (said, truth) {
            (Value::Number(said), Value::Number(truth)) => Some((said - truth).abs()),
            _ => None,
        })
        .collect();
    errors.sort_unstable_by(f64::total_cmp);
    let most = errors.get(errors.len() * 99 / 100).copied().unwrap_or_default();
    if 0.0 < most { most } else { 1.0 }
}

/// What a model says of features by name; those that it does not know are left alone, those that are absent count as missing.
pub fn answer(artifact: &Artifact, ready: &Ready<'_>, features: &Features, room: &mut Room) -> Answer {
    let names = features.names().as_slice();
    let values = artifact.features.inputs().map(|input| {
        let place = names.iter().position(|name| name == input);
        place.map_or(Raw::Missing, |place| raw(&features.values()[place]))
    });
    artifact.answer(ready, values, room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(class: &str, scores: &[(&str, f64)]) -> Logged {
        let scores = scores.iter().map(|(class, share)| ((*class).into(), *share)).collect();
        Logged { value: Value::Class(class.into()), scores, confidence: None }
    }

    #[test]
    fn probabilities_are_compared_where_both_state_them_and_classes_elsewhere() {
        let task = Task::Classification(vec!["a".to_owned(), "b".to_owned()]);
        let (sure, plain) = (logged("a", &[("a", 0.9), ("b", 0.1)]), logged("b", &[]));
        let answer = Answer::Class(0, vec![0.6, 0.4]);
        let truth = Value::Class("a".into());
        let of = |champion| losses(&task, Side::Logged(champion), Side::Answer(&answer), &truth, 1.0).unwrap();
        let (champion, other) = of(&sure);
        assert!((champion - 0.01).abs() < 1e-12 && (other - 0.16).abs() < 1e-12, "{champion} {other}");
        assert_eq!(of(&plain), (1.0, 0.0));
        assert_eq!(advantage_of((0.5, 0.123_456)), 0.3765);
        let strange = losses(&task, Side::Logged(&sure), Side::Answer(&answer), &Value::Class("c".into()), 1.0).unwrap();
        assert!((strange.0 - (0.81 + 0.01 + 1.0) / 2.0).abs() < 1e-12, "a class that nobody named");
    }

    #[test]
    fn errors_of_quantities_count_up_to_a_bound() {
        let (said, answer) = (Value::Number(12.0), Answer::Quantity(10.5));
        let champion = Logged { value: said, scores: Vec::new(), confidence: None };
        let of = |truth| losses(&Task::Regression, Side::Logged(&champion), Side::Answer(&answer), &truth, 2.0);
        assert_eq!(of(Value::Number(10.0)), Some((1.0, 0.25)));
        assert_eq!(of(Value::Class("ten".into())), None);
        let rows: Vec<(Value, Value)> = (0..200).map(|n| (Value::Number(f64::from(n)), Value::Number(0.0))).collect();
        assert_eq!(error_max(rows.iter().map(|(said, truth)| (said, truth))), 198.0);
        assert_eq!(error_max(std::iter::empty()), 1.0);
    }
}
