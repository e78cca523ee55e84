//! A provider that refuses connections, and comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use smartsend::clock::SystemClock;
use smartsend::ports::Clock;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::intents::intent;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};
use crate::support::worker::Worker;

/// Passes connections on to the sandbox, until it is dropped. Then nobody listens at its address,
/// so that whoever calls there is refused.
struct Road {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    passing: JoinSet<()>,
}

impl Road {
    /// One to this URL, from this address; port 0 is any free one.
    async fn open(url: &str, from: &str) -> Self {
        let to = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind(from).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let mut passing = JoinSet::new();
        passing.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let to = to.clone();
                connections.spawn(async move {
                    let Ok(mut server) = TcpStream::connect(to).await else { return };
                    copy_bidirectional(&mut client, &mut server).await.ok(); // either may go away
                });
            }
        });
        Self { address, accepted, passing }
    }

    /// Closes it, and returns its address and how many connections it has taken.
    async fn close(mut self) -> (String, usize) {
        self.passing.shutdown().await;
        (self.address.to_string(), self.accepted.load(Ordering::Relaxed))
    }
}

/// When the next probe goes out, as `/readyz` says.
async fn next_probe(worker: &Worker) -> Timestamp {
    let text = worker.unready("the next probe goes out at").await;
    let time = text.split("goes out at ").nth(1).unwrap().split(',').next().unwrap();
    time.parse().unwrap()
}

async fn breaker_states(worker: &Worker) -> Vec<String> {
    let (_, page) = worker.page("/metrics").await;
    let states = page.lines().filter(|line| line.starts_with("smartsend_circuit_breaker_state{"));
    let on = states.filter(|line| line.ends_with(" 1"));
    on.map(|line| line.split("state=\"").nth(1).unwrap().split('"').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_provider_that_refuses_connections_costs_no_attempt_and_is_found_again_by_a_probe() {
    let mut scenario = Scenario::new().await;
    let road = Road::open(scenario.provider.url(), "127.0.0.1:0").await;
    let address = road.address;
    scenario.set("merchants.default.api_url", &format!("http://{address}/payout"));
    scenario.set("merchants.default.auth_url", &format!("http://{address}/oauth/token"));
    // Fewer may be in flight than there are: with room left, what is published in the moment of the
    // consumer's cancel may come back as delivered before, and that counts as an attempt.
    scenario.set("merchants.default.concurrency", "4");
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("before")).await;
    results.event_for("before", SOON).await;

    let (address, connections) = road.close().await;
    scenario.publish_many((0..30).map(|number| intent(&format!("o{number}")))).await;
    let reason = worker.unready("the provider is down").await;
    assert!(reason.contains("merchant default: the circuit breaker is open"), "{reason}");
    assert!(reason.contains("no connection, or no token"), "{reason}");
    assert_eq!(worker.page("/livez").await.0, 200);
    until("the consumer to stop", SOON, async || {
        worker.status().await["merchants"]["default"]["consumer"]["state"] == "stopped"
    })
    .await;
    assert_eq!(breaker_states(&worker).await, ["open"]);
    // Probes get rarer: one is to go out more than three seconds after the one before it.
    let mut last = next_probe(&worker).await;
    let due = loop {
        let next = next_probe(&worker).await;
        if next.duration_since(last).as_secs() > 3 {
            break next;
        }
        last = next;
        tokio::time::sleep(Duration::from_millis(25)).await;
    };
    let requests = scenario.provider.requests("create").await;

    let _road = Road::open(scenario.provider.url(), &address).await;
    until("a create", SOON, async || scenario.provider.requests("create").await > requests).await;
    let late = SystemClock::start().now().wall.duration_since(due);
    assert!(late.as_secs() < 3, "the first create came {late} after the probe was due");
    worker.ready().await;
    let messages = results.take(31, Duration::from_mins(1)).await;
    assert_eq!(breaker_states(&worker).await, ["closed"]);
    let log = worker.log();
    scenario.finish(worker).await;
    // What went out on a connection that was just ending may have been sent, and that counts.
    let events: Vec<_> = messages.iter().map(|message| message.event()).collect();
    assert!(events.iter().all(|event| event["type"] == "smartsend.link.created"));
    let counted = events.iter().filter(|event| event["data"]["attempts"] != 1).count();
    assert!(counted <= connections && connections < 15, "{counted}, {connections} connections");
    // However many probes there are, the change is logged once.
    assert_eq!(log.matches("\"the circuit breaker is open, ").count(), 1, "{log}");
}
