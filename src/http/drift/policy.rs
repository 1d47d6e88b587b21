//! `/api/v1/drift/policy`: when a window is said to have drifted, for all models.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Kind, PolicyChange, Season};
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::view::View;
use crate::view::watch::PolicyFigures;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(show)).with(command::drift::ROLE, routes!(change))
}

/// A new policy; what is left out stays as it is.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"window_seconds": 3600, "false_alarms_per_month": 0.5}))]
pub struct DriftPolicyChange {
    /// Whether predictions are compared with a reference at all.
    watch: Option<bool>,
    /// Predictions that a reference gathers; counts for references that are not whole yet.
    #[schema(minimum = 100, maximum = 10000)]
    reference_rows: Option<u32>,
    /// Whole minutes that part a day evenly, or 604,800. 0: each version has windows as wide as its traffic needs, from ten minutes to seven
    /// days.
    #[schema(minimum = 0, maximum = 604_800)]
    window_seconds: Option<u32>,
    #[schema(minimum = 0, maximum = 10)]
    psi_threshold: Option<f64>,
    /// Expected false alarms of all models in 30 days.
    #[schema(minimum = 0.000001, maximum = 1000000)]
    false_alarms_per_month: Option<f64>,
    /// Labels of one version between two false alarms of its error detector. Detectors that run already compare their evidence with it from the
    /// next label on; what is promised of them is what the lowest since their last alarm promises.
    #[schema(minimum = 100)]
    error_run_length: Option<f64>,
    /// What windows are compared with where there is enough of it; else against the reference.
    season: Option<SeasonChoice>,
    /// Whether the 8 largest segments of each version are judged apart, each against the same segment of the reference if that has 100 rows. The
    /// budget is then shared out over their columns as well: every alarm of the fleet needs up to 2.2 nats more.
    segments: Option<bool>,
}

/// What a stream repeats.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeasonChoice {
    /// Nothing that is known of: windows are compared with the reference.
    None,
    /// Windows are compared with the same minutes of the last four weeks, where at least two of these hold at least 100 rows together.
    SameHourOfWeek,
}

/// Drift policy
#[utoipa::path(
    get, path = "/api/v1/drift/policy", tag = "drift",
    responses((status = 200, description = "The policy in force", body = PolicyFigures))
)]
pub async fn show(Extension(view): Extension<Arc<View>>) -> Json<PolicyFigures> {
    Json(PolicyFigures::of(&view.drift))
}

/// Set the drift policy
///
/// Answers with all of it once it is in force. It is an event in the log, so a replay sets it again.
#[utoipa::path(
    put, path = "/api/v1/drift/policy", tag = "drift", request_body = DriftPolicyChange,
    responses(
        (status = 200, description = "The policy now in force", body = PolicyFigures),
        (status = 422, description = "A value out of its range, or none at all", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn change(
    State(shared): State<Arc<Shared>>,
    Json(change): Json<DriftPolicyChange>,
) -> Result<Json<PolicyFigures>, Problem> {
    let change = PolicyChange {
        watch: change.watch,
        reference_rows: change.reference_rows,
        window_seconds: change.window_seconds,
        psi_threshold: change.psi_threshold,
        false_alarms_per_month: change.false_alarms_per_month,
        error_run_length: change.error_run_length,
        season: change.season.map(|season| match season {
            SeasonChoice::None => Season::None,
            SeasonChoice::SameHourOfWeek => Season::SameHourOfWeek,
        }),
        segments: change.segments,
    };
    if change == PolicyChange::default() {
        return Err(Problem::unprocessable("nothing-to-change", "give at least one value"));
    }
    let (_, view) = shared.accepted(Kind::Command, &Command::SetDriftPolicy(change)).await?;
    Ok(Json(PolicyFigures::of(&view.drift)))
}
