//! Stopping, in stages: finish what is in flight, close the connections, answer the last page
//! requests.

use std::io;
use std::time::Duration;

use super::App;
use crate::signals::StopSignals;
use crate::telemetry::events;

/// How long the health pages have for their last answers.
const PAGES_GRACE: Duration = Duration::from_secs(2);

impl App {
    /// Works until the first signal, and then until everything is settled, `drain` is over, or a
    /// second signal comes. Returns how many deliveries were left unsettled, and at least one
    /// after a second signal.
    pub async fn until_stopped(mut self) -> io::Result<usize> {
        let mut signals = StopSignals::listen()?;
        signals.next().await;
        events::worker_stopping();
        self.status.stopping();
        self.stopping.cancel();
        let mut left = 0_usize;
        let drained = async {
            while let Some(ended) = self.workers.join_next().await {
                // A worker that panicked settled nothing that was in flight.
                left = left.saturating_add(ended.unwrap_or(1));
            }
        };
        tokio::select! {
            () = drained => {}
            () = signals.next() => return Ok(left.max(1)),
        }
        drop(self.watching);
        self.broker.close().await;
        self.stopped.cancel();
        tokio::select! {
            () = async { while self.serving.join_next().await.is_some() {} } => {}
            () = tokio::time::sleep(PAGES_GRACE) => {}
        }
        Ok(left)
    }
}
