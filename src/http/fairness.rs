//! `GET /api/v1/models/{model}/fairness`: segments side by side.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::http::models::find;
use crate::http::panes;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::shared::Shared;
use crate::http::windows;
use crate::monitor::limits::PANE_WIDTH;
use crate::time::Span;
use crate::view::View;
use crate::view::fairness::Fairness;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(show))
}

/// How much of the model's own event time is looked at unless asked otherwise: labels are few.
const RANGE_DEFAULT: Span = Span::from_secs(86_400);

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FairnessQuery {
    /// RFC 3339 or an epoch number; a day before `to` if left out.
    #[param(schema_with = schema::instant)]
    from: Option<String>,
    /// RFC 3339 or an epoch number, not included; the end of the newest minute if left out.
    #[param(schema_with = schema::instant)]
    to: Option<String>,
}

/// Fairness
///
/// The widest gap between the values of each segment, rate by rate, with intervals (Newcombe), and the values that are wrong more often than
/// the rest (Fisher's exact test, Holm). Choosing after looking is paid for: both hold for all that were compared.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/fairness", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded"), FairnessQuery),
    responses(
        (status = 200, description = "The segments, with the headers Tidewatch-Position and Tidewatch-Epoch", body = Fairness,
         example = json!({"model": "fraud", "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "positive": "fraud", "rows_min": 30, "segments": [{"name": "region", "values": ["eu", "kr"], "gaps": {"equal_opportunity": {"difference": {"value": 0.12, "low": 0.01, "high": 0.22, "n": 800}, "highest": "eu", "lowest": "kr", "compared": 2}}}], "worst": [{"name": "region", "value": "kr", "error_rate": {"value": 0.2, "low": 0.16, "high": 0.25, "n": 400}, "difference": {"value": 0.1, "low": 0.05, "high": 0.15, "n": 800}, "p_value": 0.0001, "p_value_adjusted": 0.0002}]})),
        (status = 400, description = "A range that cannot be", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(name): Path<String>,
    Query(query): Query<FairnessQuery>,
) -> Result<Json<Fairness>, Problem> {
    let model = find(&view, &name)?;
    let (from, to) = windows::span(query.from.as_deref(), query.to.as_deref(), windows::newest(&model, &view), RANGE_DEFAULT)?;
    let reader = shared.app.reader.clone();
    let fairness = shared.blocking(move || {
        let totals = panes::totals(&reader, &model, from.floor(PANE_WIDTH), to)?;
        Ok(Fairness::of(&model, (from.to_string(), to.to_string()), &totals))
    });
    Ok(Json(fairness.await?))
}
