//! What RabbitMQ put aside: announced, given its reason and parked, one at a time.

mod findings;
mod messages;
mod stops;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use smartsend::domain::record::headers::{Headers, Value};
use smartsend::ports::{
    ChannelEndedError, Clock, Copied, DeadLetterQueue, Delivered, Delivery, EventMessage, Inbox,
    Outbox, Outgoing, Properties, PublishError, QueueError,
};
use smartsend::telemetry::metrics::Metrics;
use smartsend::telemetry::status::Status;
use smartsend::worker::dead_letters::DeadLetters;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use messages::{EXAMPLE, death, merchants};

use crate::support::model::{Chance, ModelClock};

/// A queue, and everything that is published.
#[derive(Clone)]
struct World {
    clock: ModelClock,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Delivered>,
    /// Beginnings of routes that refuse: `event link.unresolved.default`, `parked`, `dead`.
    closed: BTreeSet<&'static str>,
    /// Whether nothing gets an answer.
    silent: bool,
    cancelled: bool,
    /// Still comes after the consumer was cancelled: it was on its way by then.
    on_its_way: VecDeque<Delivered>,
    events: Vec<EventMessage>,
    parked: Vec<Copied>,
    put_back: usize,
    acknowledged: usize,
    rejected: usize,
    abandoned: usize,
}

struct InHand(World, Delivered);

impl World {
    fn new() -> Self {
        Self {
            clock: ModelClock::new(Chance::of(1)),
            state: Arc::default(),
            changed: Arc::default(),
        }
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_waiters();
    }

    fn close(&self, route: &'static str) {
        self.set(|state| state.closed.extend([route]));
    }

    fn see<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap())
    }

    fn put(&self, merchant: &str, id: &str, body: &str) {
        let delivered = Delivered {
            is_alone: true,
            body: Bytes::from(body.to_owned()),
            properties: Properties { message_id: Some(id.to_owned()), ..Properties::default() },
            headers: Headers::new(),
            user_id: None,
            own: false,
            redelivered: false,
            delivery_count: 0,
            received: self.clock.now(),
            exchange: "smartsend.intents".to_owned(),
            routing_key: merchant.to_owned(),
            deaths: vec![death(&format!("smartsend.intents.{merchant}"), "expired")],
        };
        self.set(|state| state.ready.push_back(delivered));
    }

    fn start(&self) -> (Status, CancellationToken, JoinHandle<usize>) {
        let metrics = Metrics::new();
        let (status, stopping) =
            (Status::new(&metrics, self.clock.clone()), CancellationToken::new());
        status.started();
        let dead_letters = DeadLetters {
            clock: self.clock.clone(),
            queue: self.clone(),
            outbox: self.clone(),
            merchants: merchants(),
            metrics: metrics.dead_letters([metrics.merchant("default")]),
            status: status.clone(),
            stopping: stopping.clone(),
            drain: Duration::from_secs(30),
        };
        (status, stopping, tokio::spawn(dead_letters.run()))
    }

    fn ids(&self) -> Vec<String> {
        let of = |event: &EventMessage| event.properties.correlation_id.clone().unwrap();
        self.see(|state| state.events.iter().map(of).collect())
    }
}

impl DeadLetterQueue for World {
    type Inbox = Self;

    async fn open(&self) -> Result<Self, QueueError> {
        Ok(self.clone())
    }
}

impl Inbox for World {
    type Delivery = InHand;

    async fn next(&mut self) -> Option<InHand> {
        loop {
            let changed = self.changed.clone();
            let changed = changed.notified();
            {
                let mut state = self.state.lock().unwrap();
                if state.cancelled {
                    let late = state.on_its_way.pop_front();
                    return late.map(|late| InHand(self.clone(), late));
                }
                if let Some(next) = state.ready.pop_front() {
                    return Some(InHand(self.clone(), next));
                }
            }
            changed.await;
        }
    }

    async fn cancel(&mut self) {
        self.set(|state| state.cancelled = true);
    }

    fn lost(&self) -> CancellationToken {
        CancellationToken::new()
    }
}

impl Delivery for InHand {
    fn delivered(&self) -> &Delivered {
        &self.1
    }

    async fn still_ours(&self) -> bool {
        true
    }

    async fn acknowledge(self) -> Result<(), ChannelEndedError> {
        self.0.set(|state| state.acknowledged += 1);
        Ok(())
    }

    async fn requeue(self) -> Result<(), ChannelEndedError> {
        panic!("each that is handed back comes nearer to the delivery limit");
    }

    async fn reject(self) -> Result<(), ChannelEndedError> {
        self.0.set(|state| state.rejected += 1);
        Ok(())
    }

    fn abandon(self, _why: &'static str) {
        self.0.set(|state| state.abandoned += 1);
    }
}

