//! A running worker, by its pages and its log.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::canary;
use super::program::Program;
use super::provider::http;
use super::waiting::{SOON, until};

/// A running worker.
pub(crate) struct Worker {
    /// Its process.
    pub(crate) program: Program,
    address: OnceCell<String>,
}

impl Worker {
    /// Watches a program that has been started.
    pub(crate) fn new(program: Program) -> Self {
        Self { program, address: OnceCell::new() }
    }

    /// Whether it works, and what is in its way.
    pub(crate) async fn readiness(&self) -> (u16, String) {
        self.page("/readyz").await
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        self.readiness_is("ready", |status, _| status == 200).await;
    }

    /// Waits until it is not ready for a reason with these words in it, and gives all reasons.
    pub(crate) async fn unready(&self, words: &str) -> String {
        self.readiness_is(words, |status, text| status == 503 && text.contains(words)).await
    }

    async fn readiness_is(&self, what: &str, is_so: impl Fn(u16, &str) -> bool) -> String {
        let mut last = (0, String::new());
        let waiting = async {
            loop {
                last = self.readiness().await;
                if is_so(last.0, &last.1) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        let waited = tokio::time::timeout(SOON, waiting).await;
        assert!(waited.is_ok(), "{what}: /readyz says {last:?}\n{}", self.program.tail());
        last.1
    }

    /// `/status`.
    pub(crate) async fn status(&self) -> Value {
        serde_json::from_str(&self.page("/status").await.1).unwrap()
    }

    /// Waits until it is the active consumer of a merchant.
    pub(crate) async fn active(&self, merchant: &str) {
        until("the consumer to be active", SOON, async || {
            self.status().await["merchants"][merchant]["consumer"]["state"] == "active"
        })
        .await;
    }

    /// One of its pages.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.address().await);
        let answer = http().get(url).send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        canary::check(path, text.as_bytes());
        (status, text)
    }

    /// What it has written to its log.
    pub(crate) fn log(&self) -> String {
        self.program.log()
    }

    /// Waits until it has handed back an intent of a merchant.
    pub(crate) async fn handed_back(&self, merchant: &str) {
        until("an intent to be handed back", SOON, async || {
            self.status().await["merchants"][merchant]["handed_back"].as_u64() > Some(0)
        })
        .await;
    }

    /// Stops it with SIGTERM, and expects exit code 0. Its pages are looked at once more before.
    pub(crate) async fn stop(self) {
        for path in ["/readyz", "/status", "/metrics"] {
            self.page(path).await;
        }
        self.program.terminate().await;
        let log = self.program.log_path().to_owned();
        let code = self.program.exit_code(SOON).await;
        let log = std::fs::read_to_string(log).unwrap();
        assert_eq!(code, 0, "{log}");
        assert!(log.lines().last().unwrap().contains("\"message\":\"stopped"), "{log}");
    }

    /// Where its pages are: its log says so.
    pub(crate) async fn address(&self) -> &str {
        let find = || {
            self.log().lines().find_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                Some(line["ops.address"].as_str()?.to_owned())
            })
        };
        let read = async || {
            until("the worker to start", SOON, async || find().is_some()).await;
            find().unwrap()
        };
        self.address.get_or_init(read).await
    }
}
