//! The sandbox's own endpoints: the ledger and the faults.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::cuttable_stream::Cut;
use super::faults::Faults;
use super::ledger::{Arrival, Kind};
use super::visit::Visit;
use super::{Party, Shared};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    #[serde(default)]
    summary: bool,
}

#[derive(Serialize)]
struct Problem {
    error: String,
}

/// `GET /sandbox/ledger`, whole or with `?summary=true`.
pub(super) async fn ledger(State(shared): State<Shared>, Query(form): Query<Form>) -> Response {
    // A million entries take a while; the payments must not wait for that.
    let work = move || {
        if form.summary {
            let summary = shared.ledger().summary();
            return Json(summary).into_response();
        }
        Json(shared.entries()).into_response()
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// `DELETE /sandbox/ledger`.
pub(super) async fn clear(State(shared): State<Shared>) -> StatusCode {
    shared.ledger().clear();
    StatusCode::NO_CONTENT
}

/// `GET /sandbox/faults`.
pub(super) async fn faults(State(shared): State<Shared>) -> Response {
    Json(&shared.plan().faults).into_response()
}

/// `PUT /sandbox/faults`: the whole document; what is left out is as by default.
pub(super) async fn set_faults(State(shared): State<Shared>, body: Bytes) -> Response {
    match Faults::parse(&body).and_then(|faults| shared.set_faults(faults)) {
        Ok(()) => Json(&shared.plan().faults).into_response(),
        Err(e) => (StatusCode::BAD_REQUEST, Json(Problem { error: e.to_string() })).into_response(),
    }
}

/// A path that PayU does not have, or not with this method; counted, for a client that calls
/// it has read the documentation wrong.
pub(super) async fn elsewhere(
    State(shared): State<Shared>,
    Extension(cut): Extension<Cut>,
    method: Method,
    uri: Uri,
) -> Response {
    let is_known = [super::token::PATH, super::create::PATH, super::details::PATH];
    let is_known = is_known.contains(&uri.path());
    let arrival = Arrival { kind: Kind::Other, merchant: None, reference: None, client: None };
    let visit = Visit::arrive(&shared, arrival, "", Party::Nobody);
    let effect = move |visit: &Visit| {
        let now_us = visit.shared.clock.now_us();
        if is_known {
            let text = format!("Request method '{method}' not supported");
            return Answer::spring(now_us, StatusCode::METHOD_NOT_ALLOWED, &text, uri.path());
        }
        let text = "No message available";
        Answer::spring(now_us, StatusCode::NOT_FOUND, text, uri.path())
    };
    visit.serve(cut, effect).await
}
