//! publisher.
