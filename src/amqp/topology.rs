//! Every exchange, queue and binding, as one table that serves to declare, to verify and to export.
//!
//! A retry queue that drops, a queue that does not park, a policy that someone removed: each
//! silently loses intents. So nothing depends on policies, every argument is written in the table
//! and nowhere else. An argument of a queue that exists cannot be changed over AMQP, so they are
//! part of the contract.

pub mod names;
mod table;
mod declare;
mod audit;
mod export;

pub use audit::Audit;
pub(super) use audit::audit_on;
pub use declare::{TopologyError, apply, verify};
pub(super) use declare::{compare_on, inspect_on, inspect_queue, is_missing};
pub use table::{NameTooLongError, Topology};
