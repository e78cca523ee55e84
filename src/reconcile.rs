//! Compares a file with what PayU shows and with the events that downstream stored.
//!
//! Three directions: what FILE pays has a link at PayU; what PayU has a link for is known to FILE, as
//! far as FILE's references go, since PayU lists no links; what an event announced is in FILE and at
//! PayU. Whatever was not looked at is said, and is never counted as a match.
//!
//! [`ask`] asks and [`input`] reads; everything else is given what they found, and the time.

pub mod ask;
pub mod difference;
pub mod draft;
pub mod events;
pub mod findings;
pub mod input;
mod json;
pub mod out;
pub mod page;
pub mod row;
pub mod seen;
pub mod sums;
pub mod verdict;

pub use json::json;
