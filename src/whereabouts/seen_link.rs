//! The link that PayU shows for the reference.

use jiff::Timestamp;

use crate::domain::amount::Amount;
use crate::domain::classify::link_status::{LinkStatus, Payment};
use crate::domain::classify::lookup::{Details, DetailsLink};
use crate::domain::customer::Private;

/// A link, without the customer's contacts.
#[derive(Clone, Debug)]
pub struct SeenLink {
    pub standing: Standing,
    /// PayU's words for what has become of the link, and of the money.
    pub status: Option<String>,
    pub payment: Option<String>,
    pub amount: Option<Amount>,
    pub expiry: Option<Timestamp>,
    /// The link itself, if it is on an allowed host.
    pub link: Option<Private>,
}

/// How a link stands, for the one who asks for the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Standing {
    /// It can be claimed, or will be once it is approved.
    Claimable,
    /// It is claimed, and the payment is on its way.
    Claimed,
    Paid,
    /// The money arrived, and came back.
    Reversed,
    /// The payment failed, and may be tried again.
    PaymentFailed,
    Expired,
    Cancelled,
    Rejected,
    Failed,
    /// A word that PayU's page does not list.
    Unlisted,
}

impl Standing {
    fn of(status: LinkStatus, payment: Payment, payment_word: Option<&str>) -> Self {
        let is_reversed =
            payment_word.is_some_and(|word| word.trim().eq_ignore_ascii_case("REVERSED"));
        match (payment, status) {
            (Payment::Arrived, _) if is_reversed => Self::Reversed,
            (Payment::Arrived, _) => Self::Paid,
            (Payment::Failed, _) => Self::PaymentFailed,
            (Payment::Underway, _) | (Payment::None, LinkStatus::Claimed) => Self::Claimed,
            (Payment::None, LinkStatus::Live) => Self::Claimable,
            (Payment::None, LinkStatus::Expired) => Self::Expired,
            (Payment::None, LinkStatus::Cancelled) => Self::Cancelled,
            (Payment::None, LinkStatus::Rejected) => Self::Rejected,
            (Payment::None, LinkStatus::Failed) => Self::Failed,
            (Payment::None, LinkStatus::Unlisted) => Self::Unlisted,
        }
    }
}

impl SeenLink {
    /// Of details, and of PayU's own words for the link and the money.
    pub fn new(details: &Details, status: Option<&str>, payment: Option<&str>) -> Self {
        let link = match &details.link {
            DetailsLink::Here(made) => Some(Private::new(made.link.expose())),
            DetailsLink::Absent | DetailsLink::Foreign | DetailsLink::Repeated => None,
        };
        let plain = |word: &str| word.replace(char::is_control, "?");
        Self {
            standing: Standing::of(details.status, details.payment, payment),
            status: status.map(plain),
            payment: payment.map(plain),
            amount: details.amount,
            expiry: details.expiry,
            link,
        }
    }

    /// The last four characters of the link, by which a person can distinguish it from another one. They
    /// are too few to claim anything.
    pub fn ending(&self) -> Option<String> {
        let link = self.link.as_ref()?.expose();
        let hidden = link.chars().count().saturating_sub(4);
        Some(link.chars().skip(hidden).collect())
    }
}
