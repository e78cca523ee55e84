//! What differs between FILE, the events and PayU, field by field.

use super::events::Announced;
use super::row::{Claim, Payout};
use super::seen::AtPayu;
use crate::domain::amount::Amount;
use crate::domain::classify::comparison::{Comparison, Likeness};
use crate::domain::classify::link_status::LinkStatus;
use crate::domain::classify::lookup::DetailsLink;
use crate::domain::customer::{Contact, Private};
use crate::domain::link::{Link, LinkHosts};
use crate::whereabouts::Standing;

/// One field that differs, with what each side says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub field: &'static str,
    pub file: Cell,
    /// `None` where PayU agrees, or was not part of the comparison.
    pub payu: Option<Cell>,
    /// The same of an event.
    pub event: Option<Cell>,
}

/// What one side says.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Plain(String),
    /// It names a person, or is a claim on money.
    Private(Private),
}

impl Cell {
    fn private(text: &str) -> Self {
        Self::Private(Private::new(text.replace(char::is_control, "?")))
    }

    pub fn shown(&self, reveal: bool) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Private(text) if reveal => text.expose(),
            Self::Private(_) => "hidden",
        }
    }
}

impl Difference {
    fn of_payu(field: &'static str, file: Cell, payu: Cell) -> Self {
        Self { field, file, payu: Some(payu), event: None }
    }

    /// Everything that this field is, on one line.
    pub fn text(&self, reveal: bool) -> String {
        let side = |name: &str, cell: &Option<Cell>| {
            cell.as_ref().map(|cell| format!(", {name} {}", cell.shown(reveal)))
        };
        let (event, payu) = (side("event", &self.event), side("PayU", &self.payu));
        let (event, payu) = (event.unwrap_or_default(), payu.unwrap_or_default());
        format!("{}: FILE {}{event}{payu}", self.field, self.file.shown(reveal))
    }
}

/// Everything in which PayU's link, or what events say of it, differs from a row.
pub(super) fn differences(
    payout: &Payout,
    announced: Option<&Announced>,
    at_payu: &AtPayu,
) -> Vec<Difference> {
    let mut found = Vec::new();
    found.extend(amount(payout.amount, announced, at_payu.details.amount));
    found.extend(status(payout, announced, at_payu));
    found.extend(link(&payout.claim, &at_payu.details.link));
    if let Some(contact) = &payout.contact {
        found.extend(contacts(payout.amount, contact, at_payu));
    }
    found
}

/// Whether a contact is on both sides in full, and the same.
pub(super) fn is_contact_compared(payout: &Payout, at_payu: &AtPayu) -> bool {
    payout.contact.as_ref().is_some_and(|contact| {
        let compared = Comparison::new(&at_payu.details, payout.amount, contact);
        [compared.mobile, compared.email].contains(&Likeness::Equal)
    })
}

fn amount(
    ours: Amount,
    announced: Option<&Announced>,
    theirs: Option<Amount>,
) -> Option<Difference> {
    let announced =
        announced.and_then(|announced| announced.amounts.iter().find(|amount| **amount != ours));
    let theirs = theirs.filter(|amount| *amount != ours);
    let cell = |amount: Amount| Cell::Plain(amount.to_string());
    (announced.is_some() || theirs.is_some()).then(|| Difference {
        field: "amount",
        file: cell(ours),
        payu: theirs.map(cell),
        event: announced.copied().map(cell),
    })
}

fn status(payout: &Payout, announced: Option<&Announced>, at_payu: &AtPayu) -> Option<Difference> {
    let shown = || {
        let link = at_payu.link.status.as_deref().unwrap_or("a link without a status");
        let payment = at_payu.link.payment.as_deref().map(|word| format!(", payment {word}"));
        Cell::Plain(format!("{link}{}", payment.unwrap_or_default()))
    };
    let event = match announced {
        Some(announced) if announced.has_no_link() => Some("no link"),
        Some(announced)
            if announced.is_cancelled() && at_payu.details.status != LinkStatus::Cancelled =>
        {
            Some("cancelled")
        }
        Some(announced) if announced.is_parked() && !announced.has_link() => Some("parked"),
        Some(_) | None => None,
    };
    let is_announced = announced.is_some_and(Announced::has_link);
    let is_settled = is_announced || matches!(payout.claim, Claim::Wanted(_) | Claim::Link(_));
    let is_cancel_announced = announced.is_some_and(Announced::is_cancelled);
    let agrees = event.is_none() && is_settled && (is_cancel_announced || is_open_or_paid(at_payu));
    (!agrees).then(|| Difference {
        field: "status",
        file: Cell::Plain(payout.claim.word().to_owned()),
        payu: Some(shown()),
        event: event.map(|word| Cell::Plain(word.to_owned())),
    })
}

/// Whether a link is what it was made for: it can be claimed, or the money is on its way or there.
fn is_open_or_paid(at_payu: &AtPayu) -> bool {
    match at_payu.link.standing {
        Standing::Claimable | Standing::Claimed | Standing::Paid => true,
        // The customer may try again, while the link lives.
        Standing::PaymentFailed => !at_payu.details.status.is_closed(),
        Standing::Reversed
        | Standing::Expired
        | Standing::Cancelled
        | Standing::Rejected
        | Standing::Failed
        | Standing::Unlisted => false,
    }
}

fn link(claim: &Claim, shown: &DetailsLink) -> Option<Difference> {
    let file = match claim {
        Claim::Link(link) => Cell::private(link.expose()),
        Claim::Wanted(_) | Claim::Open | Claim::Parked => Cell::Plain("-".to_owned()),
    };
    match (claim, shown) {
        (_, DetailsLink::Foreign) => {
            let payu = Cell::Plain("on a host that is not in link_hosts".to_owned());
            Some(Difference::of_payu("link", file, payu))
        }
        (Claim::Link(ours), DetailsLink::Here(made)) if !is_same(ours, &made.link) => {
            Some(Difference::of_payu("link", file, Cell::private(made.link.expose())))
        }
        (_, DetailsLink::Here(_) | DetailsLink::Absent | DetailsLink::Repeated) => None,
    }
}

/// A link's own id may be escaped in more than one way.
fn is_same(ours: &Private, theirs: &Link) -> bool {
    let own_id = || LinkHosts::Any.admit(ours)?.own_id();
    ours.expose() == theirs.expose() || own_id().is_some_and(|id| theirs.own_id() == Some(id))
}

fn contacts(amount: Amount, contact: &Contact, at_payu: &AtPayu) -> Vec<Difference> {
    let details = &at_payu.details;
    let compared = Comparison::new(details, amount, contact);
    let mobile = contact.mobile().map(|mobile| mobile.expose());
    let email = contact.email().map(|email| email.expose());
    let fields = [
        ("custMobile", compared.mobile, mobile, &details.mobile),
        ("custEmail", compared.email, email, &details.email),
    ];
    let differ = fields.into_iter().filter(|(_, likeness, ..)| *likeness == Likeness::Different);
    let differ = differ.filter_map(|(field, _, ours, theirs)| {
        let (ours, theirs) = (Cell::private(ours?), Cell::private(theirs.as_ref()?.expose()));
        Some(Difference::of_payu(field, ours, theirs))
    });
    differ.collect()
}
