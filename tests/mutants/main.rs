//! The tests that hold `src/domain`, `src/admission` and `src/worker`, without a broker.
mod support;

mod amount;
mod intent;
mod record;
mod outcome;
mod decision;
mod commands;
mod event;
mod admission;
mod dedup;
mod given_links;
mod delivery;
mod worker;
mod publisher_guard;
mod spending;
mod lookup_lag;
mod dead_letters;