impl Outbox for World {
    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        if self.see(|state| state.silent) {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        let route = match outgoing {
            Outgoing::Event(event) => format!("event {}", event.kind.routing_key(&event.merchant)),
            Outgoing::Parked(_) => "parked".to_owned(),
            Outgoing::DeadLetter(_) => "dead".to_owned(),
            Outgoing::Retry { .. } | Outgoing::Checkpoint { .. } => panic!("{outgoing:?}"),
        };
        if self.see(|state| state.closed.iter().any(|closed| route.starts_with(closed))) {
            return Err(PublishError::Unroutable);
        }
        let received = self.clock.now();
        self.set(|state| match outgoing.clone() {
            Outgoing::Event(event) => state.events.push(event),
            Outgoing::Parked(copy) => state.parked.push(copy),
            Outgoing::DeadLetter(copy) => {
                let Copied { merchant, body, properties, headers } = copy;
                state.put_back += 1;
                state.ready.push_back(Delivered {
                    is_alone: true,
                    body,
                    properties,
                    headers,
                    user_id: Some("worker".to_owned()),
                    own: true,
                    redelivered: false,
                    delivery_count: 0,
                    received,
                    exchange: "smartsend.intents".to_owned(),
                    routing_key: merchant,
                    deaths: Vec::new(),
                });
            }
            Outgoing::Retry { .. } | Outgoing::Checkpoint { .. } => {}
        });
        Ok(())
    }
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn each_is_announced_within_a_second_and_parked_with_its_routing_key() {
    let world = World::new();
    let (status, ..) = world.start();
    for number in 0..50 {
        world.put("default", &format!("a{number}"), EXAMPLE);
    }
    seconds(1).await;
    assert_eq!(world.ids().len(), 50);
    world.see(|state| {
        assert_eq!((state.parked.len(), state.acknowledged), (50, 50));
        assert!(state.parked.iter().all(|copy| copy.merchant == "default"));
        assert_eq!(state.parked[0].headers["reason"], Value::Text("DEAD_LETTERED".to_owned()));
    });
    let notes = status.notes();
    assert!(notes[0].contains("since the start: 50") && notes[0].contains("DEAD_LETTERED"));
    assert_eq!(status.reasons(), Vec::<String>::new(), "a note keeps nothing from being ready");
}

/// Trace 40: results are unbound for 45 minutes.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_that_cannot_be_announced_is_published_again_and_announced_once_it_can() {
    let world = World::new();
    let (status, ..) = world.start();
    world.close("event");
    for number in 0..20 {
        world.put("default", &format!("a{number}"), EXAMPLE);
    }
    seconds(45 * 60).await;
    world.see(|state| {
        assert_eq!((state.events.len(), state.parked.len(), state.abandoned), (0, 0, 0));
        // Each about every five seconds: neither handed back nor in a loop.
        assert!((20 * 400..=20 * 600).contains(&state.put_back), "{}", state.put_back);
    });
    let notes = status.notes();
    assert!(notes[0].contains("link.unresolved.default: no queue is bound"), "{notes:?}");
    world.set(|state| state.closed.clear());
    seconds(6).await;
    assert_eq!(world.ids().len(), 20);
    world.see(|state| assert_eq!(state.parked.len(), 20));
    assert_eq!(status.notes().len(), 1, "only that they were put aside");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn those_that_cannot_be_announced_hold_up_no_other_for_more_than_seconds() {
    let world = World::new();
    world.close("event link.unresolved.other");
    for number in 0..1000 {
        world.put("other", &format!("a{number}"), EXAMPLE);
    }
    let _running = world.start();
    seconds(60).await;
    world.put("default", "good", EXAMPLE);
    seconds(15).await;
    assert_eq!(world.ids(), ["good"]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_that_cannot_be_parked_waits_likewise_and_its_event_comes_again() {
    let world = World::new();
    let (status, ..) = world.start();
    world.close("parked");
    world.put("default", "a", EXAMPLE);
    seconds(60).await;
    assert!(status.notes()[0].contains("its copy on the parked queue"), "{:?}", status.notes());
    world.set(|state| state.closed.clear());
    seconds(6).await;
    world.see(|state| {
        assert_eq!(state.parked.len(), 1);
        let first = &state.events[0];
        assert!(state.events.len() > 1);
        assert!(
            state
                .events
                .iter()
                .all(|event| { event.properties.message_id == first.properties.message_id })
        );
    });
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn where_nothing_can_be_published_the_delivery_is_held() {
    let world = World::new();
    let _running = world.start();
    world.set(|state| state.closed.extend(["event", "parked", "dead"]));
    world.put("default", "a", EXAMPLE);
    seconds(600).await;
    world.see(|state| assert_eq!((state.acknowledged, state.abandoned), (0, 0)));
    world.set(|state| state.closed.clear());
    seconds(10).await;
    world.see(|state| assert_eq!((state.parked.len(), state.acknowledged), (1, 1)));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_large_one_is_announced_and_never_published_again() {
    let world = World::new();
    let _running = world.start();
    let large = "x".repeat(64 * 1024 + 1);
    world.put("default", "a", &large);
    seconds(1).await;
    world.see(|state| {
        assert_eq!((state.events.len(), state.rejected), (1, 1));
        assert_eq!((state.parked.len(), state.put_back), (0, 0));
    });
    // It waits for its event for as long as that is fair to the others.
    world.close("event link.unresolved");
    world.close("event intent.rejected");
    world.put("default", "b", &large);
    seconds(20).await;
    world.see(|state| assert_eq!(state.rejected, 1));
    seconds(20).await;
    world.see(|state| assert_eq!((state.rejected, state.put_back, state.events.len()), (2, 0, 1)));
}
