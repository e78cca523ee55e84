//! What decides and what sequences, with as much of the rest as they and their tests use.

pub mod domain;
pub mod ports;
pub mod clock;
pub mod admission;
pub mod worker;
pub mod telemetry;
pub mod config;
/// The page that a test holds the classification against.
pub mod cli {
    pub mod exit;
    pub mod explain;
}
