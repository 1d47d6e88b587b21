//! Which segment explains most of what is wrong.

use std::collections::BTreeMap;

use super::Mostly;
use crate::ids::Name;
use crate::stats::logarithm::ln;

/// What a segment must explain to be named.
const SHARE_MIN: f64 = 0.5;

/// A segment that nearly everything is in explains nothing.
const OF_ALL_MAX: f64 = 0.9;

/// Nats of evidence that a segment is worse than the rest.
const NATS_MIN: f64 = 6.0;

/// Observations of one combination of segment values, and how many of them are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    pub n: u64,
    pub wrong: u64,
}

/// The segment with the largest share of what is wrong beyond `allowed` of all, if that is most of it and the segment is evidently worse than
/// the rest. Of several the first by name.
///
/// * `cells`: each with the names and values of its segments.
/// * `allowed`: the share of wrong ones that the threshold allows.
pub fn mostly<'a>(cells: impl Iterator<Item = (&'a [(Name, Name)], Wrong)>, allowed: f64) -> Option<Mostly> {
    let mut all = Wrong::default();
    let mut segments: BTreeMap<(&Name, &Name), Wrong> = BTreeMap::new();
    for (segment, of_cell) in cells {
        all.add(of_cell);
        segment.iter().for_each(|(name, value)| segments.entry((name, value)).or_default().add(of_cell));
    }
    let excess = |of: Wrong| of.wrong as f64 - allowed * of.n as f64;
    let beyond = excess(all);
    if beyond <= 0.0 {
        return None;
    }
    let explains = |of: &Wrong| {
        let rest = Wrong { n: all.n - of.n, wrong: all.wrong - of.wrong };
        of.n as f64 <= OF_ALL_MAX * all.n as f64 && is_worse(*of, rest)
    };
    let shares = segments.into_iter().filter(|(_, of)| explains(of)).map(|(segment, of)| (segment, excess(of) / beyond));
    let (segment, share) = shares.fold(None, |best: Option<((&Name, &Name), f64)>, (segment, share)| match best {
        Some((_, most)) if share <= most => best,
        _ => Some((segment, share)),
    })?;
    let (name, value) = segment;
    (SHARE_MIN <= share).then(|| Mostly { name: name.clone(), value: value.clone(), share: share.min(1.0) })
}

impl Wrong {
    fn add(&mut self, other: Self) {
        self.n += other.n;
        self.wrong += other.wrong;
    }

    fn ln_likelihood(self, rate: f64) -> f64 {
        let term = |count: u64, rate: f64| if count == 0 { 0.0 } else { count as f64 * ln(rate) };
        term(self.wrong, rate) + term(self.n - self.wrong, 1.0 - rate)
    }
}

/// Whether the rate of `one` is evidently larger than that of `other`: the log likelihood ratio of two rates to one.
fn is_worse(one: Wrong, other: Wrong) -> bool {
    let rate = |of: Wrong| of.wrong as f64 / of.n.max(1) as f64;
    if one.n == 0 || other.n == 0 || rate(one) <= rate(other) {
        return false;
    }
    let both = Wrong { n: one.n + other.n, wrong: one.wrong + other.wrong };
    let nats = one.ln_likelihood(rate(one)) + other.ln_likelihood(rate(other)) - both.ln_likelihood(rate(both));
    NATS_MIN <= nats
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segment values, observations, and how many of them are wrong.
    type Served<'a> = (&'a [(&'a str, &'a str)], u64, u64);

    fn named(cells: &[Served<'_>]) -> Option<String> {
        let cells: Vec<(Vec<(Name, Name)>, Wrong)> = cells
            .iter()
            .map(|(segment, n, wrong)| {
                let names = segment.iter().map(|(name, value)| ((*name).try_into().unwrap(), (*value).try_into().unwrap()));
                (names.collect(), Wrong { n: *n, wrong: *wrong })
            })
            .collect();
        let found = mostly(cells.iter().map(|(segment, of)| (segment.as_slice(), *of)), 0.3)?;
        Some(format!("{}={} {:.2}", found.name, found.value, found.share))
    }

    #[test]
    fn the_segment_with_most_of_the_excess_is_named() {
        let cells: &[Served<'_>] = &[
            (&[("channel", "app"), ("region", "kr")], 200, 150),
            (&[("channel", "app"), ("region", "us")], 200, 140),
            (&[("channel", "web"), ("region", "kr")], 200, 50),
            (&[("channel", "web"), ("region", "us")], 200, 60),
        ];
        assert_eq!(named(cells).as_deref(), Some("channel=app 1.00"));
    }

    #[test]
    fn nothing_is_named_where_all_are_alike_or_nothing_is_wrong() {
        assert_eq!(named(&[(&[("channel", "app")], 500, 250), (&[("channel", "web")], 500, 255)]), None);
        assert_eq!(named(&[(&[("channel", "app")], 500, 100), (&[("channel", "web")], 500, 10)]), None);
        assert_eq!(named(&[(&[("channel", "app")], 990, 600), (&[], 10, 0)]), None, "nearly all are of it");
        assert_eq!(named(&[(&[], 990, 600)]), None);
    }
}
