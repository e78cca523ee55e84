//! The command line.

pub mod sandbox;
