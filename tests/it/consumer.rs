//! consumer.
