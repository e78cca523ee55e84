//! What happened: one function for each event, which knows its level, its text and its metrics.
//!
//! Lines on a delivery's way have its ids from [`delivery_span`], so a function takes no id that
//! the span around it provides. Nothing here may hold a customer's data, a link or a secret.

mod broker;
mod calls;
mod intents;
mod spans;
mod worker;

pub use broker::*;
pub use calls::*;
pub use intents::*;
pub use spans::*;
pub use worker::*;
