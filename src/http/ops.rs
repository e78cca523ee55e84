//! `/livez`, `/readyz`, `/metrics` and `/status`, over plain HTTP.
//!
//! The pages answer whoever can reach the port. So they hold no secret and nothing of an intent,
//! they take nothing in, and a client that is slow or stays can hold up neither the others nor a
//! stop.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::server::{self, ConnectionLimits};
use crate::observe::board::{Board, Status};
use crate::ports::{Clock, Moment};

const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: 64,
    connection_age: Duration::from_mins(1),
    grace: Duration::from_secs(1),
};

/// How often the histograms are put in order. Otherwise they grow until somebody reads them.
const UPKEEP: Duration = Duration::from_secs(5);

/// What a person sees who opens the port in a browser.
const INDEX: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>smartsend</title><h1>smartsend</h1><ul>\
    <li><a href=\"/livez\">/livez</a>: whether the process works\
    <li><a href=\"/readyz\">/readyz</a>: whether it is ready, and if not, why\
    <li><a href=\"/status\">/status</a>: how each merchant and connection stands\
    <li><a href=\"/metrics\">/metrics</a>: for Prometheus</ul></html>\n";

struct Pages<C> {
    board: Board,
    metrics: PrometheusHandle,
    clock: C,
    started: Moment,
}

#[derive(Serialize)]
struct StatusPage {
    version: &'static str,
    uptime_seconds: u64,
    now: String,
    ready: bool,
    not_ready: Vec<String>,
    #[serde(flatten)]
    status: Status,
}

/// Serves the pages until `stop`.
pub async fn serve<C: Clock>(
    listener: TcpListener,
    board: Board,
    metrics: PrometheusHandle,
    clock: C,
    stop: CancellationToken,
) {
    let upkeep = metrics.clone();
    let started = clock.now();
    let pages = router(Arc::new(Pages { board, metrics, clock, started }));
    let mut server = pin!(server::serve(listener, LIMITS, stop, |stream| (stream, pages.clone())));
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            () = &mut server => return,
            _ = tick.tick() => upkeep.run_upkeep(),
        }
    }
}

fn router<C: Clock>(pages: Arc<Pages<C>>) -> Router {
    Router::new()
        .route("/", get(|| async { Html(INDEX) }))
        .route("/livez", get(|| async { "The process works.\n" }))
        .route("/readyz", get(ready::<C>))
        .route("/metrics", get(render::<C>))
        .route("/status", get(status::<C>))
        .fallback(|| async { (StatusCode::NOT_FOUND, "There is no such page.\n") })
        .with_state(pages)
}

async fn ready<C: Clock>(State(pages): State<Arc<Pages<C>>>) -> (StatusCode, String) {
    let reasons = pages.board.reasons();
    if reasons.is_empty() {
        return (StatusCode::OK, "The worker is ready.\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n")
}

async fn render<C: Clock>(State(pages): State<Arc<Pages<C>>>) -> impl IntoResponse {
    // The text format's own type (Prometheus, "Exposition formats").
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, pages.metrics.render())
}

async fn status<C: Clock>(State(pages): State<Arc<Pages<C>>>) -> impl IntoResponse {
    let now = pages.clock.now();
    let not_ready = pages.board.reasons();
    let page = StatusPage {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: now.steady.saturating_sub(pages.started.steady).as_secs(),
        now: now.wall.to_string(),
        ready: not_ready.is_empty(),
        not_ready,
        status: pages.board.status(),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(page))
}
