//! All models as the overview sorts and counts them: a few figures of each, taken together every second or two and shared by everybody
//! who looks. Holds no model itself, or the old states of ten thousand would be kept alive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use compact_str::CompactString;
use serde::Serialize;

use super::query::{Group, Query, StatusFilter, natural};
use crate::ids::Name;
use crate::view::View;
use crate::view::model::Glance;
use crate::view::order::{self, Figure, Order};

/// How old a census may be: a list that moves more often than that cannot be read.
const AGE_MAX: Duration = Duration::from_secs(1);

/// Orders that are remembered of one census; full: the oldest is forgotten.
const LISTINGS_MAX: usize = 16;

/// Tags, and owners, that a reader is told of to choose from.
const FACETS_MAX: usize = 500;

/// What groups are called whose models have no owner or tag.
const NOBODY: &str = "";

/// One model, as far as it takes part in filters, orders and sums.
#[derive(Clone, Debug)]
struct Entry {
    name: Name,
    changed_seq: u64,
    glance: Glance,
}

/// The models at one position.
pub struct Census {
    pub position: u64,
    epoch: u64,
    taken: Instant,
    /// By name.
    entries: Vec<Entry>,
    pub summary: Summary,
    pub facets: Facets,
    listings: Mutex<Vec<(Query, Arc<Listing>)>>,
}

/// What the tiles above the list say, of the models that are not archived.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub total: u64,
    pub by_status: BTreeMap<&'static str, u64>,
    pub stale: u64,
    pub archived: u64,
    /// Predictions a second of the models that are not stale; null if none of them has a figure.
    pub throughput_per_second: Option<f64>,
}

/// Tags and owners of models that are not archived, with how many have each; of very many the first by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Facets {
    pub tags: BTreeMap<CompactString, u64>,
    pub owners: BTreeMap<CompactString, u64>,
}

/// A list in its order.
#[derive(Debug, Default)]
pub struct Listing {
    pub lines: Vec<Line>,
    /// Models that match, each once.
    pub matched: usize,
}

/// A line of a list: a model, or what those below have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Line {
    Model(Name),
    Group { group: CompactString, models: usize },
}

/// The newest census.
#[derive(Default)]
pub struct Censuses {
    newest: Mutex<Option<Arc<Census>>>,
}

impl Censuses {
    /// A census of `view` or of one at most [`AGE_MAX`] older. Takes one if there is none: some microseconds for each model that changed.
    pub fn of(&self, view: &View) -> Arc<Census> {
        // held while one is taken: whoever comes meanwhile wants the same
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match newest.as_ref() {
            Some(census) if census.serves(view) => Arc::clone(census),
            before => {
                let census = Arc::new(Census::take(view, before.map(|census| census.entries.as_slice()).unwrap_or_default()));
                *newest = Some(Arc::clone(&census));
                census
            }
        }
    }
}

impl Census {
    fn serves(&self, view: &View) -> bool {
        self.epoch == view.epoch && (view.position <= self.position || self.taken.elapsed() < AGE_MAX)
    }

    /// `before`: an older census, whose figures still hold for models that did not change.
    fn take(view: &View, before: &[Entry]) -> Self {
        let mut before = before.iter().peekable();
        let mut entries = Vec::with_capacity(view.models.len());
        for (name, model) in &view.models {
            while before.peek().is_some_and(|entry| entry.name < *name) {
                before.next();
            }
            let same = before.peek().filter(|entry| entry.name == *name && entry.changed_seq == model.changed_seq);
            let glance = match same {
                Some(entry) => entry.glance.later(model),
                None => Glance::of(model),
            };
            entries.push(Entry { name: name.clone(), changed_seq: model.changed_seq, glance });
        }
        let (summary, facets) = (Summary::of(&entries), Facets::of(&entries));
        let (position, epoch) = (view.position, view.epoch);
        Self { position, epoch, taken: Instant::now(), entries, summary, facets, listings: Mutex::default() }
    }

    /// The models that `query` wants, in its order.
    pub fn listing(&self, query: &Query) -> Arc<Listing> {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, listing)) = listings.iter().find(|(known, _)| known == query) {
            return Arc::clone(listing);
        }
        let listing = Arc::new(Listing::of(&self.entries, query));
        if LISTINGS_MAX <= listings.len() {
            listings.remove(0);
        }
        listings.push((query.clone(), Arc::clone(&listing)));
        listing
    }
}

