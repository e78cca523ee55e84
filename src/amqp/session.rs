//! One connection to the broker, until its first fault.
//!
//! It ends for everyone who holds it, and is never reopened: whatever lapin or the broker may have
//! left unclear ends with it. Each merchant consumes on a session of its own, and all of them
//! publish on one, so that a fault ends only the session on which it happened.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lapin::Channel;
use lapin::types::ShortString;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{ConnectError, Connection};
use super::hosts::{Host, Hosts};
use super::topology::names::short;
use crate::ports::Moment;

/// How often a connection's state is polled. lapin's event stream is no alternative: it loses what
/// happens before it is requested, and two listeners share one stream.
pub(super) const WATCH_EVERY: Duration = Duration::from_millis(100);
/// Why a healthy session ends.
pub(super) const STOPPING: &str = "the worker is stopping";

/// How long its channels may take to be closed. It is a few round trips on a broker that answers.
const CHANNELS_TIMEOUT: Duration = Duration::from_secs(1);
/// Why a session ends that another one replaces.
pub(super) const WORN: &str = "most of its channel numbers are used up";

/// What every session needs to know.
pub(super) struct Settings {
    pub(super) hosts: Hosts,
    /// How long to wait for an answer of the broker.
    pub(super) confirm_timeout: Duration,
    pub(super) heartbeat: Duration,
    pub(super) now: Box<dyn Fn() -> Moment + Send + Sync>,
}

/// One session. Clones share it.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    number: u64,
    connection: Connection,
    address: String,
    login: Option<ShortString>,
    settings: Arc<Settings>,
    ended: CancellationToken,
    reason: OnceLock<String>,
    blocked: AtomicBool,
    /// The channels that are being closed.
    closing: TaskTracker,
    /// Goes up whenever the broker blocks or unblocks the connection.
    block_changes: AtomicU64,
}

impl Session {
    /// Connects to the first host that answers, once. `purpose` is a part of the connection's
    /// name. The session ends with `stop` at the latest.
    pub(super) async fn connect(
        settings: &Arc<Settings>,
        purpose: &str,
        stop: &CancellationToken,
    ) -> Result<Self, ConnectError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let open = async |host: Host<'_>| {
            let connection = host.open(purpose).await?;
            let inner = Inner {
                number: COUNT.fetch_add(1, Ordering::Relaxed),
                connection,
                address: host.address.to_string(),
                login: short(host.address.login()).ok(),
                settings: Arc::clone(settings),
                ended: stop.child_token(),
                reason: OnceLock::new(),
                blocked: AtomicBool::new(false),
                closing: TaskTracker::new(),
                block_changes: AtomicU64::new(0),
            };
            Ok(Self { inner: Arc::new(inner) })
        };
        settings.hosts.first(open).await
    }

    /// Ends the session because of a fault. Only the first reason counts.
    pub fn fail(&self, reason: impl Into<String>) {
        self.inner.reason.get_or_init(|| reason.into());
        self.inner.ended.cancel();
    }

    /// Whether nothing has ended it yet.
    pub fn is_live(&self) -> bool {
        !self.inner.ended.is_cancelled()
    }

    /// Returns once it has ended.
    pub async fn ended(&self) {
        self.inner.ended.cancelled().await;
    }

    /// Ends when it has.
    pub fn ending(&self) -> CancellationToken {
        self.inner.ended.clone()
    }

    /// Why it has ended.
    pub fn reason(&self) -> &str {
        self.inner.reason.get().map_or(STOPPING, String::as_str)
    }

    /// Watches the connection until the session ends.
    pub(super) async fn watch(&self) {
        loop {
            tokio::select! {
                () = self.ended() => return,
                () = sleep(WATCH_EVERY) => {}
            }
            self.observe();
        }
    }

    /// Closes the connection once what was acknowledged on it has reached the queues, if that does
    /// not take long.
    pub(super) async fn close(&self) {
        self.inner.closing.close();
        timeout(CHANNELS_TIMEOUT, self.inner.closing.wait()).await.ok();
        self.inner.connection.close().await;
    }

    /// Runs what a channel needs before it can be closed. The connection is closed after it.
    pub(super) fn before_close(&self, work: impl Future<Output = ()> + Send + 'static) {
        if self.inner.connection.is_up() && !self.inner.connection.is_blocked() {
            self.inner.closing.spawn(work);
        }
    }

    /// Ends it once only the caller and its watcher hold it.
    pub(super) async fn retire(self) {
        while Arc::strong_count(&self.inner) > 2 && self.is_live() {
            sleep(WATCH_EVERY).await;
        }
        self.fail(WORN);
    }

    /// Reads the connection's state; whether publishing is blocked.
    pub(super) fn observe(&self) -> bool {
        if !self.inner.connection.is_up() {
            self.fail("the connection to RabbitMQ has ended");
        }
        let blocked = self.inner.connection.is_blocked();
        if self.inner.blocked.swap(blocked, Ordering::Relaxed) != blocked {
            self.inner.block_changes.fetch_add(1, Ordering::Relaxed);
        }
        blocked
    }

    /// Whether so many of its channel numbers are used up that a new connection should take over.
    pub(super) fn is_worn(&self) -> bool {
        self.inner.connection.is_worn()
    }

    /// Waits for an answer. `None` if it did not come in time or the session ended. Time during
    /// which the broker blocks the connection does not count: it accepts a publish, and answers
    /// once the alarm is over.
    ///
    /// The question is borrowed: moved here, it would be in its caller's future twice.
    pub(super) async fn answer<T>(
        &self,
        mut answer: Pin<&mut (impl Future<Output = T> + Send)>,
    ) -> Option<T> {
        loop {
            let changes = self.inner.block_changes.load(Ordering::Relaxed);
            tokio::select! {
                biased;
                got = &mut answer => return Some(got),
                () = self.inner.ended.cancelled() => return None,
                () = sleep(self.inner.settings.confirm_timeout) => {}
            }
            let unchanged = changes == self.inner.block_changes.load(Ordering::Relaxed);
            if unchanged && !self.inner.connection.is_blocked() {
                return None;
            }
        }
    }

    /// A new channel; `None` if the broker does not answer.
    pub(super) async fn open_channel(&self) -> Option<lapin::Result<Channel>> {
        self.answer(Box::pin(self.inner.connection.open_channel()).as_mut()).await
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.inner.connection
    }

    /// How long one answer of the broker may take.
    pub(super) fn limit(&self) -> Duration {
        self.inner.settings.confirm_timeout
    }

    pub(super) fn heartbeat(&self) -> Duration {
        self.inner.settings.heartbeat
    }

    pub(super) fn now(&self) -> Moment {
        (self.inner.settings.now)()
    }

    /// The login as AMQP carries it; `None` if it is too long to be a `user_id`.
    pub(super) fn login(&self) -> Option<&ShortString> {
        self.inner.login.as_ref()
    }

    /// Identifies this session.
    pub(super) fn number(&self) -> u64 {
        self.inner.number
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.inner.address
    }
}
