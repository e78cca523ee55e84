//! A parsed wish to pay: what upstream publishes, validated.

pub mod wire;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::amount::Amount;
use super::customer::{Contact, Private};
use super::object::FieldError;
use super::reference::Reference;

/// A wish to pay that satisfies every rule of the contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// The merchant's own name for it.
    pub reference: Reference,
    /// How much.
    pub amount: Amount,
    /// What for; the customer sees it.
    pub description: Private,
    /// The customer's name.
    pub name: Option<Private>,
    /// How the customer is reached.
    pub contact: Contact,
    /// When the link is to expire, in V2; the account has a default.
    pub expiry: Option<Timestamp>,
    /// Whether the link skips the account's approval, in V2; the account has a default.
    pub disable_approval: Option<bool>,
    /// No link is made after it.
    pub deadline: Option<Timestamp>,
    /// Copied into the event.
    pub metadata: BTreeMap<String, String>,
}

/// A body that is not a valid intent: every error, and the fields that are valid all the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// Every error, in the order of the fields; never empty.
    pub errors: Vec<FieldError>,
    /// The fields that are valid by themselves, for the event.
    pub valid: Fragment,
    /// Whether the body is larger than any intent. It is not published again: a confirm of it may
    /// hold up everything that is published beside it.
    pub is_too_large: bool,
    /// Whether it looks like a command, which belongs on another queue.
    pub is_command: bool,
}

/// The valid fields of an intent that is not valid as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fragment {
    /// See [`Intent::reference`].
    pub reference: Option<Reference>,
    /// See [`Intent::amount`].
    pub amount: Option<Amount>,
    /// See [`Intent::description`].
    pub description: Option<Private>,
    /// See [`Intent::name`].
    pub name: Option<Private>,
    /// See [`Intent::contact`].
    pub contact: Option<Contact>,
    /// See [`Intent::metadata`].
    pub metadata: BTreeMap<String, String>,
}
