//! RabbitMQ: deliveries in, confirmed publishes out.
//!
//! Everything that lapin or the broker can leave in doubt ends the same way: the session, which
//! is both connections at once, is thrown away and a new one is made. What was not acknowledged
//! comes back, and what was not confirmed was never acknowledged. So nothing here repairs a
//! connection, a channel or a consumer, and nothing here repeats a publish.

pub mod topology;
pub mod supervisor;
pub mod session;
mod channel_pool;
pub mod consumer;
mod queue;
mod checkpoint;
pub mod publisher;
mod routes;
pub mod result_events;
pub mod headers;
mod hosts;
mod connection;
pub mod tls;
mod address;

pub use connection::ConnectError;
pub use consumer::{AmqpDelivery, ConsumeError, Inbox, InboxEnd};
pub use hosts::BrokerConfigError;
pub use publisher::Publisher;
pub use queue::MerchantQueue;
pub use result_events::{ResultEvents, ResultEventsError};
pub use session::Session;
pub use supervisor::{Broker, BrokerState};
pub use topology::{Missing, Topology, TopologyError};
