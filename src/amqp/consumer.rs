//! Consuming one queue.
//!
//! A stream that ends silently, an acknowledgement that answers `Ok(false)`, a process that was
//! frozen for a minute and takes what lay in its socket for new: each looks healthy. So every
//! delivery carries a moment at which it had not yet arrived, and an unrequested end of the stream
//! ends the session.

mod channel;
mod stream;
mod delivery;
mod inbox;

pub use delivery::AmqpDelivery;
pub use inbox::Inbox;
