//! What the tests stand on.

pub(crate) mod account;
pub(crate) mod broker;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod model;
pub(crate) mod raw_server;
