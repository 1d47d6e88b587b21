//! The channel `overview`: the list of models as one reader sees it. The reader says which models, in which order and which rows are in
//! view; it gets those rows, then the fields of them that change and the points that sparklines gain. What is not in view costs nothing.

mod census;
mod query;
mod row;

use std::collections::BTreeMap;

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use serde_json::Value;

pub use census::Censuses;
pub use query::{Query, Span};

use crate::http::socket::frame::{self, FrameType};
use crate::http::socket::message::Channel;
use crate::ids::Name;
use crate::view::View;
use census::{Facets, Line, Summary};

/// What a subscriber of `overview` wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub query: Query,
    pub span: Span,
}

/// What a subscriber has been told.
#[derive(Debug, Default)]
pub struct Progress {
    summary: Summary,
    facets: Facets,
    list: Option<List>,
    rows: BTreeMap<Name, row::Told>,
}

/// The part of the list that is in view.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct List {
    /// Place of the first line in the whole list.
    first: usize,
    /// Lines of the whole list, headings of groups too.
    lines_total: usize,
    /// Models of the whole list, each counted once.
    models_total: usize,
    /// A name, or `{"group", "models"}`.
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Data<'p> {
    /// Left out where it is as it was; so is the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'p Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<&'p Facets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<&'p List>,
    /// Rows in view that are new, with all their fields, or that changed, with those that did.
    rows: Vec<Value>,
}

/// A frame and what its reader knows then.
pub struct Made {
    /// `None` if there is nothing to tell.
    pub text: Option<Utf8Bytes>,
    pub progress: Progress,
    /// Whether the list is of this view: one that is a little older is told in time.
    pub is_current: bool,
}

/// The next frame for a subscriber. Works for some milliseconds, so it belongs off the runtime.
pub fn frame(censuses: &Censuses, view: &View, wanted: &Wanted, progress: Option<Progress>) -> Made {
    let kind = if progress.is_none() { FrameType::Snapshot } else { FrameType::Change };
    let mut progress = progress.unwrap_or_default();
    let census = censuses.of(view);
    let listing = census.listing(&wanted.query);
    let first = wanted.span.first.min(listing.lines.len());
    let end = (first + wanted.span.rows).min(listing.lines.len());
    let lines = listing.lines[first..end].to_vec();
    let mut before = std::mem::take(&mut progress.rows);
    let mut rows = Vec::new();
    for line in &lines {
        let Line::Model(name) = line else { continue };
        let Some(model) = view.models.get(name) else { continue };
        // below several headings it is one row
        if progress.rows.contains_key(name) {
            continue;
        }
        let mut told = before.remove(name).unwrap_or_default();
        rows.extend(row::changes(view, model, &mut told));
        progress.rows.insert(name.clone(), told);
    }
    let list = List { first, lines_total: listing.lines.len(), models_total: listing.matched, lines };
    let is_new = kind == FrameType::Snapshot;
    let summary_changed = is_new || progress.summary != census.summary;
    if summary_changed {
        progress.summary = census.summary.clone();
    }
    let facets_changed = is_new || progress.facets != census.facets;
    if facets_changed {
        progress.facets = census.facets.clone();
    }
    let list_changed = progress.list.as_ref() != Some(&list);
    progress.list = Some(list);
    let data = Data {
        summary: summary_changed.then_some(&progress.summary),
        facets: facets_changed.then_some(&progress.facets),
        list: progress.list.as_ref().filter(|_| list_changed),
        rows,
    };
    let has_news = is_new || summary_changed || facets_changed || list_changed || !data.rows.is_empty();
    let text = has_news.then(|| frame::data(kind, Channel::Overview, view, view.position, &data));
    Made { text, is_current: view.position <= census.position, progress }
}
