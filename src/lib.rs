#![doc = include_str!("../README.md")]

pub mod domain;
pub mod ports;
pub mod clock;
pub mod pace;
pub mod gate;
pub mod turns;
pub mod pipeline;
pub mod worker;
pub mod amqp;
pub mod payu;
pub mod observe;
pub mod http;
pub mod config;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod cli;
