//! The core's own tests.

mod amount;
mod decision;
mod event;
mod intent;
mod outcome;
mod record;
