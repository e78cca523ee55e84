//! What the tests stand on. What both test targets use is in `tests/support`.

pub(crate) mod account;
pub(crate) mod configuration;
pub(crate) mod log_lines;
pub(crate) mod model;
pub(crate) mod proof_table;

#[path = "../support/canary.rs"]
pub(crate) mod canary;
#[path = "../support/child.rs"]
pub(crate) mod child;
#[path = "../support/clock.rs"]
pub(crate) mod clock;
#[path = "../support/matrix.rs"]
pub(crate) mod matrix;
#[path = "../support/payu.rs"]
pub(crate) mod payu;
#[path = "../support/proc.rs"]
pub(crate) mod proc;
#[path = "../support/proof.rs"]
pub(crate) mod proof;
#[path = "../support/raw_server.rs"]
pub(crate) mod raw_server;
#[path = "../support/waiting.rs"]
pub(crate) mod waiting;
