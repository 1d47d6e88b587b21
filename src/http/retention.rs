//! `/api/v1/windows/retention`: how long windows are kept, as minutes, hours and days.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Kind, RetentionChange};
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::monitor::rollup::Rolled;
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(show)).with(command::windows::ROLE, routes!(change))
}

/// How long windows are kept, and what has become of those that were not.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"minute_windows_days": 30, "hour_windows_days": 90, "day_windows_days": 730, "made": 1250,
    "minutes_deleted": 43200, "hours_deleted": 0, "days_deleted": 0, "tallies_left_out": 0, "too_old": 0}))]
pub struct RetentionFigures {
    /// Days that windows of a minute are kept, in the time of each model: its newest event time, and the log time since that came.
    minute_windows_days: u32,
    /// Days that windows of an hour are kept. They are made an hour after their end, of the minutes.
    hour_windows_days: u32,
    /// Days that windows of a day are kept; after that they are deleted.
    day_windows_days: u32,
    /// Windows of hours and days made so far, those made again after a late label too.
    made: u64,
    /// Windows of a minute deleted so far: what they said is in those of their hour.
    minutes_deleted: u64,
    /// Windows of an hour deleted so far: what they said is in those of their day.
    hours_deleted: u64,
    /// Windows of a day deleted so far, with what they said.
    days_deleted: u64,
    /// Counts for drift that were left out of wide windows, which hold 32,768 columns times cells each.
    tallies_left_out: u64,
    /// Predictions and labels refused as `too_late` because their day had been deleted.
    too_old: u64,
}

/// New times; what is left out stays as it is.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, example = json!({"hour_windows_days": 120}))]
pub struct NewRetention {
    /// At least 30: for so long labels are joined to the minutes of their predictions.
    #[schema(minimum = 30, maximum = 3653)]
    minute_windows_days: Option<u32>,
    /// At least as many as `minute_windows_days`.
    #[schema(minimum = 30, maximum = 3653)]
    hour_windows_days: Option<u32>,
    /// At least as many as `hour_windows_days`.
    #[schema(minimum = 30, maximum = 3653)]
    day_windows_days: Option<u32>,
}

/// Retention of windows
#[utoipa::path(
    get, path = "/api/v1/windows/retention", tag = "settings",
    responses((status = 200, description = "How long windows are kept", body = RetentionFigures))
)]
pub async fn show(Extension(view): Extension<Arc<View>>) -> Json<RetentionFigures> {
    Json(RetentionFigures::of(&view.rolled))
}

/// Set the retention of windows
///
/// Answers with all of it once it is in force. It is an event in the log, so a replay sets it again. What was deleted does not come back.
#[utoipa::path(
    put, path = "/api/v1/windows/retention", tag = "settings", request_body = NewRetention,
    responses(
        (status = 200, description = "What is now in force", body = RetentionFigures),
        (status = 422, description = "A number of days out of its range, wider windows kept for less time than narrower ones, or nothing at all", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn change(
    State(shared): State<Arc<Shared>>,
    Json(NewRetention { minute_windows_days, hour_windows_days, day_windows_days }): Json<NewRetention>,
) -> Result<Json<RetentionFigures>, Problem> {
    let change = RetentionChange { minute_windows_days, hour_windows_days, day_windows_days };
    if change == RetentionChange::default() {
        return Err(Problem::unprocessable("nothing-to-change", "give at least one number of days"));
    }
    let (_, view) = shared.accepted(Kind::Command, &Command::SetWindowRetention(change)).await?;
    Ok(Json(RetentionFigures::of(&view.rolled)))
}

impl RetentionFigures {
    const fn of(rolled: &Rolled) -> Self {
        let [minutes_deleted, hours_deleted, days_deleted] = rolled.deleted;
        Self {
            minute_windows_days: rolled.retention.minute_windows_days,
            hour_windows_days: rolled.retention.hour_windows_days,
            day_windows_days: rolled.retention.day_windows_days,
            made: rolled.made,
            minutes_deleted,
            hours_deleted,
            days_deleted,
            tallies_left_out: rolled.tallies_left_out,
            too_old: rolled.too_old,
        }
    }
}
