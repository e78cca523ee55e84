//! The publishing session with its confirm channels, each lent to one publish at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lapin::Channel;
use lapin::options::ConfirmSelectOptions;

use super::session::Session;

pub(super) struct ChannelPool {
    session: Session,
    idle: Mutex<Vec<Channel>>,
    checking: AtomicBool,
}

impl ChannelPool {
    pub(super) fn new(session: Session) -> Arc<Self> {
        Arc::new(Self { session, idle: Mutex::default(), checking: AtomicBool::new(false) })
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// An idle channel; `None` if the broker does not open one.
    pub(super) async fn take(&self) -> Option<Channel> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if idle.is_some() {
            return idle;
        }
        let channel = self.session.open_channel().await.ok()?;
        let options = ConfirmSelectOptions::default();
        self.session.answer(Box::pin(channel.confirm_select(options)).as_mut()).await?.ok()?;
        Some(channel)
    }

    /// Returns a channel whose every publish was confirmed plainly. Any other is closed when it is
    /// dropped.
    pub(super) fn give_back(&self, channel: Channel) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(channel);
    }

    /// Ends the session unless the broker still answers on it. A publish without a confirm may be
    /// the fault of one queue, and then the others go on.
    pub(super) fn check(self: &Arc<Self>) {
        if self.checking.swap(true, Ordering::AcqRel) {
            return;
        }
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            if pool.session.open_channel().await.is_err() {
                pool.session.fail("the publishing connection no longer answers");
            }
            pool.checking.store(false, Ordering::Release);
        });
    }
}
