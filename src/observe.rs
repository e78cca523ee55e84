//! What happened, told as log lines, metrics and health. It decides nothing.

pub mod facts;
