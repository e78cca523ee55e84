//! As much of what the tests stand on as these use.

pub(crate) mod account;
pub(crate) mod log_lines;
pub(crate) mod model;

#[path = "../support/canary.rs"]
pub(crate) mod canary;
#[path = "../support/waiting.rs"]
pub(crate) mod waiting;
