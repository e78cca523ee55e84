//! The tests that need no broker: one file per subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod support;

mod actor;
mod amount;
mod intent;
mod record;
mod outcome;
mod decision;
mod protocol;
mod envelope;
mod event;
mod admission;
mod dedup;
mod given_links;
mod delivery;
mod worker;
mod local;
mod publisher_guard;
mod spending;
mod lookup_lag;
mod dead_letters;
mod deaths;
mod simulation;
mod config;
mod token;
mod provider;
mod faults;
mod wire;
mod sandbox;
mod http;
mod ops;
mod cli;
mod commands;
mod files;
mod inquiry;
mod orders;
mod parked;
mod reconcile;
mod survey;
mod check;
mod whereabouts;
mod walkthrough;
mod fuzz_seeds;
mod canary;
mod proof;
mod readme;
mod tidy;
