//! A merchant's queue in one SQLite file: for `batch` what RabbitMQ is for `run`.
//!
//! The worker, the domain and admission are the same; this is another implementation of their
//! ports. What a broker promises, the file has to: a row is marked as claimed on disk before the
//! worker gets it, and what the worker publishes for it takes its place on disk before the worker
//! learns of it. So at any moment a row is either as it was before its delivery, or as the last
//! publish left it, or claimed; and what is found claimed at the next start may have been sent. It
//! is delivered as redelivered, and looked up first.
//!
//! Every command is answered after its commit with a full sync. One task owns the connection and
//! commits whatever waits for it in one transaction, so that a sync is paid for by many rows.

mod account_lock;
mod claims;
mod commands;
mod error;
mod outbox;
mod queue;
mod report;
mod rows;
mod schema;
mod session;
mod writer;

pub use account_lock::{AccountLock, AccountLockError};
pub use error::{OpenError, StoreError};
pub use outbox::LocalOutbox;
pub use queue::{LocalDelivery, LocalInbox, LocalQueue};
pub use report::{Reported, Standing};
pub use rows::{NewRow, Placed};
pub use schema::{Owner, Store};
pub use session::{Session, Started};
pub use writer::Commits;
