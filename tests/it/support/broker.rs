//! Real RabbitMQ nodes for the tests.
//!
//! - [`Node::shared`] is one node for the whole test binary. Each test takes a virtual host of its
//!   own from [`Node::vhost`], so tests do not see each other, and may close each other's
//!   connections never: use [`Node::close_connections`], which names a virtual host.
//! - [`Node::private`] is a node for one test that stops, kills or alarms it (6 s to boot).
//!
//! Nothing survives the tests. Each node is a child of a shell that waits for the end of its
//! standard input: when the test process ends, however it ends (SIGKILL too), the pipe closes,
//! and the shell kills the node and its `epmd` and removes their directory.
//!
//! Ports are free ones, `epmd` is the node's own, and nothing of the system's RabbitMQ is touched.
//! Where `rabbitmq-server` is not installed, the tests fail and say so.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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

/// Where Debian keeps the scripts. Those in `/usr/sbin` change to the user `rabbitmq`.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";
/// How long a node may take to boot on a busy machine.
const BOOT_TIMEOUT: Duration = Duration::from_mins(2);

/// The shell that runs a node until its standard input ends.
const KEEPER: &str = r#"
set -m
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 </dev/null >/dev/null 2>&1 & EPMD=$!
start() { rabbitmq-server </dev/null >>"$DIR/out" 2>&1 & SERVER=$!; }
start
while read -r word; do
  case $word in
    start) start ;;
    kill) kill -KILL -- "-$SERVER"; wait "$SERVER" ;;
  esac
done
kill -KILL -- "-$SERVER"
kill -KILL -- "-$EPMD"
wait
rm -rf "$DIR"
"#;

/// A RabbitMQ node. Dropping it ends it.
pub(crate) struct Node {
    name: String,
    dir: PathBuf,
    port: u16,
    tls_port: u16,
    env: Vec<(&'static str, String)>,
    keeper: Mutex<Child>,
}

impl Node {
    /// The node that all tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Node> = OnceLock::new();
        SHARED.get_or_init(Self::private)
    }

    /// A node of one's own.
    pub(crate) fn private() -> Self {
        let node = Self::make("");
        node.await_port();
        node
    }

    /// A node that also listens for TLS with this CA, certificate and key (PEM files), and takes
    /// only clients whose certificate the CA has signed. See [`Node::tls_port`].
    pub(crate) fn with_tls(ca: &Path, cert: &Path, key: &Path) -> Self {
        let (ca, cert, key) = (ca.display(), cert.display(), key.display());
        let node = Self::make(&format!(
            "listeners.ssl.1 = 127.0.0.1:TLS_PORT\nssl_options.cacertfile = {ca}\n\
                 ssl_options.certfile = {cert}\nssl_options.keyfile = {key}\n\
                 ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n"
        ));
        node.await_port();
        // RabbitMQ opens this one a moment after the other.
        let tls = (Ipv4Addr::LOCALHOST, node.tls_port);
        wait_blocking(&"RabbitMQ to listen for TLS", || TcpStream::connect(tls).is_ok());
        node
    }

