//! A whole installation for one test: a virtual host, a sandbox, a configuration, workers.
//!
//! Everything in it is real: RabbitMQ, HTTP, and the binary. Times are short, and keep the
//! relations of the configuration.

use std::io::Write as _;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::broker::Node;
use super::canary::{self, MOST_VERBOSE, SANDBOX_SECRET};
use super::commands::Command;
use super::intents::{message, publish_all, publish_to};
use super::neighbour::NEIGHBOUR;
use super::program::Program;
use super::provider::Provider;
use super::results::{Collector, RESULTS};
use super::worker::Worker;

/// How many lines of each worker's log a failed test shows.
const LINES_SHOWN: usize = 30;
/// The delays below, and those that the worker has by default.
const SHORT_DELAYS: &[&str] = &["200ms", "1s"];
const DEFAULT_DELAYS: &[&str] = &["1s", "5s", "30s", "2m", "10m"];

/// See the module.
pub(crate) struct Scenario {
    /// The broker.
    pub(crate) node: &'static Node,
    /// Its virtual host.
    pub(crate) vhost: String,
    /// The stand-in for Smart Send.
    pub(crate) provider: Provider,
    /// The test's own connection.
    pub(crate) connection: Connection,
    directory: TempDir,
    merchants: Vec<String>,
    takes_commands: bool,
    delays: &'static [&'static str],
    settings: Vec<(String, String)>,
    workers: AtomicUsize,
}

impl Scenario {
    /// One merchant, `default`, and everything declared; the results have a queue.
    pub(crate) async fn new() -> Self {
        Self::with_faults(json!({})).await
    }

    /// The same, with a provider that behaves like this.
    pub(crate) async fn with_faults(faults: Value) -> Self {
        let scenario = Self::bare(&["default"], faults).await;
        scenario.apply(&["--results-queue", RESULTS]).await;
        scenario
    }

    /// These merchants, and nothing declared.
    pub(crate) async fn bare(merchants: &[&str], faults: Value) -> Self {
        Self::on(Node::shared(), merchants, faults).await
    }

    /// `default` and its neighbour.
    pub(crate) async fn with_neighbour() -> Self {
        let scenario = Self::bare(&["default", NEIGHBOUR], json!({})).await;
        scenario.apply(&["--results-queue", RESULTS]).await;
        scenario
    }

    /// One merchant, `default`, with nothing set but what has to be: the times are those that the
    /// worker has by default.
    pub(crate) async fn with_default_times(faults: Value) -> Self {
        let mut scenario = Self::bare(&["default"], faults).await;
        let broker = scenario.node.amqp_url(&scenario.vhost);
        scenario.write(&default_configuration(&broker, scenario.provider.url()));
        scenario.delays = DEFAULT_DELAYS;
        scenario.apply(&["--results-queue", RESULTS]).await;
        scenario
    }

    /// These merchants, which take commands, so many per second each, and everything declared.
    pub(crate) async fn with_commands(merchants: &[&str], per_second: u64, faults: Value) -> Self {
        let mut scenario = Self::bare(merchants, faults).await;
        for merchant in merchants {
            let key = format!("merchants.{merchant}.commands_per_second");
            scenario.set(&key, &per_second.to_string());
        }
        scenario.takes_commands = true;
        scenario.apply(&["--results-queue", RESULTS]).await;
        scenario
    }

    /// The same on this node.
    pub(crate) async fn on(node: &'static Node, merchants: &[&str], faults: Value) -> Self {
        let vhost = node.vhost().await;
        let connection = node.connect(&vhost).await;
        let directory = tempfile::tempdir().unwrap();
        let seed = faults["seed"].as_u64().unwrap_or_default();
        let provider = Provider::start(seed, &faults, directory.path()).await;
        let merchants: Vec<_> = merchants.iter().map(|name| (*name).to_owned()).collect();
        let text = configuration(&node.amqp_url(&vhost), provider.url(), &merchants);
        let scenario = Self {
            node,
            vhost,
            provider,
            connection,
            directory,
            merchants,
            takes_commands: false,
            delays: SHORT_DELAYS,
            settings: vec![("SMARTSEND_LOG__LEVEL".to_owned(), MOST_VERBOSE.to_owned())],
            workers: AtomicUsize::new(0),
        };
        scenario.write(&text);
        scenario
    }

