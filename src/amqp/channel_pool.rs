//! The publishing session with its confirm channels, each lent to one publish at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lapin::Channel;
use lapin::options::ConfirmSelectOptions;
use tokio::time::sleep;

use super::session::{Session, WATCH_EVERY, WORN};

/// The channels of one session. Clones share them.
#[derive(Clone)]
pub(super) struct ChannelPool {
    inner: Arc<Inner>,
}

struct Inner {
    session: Session,
    idle: Mutex<Vec<Channel>>,
    checking: AtomicBool,
}

impl ChannelPool {
    pub(super) fn new(session: Session) -> Self {
        let inner = Inner { session, idle: Mutex::default(), checking: AtomicBool::new(false) };
        Self { inner: Arc::new(inner) }
    }

    pub(super) fn session(&self) -> &Session {
        &self.inner.session
    }

    /// An idle channel; `None` if the broker does not open one.
    pub(super) async fn take(&self) -> Option<Channel> {
        let idle = self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if idle.is_some() {
            return idle;
        }
        let session = &self.inner.session;
        let channel = session.open_channel().await?.ok()?;
        let options = ConfirmSelectOptions::default();
        session.answer(Box::pin(channel.confirm_select(options)).as_mut()).await?.ok()?;
        Some(channel)
    }

    /// Returns a channel whose every publish was confirmed plainly. Any other is closed when it is
    /// dropped.
    pub(super) fn give_back(&self, channel: Channel) {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner).push(channel);
    }

    /// Ends the session unless the broker still answers on it. A publish without a confirm may be
    /// the fault of one queue, and then the others go on.
    pub(super) fn check(&self) {
        if self.inner.checking.swap(true, Ordering::AcqRel) {
            return;
        }
        let pool = self.clone();
        tokio::spawn(async move {
            if !matches!(pool.inner.session.open_channel().await, Some(Ok(_))) {
                pool.inner.session.fail("the publishing connection no longer answers");
            }
            pool.inner.checking.store(false, Ordering::Release);
        });
    }

    /// Waits until its last publish is over, and closes it.
    pub(super) async fn retire(self) {
        let session = &self.inner.session;
        while Arc::strong_count(&self.inner) > 1 && session.is_live() {
            sleep(WATCH_EVERY).await;
            session.observe();
        }
        session.fail(WORN);
        session.close().await;
    }
}
