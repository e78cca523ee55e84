//! What the tests stand on. What both test targets use is in `tests/support`.

pub(crate) mod amqp;
pub(crate) mod amqp_proxy;
pub(crate) mod brake;
pub(crate) mod broker;
pub(crate) mod commands;
pub(crate) mod http_proxy;
pub(crate) mod intents;
pub(crate) mod lives;
pub(crate) mod program;
pub(crate) mod provider;
pub(crate) mod raw_amqp;
pub(crate) mod neighbour;
pub(crate) mod parked;
pub(crate) mod payments;
pub(crate) mod results;
pub(crate) mod scenario;
pub(crate) mod tally;
pub(crate) mod worker;

#[path = "../support/canary.rs"]
pub(crate) mod canary;
#[path = "../support/child.rs"]
pub(crate) mod child;
#[path = "../support/clock.rs"]
pub(crate) mod clock;
#[path = "../support/matrix.rs"]
pub(crate) mod matrix;
#[path = "../support/payu.rs"]
#[expect(dead_code, reason = "the faults of the transport need more of it")]
pub(crate) mod payu;
#[path = "../support/proc.rs"]
pub(crate) mod proc;
#[path = "../support/proof.rs"]
pub(crate) mod proof;
#[path = "../support/raw_server.rs"]
#[expect(dead_code, reason = "the faults of the transport need more of it")]
pub(crate) mod raw_server;
#[path = "../support/waiting.rs"]
pub(crate) mod waiting;
