//! Health, metrics, status and log, as an operator sees them.

mod log;

use std::net::SocketAddr;
use std::time::Duration;

use metrics::{counter, histogram};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use smartsend::clock::SystemClock;
use smartsend::http::ops;
use smartsend::observe::board::{Board, Consumer};
use smartsend::observe::metrics as names;
use smartsend::ports::Clock as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::canary;

/// The pages of a worker on a free port.
struct Pages {
    address: SocketAddr,
    board: Board,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Pages {
    async fn open(board: Board) -> Self {
        canary::watch();
        let recorder = names::recorder().unwrap();
        metrics::with_local_recorder(&recorder, || {
            names::describe();
            counter!("smartsend_intents_total", "merchant" => "default", "outcome" => "created")
                .increment(3);
            histogram!("smartsend_call_seconds", "merchant" => "default", "call" => "create")
                .record(2.5);
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (handle, clock) = (recorder.handle(), SystemClock::start());
        let served = tokio::spawn(ops::serve(listener, board.clone(), handle, clock, stop.clone()));
        Self { address, board, stop, served }
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = self.ask(Method::GET, path).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        canary::check(path, text.as_bytes());
        (status, text)
    }

    async fn ask(&self, method: Method, path: &str) -> reqwest::Response {
        let url = format!("http://{}{path}", self.address);
        Client::builder().no_proxy().build().unwrap().request(method, url).send().await.unwrap()
    }

    async fn close(self) {
        self.stop.cancel();
        self.served.await.unwrap();
    }
}

#[tokio::test]
async fn readyz_says_every_reason_as_a_sentence_and_livez_none() {
    let pages = Pages::open(Board::starting()).await;
    let reason = "the worker is starting\n".to_owned();
    assert_eq!(pages.get("/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, reason));
    assert_eq!(pages.get("/livez").await.0, StatusCode::OK);

    pages.board.clear(("start", ""));
    assert_eq!(pages.get("/readyz").await.0, StatusCode::OK);

    pages.board.raise(("merchant", "default"), "PayU refused the credentials of default");
    pages.board.raise(("broker", ""), "no broker answers at mq:5672");
    let reasons = "no broker answers at mq:5672\nPayU refused the credentials of default\n";
    let unready = (StatusCode::SERVICE_UNAVAILABLE, reasons.to_owned());
    assert_eq!(pages.get("/readyz").await, unready);
    assert_eq!(pages.get("/livez").await.0, StatusCode::OK);

    pages.board.clear(("merchant", "default"));
    pages.board.clear(("broker", ""));
    assert_eq!(pages.get("/readyz").await.0, StatusCode::OK);
    pages.close().await;
}

#[tokio::test]
async fn metrics_have_our_names_buckets_and_meanings() {
    let pages = Pages::open(Board::default()).await;
    let answer = pages.ask(Method::GET, "/metrics").await;
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    for line in [
        "# HELP smartsend_intents_total Intents that came to an end, by what became of them",
        "# TYPE smartsend_intents_total counter",
        "smartsend_intents_total{merchant=\"default\",outcome=\"created\"} 3",
        "# TYPE smartsend_call_seconds histogram",
        "smartsend_call_seconds_bucket{merchant=\"default\",call=\"create\",le=\"2\"} 0",
        "smartsend_call_seconds_bucket{merchant=\"default\",call=\"create\",le=\"3\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    pages.close().await;
}

#[tokio::test]
async fn status_shows_how_each_merchant_and_connection_stands() {
    let pages = Pages::open(Board::default()).await;
    pages.board.update_merchant("default", |merchant| {
        merchant.consumer = Consumer::Active;
        "open".clone_into(&mut merchant.gate);
        merchant.in_flight = 4;
        merchant.handed_back += 1;
    });
    pages.board.update_connection("consume", |connection| {
        connection.connected = true;
        connection.host = Some("mq:5672".to_owned());
        connection.connects += 1;
    });
    pages.board.raise(("merchant", "other"), "other has no queue");
    let (status, text) = pages.get("/status").await;
    assert_eq!(status, StatusCode::OK);
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(page["version"], env!("CARGO_PKG_VERSION"));
    assert!(page["uptime_seconds"].is_u64() && page["now"].is_string(), "{page}");
    assert_eq!(page["ready"], false);
    assert_eq!(page["not_ready"], json!(["other has no queue"]));
    let merchant = json!({
        "consumer": "active", "gate": "open", "in_flight": 4, "held": 0, "handed_back": 1
    });
    assert_eq!(page["merchants"], json!({ "default": merchant }));
    let connection = json!({ "connected": true, "host": "mq:5672", "connects": 1 });
    assert_eq!(page["connections"], json!({ "consume": connection }));
    pages.close().await;
}

#[tokio::test]
async fn a_browser_finds_the_four_pages_and_nothing_else_is_there() {
    let pages = Pages::open(Board::default()).await;
    let (status, index) = pages.get("/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!index.contains("<script"));
    let links: Vec<&str> =
        index.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(links, ["/livez", "/readyz", "/status", "/metrics"]);
    for link in links {
        assert_eq!(pages.get(link).await.0, StatusCode::OK, "{link}");
        assert_eq!(pages.ask(Method::HEAD, link).await.status(), StatusCode::OK, "{link}");
        let posted = pages.ask(Method::POST, link).await;
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED, "{link}");
    }
    assert_eq!(pages.get("/admin").await.0, StatusCode::NOT_FOUND);
    pages.close().await;
}

#[tokio::test]
async fn a_client_that_says_half_a_request_does_not_hold_up_a_stop() {
    let pages = Pages::open(Board::default()).await;
    let mut half = TcpStream::connect(pages.address).await.unwrap();
    half.write_all(b"GET /livez HTTP/1.1\r\nHos").await.unwrap();
    // An answer to another client shows that the half one was accepted before it.
    assert_eq!(pages.get("/livez").await.0, StatusCode::OK);
    tokio::time::timeout(Duration::from_secs(5), pages.close()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_let_go() {
    let pages = Pages::open(Board::default()).await;
    let mut silent = TcpStream::connect(pages.address).await.unwrap();
    let mut nothing = [0_u8; 1];
    // An hour of a clock that does not run.
    let hour = Duration::from_hours(1);
    let read = tokio::time::timeout(hour, silent.read(&mut nothing)).await.unwrap();
    assert_eq!(read.unwrap(), 0);
    pages.close().await;
}

#[tokio::test]
async fn the_systems_clock_grows_and_sleeps() {
    let clock = SystemClock::start();
    let before = clock.now();
    clock.sleep(Duration::from_millis(20)).await;
    let after = clock.now();
    assert!(after.steady.saturating_sub(before.steady) >= Duration::from_millis(20));
    assert!(after.since(before) >= Duration::from_millis(20));
}

#[test]
fn the_metrics_of_a_process_are_taken_once() {
    let handle = names::install().unwrap();
    counter!("smartsend_parked_total", "merchant" => "once", "reason" => "REFUSED").increment(1);
    for handle in [handle, names::install().unwrap()] {
        assert!(handle.render().contains("merchant=\"once\""));
    }
}
