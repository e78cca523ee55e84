//! The command line.

pub mod topology;
