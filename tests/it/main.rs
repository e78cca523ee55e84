//! The tests that need a broker, or the real binary at one: one file per subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod support;

mod broker_protocol;
mod topology;
mod publisher;
mod consumer;
mod envelopes;
mod supervisor;
mod brokers;
mod binary_faults;
mod submit;
mod batch;
mod end_to_end;
mod commands;
mod whereabouts;
mod guards;
mod pause;
mod check;
mod parked;
mod default_times;
mod merchants;
mod drain;
mod crash_points;
mod replicas;
mod torture;
mod canary;
