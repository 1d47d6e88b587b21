//! `GET /api/v1/export`: the whole read model in one canonical byte form, equal for equal logs. Holds nothing that a replay or
//! another process would change: no epoch, position, address or number that we gave ourselves.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use utoipa_axum::routes;
use xxhash_rust::xxh3::Xxh3;

use crate::event::Role;
use crate::http::condition::{EPOCH, POSITION};
use crate::http::health::CountFigures;
use crate::http::panes;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::thresholds::ThresholdFigures;
use crate::monitor::drift::{Fleet, Track};
use crate::monitor::model::Model;
use crate::monitor::pane::{Cell, Pane, PaneId, Width};
use crate::store::Reader;
use crate::time::Timestamp;
use crate::view::View;
use crate::view::alarm::AlarmFigures;
use crate::view::compared::{Queues, Reference};
use crate::view::incident;
use crate::view::job::{BatchSummary, JobSummary};
use crate::view::model::CounterFigures;
use crate::view::source::SourceSummary;
use crate::view::status::Reason;
use crate::view::watch::{LabelFigures, ScoreFigures};
use crate::view::window::Window;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(Role::Viewer, routes!(export))
}

/// Times a state that moves on under us is tried again.
const ATTEMPTS: u32 = 5;
/// Longer than it takes from a commit to its view.
const SETTLE: Duration = Duration::from_millis(50);
/// Bytes of one piece of the answer.
const CHUNK: usize = 64 << 10;

/// Far enough either side of any instant a pane can start at.
const EVER: (Timestamp, Timestamp) = (Timestamp::from_micros(i64::MIN / 2), Timestamp::from_micros(i64::MAX / 2));

/// Export
///
/// NDJSON: a head with counts and thresholds; each model by name, followed by the drift of its versions and its windows with their
/// cells (one-minute windows where these are kept, then hours, then days); each source
/// by name; the rejected counts. The same bytes after a restart, after a rebuild, and in another process at the same position,
/// which the headers tell. Written to an unnamed temporary file first, so that it is of one position even while the log goes on.
#[utoipa::path(
    get, path = "/api/v1/export", tag = "process",
    responses(
        (status = 200, description = "The read model, with the headers Tidewatch-Position and Tidewatch-Epoch", content_type = "application/x-ndjson", body = String),
        (status = 503, description = "Late labels change older windows faster than they can be written down; try when it is quieter", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn export(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let turn = Arc::clone(&shared.exports).acquire_owned().await.expect("the semaphore is never closed");
    let worker = Arc::clone(&shared);
    let (file, view) = shared.blocking(move || consistent(&worker)).await?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"tidewatch-export.ndjson\"")),
        (POSITION, HeaderValue::from(view.position)),
        (EPOCH, HeaderValue::from(view.epoch)),
    ];
    let file = tokio::fs::File::from_std(file);
    // the turn is kept until the last byte has gone: the file takes room on the disk until then
    let pieces = futures_util::stream::unfold((file, turn), |(mut file, turn)| async move {
        let mut piece = BytesMut::with_capacity(CHUNK);
        match file.read_buf(&mut piece).await {
            Ok(0) => None,
            Ok(_) => Some((Ok::<Bytes, std::io::Error>(piece.freeze()), (file, turn))),
            Err(error) => Some((Err(error), (file, turn))),
        }
    });
    // a layer around may ask again after the end, as that for compression does
    Ok((headers, Body::from_stream(pieces.fuse())).into_response())
}

/// The export of one position. What the view holds is of one position by itself; of the rows it leaves to the store we know it
/// because they stayed as they are from before the view was taken until after they were written down.
fn consistent(shared: &Shared) -> Result<(File, Arc<View>), Problem> {
    let reader = &shared.app.reader;
    for _ in 0..ATTEMPTS {
        let before = fingerprint(reader, &shared.view())?;
        // rows are committed a moment before their view is published: no row we have seen is newer than the view taken now
        std::thread::sleep(SETTLE);
        let view = shared.view();
        let mut file = unnamed().map_err(|error| no_room(&error))?;
        write(&mut file, reader, &view)?;
        if fingerprint(reader, &view)? == before {
            file.seek(SeekFrom::Start(0)).map_err(|error| no_room(&error))?;
            return Ok((file, view));
        }
    }
    let detail =
        format!("older windows changed {ATTEMPTS} times while they were written down; try again when fewer late labels come");
    Err(Problem::unavailable("busy", detail, 5))
}

/// What the store holds beside `view`, and up to where.
fn fingerprint(reader: &Reader, view: &View) -> Result<u128, Problem> {
    let mut hash = Xxh3::new();
    for model in view.models.values() {
        hash.update(&model.hot_from.micros().to_le_bytes());
        panes::fingerprint(reader, model, &mut hash)?;
    }
    Ok(hash.digest128())
}

