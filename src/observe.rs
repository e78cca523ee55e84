//! What happened, told as log lines, metrics and health. It decides nothing.

pub mod facts;
pub mod meters;
pub mod board;
pub mod log;
pub mod metrics;
pub mod panics;