    /// Sets a key for every process that starts from now on, such as `retry.lease`.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let name = format!("SMARTSEND_{}", key.replace('.', "__").to_uppercase());
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
    }

    /// Sets a variable that is not one of ours for every process that starts from now on.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Gives every process from now on times at which even a busy machine loses neither a
    /// connection nor an answer: for tests that count what is in doubt.
    pub(crate) fn be_patient(&mut self) {
        self.set("broker.heartbeat", "5s");
        self.set("merchants.default.timeout", "10s");
        self.set("in_doubt.quarantine", "30s");
        self.set("shutdown.drain", "20s");
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `smartsend topology apply` with these options.
    pub(crate) async fn apply(&self, options: &[&str]) {
        let output = self.command(&[&["topology", "apply"], options].concat()).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs `smartsend` to its end.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_smartsend"));
        command.args(arguments).env_clear().envs(self.environment()).kill_on_drop(true);
        canary::checked(command.output().await.unwrap())
    }

    /// Starts a worker.
    pub(crate) fn worker(&self) -> Worker {
        self.worker_with(&["run"])
    }

    /// Starts a worker with these arguments.
    pub(crate) fn worker_with(&self, arguments: &[&str]) -> Worker {
        let number = self.workers.fetch_add(1, Ordering::Relaxed);
        let log = self.directory().join(format!("worker-{number}.log"));
        Worker::new(Program::start(arguments, &self.environment(), log))
    }

    /// Starts a worker and waits until it is ready.
    pub(crate) async fn ready_worker(&self) -> Worker {
        let worker = self.worker();
        worker.ready().await;
        worker
    }

    /// Publishes one intent for `default`.
    pub(crate) async fn publish(&self, intent: &Value) {
        self.publish_many([intent.clone()]).await;
    }

    /// Publishes intents for `default`.
    pub(crate) async fn publish_many(&self, intents: impl IntoIterator<Item = Value>) {
        self.publish_for("default", intents).await;
    }

    /// Publishes intents for a merchant.
    pub(crate) async fn publish_for(
        &self,
        merchant: &str,
        intents: impl IntoIterator<Item = Value>,
    ) {
        let whole = intents.into_iter().map(|intent| message(&intent, 0));
        publish_all(&self.connection, merchant, whole).await;
    }

    /// Publishes intents for `default`, each with the number of its copy.
    pub(crate) async fn publish_copies(&self, intents: impl IntoIterator<Item = (Value, usize)>) {
        let whole = intents.into_iter().map(|(intent, copy)| message(&intent, copy));
        publish_all(&self.connection, "default", whole).await;
    }

    /// Publishes commands, each to its merchant.
    pub(crate) async fn publish_commands(&self, commands: &[Command]) {
        let messages = commands.iter().map(Command::message);
        publish_to(&self.connection, "smartsend.commands", messages).await;
    }

    /// Publishes a body as it is.
    pub(crate) async fn publish_raw(&self, body: &[u8], properties: BasicProperties) {
        publish_all(&self.connection, "default", [(body.to_vec(), properties)]).await;
    }

    /// Begins to collect the results, but for those of a neighbour.
    pub(crate) async fn results(&self) -> Collector {
        Collector::start_without(&self.connection, RESULTS, Some(NEIGHBOUR)).await
    }

    /// Begins to collect what is parked.
    pub(crate) async fn parked(&self) -> Collector {
        Collector::start(&self.connection, "smartsend.parked").await
    }

    /// How many messages of a queue are ready.
    pub(crate) async fn depth(&self, queue: &str) -> u32 {
        let channel = self.connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions::durable().passive();
        let found = channel.queue_declare(queue.into(), options, FieldTable::default());
        let count = found.await.unwrap().message_count();
        channel.close(200, "OK".into()).await.unwrap();
        count
    }

    /// How many messages of all queues of intents and commands, and of their retries, are ready.
    pub(crate) async fn work_left(&self) -> u32 {
        let kinds: &[_] = if self.takes_commands {
            &[("intents", "retry"), ("commands", "commands.retry")]
        } else {
            &[("intents", "retry")]
        };
        let mut left = 0;
        for (work, retry) in kinds {
            for merchant in &self.merchants {
                left += self.depth(&format!("smartsend.{work}.{merchant}")).await;
            }
            for delay in self.delays {
                left += self.depth(&format!("smartsend.{retry}.{delay}")).await;
            }
        }
        left
    }

    /// How many messages those queues and the one of the dead hold, those in flight included.
    /// Asks the queues' state machines, since what RabbitMQ reports may be seconds old.
    pub(crate) async fn work_total(&self) -> u64 {
        let vhost = &self.vhost;
        let question = format!(
            "lists:sum([begin {{ok, {{_, N}}, _}} = ra:local_query(amqqueue:get_pid(Q), \
             fun rabbit_fifo:query_messages_total/1), N end \
             || Q <- rabbit_amqqueue:list(<<\"{vhost}\">>), begin {{resource, _, _, Name}} = \
             amqqueue:get_name(Q), nomatch =/= re:run(Name, \"intents|commands|retry|dead\") end])."
        );
        self.node.eval(&question).await.trim().parse().unwrap()
    }

    /// Stops the worker with SIGTERM: it must exit with 0 and leave no work behind.
    pub(crate) async fn finish(&self, worker: Worker) {
        worker.stop().await;
        assert_eq!(self.work_left().await, 0, "work is left");
    }

    fn write(&self, configuration: &str) {
        std::fs::write(self.directory().join("smartsend.toml"), configuration).unwrap();
    }

    /// The environment of every process that starts from now on.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let file = self.directory().join("smartsend.toml").display().to_string();
        let mut environment = self.settings.clone();
        environment.push(("SMARTSEND_CONFIG".to_owned(), file));
        environment
    }
}

