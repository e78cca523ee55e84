//! A broker, a configuration and a folder, and the real program run in it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use lapin::{BasicProperties, Connection};
use smartsend::amqp::topology::{Topology, apply};
use smartsend::domain::event::NAMESPACE;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::amqp::settings;
use crate::support::broker::{Node, Taken, publish, take_next};
use crate::support::canary::{self, SANDBOX_SECRET};
use crate::support::program::Program;

/// Longer than anything here takes.
pub(super) const SOON: Duration = Duration::from_mins(1);
/// Where a worker's log goes.
const LOG: &str = "worker.log";
/// The rows of [`Ground::write_good`] pay one customer the same amount.
pub(super) const SUBMIT: [&str; 3] = ["submit", "--yes", "--allow-repeats"];
/// The queue of the merchant `default`.
pub(super) const QUEUE: &str = "smartsend.intents.default";

pub(super) struct Ground {
    pub(super) dir: TempDir,
    /// Its own, since a lock file there keeps the questions about an account a second apart.
    temporary: TempDir,
    vhost: String,
    url: String,
}

impl Ground {
    /// A virtual host of the shared node with the topology of these merchants.
    pub(super) async fn with(merchants: &[&str]) -> Self {
        let node = Node::shared();
        let vhost = node.vhost().await;
        let ground = Self::at(&node.amqp_url(&vhost), &vhost, merchants, "http://127.0.0.1:1");
        let delays = [Duration::from_secs(1)];
        let topology = Topology::new("smartsend", merchants.iter().copied(), &delays).unwrap();
        apply(&settings(&[&ground.url]), &topology).await.unwrap();
        ground
    }

    /// A configuration for these merchants, and nothing else.
    pub(super) fn at(url: &str, vhost: &str, merchants: &[&str], provider: &str) -> Self {
        let ground = Self {
            dir: tempfile::tempdir().unwrap(),
            temporary: tempfile::tempdir().unwrap(),
            vhost: vhost.to_owned(),
            url: url.to_owned(),
        };
        ground.configure(merchants, provider);
        ground
    }

    /// Reaches the broker by way of a proxy at this port.
    pub(super) fn go_through(&mut self, port: u16) {
        self.url = Node::url_at(port, &self.vhost);
        self.configure(&["default"], "http://127.0.0.1:1");
    }