impl Summary {
    fn of(entries: &[Entry]) -> Self {
        let mut summary = Self::default();
        for Glance { status, stale, archived, throughput, .. } in entries.iter().map(|entry| &entry.glance) {
            if *archived {
                summary.archived += 1;
                continue;
            }
            summary.total += 1;
            *summary.by_status.entry(status).or_default() += 1;
            summary.stale += u64::from(*stale);
            if let Some(rate) = throughput.filter(|_| !stale) {
                *summary.throughput_per_second.get_or_insert(0.0) += rate;
            }
        }
        summary
    }
}

impl Facets {
    fn of(entries: &[Entry]) -> Self {
        let mut facets = Self::default();
        for Glance { owner, tags, .. } in entries.iter().map(|entry| &entry.glance).filter(|glance| !glance.archived) {
            tags.iter().for_each(|tag| *facets.tags.entry(tag.clone()).or_default() += 1);
            owner.iter().for_each(|owner| *facets.owners.entry(owner.clone()).or_default() += 1);
        }
        for names in [&mut facets.tags, &mut facets.owners] {
            while FACETS_MAX < names.len() {
                names.pop_last();
            }
        }
        facets
    }
}

impl Listing {
    fn of(entries: &[Entry], query: &Query) -> Self {
        let needle = query.q.trim().to_lowercase();
        let mut found: Vec<&Entry> = entries.iter().filter(|entry| entry.matches(query, &needle)).collect();
        found.sort_by(|a, b| compare(a, b, query.sort));
        let matched = found.len();
        let lines = match query.group {
            Group::None => found.into_iter().map(|entry| Line::Model(entry.name.clone())).collect(),
            Group::Owner | Group::Tag | Group::Status => grouped(&found, query.group),
        };
        Self { lines, matched }
    }
}

/// Groups by their name, what belongs to none last; of states the most urgent first. Within each the order of the list.
fn grouped(found: &[&Entry], group: Group) -> Vec<Line> {
    let mut groups: BTreeMap<(u8, CompactString), Vec<Name>> = BTreeMap::new();
    for Entry { name, glance, .. } in found {
        let nobody = (1, CompactString::from(NOBODY));
        let keys = match group {
            Group::Tag if !glance.tags.is_empty() => glance.tags.iter().map(|tag| (0, tag.clone())).collect(),
            Group::Owner => vec![glance.owner.clone().map_or(nobody, |owner| (0, owner))],
            Group::Status => vec![(order::rank(glance.status), CompactString::from(glance.status))],
            Group::Tag | Group::None => vec![nobody],
        };
        for key in keys {
            groups.entry(key).or_default().push(name.clone());
        }
    }
    let mut lines = Vec::with_capacity(found.len() + groups.len());
    for ((_, group), names) in groups {
        lines.push(Line::Group { group, models: names.len() });
        lines.extend(names.into_iter().map(Line::Model));
    }
    lines
}

impl Entry {
    /// `needle` in lower case.
    fn matches(&self, query: &Query, needle: &str) -> bool {
        let Glance { status, stale, archived, owner, tags, .. } = &self.glance;
        let holds = |text: &str| text.to_lowercase().contains(needle);
        *archived == query.archived
            && query.status.is_none_or(|wanted| if wanted == StatusFilter::Stale { *stale } else { wanted.as_str() == *status })
            && query.tag.as_ref().is_none_or(|wanted| tags.iter().any(|tag| tag == wanted))
            && query.owner.as_ref().is_none_or(|wanted| owner.as_ref().is_some_and(|owner| owner == wanted))
            && (needle.is_empty()
                || holds(self.name.as_str())
                || owner.as_deref().is_some_and(holds)
                || tags.iter().any(|tag| holds(tag)))
    }

    /// The figure an order goes by; `None` for the name, and where it is not known.
    fn figure(&self, by: Figure) -> Option<f64> {
        let glance = &self.glance;
        match by {
            Figure::Name => None,
            Figure::Status => Some(f64::from(order::rank(glance.status))),
            Figure::Predictions => glance.predictions,
            Figure::Accuracy => glance.accuracy,
            Figure::ErrorRate => glance.error_rate,
            Figure::P95Seconds => glance.p95,
            Figure::ThroughputPerSecond => glance.throughput,
            Figure::Coverage => glance.coverage,
            Figure::Drift => glance.drift,
            Figure::LastPredictionAt => glance.newest.map(|newest| newest.micros() as f64),
        }
    }
}

