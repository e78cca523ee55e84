//! The sandbox as a process of its own, and what its ledger says.

use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use super::program::Program;

/// A client that goes straight to loopback.
pub(crate) fn http() -> Client {
    let builder = Client::builder().no_proxy().pool_max_idle_per_host(0);
    builder.timeout(Duration::from_secs(20)).build().unwrap()
}

/// A running sandbox.
pub(crate) struct Provider {
    url: String,
    client: Client,
    _program: Program,
}

impl Provider {
    /// Starts one on a free port.
    pub(crate) async fn start(seed: u64, faults: &Value, directory: &Path) -> Self {
        let file = directory.join("faults.json");
        std::fs::write(&file, faults.to_string()).unwrap();
        let (seed, file) = (seed.to_string(), file.display().to_string());
        let arguments = ["sandbox", "--listen", "127.0.0.1:0", "--seed", &seed, "--faults", &file];
        let mut program = Program::start(&arguments, &[], directory.join("sandbox.log"));
        let mut lines = BufReader::new(program.output()).lines();
        let line = timeout(Duration::from_mins(1), lines.next_line()).await.unwrap().unwrap();
        let line = line.unwrap_or_else(|| panic!("the sandbox ended:\n{}", program.tail()));
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        Self { url, client: http(), _program: program }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Behaves otherwise from now on.
    pub(crate) async fn set_faults(&self, faults: Value) {
        let url = format!("{}/sandbox/faults", self.url);
        let answer = self.client.put(url).body(faults.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// The ledger in numbers.
    pub(crate) async fn summary(&self) -> Value {
        self.get("/sandbox/ledger?summary=true").await
    }

    /// The whole ledger.
    pub(crate) async fn ledger(&self) -> Value {
        self.get("/sandbox/ledger").await
    }

    /// How many requests of a kind came.
    pub(crate) async fn requests(&self, kind: &str) -> u64 {
        self.summary().await["requests"][kind].as_u64().unwrap()
    }

    /// The requests of a kind for one reference, by their times in microseconds.
    pub(crate) async fn requests_for(&self, kind: &str, reference: &str) -> Vec<u64> {
        let ledger = self.ledger().await;
        let requests = ledger["requests"].as_array().unwrap().iter();
        let own = requests.filter(|one| one["kind"] == kind && one["reference"] == reference);
        own.map(|one| one["at_us"].as_u64().unwrap()).collect()
    }

    /// The links of one reference.
    pub(crate) async fn links_of(&self, reference: &str) -> Vec<String> {
        let ledger = self.ledger().await;
        let links = ledger["links"].as_array().unwrap().iter();
        let own = links.filter(|one| one["reference"] == reference);
        own.map(|one| one["link"].as_str().unwrap().to_owned()).collect()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }
}
