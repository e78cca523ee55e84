//! The sandbox as a process of its own, and what its ledger says.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use super::program::Program;

/// A client that goes straight to loopback.
pub(crate) fn http() -> Client {
    let builder = Client::builder().no_proxy().pool_max_idle_per_host(0);
    builder.timeout(Duration::from_secs(20)).build().unwrap()
}

/// A link in the ledger.
#[derive(Debug, Deserialize)]
pub(crate) struct LinkMade {
    /// Whose it is.
    pub(crate) reference: String,
    /// The link.
    pub(crate) link: String,
    /// Until when it can be claimed, in microseconds since 1970.
    pub(crate) expires_at_us: u64,
    /// `PENDING`, `CANCELLED`, ...
    pub(crate) status: String,
    /// What has changed since it was made.
    pub(crate) history: Vec<LinkChange>,
}

/// A change of a link.
#[derive(Debug, Deserialize)]
pub(crate) struct LinkChange {
    /// When, in microseconds since 1970.
    pub(crate) at_us: u64,
    /// Who did it: `desk`, `cancel`, `extend` or `expiry`.
    pub(crate) by: String,
    /// The status from then on.
    pub(crate) status: String,
    /// The expiry from then on.
    pub(crate) expires_at_us: u64,
}

/// A request in the ledger.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// When it came, in microseconds since 1970.
    pub(crate) at_us: u64,
    /// `token`, `create`, `details` or `other`.
    pub(crate) kind: String,
    /// The client whose token it came with, or that asked for one.
    pub(crate) client: Option<String>,
}

/// The outcome of an act at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acted {
    /// It was done.
    Done,
    /// There is no such link yet.
    NoLink,
    /// The link is in a state in which it cannot be done.
    TooLate,
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

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.url.strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Changes how it behaves from now on.
    pub(crate) async fn set_faults(&self, faults: Value) {
        let url = format!("{}/sandbox/faults", self.url);
        let answer = self.client.put(url).body(faults.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Somebody acts on a link at the desk, such as its customer by `claim`.
    pub(crate) async fn act(&self, merchant: &str, reference: &str, action: &str) {
        let acted = self.try_act(merchant, reference, action).await;
        assert_eq!(acted, Acted::Done, "{action} {reference}");
    }

    /// The same, where the link may not be there yet, or not be theirs any more.
    pub(crate) async fn try_act(&self, merchant: &str, reference: &str, action: &str) -> Acted {
        let url = format!("{}/sandbox/desk", self.url);
        let act = json!({ "merchant": merchant, "reference": reference, "action": action });
        let answer = self.client.post(url).body(act.to_string()).send().await.unwrap();
        match answer.status().as_u16() {
            200 => Acted::Done,
            404 => Acted::NoLink,
            409 => Acted::TooLate,
            status => panic!("{action} {reference}: {status}: {}", answer.text().await.unwrap()),
        }
    }

    /// The ledger in numbers.
    pub(crate) async fn summary(&self) -> Value {
        self.get("/sandbox/ledger?summary=true").await
    }

    /// The whole ledger.
    pub(crate) async fn ledger(&self) -> Value {
        self.get("/sandbox/ledger").await
    }

    /// Every link in the ledger. A long run has a ledger that would fill the memory as a [`Value`].
    pub(crate) async fn links(&self) -> Vec<LinkMade> {
        #[derive(Deserialize)]
        struct Ledger {
            links: Vec<LinkMade>,
        }
        serde_json::from_slice::<Ledger>(&self.bytes("/sandbox/ledger").await).unwrap().links
    }

    /// Every request in the ledger, in the order of arrival.
    pub(crate) async fn asked(&self) -> Vec<Asked> {
        #[derive(Deserialize)]
        struct Ledger {
            requests: Vec<Asked>,
        }
        serde_json::from_slice::<Ledger>(&self.bytes("/sandbox/ledger").await).unwrap().requests
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

    /// How many requests met a fault.
    pub(crate) async fn faults_met(&self) -> u64 {
        let summary = self.summary().await;
        summary["faults"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
    }

    async fn get(&self, path: &str) -> Value {
        serde_json::from_slice(&self.bytes(path).await).unwrap()
    }

    async fn bytes(&self, path: &str) -> bytes::Bytes {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        answer.bytes().await.unwrap()
    }
}
