//! What the tests stand on.

pub(crate) mod amqp;
pub(crate) mod broker;
pub(crate) mod broker_proxy;
pub(crate) mod raw_server;
