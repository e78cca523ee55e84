//! The broker, the sandbox, the queues and the folder that all runs share.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lapin::options::{QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use tempfile::TempDir;

use crate::bare::Shape;
use crate::broker::Node;
use crate::process::Process;

/// The worker, as cargo built it for this benchmark.
const WORKER: &str = env!("CARGO_BIN_EXE_smartsend");
/// Where intents wait.
pub(crate) const INTENTS: &str = "smartsend.intents.default";
/// Where results are collected.
pub(crate) const RESULTS: &str = "bench.results";
/// The account that pays.
pub(crate) const ACCOUNT: &str = "1111312";

/// What all runs share.
pub(crate) struct Ground {
    node: Node,
    folder: TempDir,
    _sandbox: Process,
    sandbox_url: String,
    http: reqwest::Client,
    connection: Connection,
    channel: Channel,
}

/// What the sandbox has made.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub(crate) struct Summary {
    /// Links.
    pub(crate) links: u32,
    /// References that have a link.
    pub(crate) references: u32,
}

/// How the worker is to be configured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) in_flight: usize,
    pub(crate) rate: u32,
    pub(crate) burst: u32,
}

/// The settings of a merchant that uses V2 and takes commands.
fn commands(per_second: u32) -> [(&'static str, String); 2] {
    [
        ("SMARTSEND_MERCHANTS__DEFAULT__API", "v2".to_owned()),
        ("SMARTSEND_MERCHANTS__DEFAULT__COMMANDS_PER_SECOND", per_second.to_string()),
    ]
}

impl Limits {
    /// So many calls at once, and no pace that anybody could reach.
    pub(crate) fn only_in_flight(in_flight: usize) -> Self {
        Self { in_flight, rate: 100_000, burst: 100_000 }
    }
}

impl Ground {
    /// Starts a broker and a sandbox, and declares the queues.
    pub(crate) async fn prepare() -> Self {
        let node = Node::private();
        let folder = TempDir::new().expect("there must be a folder for temporary files");
        let mut command = Command::new(WORKER);
        command.args(["sandbox", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut sandbox = Process::start(&mut command, &folder.path().join("sandbox.log"));
        let mut line = String::new();
        BufReader::new(sandbox.output()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the sandbox says where it is");
        let sandbox_url = url.to_owned();
        let connection = node.connect("/").await;
        let channel = connection.create_channel().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let ground =
            Self { node, folder, _sandbox: sandbox, sandbox_url, http, connection, channel };
        Self::declare(&ground.configure(Limits::only_in_flight(1)));
        ground
    }

    /// Declares what a configuration asks for.
    pub(crate) fn declare(config: &Path) {
        Self::declare_by(&mut Command::new(WORKER), config);
    }

    fn declare_by(command: &mut Command, config: &Path) {
        command.arg("--config").arg(config).args(["topology", "apply", "--results-queue", RESULTS]);
        let done = command.stdout(Stdio::null()).status().unwrap();
        assert!(done.success(), "the topology must be declared");
    }

    fn configure(&self, limits: Limits) -> PathBuf {
        self.configure_with(limits, "")
    }

    /// A configuration that also holds these lines.
    pub(crate) fn configure_with(&self, limits: Limits, more: &str) -> PathBuf {
        let Limits { in_flight, rate, burst } = limits;
        let (amqp, sandbox) = (self.amqp_url(), &self.sandbox_url);
        let config = format!(
            "[broker]\n\
             urls = [\"{amqp}\"]\n\
             [merchants.default]\n\
             payout_merchant_id = \"{ACCOUNT}\"\n\
             api = \"v1\"\n\
             api_url = \"{sandbox}/payout\"\n\
             auth_url = \"{sandbox}/oauth/token\"\n\
             client_id = \"bench\"\n\
             client_secret = \"sandbox-secret\"\n\
             rate_per_second = {rate}\n\
             burst = {burst}\n\
             concurrency = {in_flight}\n\
             max_amount = \"200000.00\"\n\
             sandbox = true\n\
             [ops]\n\
             listen = \"127.0.0.1:0\"\n\
             [log]\n\
             level = \"info\"\n\
             {more}",
        );
        let path = self.folder.path().join("smartsend.toml");
        fs::write(&path, config).unwrap();
        path
    }

    fn amqp_url(&self) -> String {
        self.node.amqp_url("/")
    }

    /// Starts the worker.
    pub(crate) fn worker(&self, limits: Limits) -> Process {
        self.worker_with(limits, "")
    }

    /// Starts the worker with these lines in its configuration too.
    pub(crate) fn worker_with(&self, limits: Limits, more: &str) -> Process {
        let mut command = Command::new(WORKER);
        let config = self.configure_with(limits, more);
        command.arg("--config").arg(config).arg("run").stdout(Stdio::null());
        Process::start(&mut command, &self.folder.path().join("worker.log"))
    }

    /// Starts `batch` over `pay.csv` in this folder, with its lock there too.
    pub(crate) fn batch(&self, limits: Limits, folder: &Path) -> Process {
        let mut command = Command::new(WORKER);
        command
            .arg("--config")
            .arg(self.configure(limits))
            .arg("batch")
            .arg(folder.join("pay.csv"));
        command.args(["--yes", "--no-broker-check"]).env("TMPDIR", folder).stdout(Stdio::null());
        Process::start(&mut command, &self.folder.path().join("batch.log"))
    }

    /// Declares what V2 with commands needs.
    pub(crate) fn declare_commands(&self) {
        let config = self.configure(Limits::only_in_flight(2));
        Self::declare_by(Command::new(WORKER).envs(commands(1)), &config);
    }

    /// Starts the worker over V2, with so many of the requests per second for commands.
    pub(crate) fn worker_with_commands(&self, limits: Limits, per_second: u32) -> Process {
        let mut command = Command::new(WORKER);
        command.arg("--config").arg(self.configure(limits)).arg("run").stdout(Stdio::null());
        Process::start(command.envs(commands(per_second)), &self.folder.path().join("worker.log"))
    }

    /// Starts the bare loop.
    pub(crate) fn bare(&self, in_flight: usize, shape: Shape) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["bare", "--amqp", &self.amqp_url(), "--sandbox", &self.sandbox_url]);
        command.args(["--in-flight", &in_flight.to_string()]);
        command.args(["--channels", &shape.channels.to_string()]);
        command.args(["--threads", &shape.threads.to_string()]).stdout(Stdio::null());
        Process::start(&mut command, &self.folder.path().join("bare.log"))
    }

    /// The broker's connection for what the benchmark does itself.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Where files may be put; it is gone at the end.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the sandbox is.
    pub(crate) fn sandbox_url(&self) -> &str {
        &self.sandbox_url
    }

    /// Evaluates an Erlang expression on the broker.
    pub(crate) async fn eval(&self, expression: &str) -> String {
        self.node.eval(expression).await
    }

    /// The broker's version.
    pub(crate) async fn broker_version(&self) -> String {
        self.node.ctl(&["version"]).await.trim().to_owned()
    }

    /// How many messages are ready in the queue of intents.
    pub(crate) async fn intents(&self) -> u32 {
        self.count(INTENTS).await
    }

    /// How many results there are.
    pub(crate) async fn results(&self) -> u32 {
        self.count(RESULTS).await
    }

    async fn count(&self, queue: &str) -> u32 {
        let passive = QueueDeclareOptions::durable().passive();
        let found = self.channel.queue_declare(queue.into(), passive, FieldTable::default());
        found.await.unwrap().message_count()
    }

    /// Empties both queues and the sandbox's ledger, which would refuse a reference that it knows.
    pub(crate) async fn clear(&self) {
        for queue in [INTENTS, RESULTS] {
            let purged = self.channel.queue_purge(queue.into(), QueuePurgeOptions::default());
            purged.await.unwrap();
        }
        let ledger = format!("{}/sandbox/ledger", self.sandbox_url);
        self.http.delete(ledger).send().await.unwrap().error_for_status().unwrap();
    }

    /// The sandbox waits so long before it answers a create.
    pub(crate) async fn answer_after(&self, latency: Duration) {
        let faults = format!("{{\"latency_ms\":{}}}", latency.as_millis());
        let url = format!("{}/sandbox/faults", self.sandbox_url);
        self.http.put(url).body(faults).send().await.unwrap().error_for_status().unwrap();
    }

    /// How many links the sandbox has made.
    pub(crate) async fn links(&self) -> u32 {
        self.summary().await.links
    }

    /// The sandbox's ledger in numbers.
    pub(crate) async fn summary(&self) -> Summary {
        self.ledger("?summary=true").await
    }

    /// When each request came to the sandbox, tokens and lookups among them, in microseconds.
    pub(crate) async fn arrivals(&self) -> Vec<u64> {
        #[derive(serde::Deserialize)]
        struct Ledger {
            requests: Vec<Request>,
        }
        #[derive(serde::Deserialize)]
        struct Request {
            at_us: u64,
        }
        let ledger: Ledger = self.ledger("").await;
        ledger.requests.into_iter().map(|request| request.at_us).collect()
    }

    async fn ledger<T: serde::de::DeserializeOwned>(&self, query: &str) -> T {
        let url = format!("{}/sandbox/ledger{query}", self.sandbox_url);
        let answer = self.http.get(url).send().await.unwrap().error_for_status().unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    /// The end of a log, for the message of a run that failed.
    pub(crate) fn log(&self, name: &str) -> String {
        let log = fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let mut last: Vec<_> = log.lines().rev().take(5).collect();
        last.reverse();
        last.join("\n")
    }
}
