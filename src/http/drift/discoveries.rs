//! `GET /api/v1/drift/discoveries`: what the error detectors of the fleet say together.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::view::View;
use crate::view::discoveries::Discoveries;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(show))
}

/// The longest promise that can be asked for.
const LABELS_MAX: u64 = 1_000_000_000;

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DiscoveriesQuery {
    /// The expected share of false ones among those named, at most: above 0 and below 1; 0.1 if left out.
    #[param(example = 0.1)]
    fdr: Option<f64>,
    /// Labels of a version within which the promise holds, to be chosen before looking; 10,000 if left out.
    #[param(example = 10000, minimum = 1, maximum = 1_000_000_000)]
    labels: Option<u64>,
}

/// Discoveries
///
/// The versions whose error rate has risen, as the e-detectors of the fleet say together (e-d-BH): evidence that is not enough for an alarm may be
/// enough beside others. Promised, whatever depends on what: of the versions named at one moment, chosen in whatever way, at most the share `fdr` is
/// named falsely, on average. A version whose detector has taken in more than `labels` labels since it was started or last raised an alarm is not
/// named. Not promised: the same of many moments taken together, and anything about streams with seasons.
#[utoipa::path(
    get, path = "/api/v1/drift/discoveries", tag = "drift", params(DiscoveriesQuery),
    responses(
        (status = 200, description = "Those that are named, with the headers Tidewatch-Position and Tidewatch-Epoch", body = Discoveries,
         example = json!({"fdr": 0.1, "labels": 10000, "detectors": 12, "beyond": 2, "items": [{"model": "fraud", "version": "1.4.0", "score": 1450000.0, "e_value": 145.0, "seen": 4200}], "next": null})),
        (status = 400, description = "A share or a number that cannot be", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Query(query): Query<DiscoveriesQuery>,
) -> Result<Json<Discoveries>, Problem> {
    let (fdr, labels) = (query.fdr.unwrap_or(0.1), query.labels.unwrap_or(10_000));
    if !(0.0 < fdr && fdr < 1.0) {
        return Err(Problem::bad_request("bad-share", format!("fdr lies above 0 and below 1, unlike {fdr}")));
    }
    if !(1..=LABELS_MAX).contains(&labels) {
        return Err(Problem::bad_request("bad-count", format!("labels is 1 to {LABELS_MAX}, not {labels}")));
    }
    Ok(Json(shared.blocking(move || Ok(Discoveries::of(&view, fdr, labels))).await?))
}
