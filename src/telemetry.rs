//! Log lines, metrics and health pages' data. Nothing is decided here.

pub mod events;
pub mod log;
pub mod metrics;
pub mod panics;
pub mod status;
