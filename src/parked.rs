//! Parked messages, as a person deals with them: listed, shown, sent back to a worker, discarded.
//!
//! The danger is a button that says "all": it acts on what came after the page was read, and on what
//! nobody has looked at. So a replay acts on a [`plan`], a list whose every entry was looked up, once;
//! and each message is taken off the queue only after the broker has confirmed what replaces it.

pub mod copy;
pub mod decision;
pub mod message;
pub mod plan;
pub mod progress;
pub mod selection;
pub mod shown;
pub mod tally;
mod discard;
pub mod follow;
mod list;
mod planning;
pub mod refs;
mod replay;

pub use discard::{Discarded, discard, find};
pub use follow::{Ends, FollowEnd, Followed};
pub use list::{list, show};
pub use planning::{Planned, PlanningError, Request, plan as make_plan};
pub use replay::{Replay, ReplayEnd, ReplayError};