/// A file of ours without a name: gone with the last handle, whatever happens.
fn unnamed() -> std::io::Result<File> {
    let mut tag = [0; 16];
    getrandom::fill(&mut tag).map_err(std::io::Error::other)?;
    let path = std::env::temp_dir().join(format!("tidewatch-export-{:032x}", u128::from_be_bytes(tag)));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn no_room(error: &std::io::Error) -> Problem {
    tracing::error!(error = %crate::telemetry::chain(error), "the export could not be written to the temporary directory");
    Problem::unavailable("no-room", "the export could not be written to the temporary directory", 60)
}

fn write(file: &mut File, reader: &Reader, view: &View) -> Result<(), Problem> {
    let mut out = Lines { to: BufWriter::with_capacity(CHUNK, file) };
    out.line(&json!({
        "type": "head", "counts": CountFigures::of(&view.counts), "thresholds": ThresholdFigures::of(&view.thresholds),
        "models": view.models.len(), "sources": view.sources.len(),
    }))?;
    let queues = Queues::of(view);
    for model in view.models.values() {
        write_model(&mut out, reader, model, view, &queues)?;
    }
    for (_, source) in view.sources.values() {
        out.line(&Tagged { kind: "source", line: SourceSummary::of(source) })?;
    }
    for job in view.jobs.values() {
        out.line(&Tagged { kind: "job", line: JobSummary { silent: false, ..JobSummary::of(job, view.log_time) } })?;
    }
    for batch in view.batches.values() {
        out.line(&Tagged { kind: "batch", line: BatchSummary::of(batch, view) })?;
    }
    for (kind, reason, count) in view.rejections.counts() {
        out.line(&json!({"type": "rejected", "kind": kind.as_str(), "reason": reason, "count": count}))?;
    }
    out.to.flush().map_err(|error| no_room(&error))
}

/// A reason without what changes while nothing happens: how long it has been so.
fn lasting(reason: Reason) -> Value {
    let is_age = reason.code == "stale";
    let mut fields = json!(reason);
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|name, _| name != "message" && !(is_age && name == "value"));
    }
    fields
}

fn write_model(out: &mut Lines<'_>, reader: &Reader, model: &Model, view: &View, queues: &Queues) -> Result<(), Problem> {
    let classes: Vec<&str> = (0..model.profile.classes.len()).map(|index| model.profile.classes.name(index as u16)).collect();
    let cells: Vec<CellNames<'_>> = model.profile.cells.iter().map(CellNames::of).collect();
    let seen = model.has_predictions();
    out.line(&json!({
        "type": "model", "name": model.name.as_str(), "status": model.condition.status.as_str(),
        "reasons": model.reasons(view.log_time).into_iter().map(|reason| lasting(Reason::of(reason))).collect::<Vec<_>>(), "counters": CounterFigures::of(&model.counters),
        "newest": seen.then(|| model.newest.to_string()), "watermark": seen.then(|| model.watermark.to_string()),
        "classes": classes, "cells": cells, "owner": model.profile.description.owner, "tags": model.profile.description.tags,
        "archived": model.profile.description.archived,
    }))?;
    for track in &model.drift.tracks {
        out.line(&TrackLine::of(model, track, &view.drift, queues))?;
    }
    panes::each(reader, model, EVER, Width::Minute, |id, pane| write_pane(out, model, id, pane))
}

fn write_pane(out: &mut Lines<'_>, model: &Model, id: PaneId, pane: &Pane) -> Result<(), Problem> {
    let (start, end) = (id.start, id.end());
    let mut total = Cell::default();
    pane.merge_into(&mut total, |_| true);
    let cell =
        |(index, cell): (u16, &Cell)| CellWindow { cell: index, window: Window::of(model, start, end, pane.revision, cell) };
    out.line(&WindowLine {
        kind: "window",
        model: model.name.as_str(),
        window: Window::of(model, start, end, pane.revision, &total),
        cells: pane.cells().map(cell).collect(),
    })
}

struct Lines<'f> {
    to: BufWriter<&'f mut File>,
}

impl Lines<'_> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), Problem> {
        let written = serde_json::to_writer(&mut self.to, value).map_err(std::io::Error::from);
        written.and_then(|()| self.to.write_all(b"\n")).map_err(|error| no_room(&error))
    }
}

#[derive(Serialize)]
struct Tagged<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    line: T,
}

#[derive(Serialize)]
struct CellNames<'m> {
    version: Option<&'m str>,
    segment: Vec<(&'m str, &'m str)>,
}

#[derive(Serialize)]
struct TrackLine<'m> {
    #[serde(rename = "type")]
    kind: &'static str,
    model: &'m str,
    version: Option<&'m str>,
    state: &'static str,
    reference: Reference,
    score: Option<ScoreFigures>,
    /// Names of the columns that drift now.
    drifting: Vec<&'m str>,
    labels: LabelFigures,
    alarms: Vec<AlarmFigures>,
}

#[derive(Serialize)]
struct WindowLine<'m> {
    #[serde(rename = "type")]
    kind: &'static str,
    model: &'m str,
    #[serde(flatten)]
    window: Window,
    cells: Vec<CellWindow>,
}

#[derive(Serialize)]
struct CellWindow {
    /// Which of the model's cells.
    cell: u16,
    #[serde(flatten)]
    window: Window,
}

impl<'m> TrackLine<'m> {
    fn of(model: &'m Model, track: &'m Track, drift: &Fleet, queues: &Queues) -> Self {
        let watch = &track.watch;
        let columns = track.baseline.as_ref().map_or([].as_slice(), |baseline| &baseline.columns);
        let drifting = columns.iter().zip(&watch.standings).filter(|(_, standing)| standing.since.is_some());
        Self {
            kind: "drift",
            model: model.name.as_str(),
            version: watch.version.as_ref().map(|version| version.as_str()),
            state: track.state().as_str(),
            reference: Reference::of(track, drift, queues),
            score: watch.score.as_ref().map(ScoreFigures::of),
            drifting: drifting.map(|(column, _)| column.name.as_str()).collect(),
            labels: LabelFigures::of(watch),
            alarms: incident::alarms(&model.profile.incidents, |version| version == watch.version.as_ref()),
        }
    }
}

impl<'m> CellNames<'m> {
    fn of(key: &'m crate::monitor::model::CellKey) -> Self {
        let segment = key.segment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Self { version: key.version.as_ref().map(|version| version.as_str()), segment }
    }
}
