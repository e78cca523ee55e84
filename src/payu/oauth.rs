//! Access to the account (RFC 6749): the grant that gives a token, and how long one is kept.

mod cache;
mod grant;

pub(super) use cache::TokenCache;
pub use cache::{TokenSeen, Ungranted};
