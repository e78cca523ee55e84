//! Real RabbitMQ nodes for the tests.
//!
//! - [`Node::shared`] is one node for the whole test binary. Each test takes a virtual host of its
//!   own from [`Node::vhost`], so tests do not see each other, and must never close each
//!   other's connections: use [`Node::close_connections`], which names a virtual host.
//! - [`Node::private`] is a node for one test that stops, kills or alarms it (6 s to boot).
//! - [`Node::of`] and [`Node::cluster`] are nodes of a version that the environment chooses.
//!
//! Nothing survives the tests. Each node is a child of a shell that waits for the end of its
//! standard input: when the test process ends, however it ends (SIGKILL too), the pipe closes,
//! and the shell kills the node and its `epmd` and removes their directory.
//!
//! Ports are free ones, `epmd` is the node's own, and nothing of the system's RabbitMQ is touched.
//! Where `rabbitmq-server` is not installed, the tests fail and say so.

// The benchmarks take this file by its path, and then the others are not found without theirs.
#[path = "broker/plan.rs"]
mod plan;
#[path = "broker/version.rs"]
pub(crate) mod version;

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties};

use plan::Plan;
use version::Version;

/// How long a node may take to boot on a busy machine.
const BOOT_TIMEOUT: Duration = Duration::from_mins(2);

/// The shell that runs a node until its standard input ends.
const KEEPER: &str = r#"
set -m
EPMD=
if [ -n "$OWN_EPMD" ]; then
  epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 </dev/null >/dev/null 2>&1 & EPMD=$!
fi
start() { rabbitmq-server </dev/null >>"$DIR/out" 2>&1 & SERVER=$!; }
start
while read -r word; do
  case $word in
    start) start ;;
    kill) kill -KILL -- "-$SERVER"; wait "$SERVER" ;;
    freeze) kill -STOP -- "-$SERVER" ;;
    thaw) kill -CONT -- "-$SERVER" ;;
  esac
done
kill -KILL -- "-$SERVER"
[ -z "$EPMD" ] || kill -KILL -- "-$EPMD"
wait
rm -rf "$DIR"
"#;

/// A RabbitMQ node. Dropping it ends it.
pub(crate) struct Node {
    version: &'static Version,
    name: String,
    dir: PathBuf,
    port: u16,
    tls_port: u16,
    env: Vec<(&'static str, String)>,
    keeper: Mutex<Child>,
    /// Virtual hosts that nobody has taken yet.
    vhosts: tokio::sync::Mutex<Vec<String>>,
    vhosts_at_once: usize,
}

impl Node {
    /// The node that all tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Node> = OnceLock::new();
        // Each command to a node costs half a second of CPU.
        SHARED.get_or_init(|| {
            let mut node = Self::private();
            node.vhosts_at_once = 16;
            node
        })
    }

    /// A node of one's own.
    pub(crate) fn private() -> Self {
        Self::of(Version::installed())
    }

    /// A node of one's own with these lines in its configuration.
    pub(crate) fn configured(conf: &str) -> Self {
        let node = Self::make(Plan::new(Version::installed()), conf);
        node.await_port();
        node
    }

    /// A node of this version.
    pub(crate) fn of(version: &'static Version) -> Self {
        let node = Self::make(Plan::new(version), "");
        node.await_port();
        node
    }

    /// Three nodes of this version that know each other.
    ///
    /// A node that was cut off and finds the others again starts anew among them (`autoheal` of
    /// RabbitMQ "Clustering and Network Partitions"), and one that is silent counts as cut off
    /// after ten seconds instead of a minute.
    pub(crate) fn cluster(version: &'static Version) -> Vec<Self> {
        let mut plans = [(); 3].map(|()| Plan::new(version));
        let mut conf = "cluster_partition_handling = autoheal\nnet_ticktime = 8\n\
            cluster_formation.peer_discovery_backend = classic_config\n"
            .to_owned();
        if version.is_at_least(4, 3) {
            // Before, what a lost node's consumers held came back at once; now after a minute.
            conf.push_str("consumer_disconnected_timeout = 1000\n");
        }
        let epmd_port = plans[0].epmd_port;
        for (number, plan) in plans.iter_mut().enumerate() {
            plan.epmd_port = epmd_port;
            plan.shares_epmd = number > 0;
            let line = format!("cluster_formation.classic_config.nodes.{number} = {}\n", plan.name);
            conf.push_str(&line);
        }
        let nodes: Vec<_> = plans.into_iter().map(|plan| Self::make(plan, &conf)).collect();
        for node in &nodes {
            node.await_port();
        }
        nodes
    }

