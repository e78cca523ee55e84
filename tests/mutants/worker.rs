//! The tests that hold `src/admission` and `src/worker`, without a broker.
mod support;

mod admission;
mod dedup;
mod given_links;
mod delivery;
mod worker;
mod dead_letters;
