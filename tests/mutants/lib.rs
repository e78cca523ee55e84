//! What decides and what sequences, with as much of the rest as they and their tests use.

pub mod domain;
/// The pages that a test holds the classification against.
pub mod explain;
mod page;

#[cfg(feature = "worker")]
pub mod ports;
#[cfg(feature = "worker")]
pub mod clock;
#[cfg(feature = "worker")]
pub mod admission;
#[cfg(feature = "worker")]
pub mod worker;
#[cfg(feature = "worker")]
pub mod telemetry;
#[cfg(feature = "worker")]
pub mod config;