    /// A node that also listens for TLS with this CA, certificate and key (PEM files), and takes
    /// only clients whose certificate the CA has signed. See [`Node::tls_port`].
    pub(crate) fn with_tls(ca: &Path, cert: &Path, key: &Path) -> Self {
        let (ca, cert, key) = (ca.display(), cert.display(), key.display());
        let plan = Plan::new(Version::installed());
        let node = Self::make(
            plan,
            &format!(
                "listeners.ssl.1 = 127.0.0.1:TLS_PORT\nssl_options.cacertfile = {ca}\n\
                 ssl_options.certfile = {cert}\nssl_options.keyfile = {key}\n\
                 ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n"
            ),
        );
        node.await_port();
        // RabbitMQ opens this one a moment after the other.
        let tls = (Ipv4Addr::LOCALHOST, node.tls_port);
        wait_blocking(&"RabbitMQ to listen for TLS", || TcpStream::connect(tls).is_ok());
        node
    }

    fn make(plan: Plan, conf: &str) -> Self {
        let env = plan.prepare(conf);
        let Plan { version, name, dir, port, tls_port, .. } = plan;
        let output = fs::File::create(dir.join("out")).unwrap();
        let keeper = version
            .command("bash")
            .args(["-c", KEEPER])
            .env_clear()
            .envs(env.clone())
            .current_dir("/")
            .process_group(0) // a Ctrl-C at the terminal must not reach it first
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .expect("bash and util-linux must be installed");
        Self {
            version,
            name,
            dir,
            port,
            tls_port,
            env,
            keeper: Mutex::new(keeper),
            vhosts: tokio::sync::Mutex::default(),
            vhosts_at_once: 1,
        }
    }

    /// Boots a node that was killed, and waits until it listens.
    pub(crate) fn start(&self) {
        self.order("start");
        self.await_port();
    }

    /// Kills it as a power cut would; its disk stays.
    pub(crate) fn kill(&self) {
        self.order("kill");
        fs::remove_file(self.dir.join("out")).ok();
        wait_blocking(&"the node to be gone", || !self.listens());
    }

    /// Stops it so that it neither runs nor ends, and its sockets stay open.
    pub(crate) fn freeze(&self) {
        self.order("freeze");
    }

    /// Lets it run again.
    pub(crate) fn thaw(&self) {
        self.order("thaw");
    }

    /// Stops it as an operator does, and waits until its process has ended.
    pub(crate) async fn stop(&self) {
        let pid_file = self.dir.join("pid").display().to_string();
        self.ctl(&["stop", &pid_file]).await;
    }

    /// Ends it, and removes its files. It cannot be used any more.
    pub(crate) fn end(&self) {
        let mut keeper = self.keeper.lock().unwrap();
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
    }

