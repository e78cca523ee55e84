//! What the tests stand on.

pub(crate) mod broker;
pub(crate) mod raw_server;
