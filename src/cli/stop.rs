//! A stop between two steps of a command.

use tokio_util::sync::CancellationToken;

use super::exit::CommandError;
use crate::signals::StopSignals;

/// Ends with the first signal to stop.
pub(super) fn until_signal() -> Result<CancellationToken, CommandError> {
    let mut signals = StopSignals::listen()
        .map_err(|error| CommandError::Failed(format!("cannot listen for signals: {error}")))?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        stopping.cancel();
    });
    Ok(stop)
}
