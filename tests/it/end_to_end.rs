//! The real binary between a real RabbitMQ and the sandbox, from intent to result.

mod happy;
mod bodies;
mod doubt;
mod readback;
mod throttled;
mod outage;
mod broker;
mod topology;
mod put_aside;
mod commands;
mod stop;
mod configuration;
mod consumers;
