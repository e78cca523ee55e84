//! Waiting for something to be so, with a deadline.

use std::time::Duration;

/// How long anything may take that should take a moment: the machine may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Waits until something is so, up to so long.
pub(crate) async fn until(what: &str, within: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    let waited = tokio::time::timeout(within, waiting).await;
    waited.unwrap_or_else(|_| panic!("waited {within:?} in vain for {what}"));
}
