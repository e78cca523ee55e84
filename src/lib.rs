//! Turns payout intents on RabbitMQ into PayU Smart Send links. The README says what it does,
//! `deploy/docs/design.md` why it is safe.
//!
//! # Layout
//!
//! - [`domain`] decides: intents, records, what an answer means, what follows. No I/O, no clock.
//! - [`worker`] sequences one delivery, from intent to settlement; [`admission`] says when a
//!   request may go out; [`ports`] and [`clock`] are all that they know of the outside.
//! - [`amqp`] and [`payu`] talk to RabbitMQ and to PayU, and decide nothing; so does [`local`], a
//!   queue in a file.
//! - [`telemetry`] logs, counts and keeps the status; [`http`] serves it.
//! - [`config`] reads settings, [`app`] builds running workers of them, [`cli`] has a file for
//!   each command, [`batch`] is `submit` and `batch`, [`change`] is `cancel` and `extend`,
//!   [`orders`] is `pause` and `resume`, [`check`] is `check`, [`inquiry`] is `lookup`, `account`
//!   and `bulk`, [`parked`] is `parked`, [`whereabouts`] is `where`, [`reconcile`] is `reconcile`,
//!   [`explain`] has its pages and [`walkthrough`] plays an intent for it, [`survey`] is `survey`,
//!   and [`sandbox`] stands in for PayU. [`actor`] says who runs a command, and why.

pub mod domain;
pub mod ports;
pub mod clock;
mod signals;
mod page;
mod new_file;
pub mod admission;
pub mod worker;
pub mod amqp;
pub mod payu;
pub mod local;
pub mod telemetry;
pub mod http;
pub mod config;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod batch;
pub mod actor;
pub mod orders;
pub mod change;
pub mod check;
pub mod inquiry;
pub mod whereabouts;
pub mod explain;
pub mod walkthrough;
pub mod parked;
pub mod reconcile;
pub mod survey;
pub mod app;
pub mod cli;
