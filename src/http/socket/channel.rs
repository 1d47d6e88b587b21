//! What each channel tells: the whole at first, then what changed since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;

use crate::http::health::CountFigures;
use crate::http::problem::Problem;
use crate::http::shared::Shared;
use crate::http::socket::frame::{self, Cursor, FrameKey, FrameType, Made};
use crate::http::socket::message::Channel;
use crate::http::windows::{self, Range};
use crate::ids::Name;
use crate::monitor::kept::Kept;
use crate::monitor::limits::{PANE_WIDTH, TRAIL_MAX};
use crate::monitor::model::Model;
use crate::monitor::pane::Pane;
use crate::time::Timestamp;
use crate::view::View;
use crate::view::analysis::{AnalysisReport, Wanted};
use crate::view::model::{ModelSummary, status_distribution};
use crate::view::source::{ServerMetrics, ServersSummary};
use crate::view::window::{Resolution, Slice, Window};

/// Models of one frame: half a megabyte at most, for that is what a client that does not read costs us. What is left follows in the
/// next frame.
const MODELS_PER_FRAME: usize = 64;

#[derive(Serialize)]
struct ModelsData {
    models: Vec<ModelSummary>,
    /// Of all that the subscription is about.
    total: usize,
}

#[derive(Serialize)]
struct WindowsData<'m> {
    model: &'m str,
    windows: Vec<Window>,
}

#[derive(Serialize)]
struct StatusData {
    /// ready, starting or disconnected.
    status: &'static str,
    position: u64,
    last_seq: u64,
    lag: u64,
    counts: CountFigures,
    models: BTreeMap<&'static str, u64>,
    servers: ServersSummary,
}

/// The next frame of the channel `models` for a subscriber that stands at `after`; about all models, shared with everybody else
/// who stands there.
pub async fn models(
    shared: &Shared,
    view: &Arc<View>,
    kind: FrameType,
    only: Option<&[Name]>,
    after: &Cursor,
) -> Result<Made, Problem> {
    let (seen, from) = (Arc::clone(view), after.clone());
    let Some(names) = only else {
        let (channel, epoch, position) = (Channel::Models, view.epoch, view.position);
        let key = FrameKey { channel, kind, epoch, position, rows: 0, after: after.clone() };
        let make = shared.making(move || {
            let changed = seen.models.iter().filter(|(name, model)| from.is_before(model.changed_seq, name));
            models_frame(&seen, kind, changed.map(|(_, model)| model).collect(), seen.models.len())
        });
        return shared.frames.get(key, make).await;
    };
    let names: BTreeSet<Name> = names.iter().cloned().collect();
    let make = move || {
        let known: Vec<&Arc<Model>> = names.iter().filter_map(|name| seen.models.get(name)).collect();
        let total = known.len();
        let changed = known.into_iter().filter(|model| from.is_before(model.changed_seq, &model.name));
        models_frame(&seen, kind, changed.collect(), total)
    };
    shared.making(make).await
}

fn models_frame(view: &View, kind: FrameType, mut changed: Vec<&Arc<Model>>, total: usize) -> Made {
    let order = |a: &&Arc<Model>, b: &&Arc<Model>| (a.changed_seq, &a.name).cmp(&(b.changed_seq, &b.name));
    let is_complete = changed.len() <= MODELS_PER_FRAME;
    // whoever comes back with this sequence gets again what did not fit
    let mut position = view.position;
    if !is_complete {
        let (_, first_left, _) = changed.select_nth_unstable_by(MODELS_PER_FRAME, order);
        position = first_left.changed_seq.saturating_sub(1);
        changed.truncate(MODELS_PER_FRAME);
    }
    changed.sort_unstable_by(order);
    let next = match changed.last().filter(|_| !is_complete) {
        Some(last) => Cursor { seq: last.changed_seq, name: Some(last.name.clone()) },
        None => Cursor { seq: view.position, name: None },
    };
    let models = changed.iter().map(|model| ModelSummary::of(view, model)).collect();
    let text = frame::data(kind, Channel::Models, view, position, &ModelsData { models, total });
    Made { text, next, is_complete, is_filled: !changed.is_empty() }
}

