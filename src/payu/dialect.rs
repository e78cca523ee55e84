//! The APIs of Smart Send, one module for each; V2 is not implemented yet.

mod v1;

pub(super) use v1::V1;
