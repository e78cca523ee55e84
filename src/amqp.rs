//! RabbitMQ: deliveries in, confirmed publishes out.
//!
//! Whatever lapin or the broker leaves unclear ends the same way: the session, which is one
//! connection, is discarded and a new one is made. What was not acknowledged comes back, and
//! what was not confirmed was never acknowledged. So nothing here repairs a connection, a channel
//! or a consumer, and nothing here repeats a publish. Each merchant consumes on a session of its
//! own; all of them publish on one.
//!
//! Of what others write only the body is read as it came: everything around it is made readable for
//! lapin first ([`envelope`]).

pub mod topology;
pub mod supervisor;
mod outage;
mod connections;
mod channel_pool;
pub mod session;
pub mod consumer;
mod queue;
mod checkpoint;
pub mod inventory;
pub mod publisher;
mod routes;
mod refusals;
mod private_queue;
pub mod result_events;
pub mod control;
pub mod upstream;
pub mod parked_pass;
pub mod parked_queue;
pub mod headers;
mod hosts;
pub mod envelope;
mod filtered_stream;
mod server;
mod connection;
pub mod inspection;
pub mod tls;

pub use connection::ConnectError;
pub use connections::{BrokerState, ConnectionInfo, Connections};
pub use consumer::{AmqpDelivery, Inbox};
pub use inspection::{Inspection, Writing, written};
pub use parked_pass::{Extent, ParkedDelivery, ParkedMessage, ParkedQueueError, Pass};
pub use parked_queue::ParkedQueue;
pub use publisher::Publisher;
pub use queue::{DeadLetterQueue, MerchantQueue};
pub use result_events::{EventCopy, ResultEvents, ResultEventsError};
pub use server::Server;
pub use session::Session;
pub use supervisor::Broker;
pub use tls::BrokerConfigError;
pub use topology::{Topology, TopologyError};
pub use upstream::{Upstream, UpstreamError};
