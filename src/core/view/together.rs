//! Findings that began together: one cause often shows in many places.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::analysis::series::Series;
use crate::time::{Span, Timestamp};
use crate::view::View;
use crate::view::analysis::{FindingFigures, id_of};

/// Two that begin so soon after each other belong together, as long as the whole group began within the second.
const NEXT_MAX: Span = Span::from_secs(120);
const GROUP_MAX: Span = Span::from_secs(600);
/// Fewest points of two series that are compared with each other.
const POINTS_MIN: usize = 8;

/// Findings that began within minutes of each other, two at least.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Group {
    pub started_at: String,
    /// The finding that began first: the cause is best looked for here.
    pub first: String,
    /// All of them, in the order in which they began.
    pub findings: Vec<String>,
    /// Sources and models among them.
    pub sources: u64,
    /// Mean of the absolute correlations of the first series with the others over their last half hour; null where no two can be compared.
    pub correlation: Option<f64>,
}

/// The groups among `findings`, the newest first. Only such as have a finding that goes on.
pub fn groups(view: &View, findings: &[FindingFigures]) -> Vec<Group> {
    let mut by_start: Vec<&FindingFigures> = findings.iter().collect();
    by_start.sort_by(|a, b| a.began.cmp(&b.began).then_with(|| a.id.cmp(&b.id)));
    let mut runs: Vec<Vec<&FindingFigures>> = Vec::new();
    for finding in by_start {
        let belongs = |run: &Vec<&FindingFigures>| {
            let (first, last) = (run.first()?.began, run.last()?.began);
            Some(finding.began - last <= NEXT_MAX && finding.began - first <= GROUP_MAX)
        };
        match runs.last_mut() {
            Some(run) if belongs(run) == Some(true) => run.push(finding),
            _ => runs.push(vec![finding]),
        }
    }
    let is_shown = |run: &Vec<&FindingFigures>| 2 <= run.len() && run.iter().any(|finding| finding.is_open());
    let shown: Vec<Vec<&FindingFigures>> = runs.into_iter().rev().filter(is_shown).collect();
    let series = if shown.is_empty() { BTreeMap::new() } else { series_of(view) };
    shown.iter().map(|run| Group::of(run, &series)).collect()
}

impl Group {
    fn of(run: &[&FindingFigures], series: &BTreeMap<String, &Series>) -> Self {
        let subjects: BTreeSet<(&str, &str)> = run.iter().map(|finding| (finding.about, finding.name.as_str())).collect();
        let found: Vec<&Series> = run.iter().filter_map(|finding| series.get(&finding.id).copied()).collect();
        let correlation = found.split_first().and_then(|(first, others)| {
            let apart = others.iter().filter(|other| !std::ptr::eq(**other, *first));
            let all: Vec<f64> = apart.filter_map(|other| correlation(&first.recent(), &other.recent())).collect();
            (!all.is_empty()).then(|| all.iter().map(|r| r.abs()).sum::<f64>() / all.len() as f64)
        });
        Self {
            started_at: run[0].started_at.clone(),
            first: run[0].id.clone(),
            findings: run.iter().map(|finding| finding.id.clone()).collect(),
            sources: subjects.len() as u64,
            correlation,
        }
    }
}

/// The series that each finding is about, by the id of the finding.
fn series_of(view: &View) -> BTreeMap<String, &Series> {
    let subjects = view.analysis.values().map(|subject| &**subject.watched);
    let all = subjects.flat_map(|watched| {
        let findings = watched.findings.iter();
        findings.filter_map(move |finding| {
            Some((id_of(watched, finding.ordinal), watched.series.get(usize::from(finding.series?))?))
        })
    });
    all.collect()
}

/// Pearson's correlation of the points that both have; `None` for too few of them, or where one is constant.
fn correlation((end, points): &(Timestamp, Vec<f64>), (other_end, others): &(Timestamp, Vec<f64>)) -> Option<f64> {
    const MINUTE: i64 = 60_000_000;
    // points lie a minute apart: what came after the earlier of the two ends has no partner
    let ahead = |end: Timestamp, other: Timestamp| (end - other).micros().max(0) as usize / MINUTE as usize;
    let points = &points[..points.len().checked_sub(ahead(*end, *other_end))?];
    let others = &others[..others.len().checked_sub(ahead(*other_end, *end))?];
    let n = points.len().min(others.len());
    if n < POINTS_MIN {
        return None;
    }
    let (x, y) = (&points[points.len() - n..], &others[others.len() - n..]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        xx += (x - mean_x) * (x - mean_x);
        yy += (y - mean_y) * (y - mean_y);
        xy += (x - mean_x) * (y - mean_y);
    }
    let r = xy / (xx.sqrt() * yy.sqrt());
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_needs_points_of_the_same_minutes() {
        let at = |minute: i64| Timestamp::from_micros(minute * 60_000_000);
        let wave = |from: i64, to: i64| (from..to).map(|minute| f64::from((minute * minute % 7) as i32)).collect::<Vec<f64>>();
        let one = (at(20), wave(0, 20));
        assert!((correlation(&one, &(at(25), wave(0, 25))).unwrap() - 1.0).abs() < 1e-12);
        let turned = (at(20), wave(0, 20).iter().map(|value| 3.0 - 2.0 * value).collect());
        assert!((correlation(&one, &turned).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(correlation(&one, &(at(20), vec![4.0; 20])), None);
        assert_eq!(correlation(&one, &(at(60), wave(40, 60))), None);
    }
}