fn compare(a: &Entry, b: &Entry, order: Order) -> std::cmp::Ordering {
    let by_name = natural(a.name.as_str(), b.name.as_str());
    let by_name = if order == Order::falling(Figure::Name) { by_name.reverse() } else { by_name };
    order.compare(a.figure(order.by), b.figure(order.by)).then(by_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, status: &'static str, accuracy: Option<f64>, tags: &[&str]) -> Entry {
        let glance =
            Glance { status, accuracy, tags: tags.iter().map(|tag| CompactString::from(*tag)).collect(), ..Glance::default() };
        Entry { name: Name::try_from(name).unwrap(), changed_seq: 1, glance }
    }

    fn names(entries: &[Entry], query: &Query) -> Vec<String> {
        let line = |line: &Line| match line {
            Line::Model(name) => name.to_string(),
            Line::Group { group, models } => format!("#{group}:{models}"),
        };
        Listing::of(entries, query).lines.iter().map(line).collect()
    }

    fn world() -> Vec<Entry> {
        let mut archived = entry("z", "critical", Some(0.1), &[]);
        archived.glance.archived = true;
        let mut stale = entry("a", "healthy", Some(0.5), &["kr", "card"]);
        stale.glance.stale = true;
        vec![
            stale,
            entry("b10", "healthy", Some(0.9), &["kr"]),
            entry("b9", "critical", None, &[]),
            entry("c", "warning", None, &[]),
            entry("d", "unknown", None, &[]),
            archived,
        ]
    }

    #[test]
    fn the_worst_come_first_and_names_count_their_numbers() {
        assert_eq!(names(&world(), &Query::default()), ["b9", "c", "d", "a", "b10"]);
        let by_name = Query { sort: Order::falling(Figure::Name), ..Query::default() };
        assert_eq!(names(&world(), &by_name), ["d", "c", "b10", "b9", "a"]);
    }

    #[test]
    fn a_model_without_the_figure_comes_last_whichever_way_the_order_points() {
        let rising = Query { sort: Order::rising(Figure::Accuracy), ..Query::default() };
        assert_eq!(names(&world(), &rising), ["a", "b10", "b9", "c", "d"]);
        assert_eq!(names(&world(), &Query { sort: Order::falling(Figure::Accuracy), ..rising }), ["b10", "a", "b9", "c", "d"]);
    }

    #[test]
    fn filters_narrow_by_text_state_tag_and_archive() {
        let query = |change: fn(&mut Query)| {
            let mut query = Query::default();
            change(&mut query);
            names(&world(), &query)
        };
        assert_eq!(query(|query| query.q = " B".into()), ["b9", "b10"]);
        assert_eq!(query(|query| query.q = "CARD".into()), ["a"]);
        assert_eq!(query(|query| query.status = Some(StatusFilter::Warning)), ["c"]);
        assert_eq!(query(|query| query.status = Some(StatusFilter::Stale)), ["a"]);
        assert_eq!(query(|query| query.tag = Some("kr".into())), ["a", "b10"]);
        assert_eq!(query(|query| query.archived = true), ["z"]);
    }

    #[test]
    fn groups_have_their_number_and_a_model_stands_below_each_of_its_tags() {
        let by_tag = Query { group: Group::Tag, ..Query::default() };
        assert_eq!(names(&world(), &by_tag), ["#card:1", "a", "#kr:2", "a", "b10", "#:3", "b9", "c", "d"]);
        let by_status = Query { group: Group::Status, ..Query::default() };
        assert_eq!(names(&world(), &by_status)[..4], ["#critical:1", "b9", "#warning:1", "c"]);
    }

    #[test]
    fn the_sums_leave_out_what_is_archived_and_rates_of_what_is_stale() {
        let mut world = world();
        world[0].glance.throughput = Some(5.0);
        world[1].glance.throughput = Some(2.0);
        let summary = Summary::of(&world);
        assert_eq!((summary.total, summary.stale, summary.archived, summary.throughput_per_second), (5, 1, 1, Some(2.0)));
        assert_eq!(summary.by_status["critical"], 1);
        assert_eq!(Facets::of(&world).tags["kr"], 2);
        assert_eq!(Summary::of(&[]).throughput_per_second, None);
    }
}
