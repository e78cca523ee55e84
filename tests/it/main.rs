//! The one test binary: one file per subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod support;

mod amount;
mod intent;
mod record;
mod outcome;
mod decision;
mod protocol;
mod event;
mod pace;
mod gate;
mod turns;
mod memory;
mod pipeline;
mod worker;
mod simulation;
mod config;
mod topology;
mod publisher;
mod consumer;
mod supervisor;
mod brokers;
mod token;
mod provider;
mod faults;
mod wire;
mod sandbox;
mod ops;
mod cli;
mod submit;
mod end_to_end;
mod merchants;
mod drain;
mod crash_points;
mod replicas;
mod torture;
mod fuzz_seeds;
mod canary;
mod proof;
mod readme;
mod tidy;
