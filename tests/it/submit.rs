//! `smartsend submit`, as a person runs it.

mod ground;
mod sheets;
mod sent;
mod waited;
mod reports;
