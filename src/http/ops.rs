//! `/livez`, `/readyz`, `/metrics` and `/status`, over plain HTTP.
//!
//! The pages are open to anyone who can reach the port. So they show no secret, and of an intent no
//! more than where it is to somebody who names its reference; they accept no other input, and a slow
//! client can hold up neither the others nor a stop.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::server::{self, ConnectionLimits};
use crate::domain::reference::Reference;
use crate::telemetry::metrics::{CONTENT_TYPE, Metrics};
use crate::telemetry::status::Status;

const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: 64,
    connection_age: Duration::from_mins(1),
    grace: Duration::from_secs(1),
};

/// What a person sees who opens the port in a browser.
const INDEX: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>smartsend</title><h1>smartsend</h1><ul>\
    <li><a href=\"/livez\">/livez</a>: whether the process works\
    <li><a href=\"/readyz\">/readyz</a>: whether it is ready, and if not, why\
    <li><a href=\"/status\">/status</a>: the state of each merchant and connection\
    <li>/status/REFERENCE: what this process does with that payout\
    <li><a href=\"/metrics\">/metrics</a>: for Prometheus</ul></html>\n";

struct Pages {
    status: Status,
    metrics: Metrics,
}

pub async fn serve(
    listener: TcpListener,
    status: Status,
    metrics: Metrics,
    stop: CancellationToken,
) {
    let pages = router(Arc::new(Pages { status, metrics }));
    server::serve(listener, LIMITS, stop, |stream| (stream, pages.clone())).await;
}

fn router(pages: Arc<Pages>) -> Router {
    Router::new()
        .route("/", get(|| async { Html(INDEX) }))
        .route("/livez", get(|| async { "The process works.\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
        .route("/status", get(status))
        .route("/status/{reference}", get(status_of))
        .fallback(|| async { (StatusCode::NOT_FOUND, "There is no such page.\n") })
        .with_state(pages)
}

async fn ready(State(pages): State<Arc<Pages>>) -> (StatusCode, String) {
    let (is_ready, lines) = pages.status.readiness();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, lines.join("\n") + "\n")
}

async fn render(State(pages): State<Arc<Pages>>) -> impl IntoResponse {
    pages.status.end_pauses();
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], pages.metrics.render())
}

async fn status(State(pages): State<Arc<Pages>>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(pages.status.snapshot()))
}

async fn status_of(State(pages): State<Arc<Pages>>, Path(reference): Path<String>) -> Response {
    match Reference::parse(&reference) {
        Ok(reference) => {
            let status = pages.status.of_reference(&reference);
            ([(header::CACHE_CONTROL, "no-store")], Json(status)).into_response()
        }
        Err(why) => (StatusCode::BAD_REQUEST, format!("A reference {why}.\n")).into_response(),
    }
}
