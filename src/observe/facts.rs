//! One type per thing that happened: it knows its level, its text, its metric and its labels.

pub mod broker;
pub mod provider;
pub mod calls;
pub mod intents;
