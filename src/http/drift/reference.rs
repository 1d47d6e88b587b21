//! `/api/v1/models/{model}/reference`: what a version is compared to, replaced by the predictions to come, a range of the past or a
//! training set.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Kind, PastRange, TrainingRow, TrainingRows};
use crate::http::drift::training::{self, Training};
use crate::http::models::find;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::shared::Shared;
use crate::http::windows::instant;
use crate::ids::Name;
use crate::monitor::drift::baseline::Origin;
use crate::monitor::limits::PANE_WIDTH;
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(command::references::ROLE, routes!(replace))
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReferenceQuery {
    /// The version. Left out: with a training set, predictions that name no version; with a range, every version that has 100 predictions in
    /// it; else every version of the model.
    #[param(schema_with = schema::name)]
    version: Option<String>,
    /// Where a range of the past begins: RFC 3339 or an epoch number, moved back to the start of its minute.
    #[param(schema_with = schema::instant)]
    from: Option<String>,
    /// Where it ends, not included; in the same way.
    #[param(schema_with = schema::instant)]
    to: Option<String>,
    /// The column of a training set that holds what the model predicted.
    #[param(example = "prediction")]
    prediction: Option<String>,
    /// The column that holds the probability of the positive class, or the confidence.
    #[param(example = "score")]
    score: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"seq": 1024, "rows": 10000, "of": 250000, "remarks": ["column \"age\" holds \"NA\" 12 times: there it has no value"]}))]
pub struct ReferenceTaken {
    /// Stream sequence of the last command.
    seq: u64,
    /// Rows that make the reference, of all versions that took it; null where it is gathered from the predictions to come.
    rows: Option<u64>,
    /// Rows that were uploaded.
    of: Option<u64>,
    /// What was not used of a training set as it stood, and how it was read where that is not plain; a sentence each.
    remarks: Vec<String>,
}

/// Replace the reference
///
/// Without a body the predictions to come are gathered. With `from` and `to` and no body the reference is made of the closed minutes of that
/// range, at most 31 days and a million columns: of what they counted over the newest bins among them, with deciles of their own; confidence by bin, and so
/// attribution, is not known of it. With a training set (CSV with a header and any usual separator, one JSON object a line, an array of them, Parquet or Arrow, also compressed by gzip or zstd) its rows become
/// the reference; of more than 10,000 rows or half a million values that many are drawn at random with a fixed seed. Answers once it is in force; it is in the
/// log, so a replay uses it again.
#[utoipa::path(
    put, path = "/api/v1/models/{model}/reference", tag = "drift",
    params(("model" = String, Path, description = "Its name, percent-encoded"), ReferenceQuery),
    request_body(content(
        (inline(schema::Table) = "text/csv"), (inline(schema::Table) = "application/x-ndjson"),
        (inline(schema::Table) = "application/json", example = json!([{"age": 42, "income": 52000.0, "prediction": "yes", "score": 0.8}])),
        (inline(schema::Table) = "application/octet-stream"), (inline(schema::Table) = "*/*"),
    ), description = "A training set, or nothing. What it is follows from its bytes, whatever content type is named"),
    responses(
        (status = 200, description = "In force", body = ReferenceTaken),
        (status = 400, description = "A range that is no range, or one beside a training set", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model, and no training set for it", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A training set that cannot be read; a range that is too long or holds too few predictions", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn replace(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(name): Path<String>,
    Query(query): Query<ReferenceQuery>,
    body: Bytes,
) -> Result<Json<ReferenceTaken>, Problem> {
    let named = |text: &str| Name::try_from(text).map_err(|bad| Problem::unprocessable("bad-name", bad.to_string()));
    let version = query.version.as_deref().map(named).transpose()?;
    let is_empty = body.iter().all(u8::is_ascii_whitespace);
    if query.from.is_some() || query.to.is_some() {
        if !is_empty {
            let detail = "a reference is made of a range or of a training set: leave out `from` and `to`, or the body";
            return Err(Problem::bad_request("range-and-body", detail));
        }
        let (Some(from), Some(to)) = (&query.from, &query.to) else {
            return Err(Problem::bad_request("half-a-range", "a range has both `from` and `to`"));
        };
        let (from, to) = (instant("from", from)?, instant("to", to)?);
        let model = find(&view, &name)?.name.clone();
        let command = Command::ReferenceFromRange(PastRange { model, version, from, until: to });
        let (seq, view) = shared.accepted(Kind::Command, &command).await?;
        let taken = Origin::Range { from: from.floor(PANE_WIDTH), until: to.floor(PANE_WIDTH) };
        let tracks = &find(&view, &name)?.drift.tracks;
        let baselines = tracks.iter().filter_map(|track| track.baseline.as_ref()).filter(|baseline| baseline.origin == taken);
        return Ok(Json(ReferenceTaken {
            seq,
            rows: Some(baselines.map(|baseline| baseline.rows).sum()),
            of: None,
            remarks: Vec::new(),
        }));
    }
    if is_empty {
        let model = find(&view, &name)?.name.clone();
        let (seq, _) = shared.accepted(Kind::Command, &Command::GatherReference { model, version }).await?;
        return Ok(Json(ReferenceTaken { seq, rows: None, of: None, remarks: Vec::new() }));
    }
    let model = named(&name)?;
    let columns = training::Columns { prediction: query.prediction, score: query.score };
    let Training { rows, of, remarks } = shared.blocking(move || training::read(&body, &columns)).await?;
    let count = rows.len() as u64;
    // on a task of its own: begun, it goes on to the end, though the client goes away
    let upload = tokio::spawn(async move { upload(&shared, &model, version.as_ref(), rows).await });
    let seq = upload.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))?;
    Ok(Json(ReferenceTaken { seq, rows: Some(count), of: Some(of), remarks }))
}

/// Sends a training set in parts, and gives the sequence of the last.
async fn upload(shared: &Shared, model: &Name, version: Option<&Name>, rows: Vec<TrainingRow>) -> Result<u64, Problem> {
    let _turn = shared.uploads.lock().await;
    let mut seq = 0;
    let frames = training::frames(rows);
    let last = frames.len() - 1;
    for (index, rows) in frames.into_iter().enumerate() {
        let (model, version) = (model.clone(), version.cloned());
        let part = TrainingRows { model, version, first: index == 0, last: index == last, rows };
        (seq, _) = shared.accepted(Kind::Command, &Command::UseReference(part)).await?;
    }
    Ok(seq)
}
