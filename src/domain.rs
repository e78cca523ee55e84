//! The core: what a payout intent is, what is known of it, what a call means and what follows.
//!
//! It decides and does no I/O: no clock, no randomness, no broker, no HTTP. Times come in as
//! arguments. Nothing here imports anything of ours, and serde lives only in `object`, which reads
//! what upstream wrote, and `event/wire.rs`. In the order of the line:

#![warn(missing_docs)]

pub mod reference;
pub mod amount;
pub mod customer;
pub mod account;
pub mod object;
pub mod intent;
pub mod command;
pub mod work;
pub mod publisher_guard;
pub mod trace;
pub mod record;
pub mod call;
pub mod codes;
pub mod link;
pub mod readback;
pub mod classify;
pub mod retry_delays;
pub mod spending;
pub mod lookup_lag;
pub mod verdict;
pub mod control;
pub mod decide;
pub mod event;
pub mod dead_letter;