    pub(super) fn configure(&self, merchants: &[&str], provider: &str) {
        let mut text = format!(
            "[broker]\nurls = [\"{}\"]\nconfirm_timeout = \"2s\"\n[retry]\ndelays = [\"1s\"]\n\
             [ops]\nlisten = \"127.0.0.1:0\"\n",
            self.url
        );
        for (number, merchant) in merchants.iter().enumerate() {
            write!(
                text,
                "[merchants.{merchant}]\npayout_merchant_id = \"{number}\"\napi = \"v1\"\n\
                 api_url = \"{provider}/payout\"\nauth_url = \"{provider}/oauth/token\"\n\
                 client_id = \"test\"\nclient_secret = \"{SANDBOX_SECRET}\"\n\
                 rate_per_second = 200\nmax_amount = \"1000.00\"\nsandbox = true\n"
            )
            .unwrap();
        }
        fs::write(self.path("smartsend.toml"), text).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// A file of good rows with the references `p-1` and so on.
    pub(super) fn write_good(&self, name: &str, count: usize) {
        let mut text = "merchantRefId,amount,description,custMobile\n".to_owned();
        for number in 1..=count {
            writeln!(text, "p-{number},10.50,Refund,9999999999").unwrap();
        }
        self.write(name, &text);
    }

    /// Starts a submission, and takes every intent from the queue.
    pub(super) async fn submit_and_take(&self, arguments: &[&str], count: usize) -> Child {
        self.taken(&mut self.command(&[&SUBMIT[..], arguments].concat()), count).await
    }

    /// Starts this command, and takes every intent that it sends.
    pub(super) async fn taken(&self, command: &mut Command, count: usize) -> Child {
        let mut child = command.spawn().unwrap();
        let connection = self.connect().await;
        let take = async {
            for _ in 0..count {
                take_next(&connection, QUEUE).await;
            }
        };
        let is_done = tokio::select! {
            () = take => true,
            _ = child.wait() => false,
        };
        assert!(is_done, "it ended before its intents were taken: {:?}", end_of(child).await);
        child
    }

    /// Publishes an event of the merchant `default`.
    pub(super) async fn announce(&self, kind: &str, data: &serde_json::Value) {
        self.publish_event(kind, &event(kind, data)).await;
    }

    pub(super) async fn publish_event(&self, kind: &str, body: &[u8]) {
        let connection = self.connect().await;
        let key = format!("{}.default", kind.trim_start_matches("smartsend."));
        let properties = BasicProperties::default();
        assert!(publish(&connection, "smartsend.results", &key, body, properties).await);
    }

    /// The names of the files in the folder but the configuration and the log.
    pub(super) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.dir.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> =
            names.filter(|name| name != "smartsend.toml" && name != LOG).collect();
        names.sort();
        names
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smartsend"));
        command
            .args(arguments)
            .env_remove("SMARTSEND_CONFIG")
            .env("TMPDIR", self.temporary.path())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(super) async fn submit(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(&[&SUBMIT[..], arguments].concat());
        Ended::of(timeout(SOON, command.output()).await.expect("submit ends").unwrap())
    }

    pub(super) async fn connect(&self) -> Connection {
        Node::shared().connect(&self.vhost).await
    }

    pub(super) async fn close_connections(&self) {
        Node::shared().close_connections(&self.vhost).await;
    }

    pub(super) async fn depth(&self, queue: &str) -> u32 {
        Node::shared().queue_depth(&self.vhost, queue).await
    }

    /// Everything that a queue holds, in order.
    pub(super) async fn take_all(&self, queue: &str) -> Vec<Taken> {
        let connection = self.connect().await;
        let mut taken = Vec::new();
        for _ in 0..self.depth(queue).await {
            taken.push(take_next(&connection, queue).await);
        }
        taken
    }
}

/// An event for a row of [`Ground::write_good`], in the worker's format.
pub(super) fn event(kind: &str, data: &serde_json::Value) -> Vec<u8> {
    event_for("9999999999", kind, data)
}

/// An event for an intent of the merchant `default` for the customer with this mobile.
pub(super) fn event_for(mobile: &str, kind: &str, data: &serde_json::Value) -> Vec<u8> {
    let text = |name: &str| data[name].as_str().unwrap_or_default();
    let code = data["reason"]["code"].as_str().filter(|_| !kind.ends_with("link.failed"));
    let kind_in_id = code.map_or_else(|| kind.to_owned(), |code| format!("{kind}/{code}"));
    let (reference, amount) = (text("merchantRefId"), text("amount"));
    let name = format!("v1\ndefault\n{reference}\n{amount}\n{mobile}\n\n{kind_in_id}");
    event_named(name.as_bytes(), kind, data)
}

/// An event whose id is made of this name, as the contract has it.
pub(super) fn event_named(name: &[u8], kind: &str, data: &serde_json::Value) -> Vec<u8> {
    let id = Uuid::new_v5(&NAMESPACE, name).to_string();
    let event = serde_json::json!({ "specversion": "1.0", "id": id, "type": kind, "data": data });
    event.to_string().into_bytes()
}

/// The lines of `pay.results.csv`.
pub(super) fn results(ground: &Ground) -> Vec<[String; 6]> {
    results_in(&ground.path("pay.results.csv"))
}

pub(super) fn results_in(path: &Path) -> Vec<[String; 6]> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let columns = ["row", "reference", "amount", "outcome", "link", "reason"];
    assert_eq!(reader.headers().unwrap(), &columns[..]);
    let rows = reader.records().map(|record| {
        let cells: Vec<_> = record.unwrap().iter().map(str::to_owned).collect();
        cells.try_into().unwrap()
    });
    rows.collect()
}

/// Sends a signal and waits for the end.
pub(super) async fn end_by(signal: &str, child: Child) -> Ended {
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill").args([signal, &pid]).stdin(Stdio::null()).status().await;
    assert!(sent.unwrap().success());
    end_of(child).await
}

pub(super) async fn end_of(child: Child) -> Ended {
    Ended::of(timeout(SOON, child.wait_with_output()).await.unwrap().unwrap())
}

/// A program that has ended: its exit code and what it printed.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ended {
    pub(super) fn of(output: Output) -> Self {
        let output = canary::checked(output);
        Self {
            code: output.status.code().expect("it was not killed by a signal"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The number of rows that the summary gives for a name.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.cells(name)?.get(1)?.parse().ok()
    }

    /// The rupees that the summary gives for a name.
    pub(super) fn rupees(&self, name: &str) -> Option<&str> {
        let cells = self.cells(name)?;
        (*cells.get(3)? == "rupees").then(|| cells[2])
    }

    fn cells(&self, name: &str) -> Option<Vec<&str>> {
        let line = self.out.lines().find(|line| line.trim_start().starts_with(name))?;
        Some(line.split_whitespace().collect())
    }
}

/// A sandbox of its own process.
pub(super) struct Sandbox {
    pub(super) url: String,
    _child: Child,
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Sandbox {
    pub(super) async fn start(ground: &Ground) -> Self {
        let mut command = ground.command(&["sandbox", "--listen", "127.0.0.1:0"]);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(SOON, lines.next_line()).await.unwrap().unwrap().unwrap();
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        Self { url, _child: child, _lines: lines }
    }
}

/// A worker of its own process; dropping it kills it.
pub(super) fn start_worker(ground: &Ground) -> Program {
    let config = ground.path("smartsend.toml").display().to_string();
    let level = ("SMARTSEND_LOG__LEVEL".to_owned(), canary::MOST_VERBOSE.to_owned());
    Program::start(&["--config", &config, "run"], &[level], ground.path(LOG))
}
