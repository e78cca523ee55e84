//! A model of the ports on simulated time: a provider, a broker, a clock, and processes that can
//! be killed at any step.
//!
//! It is for `#[tokio::test(flavor = "current_thread", start_paused = true)]`: time passes only
//! when everything waits, and chance comes from a seed, so a run is the same every time.

mod account;
mod acts;
mod broker;
mod clock;
mod cures;
mod inbox;
mod journal;
mod life;
mod link_life;
mod links;
mod message;
mod outbox;
mod scene;
mod shelves;
mod smart_send;

pub(crate) use acts::{Act, accepted, refusal, word};
pub(crate) use clock::{Chance, ModelClock, wall_at};
pub(crate) use cures::Cure;
pub(crate) use inbox::ModelInbox;
pub(crate) use journal::{Journal, Step};
pub(crate) use life::{Freeze, Life};
pub(crate) use link_life::{Change, LinkLife, Standing};
pub(crate) use links::Fate;
pub(crate) use message::{Door, Fault, Message};
pub(crate) use scene::{ModelContext, Process, Scene, Settings, body, intent_of, queue_name};
pub(crate) use smart_send::{Called, State};
