//! One connection to the broker, until its first fault.
//!
//! It ends for everyone who holds it, and is never reopened: whatever lapin or the broker may have
//! left unclear ends with it. Each merchant consumes on a session of its own, and all of them
//! publish on one, so that a fault ends only the session on which it happened.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lapin::Channel;
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{ConnectError, Connection};
use super::hosts::Hosts;
use super::tls::BrokerConfigError;
use super::topology::inspect_queue;
use crate::config;
use crate::ports::{Clock, Moment};
use crate::telemetry::status::QueueCount;

/// Why a healthy session ends.
const STOPPING: &str = "the worker is stopping";
/// Why a session ends that another one has replaced.
const REPLACED: &str = "most of its channel numbers are used up";

/// What every session needs to know.
pub(super) struct Settings {
    pub(super) hosts: Hosts,
    /// How long to wait for an answer of the broker.
    pub(super) confirm_timeout: Duration,
    pub(super) heartbeat: Duration,
    pub(super) clock: Box<dyn Fn() -> Moment + Send + Sync>,
}

impl Settings {
    pub(super) fn read(
        config: &config::Broker,
        clock: impl Clock,
    ) -> Result<Self, BrokerConfigError> {
        Ok(Self {
            hosts: Hosts::read(config)?,
            confirm_timeout: config.confirm_timeout,
            heartbeat: config.heartbeat.into(),
            clock: Box::new(move || clock.now()),
        })
    }

    pub(super) fn now(&self) -> Moment {
        (self.clock)()
    }
}

/// One session. Clones share it.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    settings: Arc<Settings>,
    ended: CancellationToken,
    reason: OnceLock<String>,
    /// Whether the broker blocks the connection.
    blocked: watch::Sender<bool>,
    /// The channels that are being closed.
    closing: TaskTracker,
    /// For questions about queues. One that fails is closed by the broker, and costs the connection
    /// a channel number.
    questions: Mutex<Option<Channel>>,
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Session {
    /// Connects once. `purpose` is a part of the connection's name. The session ends with `stop` at
    /// the latest.
    pub(super) async fn connect(
        settings: &Arc<Settings>,
        purpose: &str,
        stop: &CancellationToken,
    ) -> Result<Self, ConnectError> {
        let inner = Inner {
            connection: settings.hosts.connect(purpose, None).await?,
            settings: Arc::clone(settings),
            ended: stop.child_token(),
            reason: OnceLock::new(),
            blocked: watch::Sender::new(false),
            closing: TaskTracker::new(),
            questions: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Ends the session because of a fault. Only the first reason counts.
    pub fn fail(&self, reason: impl Into<String>) {
        self.inner.reason.get_or_init(|| reason.into());
        self.inner.ended.cancel();
    }

    pub fn is_live(&self) -> bool {
        !self.inner.ended.is_cancelled()
    }

    pub async fn ended(&self) {
        self.inner.ended.cancelled().await;
    }

    pub fn ending(&self) -> CancellationToken {
        self.inner.ended.clone()
    }

    /// Why it has ended.
    pub fn reason(&self) -> &str {
        self.inner.reason.get().map_or(STOPPING, String::as_str)
    }

    /// Closes the connection once what was acknowledged on it has reached the queues.
    pub(super) async fn close(&self) {
        self.inner.closing.close();
        self.inner.closing.wait().await;
        self.inner.connection.close().await;
    }

    /// Runs what a channel needs before it can be closed, for no longer than the broker may take to
    /// answer. The connection is closed after it.
    pub(super) fn before_close(&self, work: impl Future<Output = ()> + Send + 'static) {
        if self.inner.connection.is_up() && !self.inner.connection.is_blocked() {
            let limit = self.limit();
            self.inner.closing.spawn(async move { drop(timeout(limit, work).await) });
        }
    }

    /// Reads the connection's state; whether publishing is blocked. The session ends with its
    /// connection, and when only the caller holds it: then another one has replaced it.
    pub(super) fn observe(&self) -> bool {
        if !self.inner.connection.is_up() {
            self.fail("the connection to RabbitMQ has ended");
        } else if Arc::strong_count(&self.inner) == 1 {
            self.fail(REPLACED);
        }
        self.is_blocked()
    }

    pub(super) fn is_blocked(&self) -> bool {
        let is_blocked = self.inner.connection.is_blocked();
        self.inner.blocked.send_if_modified(|was| std::mem::replace(was, is_blocked) != is_blocked);
        is_blocked
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
        let mut blocked = self.inner.blocked.subscribe();
        loop {
            tokio::select! {
                biased;
                got = &mut answer => return Some(got),
                () = self.inner.ended.cancelled() => return None,
                Ok(()) = blocked.changed() => {}
                () = sleep(self.inner.settings.confirm_timeout) => {
                    if !self.is_blocked() {
                        return None;
                    }
                }
            }
        }
    }

    pub(super) async fn open_channel(&self) -> lapin::Result<Channel> {
        let opened = self.answer(Box::pin(self.inner.connection.open_channel()).as_mut()).await;
        opened.unwrap_or_else(|| Err(timed_out()))
    }

    /// What a queue holds; `None` if that is unknown.
    pub(super) async fn count(&self, queue: &str) -> Option<QueueCount> {
        let mut questions = self.inner.questions.lock().await;
        let counted = timeout(self.limit(), async {
            let channel = match questions.take() {
                Some(channel) => channel,
                None => self.open_channel().await.ok()?,
            };
            let found = inspect_queue(&channel, queue).await.ok()?;
            *questions = Some(channel);
            Some(found)
        });
        counted.await.ok()?
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.inner.connection
    }

    /// How long one answer of the broker may take.
    pub(super) fn limit(&self) -> Duration {
        self.inner.settings.confirm_timeout
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.inner.settings
    }
}

/// What lapin's own errors say where it would wait for ever.
pub(super) fn timed_out() -> lapin::Error {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
