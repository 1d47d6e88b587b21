//! Which models a list has, in which order, and where its pages break.

use std::ops::Bound;
use std::sync::Arc;

use crate::http::models::ModelsQuery;
use crate::http::page;
use crate::http::problem::Problem;
use crate::ids::Name;
use crate::monitor::model::Model;
use crate::view::View;
use crate::view::model::Current;
use crate::view::order::{self, Figure, Order, UnknownOrder};

const STATUSES: [&str; 5] = ["healthy", "warning", "critical", "training", "unknown"];

/// The figure of a model that a list is ordered by; `None` for its name, and where it is not known.
fn figure(by: Figure, model: &Model) -> Option<f64> {
    match by {
        Figure::Name => None,
        Figure::Status => Some(f64::from(order::rank(model.condition.status.as_str()))),
        _ if !model.has_predictions() => None,
        Figure::Predictions => Some(model.counters.predictions as f64),
        Figure::Accuracy => Current::of(model).shown_accuracy(model),
        Figure::ErrorRate => Current::of(model).error_rate.value,
        Figure::P95Seconds => Current::of(model).p95_seconds,
        Figure::ThroughputPerSecond => Current::of(model).throughput_per_second,
        Figure::Coverage => Current::of(model).coverage,
        Figure::Drift => model.drift.worst_score().map(|score| score.value()),
        Figure::LastPredictionAt => Some(model.newest.micros() as f64),
    }
}

/// Where a model stands in the order: its figure as a number that grows with it (or falls, where the largest comes first), then its name.
type Rank = (u64, Name);

/// A page of models, as it is asked for.
#[derive(Debug)]
pub struct Listing {
    limit: usize,
    status: Option<String>,
    stale: Option<bool>,
    /// In small letters.
    text: Option<String>,
    tag: Option<String>,
    owner: Option<String>,
    archived: Option<bool>,
    order: Order,
    after: Option<Rank>,
}

impl Listing {
    pub fn parse(query: &ModelsQuery) -> Result<Self, Problem> {
        if let Some(status) = query.status.as_deref().filter(|status| !STATUSES.contains(status)) {
            let detail = format!("status is one of {}, not {status:?}", STATUSES.join(", "));
            return Err(Problem::bad_request("bad-status", detail));
        }
        let order = query.sort.as_deref().unwrap_or("name").parse().map_err(|unknown: UnknownOrder| {
            Problem::bad_request("unknown-order", unknown.to_string()).with("known", Figure::ALL.map(Figure::as_str))
        })?;
        Ok(Self {
            limit: page::limit(query.limit)?,
            status: query.status.clone(),
            stale: query.stale,
            tag: query.tag.clone(),
            owner: query.owner.clone(),
            archived: query.archived,
            text: query.q.as_ref().map(|text| text.to_lowercase()),
            order,
            after: query.cursor.as_deref().map(rank_of).transpose()?,
        })
    }

    /// The models of the page, and the cursor of the next; `None` on the last.
    pub fn page(&self, view: &View) -> (Vec<Arc<Model>>, Option<String>) {
        let is_by_name = self.order == Order::rising(Figure::Name);
        let ranked = if is_by_name { self.by_name(view) } else { self.by_rank(view) };
        let is_last = ranked.len() <= self.limit;
        let page: Vec<(Rank, &Arc<Model>)> = ranked.into_iter().take(self.limit).collect();
        let next = page.last().filter(|_| !is_last).map(|(rank, _)| cursor_after(rank));
        (page.into_iter().map(|(_, model)| Arc::clone(model)).collect(), next)
    }

    /// In the order the view has them, so that only what is shown is judged; one more than the page holds.
    fn by_name<'v>(&self, view: &'v View) -> Vec<(Rank, &'v Arc<Model>)> {
        let first = self.after.as_ref().map_or(Bound::Unbounded, |(_, name)| Bound::Excluded(name.clone()));
        let found = view.models.range((first, Bound::Unbounded)).filter(|(_, model)| self.takes(model));
        found.take(self.limit + 1).map(|(name, model)| ((0, name.clone()), model)).collect()
    }

    fn by_rank<'v>(&self, view: &'v View) -> Vec<(Rank, &'v Arc<Model>)> {
        let found = view.models.values().filter(|model| self.takes(model));
        let mut ranked: Vec<(Rank, &Arc<Model>)> = found.map(|model| (self.rank(model), model)).collect();
        ranked.sort_unstable_by(|(a, _), (b, _)| self.compare(a, b));
        let start =
            self.after.as_ref().map_or(0, |after| ranked.partition_point(|(rank, _)| self.compare(rank, after).is_le()));
        ranked.split_off(start)
    }

    fn compare(&self, a: &Rank, b: &Rank) -> std::cmp::Ordering {
        let by_name = if self.order == Order::falling(Figure::Name) { b.1.cmp(&a.1) } else { a.1.cmp(&b.1) };
        a.0.cmp(&b.0).then(by_name)
    }

    fn rank(&self, model: &Model) -> Rank {
        let place = match figure(self.order.by, model) {
            None if self.order.by == Figure::Name => 0,
            None => u64::MAX,
            Some(figure) if self.order.descending => !growing(figure),
            Some(figure) => growing(figure),
        };
        (place, model.name.clone())
    }

    fn takes(&self, model: &Model) -> bool {
        let description = &model.profile.description;
        self.archived.is_none_or(|archived| archived == description.archived)
            && self.tag.as_ref().is_none_or(|wanted| description.tags.iter().any(|tag| tag == wanted))
            && self.owner.as_ref().is_none_or(|wanted| description.owner.as_ref().is_some_and(|owner| owner == wanted))
            && self.text.as_ref().is_none_or(|text| model.name.as_str().to_lowercase().contains(text.as_str()))
            && self.stale.is_none_or(|stale| stale == model.condition.stale)
            && self.status.as_ref().is_none_or(|wanted| model.condition.status.as_str() == wanted)
    }
}

/// The bits of a float as a number in the order of floats.
const fn growing(figure: f64) -> u64 {
    let bits = figure.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

fn cursor_after((place, name): &Rank) -> String {
    format!("{place:x}.{}", page::after_name(name.as_str()))
}

fn rank_of(cursor: &str) -> Result<Rank, Problem> {
    let read = || {
        let (place, name) = cursor.split_once('.')?;
        let name = page::name_of(name).ok()?;
        Some((u64::from_str_radix(place, 16).ok()?, Name::try_from(name.as_str()).ok()?))
    };
    read().ok_or_else(page::bad_cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_floats_are_in_the_order_of_the_floats() {
        let floats = [f64::NEG_INFINITY, -2.0, -1e-300, 0.0, 1e-300, 0.5, 1.0, f64::INFINITY];
        assert!(floats.windows(2).all(|pair| growing(pair[0]) < growing(pair[1])));
    }

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is() {
        let rank = (growing(0.5), Name::try_from("사기.v1").unwrap());
        assert_eq!(rank_of(&cursor_after(&rank)).unwrap(), rank);
        for bad in ["", "a", "0.", "x.a", "0.a b"] {
            assert!(rank_of(bad).is_err(), "{bad:?}");
        }
    }
}
