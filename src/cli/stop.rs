//! How a command hears that it is to stop.

use tokio_util::sync::CancellationToken;

use super::exit::CommandError;
use crate::signals::StopSignals;

/// Ends with the first signal to stop.
pub(super) fn until_signal() -> Result<CancellationToken, CommandError> {
    until_signals(|| {}).map(|(first, _)| first)
}

/// End with the first signal to stop, and with the second. `at_first` says what the first has begun.
pub(super) fn until_signals(
    at_first: impl FnOnce() + Send + 'static,
) -> Result<(CancellationToken, CancellationToken), CommandError> {
    let mut signals = StopSignals::listen().map_err(|error| {
        CommandError::Failed(format!("cannot listen for signals: {error}; nothing was sent"))
    })?;
    let both = (CancellationToken::new(), CancellationToken::new());
    let (first, second) = both.clone();
    tokio::spawn(async move {
        signals.next().await;
        at_first();
        first.cancel();
        signals.next().await;
        second.cancel();
    });
    Ok(both)
}
