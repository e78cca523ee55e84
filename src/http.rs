//! Pages for operators, and the HTTP server that they and the sandbox share.

pub mod ops;
pub mod server;
mod places;
