//! RabbitMQ: deliveries in, confirmed publishes out.
//!
//! Everything that lapin or the broker can leave in doubt ends the same way: the session, which
//! is both connections at once, is thrown away and a new one is made. What was not acknowledged
//! comes back, and what was not confirmed was never acknowledged. So nothing here repairs a
//! connection, a channel or a consumer, and nothing here repeats a publish.

pub mod topology;
pub mod supervisor;
pub mod session;
pub mod consumer;
pub mod publisher;
pub mod results;
mod queue;
pub mod tls;
mod address;
mod connection;
pub mod headers;
mod hosts;

pub use connection::CannotConnect;
pub use consumer::{AmqpDelivery, End, Inbox, NoInbox};
pub use hosts::CannotStart;
pub use publisher::Publisher;
pub use queue::MerchantQueue;
pub use results::{NoResults, Results};
pub use session::Session;
pub use supervisor::{Broker, BrokerState};
pub use topology::{CannotApply, Missing, Topology};
