//! What FILE says of each of its rows.

use crate::domain::amount::Amount;
use crate::domain::customer::{Contact, Private};
use crate::domain::reference::Reference;

/// One row of FILE.
#[derive(Clone, Debug)]
pub struct Row {
    /// The number that a spreadsheet shows.
    pub number: usize,
    pub says: Says,
}

/// What a row says.
#[derive(Clone, Debug)]
pub enum Says {
    /// It is to be paid, or has a link.
    Pays(Payout),
    /// It has no link, or none by this row.
    NoLink {
        reference: Option<Reference>,
        amount: Option<Amount>,
        /// How FILE puts it.
        word: &'static str,
    },
}

#[derive(Clone, Debug)]
pub struct Payout {
    pub reference: Reference,
    pub amount: Amount,
    /// The customer, as far as FILE names one.
    pub contact: Option<Contact>,
    pub claim: Claim,
}

/// How far a row says that a payout has come.
#[derive(Clone, Debug)]
pub enum Claim {
    /// It is an intent: FILE does not say whether it was sent. Its JSON, if `submit` would send it.
    Wanted(Option<Private>),
    /// It has this link.
    Link(Private),
    /// It was sent, and may have a link.
    Open,
    /// It is parked, and may have a link.
    Parked,
}

impl Row {
    pub fn reference(&self) -> Option<&Reference> {
        match &self.says {
            Says::Pays(payout) => Some(&payout.reference),
            Says::NoLink { reference, .. } => reference.as_ref(),
        }
    }

    pub fn amount(&self) -> Option<Amount> {
        match &self.says {
            Says::Pays(payout) => Some(payout.amount),
            Says::NoLink { amount, .. } => *amount,
        }
    }
}

impl Claim {
    /// The word for it beside PayU's status.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Wanted(_) => "to be paid",
            Self::Link(_) => "created",
            Self::Open => "unknown",
            Self::Parked => "unresolved",
        }
    }
}
