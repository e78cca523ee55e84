//! The sandbox's own endpoints: the ledger and the faults.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::state::SandboxState;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerQuery {
    #[serde(default)]
    summary: bool,
}

#[derive(Serialize)]
pub(super) struct ErrorBody {
    pub(super) error: String,
}

/// `GET /sandbox/ledger`, whole or with `?summary=true`.
pub(super) async fn ledger(
    State(state): State<Arc<SandboxState>>,
    Query(query): Query<LedgerQuery>,
) -> Response {
    // A million entries take a while, for which the other requests must not wait.
    let work = move || {
        if query.summary {
            return Json(state.summary()).into_response();
        }
        Json(state.entries()).into_response()
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// `DELETE /sandbox/ledger`.
pub(super) async fn clear(State(state): State<Arc<SandboxState>>) -> StatusCode {
    state.ledger().clear();
    StatusCode::NO_CONTENT
}

/// `GET /sandbox/faults`.
pub(super) async fn faults(State(state): State<Arc<SandboxState>>) -> Response {
    Json(&state.injector().faults).into_response()
}

/// `PUT /sandbox/faults`: the whole document; keys that are left out get their defaults.
pub(super) async fn set_faults(State(state): State<Arc<SandboxState>>, body: Bytes) -> Response {
    match Faults::parse(&body).and_then(|faults| state.set_faults(faults)) {
        Ok(()) => Json(&state.injector().faults).into_response(),
        Err(e) => {
            (StatusCode::BAD_REQUEST, Json(ErrorBody { error: e.to_string() })).into_response()
        }
    }
}
