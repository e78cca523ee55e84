//! What a gate can be, why it is closed, and what it lets through.

use std::time::Duration;

use super::Trouble;
use crate::domain::classify::Denial;

/// What the gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything may go, at the limiter's pace.
    Open,
    /// Throttled: nothing goes before this moment of the steady clock. The consumer stays, or the
    /// next replica would get the deliveries and run into the same limit.
    Paused {
        /// Until when.
        until: Duration,
        /// Whether the next call is a probe: the provider asked for longer than is believed, or
        /// another process may have sent meanwhile.
        cut: bool,
    },
    /// Denied or down: the consumer is cancelled, and a probe goes out now and then.
    Closed {
        /// Why.
        why: Closure,
        /// When the next probe is due; `None` until a restart.
        probe_at: Option<Duration>,
    },
    /// One call in flight, until one create is answered well.
    Probing,
}

/// Why the gate is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closure {
    /// The provider turns the merchant away.
    Denied(Denial),
    /// The API's address is wrong: 404, 405 or 415 on a create.
    Misdirected(u16),
    /// The provider gave a link on a host that is not allowed.
    ForeignLink,
    /// The provider is down.
    Down(Trouble),
}

/// What a probe of a closed gate showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// An answer that makes sense.
    Good,
    /// An error from details: perhaps that is its answer to a reference that it does not know.
    Error,
    /// No answer from details.
    Silent,
    /// No token, no connection, or an answer that keeps the gate closed.
    Bad,
}

/// What the gate lets through now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Calls, up to the merchant's concurrency.
    Free,
    /// One call at a time.
    One,
    /// Nothing before this moment of the steady clock.
    NotBefore(Duration),
    /// Nothing.
    Shut,
}
