//! A whole worker over real sockets to the provider: what calls, what decides and what settles is
//! the product's, the broker is a model, and time is real.

use std::time::Duration;

use serde_json::Value;
use smartsend::domain::account::Api;
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::payu::PayuAccount;
use tokio::runtime::{Builder, Runtime};

use super::Line;
use crate::support::account::merchant;
use crate::support::model::{Life, Process, Scene, Settings};
use crate::support::payu::{Kind, Payu};
use crate::support::waiting::{SOON, until};

const MERCHANT: &str = "default";
pub(super) const QUARANTINE: Duration = Duration::from_millis(2500);
/// Longer than two quarantines and what goes between them.
const LONG: Duration = Duration::from_mins(1);

/// Short times, over this API.
pub(super) fn quick(api: Api) -> Settings {
    let mut settings = Settings::usual();
    settings.policy.account.api = api;
    let delays = [100, 500].map(Duration::from_millis);
    settings.policy.delays = RetryDelays::new(&delays).unwrap();
    settings.policy.first_lookup = Duration::from_millis(100);
    settings.policy.quarantine = QUARANTINE;
    settings.policy.lease = Duration::from_secs(1);
    settings.limits.rate.per_second = 200_u32.try_into().unwrap();
    settings
}

/// Everything but the worker.
pub(super) struct Works {
    pub(super) scene: Scene,
    pub(super) payu: Payu,
    settings: Settings,
}

/// A worker at work, as a process of its own as far as its tasks go.
pub(super) struct Running {
    process: Process,
    runtime: Option<Runtime>,
    worker: tokio::task::JoinHandle<usize>,
}

impl Works {
    /// A worker that has made one link and seen details show it.
    pub(super) async fn begin(payu: Payu, settings: Settings) -> (Self, Running) {
        let works = Self { scene: Scene::new(1), payu, settings };
        let running = works.start();
        works.publish("first");
        let proven = async || !works.payu.asked(Kind::Lookup, "first").is_empty();
        until("details to show the first link", SOON, proven).await;
        (works, running)
    }

    pub(super) fn start(&self) -> Running {
        let process = self.scene.process(Life::long());
        let server = self.payu.server();
        let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
        merchant.account.api = self.settings.policy.account.api;
        let metrics = process.metrics.merchant(MERCHANT);
        let account = PayuAccount::new(&merchant, self.scene.clock.clone(), metrics).unwrap();
        let provider = (MERCHANT, account, merchant.timeout);
        let worker = process.worker_with(provider, &self.settings);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let worker = runtime.spawn(worker.run());
        Running { process, runtime: Some(runtime), worker }
    }

    pub(super) fn publish_all(&self, references: &[String]) {
        for reference in references {
            self.publish(reference);
        }
    }

    pub(super) fn publish(&self, reference: &str) {
        self.scene.publish(MERCHANT, reference);
    }

    fn events(&self, reference: &str) -> Vec<Value> {
        let events = self.scene.broker.results().into_iter();
        let events = events.map(|event| serde_json::from_slice::<Value>(&event.body).unwrap());
        events.filter(|event| event["subject"] == reference).collect()
    }

    /// The event of an intent, once there is one.
    pub(super) async fn event(&self, reference: &str) -> Value {
        let what = format!("an event for {reference}");
        until(&what, LONG, async || !self.events(reference).is_empty()).await;
        self.events(reference).remove(0)
    }

    /// Waits until an intent is settled: with the one link of its reference. Returns whether it
    /// was recovered.
    pub(super) async fn has_its_link(&self, reference: &str) -> bool {
        let event = self.event(reference).await;
        assert_eq!(event["type"], "smartsend.link.created", "{event}");
        let links = self.payu.links(reference);
        assert_eq!(links.len(), 1, "{links:?}");
        assert_eq!(event["data"]["link"], links[0].url);
        event["data"]["recovered"].as_bool().unwrap()
    }

    /// How often an intent was sent, and that never before the quarantine was over.
    pub(super) fn sends(&self, reference: &str) -> usize {
        let creates = self.payu.asked(Kind::Create, reference);
        for pair in creates.windows(2) {
            let gap = pair[1].duration_since(pair[0]);
            assert!(gap >= QUARANTINE, "{reference} went again after {gap:?}");
        }
        creates.len()
    }

    /// Stops the worker; it must leave nothing behind. Every intent has one event, or the same
    /// one several times.
    pub(super) async fn end(&self, mut running: Running, line: &mut Line, faults: usize) {
        running.process.stopping.cancel();
        assert_eq!((&mut running.worker).await.unwrap(), 0);
        assert_eq!(self.scene.broker.left(MERCHANT), 0);
        let mut ids: Vec<_> = self.scene.broker.results().iter().map(event_of).collect();
        ids.sort();
        ids.dedup();
        let subjects = ids.len();
        ids.dedup_by(|a, b| a.0 == b.0);
        assert_eq!(ids.len(), subjects, "an intent has two outcomes");
        line.at(&self.payu, faults, subjects);
    }
}

impl Running {
    /// Dies as a process does: every future is dropped, wherever it is, and the broker sees the
    /// connection end.
    pub(super) fn die(mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
        self.process.cut();
    }
}

/// A runtime may not be waited for within another.
impl Drop for Running {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// Reference and id.
fn event_of(event: &smartsend::ports::EventMessage) -> (String, String) {
    let event: Value = serde_json::from_slice(&event.body).unwrap();
    (event["subject"].to_string(), event["id"].to_string())
}
