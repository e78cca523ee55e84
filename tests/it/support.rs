//! What the tests stand on.

pub(crate) mod account;
pub(crate) mod amqp;
pub(crate) mod amqp_proxy;
pub(crate) mod brake;
pub(crate) mod broker;
pub(crate) mod broker_proxy;
pub(crate) mod broker_stages;
pub(crate) mod canary;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod http_proxy;
pub(crate) mod model;
pub(crate) mod intents;
pub(crate) mod payu;
pub(crate) mod proc;
pub(crate) mod program;
pub(crate) mod proof;
pub(crate) mod proof_table;
pub(crate) mod provider;
pub(crate) mod raw_server;
pub(crate) mod results;
pub(crate) mod scenario;
pub(crate) mod tally;
pub(crate) mod waiting;
pub(crate) mod worker;
