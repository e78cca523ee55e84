//! The evidence that lookups show links that this API made.
//!
//! PayU does not say that its details endpoint knows V1 links, nor how it writes a link's fields.
//! So nothing is concluded from "not found", or from a field that looks different, until a lookup
//! has shown the link of one of our own intents.

use jiff::Timestamp;

/// What lookups have shown of links that this API made for this merchant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readback {
    /// Whether any such link was shown.
    pub is_given: bool,
    /// When the newest of them was made, as far as this process knows.
    pub newest: Option<Timestamp>,
    /// The fields that came back as they were sent.
    pub faithful: Fields,
}

/// Fields of a link that a lookup shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The amount.
    pub amount: bool,
    /// The customer's mobile.
    pub mobile: bool,
    /// The customer's e-mail.
    pub email: bool,
}

impl Readback {
    /// Whether a link was shown that was made after this time: links made earlier may be shown from
    /// an index that has not been updated since.
    pub fn is_newer_than(&self, time: Timestamp) -> bool {
        self.newest.is_some_and(|newest| newest > time)
    }
}

impl Fields {
    /// Every field.
    pub const ALL: Self = Self { amount: true, mobile: true, email: true };

    /// The fields of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            amount: self.amount || other.amount,
            mobile: self.mobile || other.mobile,
            email: self.email || other.email,
        }
    }
}