/// A test that fails shows the ends of the workers' logs.
impl Drop for Scenario {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let mut shown = std::io::stderr().lock(); // the harness would not say whose it is
        for number in 0..self.workers.load(Ordering::Relaxed) {
            let log = self.directory().join(format!("worker-{number}.log"));
            let log = std::fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<_> = log.lines().filter(|line| !line.contains("lapin")).collect();
            let last = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
            writeln!(shown, "{}, worker {number}:\n{last}", self.vhost).unwrap();
        }
    }
}

fn configuration(broker: &str, provider: &str, merchants: &[String]) -> String {
    let mut text = format!(
        r#"
        [broker]
        urls = ["{broker}"]
        heartbeat = "1s"
        confirm_timeout = "2s"
        [retry]
        lease = "1s"
        delays = ["200ms", "1s"]
        max_age = "10m"
        [in_doubt]
        first_lookup = "200ms"
        lookups = 3
        quarantine = "5s"
        [ops]
        listen = "127.0.0.1:0"
        [shutdown]
        drain = "4s"
        "#
    );
    for (number, name) in merchants.iter().enumerate() {
        let merchant = format!(
            r#"
            [merchants.{name}]
            payout_merchant_id = "111131{number}"
            api = "v2"
            api_url = "{provider}/payout"
            auth_url = "{provider}/oauth/token"
            client_id = "client-{name}"
            client_secret = "{SANDBOX_SECRET}"
            rate_per_second = 500
            burst = 20
            concurrency = 16
            connect_timeout = "500ms"
            timeout = "1s"
            max_amount = "200000.00"
            sandbox = true
            "#
        );
        text.push_str(&merchant);
    }
    text
}

fn default_configuration(broker: &str, provider: &str) -> String {
    format!(
        r#"
        [broker]
        urls = ["{broker}"]
        [ops]
        listen = "127.0.0.1:0"
        [merchants.default]
        payout_merchant_id = "1111310"
        api = "v2"
        api_url = "{provider}/payout"
        auth_url = "{provider}/oauth/token"
        client_id = "client-default"
        client_secret = "{SANDBOX_SECRET}"
        rate_per_second = 10
        max_amount = "200000.00"
        sandbox = true
        "#
    )
}
