//! raw_server.