    /// Its name within a cluster.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A new virtual host in which `guest` may do everything.
    pub(crate) async fn vhost(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut vhosts = self.vhosts.lock().await;
        if let Some(name) = vhosts.pop() {
            return name;
        }
        for _ in 0..self.vhosts_at_once {
            vhosts.push(format!("v{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        }
        let names = vhosts.iter().map(|name| format!("<<\"{name}\">>")).collect::<Vec<_>>();
        self.eval(&format!(
            "[begin ok = rabbit_vhost:add(Name, <<\"test\">>), \
             ok = rabbit_auth_backend_internal:set_permissions(<<\"guest\">>, Name, \
             <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"test\">>) end || Name <- [{}]].",
            names.join(", ")
        ))
        .await;
        vhosts.pop().unwrap()
    }

    /// The address of a virtual host, for the worker and for lapin.
    pub(crate) fn amqp_url(&self, vhost: &str) -> String {
        Self::url_at(self.port, vhost)
    }

    /// The same through another port, such as a proxy's.
    pub(crate) fn url_at(port: u16, vhost: &str) -> String {
        let vhost = vhost.replace('/', "%2f");
        format!("amqp://guest:guest@127.0.0.1:{port}/{vhost}")
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where it listens for TLS, if it was made by [`Node::with_tls`].
    pub(crate) fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Runs `rabbitmqctl` (0.5 s and more) and returns its output; panics if it fails.
    pub(crate) async fn ctl(&self, args: &[&str]) -> String {
        self.run("rabbitmqctl", args).await
    }

    /// Runs another of RabbitMQ's commands.
    async fn run(&self, command: &str, args: &[&str]) -> String {
        let ran = self.try_run(command, args).await;
        ran.unwrap_or_else(|output| panic!("{command} {args:?}: {output}"))
    }

    /// The same where it may fail, and then its output is the error.
    pub(crate) async fn try_run(&self, command: &str, args: &[&str]) -> Result<String, String> {
        let output = tokio::process::Command::from(self.version.command(command))
            .args(["-q", "-n", &self.name])
            .args(args)
            .env_clear()
            .envs(self.env.clone())
            .current_dir("/")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (printed, errors) = (text(&output.stdout), text(&output.stderr));
        if output.status.success() { Ok(printed) } else { Err(format!("{printed}{errors}")) }
    }

    /// Evaluates an Erlang expression on the node.
    pub(crate) async fn eval(&self, expression: &str) -> String {
        self.ctl(&["eval", expression]).await
    }

    /// Closes every connection of one virtual host, as an operator would.
    pub(crate) async fn close_connections(&self, vhost: &str) {
        self.ctl(&["close_all_connections", "--vhost", vhost, "by the test"]).await;
    }

    /// Removes a virtual host with all that is in it.
    pub(crate) async fn delete_vhost(&self, vhost: &str) {
        self.ctl(&["delete_vhost", vhost]).await;
    }

    /// Sets off the disk alarm, or ends it; the same holds as for the memory alarm.
    pub(crate) async fn disk_alarm(&self, on: bool) {
        let limit = if on { "900000GB" } else { "50MB" };
        self.ctl(&["set_disk_free_limit", limit]).await;
    }

    /// Sets off the memory alarm, or ends it. It blocks every publisher of the node, so only a
    /// private node may have one.
    pub(crate) async fn memory_alarm(&self, on: bool) {
        let mark = if on { "0" } else { "0.4" };
        self.ctl(&["set_vm_memory_high_watermark", mark]).await;
    }

    /// A plain lapin connection, for the test's own part.
    pub(crate) async fn connect(&self, vhost: &str) -> Connection {
        self.try_connect(vhost).await.unwrap()
    }

    /// The same to a node that may be away.
    pub(crate) async fn try_connect(&self, vhost: &str) -> lapin::Result<Connection> {
        let properties = ConnectionProperties::default().with_connection_name("test".into());
        Connection::connect(&self.amqp_url(vhost), properties).await
    }

    /// How many ready messages a queue holds.
    pub(crate) async fn queue_depth(&self, vhost: &str, queue: &str) -> u32 {
        let connection = self.connect(vhost).await;
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions::durable().passive();
        let found = channel.queue_declare(queue.into(), options, FieldTable::default());
        let count = found.await.unwrap().message_count();
        connection.close(200, "OK".into()).await.unwrap();
        count
    }

    fn order(&self, word: &str) {
        let mut keeper = self.keeper.lock().unwrap();
        writeln!(keeper.stdin.as_mut().unwrap(), "{word}").unwrap();
    }

    fn has_ended(&self) -> bool {
        self.keeper.lock().unwrap().try_wait().unwrap().is_some()
    }

    /// Whether it takes connections.
    pub(crate) fn listens(&self) -> bool {
        TcpStream::connect(self.address()).is_ok()
    }

    fn await_port(&self) {
        let output = || fs::read_to_string(self.dir.join("out")).unwrap_or_default();
        wait_blocking(&"RabbitMQ to boot", || {
            let output = output();
            let failed = output.contains("BOOT FAILED") || self.has_ended();
            assert!(!failed, "RabbitMQ did not boot:\n{output}");
            self.listens()
        });
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

/// Publishes with a confirm. True if the broker took it and had a queue for it.
pub(crate) async fn publish(
    connection: &Connection,
    exchange: &str,
    routing_key: &str,
    body: &[u8],
    properties: BasicProperties,
) -> bool {
    let channel = connection.create_channel().await.unwrap();
    let select = ConfirmSelectOptions::default();
    channel.confirm_select(select).await.unwrap();
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirm = channel
        .basic_publish(
            exchange.into(),
            routing_key.into(),
            options,
            body,
            properties.with_delivery_mode(2),
        )
        .await
        .unwrap();
    let confirmation = confirm.await.unwrap();
    channel.close(200, "OK".into()).await.unwrap();
    matches!(confirmation, Confirmation::Ack(None))
}

/// A message that a test has taken from a queue.
pub(crate) struct Taken {
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) redelivered: bool,
    pub(crate) body: Vec<u8>,
    pub(crate) properties: BasicProperties,
}

/// Takes the next message from a queue for good, and waits for it up to a minute. It consumes,
/// because a queue with a single active consumer does not allow `basic.get`.
pub(crate) async fn take_next(connection: &Connection, queue: &str) -> Taken {
    let channel = connection.create_channel().await.unwrap();
    let one = BasicQosOptions::default();
    channel.basic_qos(1, one).await.unwrap();
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer =
        channel.basic_consume(queue.into(), "take".into(), options, arguments).await.unwrap();
    let next = tokio::time::timeout(Duration::from_mins(1), consumer.next()).await;
    let next = next.unwrap_or_else(|_| panic!("nothing came to {queue} within a minute"));
    let message = next.unwrap().unwrap();
    assert!(message.ack(BasicAckOptions::default()).await.unwrap());
    channel.close(200, "OK".into()).await.unwrap();
    Taken {
        exchange: message.exchange.to_string(),
        routing_key: message.routing_key.to_string(),
        redelivered: message.redelivered,
        body: message.data,
        properties: message.properties,
    }
}

#[expect(clippy::disallowed_methods, reason = "nodes are waited for outside of any runtime")]
fn wait_blocking(what: &dyn std::fmt::Display, done: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed() < BOOT_TIMEOUT, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
