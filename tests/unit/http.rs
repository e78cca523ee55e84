//! The HTTP server's limits, on a clock that does not run: it jumps to the next timer.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use smartsend::http::server::{self, ConnectionLimits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: 2,
    connection_age: Duration::from_mins(10),
    grace: Duration::from_secs(5),
};

/// An hour of a clock that does not run.
const LONG: Duration = Duration::from_hours(1);

/// Ten seconds, and a moment for the machine.
const TEN_SECONDS: Duration = Duration::from_millis(10_500);

/// More than the buffers of a connection hold.
const LARGE: usize = 64 << 20;

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
    /// An entry for each request whose handler waits for ever.
    waiting: mpsc::UnboundedReceiver<()>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (waits, waiting) = mpsc::unbounded_channel();
        let wait = || async move {
            waits.send(()).unwrap();
            std::future::pending::<()>().await;
        };
        let routes = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/large", get(|| async { vec![b'x'; LARGE] }))
            .route("/body", post(|_: Bytes| async {}))
            .route("/wait", get(wait));
        let stop = CancellationToken::new();
        let connect = move |stream| (stream, routes.clone());
        let served = tokio::spawn(server::serve(listener, LIMITS, stop.clone(), connect));
        Self { address, stop, served, waiting }
    }

    /// A connection on which these bytes were sent.
    async fn send(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own clock, which is paused")]
fn now() -> Instant {
    Instant::now()
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n")
}

/// How many bytes come before the connection ends, in order or by a reset.
async fn read_to_end(stream: &mut TcpStream) -> usize {
    let mut bytes = Vec::new();
    // A reset keeps what was read before it.
    timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("the connection stays open").ok();
    bytes.len()
}

/// Reads the answer of `/`, whose body ends it.
async fn read_answer(stream: &mut TcpStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"here") {
        let byte = stream.read_u8().await.expect("the connection is open");
        answer.push(byte);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_trickles_in_ends_its_connection_after_ten_seconds() {
    let server = Server::start().await;
    let body = "POST /body HTTP/1.1\r\nHost: here\r\nContent-Length: 99\r\n\r\n";
    for begun in ["", "GET / HTTP/1.1\r\nX-Slow: ", body] {
        let started = now();
        let (mut read, mut write) = server.send(begun).await.into_split();
        let trickle = async {
            loop {
                sleep(Duration::from_secs(2)).await;
                write.write_all(b"x").await.ok();
            }
        };
        let mut answer = Vec::new();
        tokio::select! {
            _ended = read.read_to_end(&mut answer) => {}
            () = trickle => {}
        }
        assert!(started.elapsed() <= TEN_SECONDS, "{begun}: {:?}", started.elapsed());
        assert!(answer.is_empty(), "{begun}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_idles_is_closed_after_its_last_answer() {
    let server = Server::start().await;
    let started = now();
    let mut stream = server.send(&request("/")).await;
    assert!(read_to_end(&mut stream).await > 0);
    assert!(started.elapsed() <= TEN_SECONDS, "{:?}", started.elapsed());
}

// A client that was answered at once each time was cut off ten seconds after it had connected.
#[tokio::test(start_paused = true)]
async fn a_kept_connection_is_open_for_as_long_as_requests_come() {
    let server = Server::start().await;
    let mut stream = server.send(&request("/")).await;
    for number in 1..=10 {
        read_answer(&mut stream).await;
        sleep(Duration::from_secs(4)).await;
        let sent = stream.write_all(request("/").as_bytes()).await;
        assert!(sent.is_ok(), "after {number} answers: {sent:?}");
    }
    read_answer(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off_at_the_age_of_its_connection() {
    let server = Server::start().await;
    let mut stream = server.send(&request("/large")).await;
    sleep(LIMITS.connection_age + LIMITS.grace * 2).await;
    assert!(read_to_end(&mut stream).await < LARGE);
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_a_place() {
    let mut server = Server::start().await;
    let first = server.send(&request("/wait")).await;
    let _second = server.send(&request("/wait")).await;
    server.waiting.recv().await.unwrap();
    server.waiting.recv().await.unwrap();
    let mut third = server.send(&request("/")).await;
    let mut byte = [0];
    let early = timeout(Duration::from_millis(150), third.read_exact(&mut byte)).await;
    assert!(early.is_err(), "it was answered though both places are taken: {early:?}");
    drop(first);
    third.read_exact(&mut byte).await.unwrap();
}

#[tokio::test]
async fn a_newcomer_takes_the_place_of_whoever_has_kept_the_server_waiting_longest() {
    let mut server = Server::start().await;
    let mut kept = server.send(&request("/")).await;
    let mut byte = [0];
    kept.read_exact(&mut byte).await.unwrap();
    let mut half = server.send("GET / HT").await;
    // One after the other, each in place of the first that waits.
    let _answered = server.send(&request("/wait")).await;
    let soon = Duration::from_secs(5); // before anything is overdue
    timeout(soon, server.waiting.recv()).await.unwrap().unwrap();
    assert!(read_to_end(&mut kept).await > 0, "the rest of its answer, and the end");
    let mut newcomer = server.send(&request("/")).await;
    timeout(soon, newcomer.read_exact(&mut byte)).await.unwrap().unwrap();
    assert_eq!(read_to_end(&mut half).await, 0);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let server = Server::start().await;
    let url = format!("http://{}/body", server.address);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |size| {
        let answer = client.post(&url).body(vec![b'x'; size]).send().await;
        answer.unwrap().status().as_u16()
    };
    assert_eq!(send(2 << 20).await, 200);
    assert_eq!(send((2 << 20) + 1).await, 413);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_an_exchange_under_way_end_and_waits_no_longer_than_the_grace() {
    let mut server = Server::start().await;
    let mut slow =
        server.send("POST /body HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\n").await;
    let _stalled = server.send(&request("/wait")).await;
    server.waiting.recv().await.unwrap();
    let stopped = now();
    server.stop.cancel();
    slow.write_all(b"x").await.unwrap();
    assert!(read_to_end(&mut slow).await > 0);
    server.served.await.unwrap();
    assert!(stopped.elapsed() <= LIMITS.grace + Duration::from_secs(1));
    assert!(TcpStream::connect(server.address).await.is_err());
}