/// A frame of the channel `windows`: of a snapshot the last 60 windows that have data, of a change those that differ from `before`.
/// `None` if nothing differs. Reads the store where a window has left memory, so it belongs off the runtime.
pub fn windows(shared: &Shared, view: &View, name: &Name, before: Option<&Model>) -> Result<Option<Utf8Bytes>, Problem> {
    let kind = if before.is_some() { FrameType::Change } else { FrameType::Snapshot };
    let windows = match (view.models.get(name), before) {
        (None, _) => Vec::new(),
        (Some(model), None) => read(shared, model, &last(model))?,
        (Some(model), Some(before)) => {
            let mut changed = Vec::new();
            for start in differing(before, model) {
                changed.extend(read(shared, model, &Range::whole(start, start + PANE_WIDTH, Resolution::Minute))?);
            }
            if changed.is_empty() {
                return Ok(None);
            }
            changed
        }
    };
    let from = windows.len().saturating_sub(TRAIL_MAX);
    let data = WindowsData { model: name.as_str(), windows: windows.into_iter().skip(from).collect() };
    Ok(Some(frame::data(kind, Channel::Windows, view, view.position, &data)))
}

fn read(shared: &Shared, model: &Model, range: &Range) -> Result<Vec<Window>, Problem> {
    windows::read(&shared.app.reader, model, range, &Slice::default())
}

/// The range of the windows a snapshot shows.
fn last(model: &Model) -> Range {
    let end = model.newest.floor(PANE_WIDTH) + PANE_WIDTH;
    let trail = model.trail.iter().next().map(|point| point.start);
    let first = trail.into_iter().chain(model.hot.keys().next().copied()).min().unwrap_or(end - PANE_WIDTH);
    Range::whole(first.min(end - PANE_WIDTH), end, Resolution::Minute)
}

/// Starts of the windows in which two states of one model differ: changed in memory, closed since, or closed and gone from
/// memory with other figures than before.
pub fn differing(before: &Model, now: &Model) -> Vec<Timestamp> {
    let was_same = |start: &Timestamp, pane: &Arc<Kept<Pane>>| {
        before.hot.get(start).is_some_and(|known| Arc::ptr_eq(known, pane)) && before.is_closed(*start) == now.is_closed(*start)
    };
    let hot = now.hot.iter().filter(|(start, pane)| !was_same(start, pane)).map(|(start, _)| *start);
    let cold = now.trail.iter().filter(|point| point.start < now.hot_from);
    let cold = cold.filter(|point| before.trail.get(point.start).as_ref() != Some(point)).map(|point| point.start);
    let mut starts: Vec<Timestamp> = cold.chain(hot).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// A frame of the channel `server-metrics`.
pub async fn server_metrics(shared: &Shared, view: &Arc<View>, kind: FrameType) -> Result<Utf8Bytes, Problem> {
    whole(shared, Channel::ServerMetrics, view, kind, 0, ServerMetrics::of).await
}

/// A frame of the channel `system-status`.
pub async fn system_status(shared: &Shared, view: &Arc<View>, kind: FrameType) -> Result<Utf8Bytes, Problem> {
    let log = shared.app.log.clone();
    let data = move |view: &View| {
        let (status, last_seq) = {
            let log = log.borrow();
            let status = match (&log.ready, log.connected) {
                (_, false) => "disconnected",
                (Err(_), true) => "starting",
                (Ok(()), true) => "ready",
            };
            (status, log.last_seq.max(view.position))
        };
        let by_status = status_distribution(view).into_iter().map(|(status, models)| (status.as_str(), models));
        StatusData {
            status,
            position: view.position,
            last_seq,
            lag: last_seq - view.position,
            counts: CountFigures::of(&view.counts),
            models: by_status.chain([("total", view.models.len() as u64), ("training", 0)]).collect(),
            servers: ServerMetrics::of(view).summary,
        }
    };
    whole(shared, Channel::SystemStatus, view, kind, 0, data).await
}

/// A frame of the channel `ai-analysis` with that many findings.
pub async fn ai_analysis(shared: &Shared, view: &Arc<View>, kind: FrameType, findings: usize) -> Result<Utf8Bytes, Problem> {
    let wanted = Wanted { limit: findings, ..Wanted::default() };
    whole(shared, Channel::AiAnalysis, view, kind, findings, move |view: &View| AnalysisReport::of(view, &wanted)).await
}

/// A frame that tells everything every time, shared by all.
async fn whole<T: Serialize>(
    shared: &Shared,
    channel: Channel,
    view: &Arc<View>,
    kind: FrameType,
    rows: usize,
    data: impl FnOnce(&View) -> T + Send + 'static,
) -> Result<Utf8Bytes, Problem> {
    let key = FrameKey { channel, kind, epoch: view.epoch, position: view.position, rows, after: Cursor::default() };
    let view = Arc::clone(view);
    let make = shared.making(move || {
        let text = frame::data(kind, channel, &view, view.position, &data(&view));
        Made { text, next: Cursor::default(), is_complete: true, is_filled: true }
    });
    Ok(shared.frames.get(key, make).await?.text)
}
