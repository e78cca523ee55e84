//! Access to the account (RFC 6749): which grant is asked for a token, and how long one is kept.

mod cache;
mod grant;

pub(super) use cache::TokenCache;
