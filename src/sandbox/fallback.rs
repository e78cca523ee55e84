//! Paths and methods that PayU does not have. They are counted, since a client that calls them
//! misreads the documentation.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;

use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::ledger::NewRequest;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::{Caller, SandboxState};

pub(super) async fn unknown_path(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    uri: Uri,
) -> Response {
    let text = "No message available".to_owned();
    error(&state, connection, (StatusCode::NOT_FOUND, text), uri).await
}

pub(super) async fn wrong_method(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    method: Method,
    uri: Uri,
) -> Response {
    let text = format!("Request method '{method}' not supported");
    error(&state, connection, (StatusCode::METHOD_NOT_ALLOWED, text), uri).await
}

async fn error(
    state: &Arc<SandboxState>,
    connection: CutHandle,
    (status, text): (StatusCode, String),
    uri: Uri,
) -> Response {
    let kind = RequestKind::Other;
    let request = NewRequest { kind, merchant: None, reference: None, client: None };
    let exchange = HttpExchange::begin(state, request, "", Caller::Anyone);
    let effect = move |exchange: &HttpExchange| {
        PayuResponse::spring(exchange.state.clock.now_us(), status, &text, uri.path())
    };
    exchange.run(connection, effect).await
}
