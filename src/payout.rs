//! The core: what a payout intent is, what is known of it, what a call means and what follows.
//!
//! It decides and does no I/O: no clock, no randomness, no broker, no HTTP. Times come in as
//! arguments. Nothing here imports anything of ours, and serde lives only in `intent/wire.rs` and
//! `event/wire.rs`. In the order of the line:

pub mod reference;
pub mod amount;
pub mod customer;
pub mod intent;
pub mod record;
pub mod sighting;
pub mod codes;
pub mod link;
pub mod outcome;
pub mod retry;
pub mod decision;
pub mod event;
