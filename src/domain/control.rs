//! What an operator orders the workers of a merchant to do.
//!
//! An order goes to every process. The checkpoint has a pause too, for whoever becomes active next.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Nothing new is started for a merchant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// Who ordered it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub since: Timestamp,
}

/// An order for one merchant, as JSON. Unknown fields are ignored: a newer version may have sent it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The merchant.
    pub merchant: String,
    /// What is to be done.
    #[serde(flatten)]
    pub action: ControlAction,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "action", rename_all = "camelCase")]
pub enum ControlAction {
    /// Start nothing new.
    Pause(Pause),
    /// Start what is there.
    Resume {
        /// Who ordered it.
        actor: String,
    },
    /// Start so many, and then nothing again, in this process alone.
    Allow {
        /// The process, by the name in its [`Reply`].
        process: String,
        /// How many.
        limit: u32,
        /// Who ordered it.
        actor: String,
    },
    /// Say how the merchant is.
    Ask,
}

/// What a process answers to an order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// A name that no other process has.
    pub process: String,
    /// Whether nothing new is started there.
    pub is_paused: bool,
    /// Whether it is or was the active consumer, and so knows what belongs into the checkpoint.
    pub is_active: bool,
    /// Whether the checkpoint says the same.
    pub is_saved: bool,
}
