//! Two connections to one broker that live and end together.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lapin::Channel;
use lapin::types::ShortString;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::channel_pool::ChannelPool;
use super::connection::Connection;
use super::hosts::Hosts;
use super::topology::names::short;
use super::topology::{TopologyError, inspect_queue};
use crate::ports::Moment;

/// What every session needs to know.
pub(super) struct Settings {
    pub(super) hosts: Hosts,
    /// How long an answer of the broker is waited for.
    pub(super) confirm_timeout: Duration,
    pub(super) heartbeat: Duration,
    pub(super) now: Box<dyn Fn() -> Moment + Send + Sync>,
}

/// One session. It ends at the first fault, for all who hold it, and never begins again.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    /// Consumes and acknowledges; never publishes, so that an alarm does not block it.
    consume: Connection,
    publish: Connection,
    address: String,
    login: Option<ShortString>,
    settings: Arc<Settings>,
    pool: ChannelPool,
    /// For inspecting queues that are known to exist.
    probe: Mutex<Option<Channel>>,
    ended: CancellationToken,
    reason: OnceLock<String>,
    blocked: AtomicBool,
    /// Goes up whenever the broker blocks or unblocks the publishing connection.
    block_changes: AtomicU64,
}

impl Session {
    pub(super) fn new(
        consume: Connection,
        publish: Connection,
        address: &Address,
        settings: Arc<Settings>,
    ) -> Self {
        let inner = Inner {
            consume,
            publish,
            address: address.to_string(),
            login: short(address.login()),
            settings,
            pool: ChannelPool::new(),
            probe: Mutex::new(None),
            ended: CancellationToken::new(),
            reason: OnceLock::new(),
            blocked: AtomicBool::new(false),
            block_changes: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Ends the session because of a fault; a new one follows. Only the first reason counts.
    pub fn fail(&self, reason: impl Into<String>) {
        self.end(&reason.into());
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
        self.inner.reason.get().map_or("", String::as_str)
    }

    pub(super) fn end(&self, reason: &str) {
        self.inner.reason.get_or_init(|| reason.to_owned());
        self.inner.ended.cancel();
        self.inner.pool.close();
    }

    /// Says goodbye on both connections, then ends them in any case.
    pub(super) async fn close(&self) {
        tokio::join!(self.inner.consume.close(), self.inner.publish.close());
    }

    /// Reads both connections' states; whether publishing is blocked.
    pub(super) fn observe(&self) -> bool {
        if !self.inner.consume.is_up() {
            self.end("the consuming connection to RabbitMQ has ended");
        }
        if !self.inner.publish.is_up() {
            self.end("the publishing connection to RabbitMQ has ended");
        }
        let blocked = self.inner.publish.is_blocked();
        if self.inner.blocked.swap(blocked, Ordering::Relaxed) != blocked {
            self.inner.block_changes.fetch_add(1, Ordering::Relaxed);
        }
        blocked
    }

    /// Waits for an answer on the publishing connection. `None` if it did not come in time or the
    /// session ended. While the broker blocks the connection the time does not count: it takes
    /// the publish, and answers once the alarm is over.
    ///
    /// It is lent the question: one that is moved here would stand in its caller's memory twice.
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
            if unchanged && !self.inner.publish.is_blocked() {
                return None;
            }
        }
    }

    /// How many ready messages a queue holds; `None` if nobody can say.
    pub(super) async fn ready_count(&self, queue: &str) -> Option<u32> {
        let mut probe = self.inner.probe.lock().await;
        if probe.is_none() {
            // An inspection that fails costs its connection a channel number for good, so the first one
            // is made elsewhere.
            self.inspect(queue).await.ok()??;
            let opened = timeout(self.limit(), self.inner.consume.get().create_channel()).await;
            *probe = opened.ok()?.ok();
        }
        let found = timeout(self.limit(), inspect_queue(probe.as_ref()?, queue)).await;
        if let Ok(Ok(Some(count))) = found {
            return Some(count);
        }
        *probe = None;
        None
    }

    /// Inspects a queue on a connection that lives no longer.
    pub(super) async fn inspect(&self, queue: &str) -> Result<Option<u32>, TopologyError> {
        let hosts = &self.inner.settings.hosts;
        let same = |host: &super::hosts::Host<'_>| host.address.to_string() == self.address();
        let connection = match hosts.each().find(same) {
            Some(host) => host.open_briefly("inspect").await?,
            None => hosts.open_briefly("inspect").await?,
        };
        let found = timeout(self.limit(), async {
            let channel = connection.get().create_channel().await;
            inspect_queue(&channel.map_err(|err| TopologyError::channel(&err))?, queue).await
        });
        let found = found.await;
        connection.close().await;
        found.unwrap_or(Err(TopologyError::TooLong))
    }

    pub(super) async fn open_consuming_channel(&self) -> Option<lapin::Result<Channel>> {
        let opened = timeout(self.limit(), self.inner.consume.get().create_channel());
        opened.await.ok()
    }

    pub(super) async fn open_publishing_channel(&self) -> lapin::Result<Channel> {
        let channel = self.inner.publish.get().create_channel().await?;
        channel.confirm_select(lapin::options::ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }

    pub(super) fn pool(&self) -> &ChannelPool {
        &self.inner.pool
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

    /// Host and port.
    pub(super) fn address(&self) -> &str {
        &self.inner.address
    }
}
