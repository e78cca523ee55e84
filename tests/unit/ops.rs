//! Health, metrics, status and log, as an operator sees them.

mod intents;
mod log;
mod metrics;
mod status;

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use smartsend::clock::SystemClock;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::call::Priority;
use smartsend::domain::decide::{Decision, Disposition, LookupCall, RetryLater};
use smartsend::domain::record::Record;
use smartsend::domain::reference::Reference;
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::http::ops;
use smartsend::ports::Clock as _;
use smartsend::telemetry::metrics::Metrics;
use smartsend::telemetry::status::{Component, ConsumerState, Status, Step};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::canary;
use crate::support::clock::ManualClock;

const LOOKUP: LookupCall = LookupCall {
    priority: Priority::Lookup,
    must_start_by: Duration::ZERO,
    precedes_create: false,
};

/// The pages of a worker on a free port.
struct Pages {
    address: SocketAddr,
    clock: ManualClock,
    status: Status,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Pages {
    /// Of a worker that is starting.
    async fn open() -> Self {
        canary::watch();
        let metrics = Metrics::new();
        let clock = ManualClock::new();
        let status = Status::new(&metrics, clock.clone());
        status.merchant(&metrics.merchant("default"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(ops::serve(listener, status.clone(), metrics, stop.clone()));
        Self { address, clock, status, stop, served }
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
    let pages = Pages::open().await;
    let since = "; since 2026-11-24T09:30:00Z, for 0 s\n";
    let reason = format!("the worker is starting{since}");
    assert_eq!(pages.get("/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, reason));
    assert_eq!(pages.get("/livez").await.0, StatusCode::OK);

    pages.status.started();
    assert_eq!(pages.get("/readyz").await.0, StatusCode::OK);

    pages.status.raise(Component::Parked, "there is no parked queue");
    pages.status.raise(Component::Topology, "the topology is not declared");
    let reasons = format!("the topology is not declared{since}there is no parked queue{since}");
    let unready = (StatusCode::SERVICE_UNAVAILABLE, reasons);
    assert_eq!(pages.get("/readyz").await, unready);
    assert_eq!(pages.get("/livez").await.0, StatusCode::OK);

    pages.status.clear(Component::Topology);
    pages.status.clear(Component::Parked);
    assert_eq!(pages.get("/readyz").await.0, StatusCode::OK);
    pages.close().await;
}

#[tokio::test]
async fn a_reference_s_page_says_where_it_is_and_takes_nothing_but_a_reference() {
    let pages = Pages::open().await;
    let (code, text) = pages.get("/status/order-1").await;
    assert_eq!(code, StatusCode::OK);
    let page: Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({
        "merchantRefId": "order-1",
        "now": "2026-11-24T09:30:00.000Z",
        "queues": { "default": { "consumer": { "state": "stopped" }, "known": null } },
    });
    assert_eq!(page, expected);
    for wrong in ["/status/a%20b", "/status/a%2Fb"] {
        let (code, text) = pages.get(wrong).await;
        assert_eq!(code, StatusCode::BAD_REQUEST);
        assert_eq!(text, "A reference may contain only letters, digits, '_' and '-'.\n");
    }
    pages.close().await;
}

/// A delivery that no worker is in charge of any more is not shown, nor is one that another process
/// may have by now.
#[tokio::test]
async fn what_is_shown_of_a_reference_ends_with_its_delivery_or_the_consumer() {
    let clock = ManualClock::new();
    let metrics = Metrics::new();
    let status = Status::new(&metrics, clock.clone());
    let merchant = status.merchant(&metrics.merchant("default"));
    let [held, returned] = ["held", "returned"].map(|it| Reference::parse(it).unwrap());
    let all = merchant.on_its_way();
    let account = Account { payout_merchant_id: "1111312".to_owned(), api: Api::V2 };
    let (now, record) = (clock.now().wall, Record::first(account, clock.now().wall));
    let delay = RetryDelays::new(&[Duration::from_secs(30)]).unwrap().shortest();
    let later = RetryLater { delay, counted: true, ages: true, why: "a test" };
    let follow = all.track(&held);
    follow.step(&record, &Decision::<(), ()>::Lookup(LOOKUP), now);
    let gone = all.track(&returned);
    gone.step(&record, &Decision::<(), ()>::Dispose(Disposition::RetryLater(later)), now);
    gone.stay();

    let known = |reference| status.of_reference(reference).queues["default"].known;
    assert_eq!(known(&held).unwrap().step, Step::Lookup);
    let returned_until = known(&returned).unwrap().until.unwrap();
    assert_eq!(returned_until.0, now + Duration::from_secs(30));
    merchant.set_consumer(ConsumerState::Standby);
    assert_eq!(known(&returned), None, "another process may have it");
    assert_eq!(known(&held).unwrap().step, Step::Lookup, "it is still in flight");
    drop(follow);
    assert_eq!(known(&held), None);
}

#[tokio::test]
async fn a_note_is_named_and_makes_nothing_unready() {
    let pages = Pages::open().await;
    pages.status.started();
    pages.status.put_aside("link.unresolved.default", "DEAD_LETTERED");
    pages.status.cannot_announce("link.unresolved.a", "its event: no queue".to_owned());
    let ready = (
        StatusCode::OK,
        "The worker is ready.\n\
         note: messages that RabbitMQ put aside since the start: 1, the last one DEAD_LETTERED; \
         they are announced, and in the parked queue; since 2026-11-24T09:30:00Z, for 0 s\n\
         note: a message that RabbitMQ put aside cannot be announced and parked, and is tried \
         again: its event: no queue; since 2026-11-24T09:30:00Z, for 0 s\n"
            .to_owned(),
    );
    assert_eq!(pages.get("/readyz").await, ready);
    let page: Value = serde_json::from_str(&pages.get("/status").await.1).unwrap();
    assert_eq!(page["dead_letters"]["announced"], 1);
    assert_eq!(page["dead_letters"]["stuck"]["routing_key"], "link.unresolved.a");

    pages.status.raise(Component::Parked, "there is no parked queue");
    let (status, lines) = pages.get("/readyz").await;
    assert_eq!((status, lines.lines().count()), (StatusCode::SERVICE_UNAVAILABLE, 3));
    pages.status.clear(Component::Parked);

    // Each ends when it is over.
    pages.status.put_aside("link.unresolved.a", "DEAD_LETTERED");
    pages.status.nothing_parked(1);
    assert!(pages.get("/readyz").await.1.contains("the start: 2"), "one came in the meantime");
    pages.status.nothing_parked(2);
    assert_eq!(pages.get("/readyz").await.1, "The worker is ready.\n");
    pages.status.cannot_announce("link.unresolved.a", "its event: no queue".to_owned());
    pages.clock.advance(Duration::from_mins(2));
    assert_eq!(pages.get("/readyz").await.1, "The worker is ready.\n");
    pages.close().await;
}

#[tokio::test]
async fn metrics_and_status_are_served_in_their_formats() {
    let pages = Pages::open().await;
    let answer = pages.ask(Method::GET, "/metrics").await;
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(answer.text().await.unwrap().contains("smartsend_intents_total{merchant=\"default\""));
    let answer = pages.ask(Method::GET, "/status").await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let page: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(
        (&page["ready"], &page["version"]),
        (&false.into(), &env!("CARGO_PKG_VERSION").into())
    );
    pages.close().await;
}

#[tokio::test]
async fn a_browser_finds_the_four_pages_and_nothing_else_is_there() {
    let pages = Pages::open().await;
    let (status, index) = pages.get("/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!index.contains("<script"));
    let links: Vec<&str> =
        index.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(links, ["/livez", "/readyz", "/status", "/metrics"]);
    pages.status.started();
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
    let pages = Pages::open().await;
    let mut half = TcpStream::connect(pages.address).await.unwrap();
    half.write_all(b"GET /livez HTTP/1.1\r\nHos").await.unwrap();
    // An answer to another client shows that the half one was accepted before it.
    assert_eq!(pages.get("/livez").await.0, StatusCode::OK);
    tokio::time::timeout(Duration::from_secs(5), pages.close()).await.unwrap();
}

#[tokio::test]
async fn clients_that_are_slow_silent_or_idle_take_no_page_from_others() {
    let pages = Pages::open().await;
    let mut clients = Vec::new();
    for said in ["", "G", "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"] {
        for _ in 0..100 {
            let mut client = TcpStream::connect(pages.address).await.unwrap();
            client.write_all(said.as_bytes()).await.unwrap();
            clients.push(client);
        }
        let asked = tokio::time::timeout(Duration::from_secs(5), pages.get("/livez"));
        let (status, _) = asked.await.unwrap_or_else(|_| panic!("no answer after 100 × {said:?}"));
        assert_eq!(status, StatusCode::OK);
    }
    pages.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_disconnected() {
    let pages = Pages::open().await;
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
