//! Log lines, metrics and health. It decides nothing.

pub mod events;
pub mod log;
pub mod metrics;
pub mod panics;
pub mod status;