    fn make(conf: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        assert!(
            Path::new(SCRIPTS).join("rabbitmq-server").exists(),
            "these tests need a real RabbitMQ: `apt-get install rabbitmq-server` (its scripts \
             are looked for in {SCRIPTS})"
        );
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("smartsend-{}-{number}@localhost", std::process::id());
        let dir = std::env::temp_dir().join(&name);
        fs::create_dir_all(dir.join("home")).unwrap();
        let cookie = dir.join("home/.erlang.cookie");
        fs::write(&cookie, "SMARTSENDTESTS").unwrap();
        fs::set_permissions(&cookie, fs::Permissions::from_mode(0o400)).unwrap();
        let [port, tls_port, dist_port, epmd_port] = free_ports();
        let conf = conf.replace("TLS_PORT", &tls_port.to_string());
        let conf = format!(
            "loopback_users = none\nlog.console = false\nlog.file.level = info\n\
             disk_free_limit.absolute = 50MB\n{conf}"
        );
        fs::write(dir.join("node.conf"), conf).unwrap();
        fs::write(dir.join("plugins"), "[].").unwrap();
        let path = |name: &str| dir.join(name).display().to_string();
        let env = vec![
            ("DIR", dir.display().to_string()),
            ("HOME", path("home")),
            ("PATH", format!("{SCRIPTS}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")),
            ("LANG", "C.UTF-8".to_owned()),
            ("ERL_EPMD_PORT", epmd_port.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            // Else a `rabbitmqctl` that outlives the tests by a second starts one for good.
            ("ERL_FLAGS", "-start_epmd false".to_owned()),
            ("ERL_CRASH_DUMP_SECONDS", "0".to_owned()),
            ("RABBITMQ_CONF_ENV_FILE", path("none.conf")),
            ("RABBITMQ_MNESIA_BASE", path("mnesia")),
            ("RABBITMQ_LOG_BASE", path("log")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none".to_owned()),
            ("RABBITMQ_NODENAME", name.clone()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", port.to_string()),
            ("RABBITMQ_DIST_PORT", dist_port.to_string()),
            ("RABBITMQ_CONFIG_FILE", path("node.conf")),
            ("RABBITMQ_PID_FILE", path("pid")),
        ];
        let keeper = Command::new("bash")
            .args(["-c", KEEPER])
            .env_clear()
            .envs(env.clone())
            .current_dir("/")
            .process_group(0) // a Ctrl-C at the terminal must not reach it first
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash must be installed");
        Self { name, dir, port, tls_port, env, keeper: Mutex::new(keeper) }
    }

    /// Boots a node that was killed, and waits until it listens.
    pub(crate) fn start(&self) {
        self.tell("start");
        self.await_port();
    }

    /// Kills it as a power cut would; its disk stays.
    pub(crate) fn kill(&self) {
        self.tell("kill");
        fs::remove_file(self.dir.join("out")).ok();
        wait_blocking(&"the node to be gone", || !self.listens());
    }

    /// A new virtual host in which `guest` may do everything.
    pub(crate) async fn vhost(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("v{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.eval(&format!(
            "ok = rabbit_vhost:add(<<\"{name}\">>, <<\"test\">>), \
             ok = rabbit_auth_backend_internal:set_permissions(<<\"guest\">>, <<\"{name}\">>, \
             <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"test\">>)."
        ))
        .await;
        name
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

    /// Runs `rabbitmqctl` (0.5 s and more) and gives its output; panics if it fails.
    pub(crate) async fn ctl(&self, args: &[&str]) -> String {
        let output = tokio::process::Command::new(Path::new(SCRIPTS).join("rabbitmqctl"))
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
        assert!(
            output.status.success(),
            "rabbitmqctl {args:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Evaluates an Erlang expression on the node.
    pub(crate) async fn eval(&self, expression: &str) -> String {
        self.ctl(&["eval", expression]).await
    }

    /// Closes every connection of one virtual host, as an operator would.
    pub(crate) async fn close_connections(&self, vhost: &str) {
        self.ctl(&["close_all_connections", "--vhost", vhost, "by the test"]).await;
    }

    /// Sets off the memory alarm, or ends it. It blocks every publisher of the node, so only a
    /// private node may have one.
    pub(crate) async fn memory_alarm(&self, on: bool) {
        let mark = if on { "0" } else { "0.4" };
        self.ctl(&["set_vm_memory_high_watermark", mark]).await;
    }

    /// A plain lapin connection, for the test's own part.
    pub(crate) async fn connect(&self, vhost: &str) -> Connection {
        let properties = ConnectionProperties::default().with_connection_name("test".into());
        Connection::connect(&self.amqp_url(vhost), properties).await.unwrap()
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

    fn tell(&self, word: &str) {
        let mut keeper = self.keeper.lock().unwrap();
        writeln!(keeper.stdin.as_mut().unwrap(), "{word}").unwrap();
    }

    fn listens(&self) -> bool {
        TcpStream::connect(self.address()).is_ok()
    }

    fn await_port(&self) {
        let output = || fs::read_to_string(self.dir.join("out")).unwrap_or_default();
        wait_blocking(&"RabbitMQ to boot", || {
            let output = output();
            let failed = output.contains("BOOT FAILED");
            assert!(!failed, "RabbitMQ did not boot:\n{output}");
            self.listens()
        });
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut keeper = self.keeper.lock().unwrap();
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
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
    pub(crate) routing_key: String,
    pub(crate) redelivered: bool,
    pub(crate) body: Vec<u8>,
    pub(crate) properties: BasicProperties,
}

/// Takes the next message from a queue for good, and waits for it up to a minute. It consumes,
/// because a queue with a single active consumer knows no `basic.get`.
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
        routing_key: message.routing_key.to_string(),
        redelivered: message.redelivered,
        body: message.data,
        properties: message.properties,
    }
}

/// Four ports that are free now, from below those that the system gives to clients: a node that is
/// away for a moment must find its port free when it comes back, and a client that keeps trying
/// must not be connected with itself.
fn free_ports() -> [u16; 4] {
    let free = |()| loop {
        let port = rand::random_range(20_000..32_000);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener;
        }
    };
    [(); 4].map(free).map(|listener| listener.local_addr().unwrap().port())
}

#[expect(clippy::disallowed_methods, reason = "nodes are waited for outside of any runtime")]
fn wait_blocking(what: &dyn std::fmt::Display, done: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed() < BOOT_TIMEOUT, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
