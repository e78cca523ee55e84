//! What keeps a delivery from going on.

use std::time::Duration;

use super::Input;

/// Why a delivery cannot go on here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// The process stops.
    Stopping,
    /// The circuit breaker is open.
    BreakerOpen,
    /// A create, or the lookup before one, could not start while its delivery was young.
    Late,
    /// Another lookup could not start in time.
    LookupLate,
    /// The dedup cache has no room for the reference, and may push none out.
    CacheFull,
    /// A limit on money leaves no room for the amount.
    LimitReached,
    /// An operator has paused the merchant.
    Paused,
    /// No place is free to hold the delivery through a wait of so long.
    NoPlace(Duration),
    /// Another delivery with the same reference is being processed.
    ReferenceBusy,
    /// The channel that the delivery came by has ended.
    ChannelEnded,
}

impl Interrupted {
    /// The interruption of something that is no wait.
    pub fn at_once<O>(self) -> Input<O> {
        Input::Interrupted { why: self, waited: Duration::ZERO }
    }

    /// The words in the log.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Stopping => "the process is stopping",
            Self::BreakerOpen => "the circuit breaker is open",
            Self::Late | Self::LookupLate => "it could not start in time",
            Self::CacheFull => "the dedup cache is full",
            Self::LimitReached => "a limit on money is reached",
            Self::Paused => "an operator has paused the merchant",
            Self::NoPlace(_) => "no place is free to wait",
            Self::ReferenceBusy => "another copy is being processed",
            Self::ChannelEnded => "its channel has ended",
        }
    }
}
