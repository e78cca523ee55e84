//! What details showed, for a person or for a program.

use std::fmt::Write;

use serde_json::json;

use crate::domain::call::NotSent;
use crate::domain::classify::lookup::{Details, DetailsLink, Lookup, LookupFailure};
use crate::domain::classify::{Denial, NoToken};
use crate::domain::record::headers::written;
use crate::domain::reference::Reference;

/// The answer to a lookup.
#[derive(Clone, Debug)]
pub struct Shown {
    pub reference: Reference,
    /// PayU's word for what has become of the link.
    pub status: Option<String>,
    /// PayU's word for what has become of the money.
    pub payment: Option<String>,
    pub lookup: Lookup,
}

impl Shown {
    /// The table of a link that was found; with `reveal` it shows the link, and the customer's
    /// contacts unmasked.
    pub fn table(&self, reveal: bool) -> Option<String> {
        let Lookup::Found(details) = &self.lookup else { return None };
        let cells = Cells::of(details, reveal);
        let word = |word: &Option<String>| word.as_deref().map(plain);
        let mut table = String::new();
        for (name, cell) in [
            ("reference", Some(self.reference.to_string())),
            ("status", word(&self.status)),
            ("payment", word(&self.payment)),
            ("amount", cells.amount),
            ("link id", cells.link_id),
            ("expires", cells.expiry),
            ("mobile", cells.mobile),
            ("e-mail", cells.email),
            ("link", Some(cells.link.unwrap_or_else(|| no_link(&details.link).to_owned()))),
        ] {
            let cell = cell.as_deref().unwrap_or("-");
            // Writing to a String cannot fail.
            writeln!(table, "{name:<9}  {cell}").ok();
        }
        Some(table)
    }

    /// The same as JSON, and that nothing was found; `None` where nothing was learnt.
    pub fn json(&self, reveal: bool) -> Option<String> {
        let reference = self.reference.as_str();
        let json = match &self.lookup {
            Lookup::Found(details) => {
                let cells = Cells::of(details, reveal);
                json!({
                    "merchantRefId": reference,
                    "found": true,
                    "status": self.status,
                    "payment": self.payment,
                    "amount": cells.amount,
                    "linkId": cells.link_id,
                    "expiryDate": cells.expiry,
                    "custMobile": cells.mobile,
                    "custEmail": cells.email,
                    "link": cells.link,
                })
            }
            Lookup::NotFound => json!({ "merchantRefId": reference, "found": false }),
            Lookup::Failed(_) | Lookup::NoToken(_) | Lookup::Throttled(_) | Lookup::Denied(_) => {
                return None;
            }
        };
        Some(format!("{json}\n"))
    }

    /// Why there is nothing to show, and what to do.
    pub fn why_not(&self) -> Option<String> {
        let why = match &self.lookup {
            Lookup::Found(_) => return None,
            Lookup::NotFound => {
                "PayU shows no link for it, which is no proof that there is none: its intent may \
                 still be on its way, and PayU may show a link late"
            }
            Lookup::Failed(LookupFailure::NotSent(NotSent::NoSecret)) => {
                "nothing was sent, since a secret cannot be read; check the merchant's secret files"
            }
            Lookup::Failed(LookupFailure::NotSent(NotSent::NoToken)) => {
                "no token came, so nothing was asked; check the network and auth_url, or try again later"
            }
            Lookup::Failed(LookupFailure::NotSent(_)) => {
                "nothing was sent, since PayU cannot be reached; check the network, api_url and \
                 auth_url"
            }
            Lookup::Failed(LookupFailure::NoAnswer(_)) => "PayU did not answer; try again later",
            Lookup::Failed(LookupFailure::Status(status)) => {
                return Some(format!(
                    "PayU answered with HTTP {status}, which says nothing of the link; `smartsend \
                     explain http {status}` says more"
                ));
            }
            Lookup::Failed(LookupFailure::Odd) => {
                "PayU's answer makes no sense; check that api_url is PayU's"
            }
            Lookup::NoToken(NoToken::Refused) => {
                "PayU refused the credentials; check client_id and the secrets of the merchant"
            }
            Lookup::NoToken(NoToken::Throttled(_)) | Lookup::Throttled(_) => {
                "PayU asks for fewer requests for this account; try again later"
            }
            Lookup::Denied(Denial::Merchant) => {
                "PayU does not know the merchant; check payout_merchant_id"
            }
            Lookup::Denied(Denial::Credentials | Denial::Unauthorized | Denial::Forbidden) => {
                "PayU turned the account away; check its credentials, and ask PayU whether this \
                 machine's address is allowed"
            }
        };
        Some(why.to_owned())
    }

    /// Whether no answer came, so that asking again may bring one.
    pub fn is_unanswered(&self) -> bool {
        match &self.lookup {
            Lookup::Failed(LookupFailure::NotSent(why)) => *why != NotSent::NoSecret,
            Lookup::Failed(LookupFailure::NoAnswer(_)) => true,
            Lookup::Failed(LookupFailure::Status(_) | LookupFailure::Odd)
            | Lookup::Found(_)
            | Lookup::NotFound
            | Lookup::NoToken(_)
            | Lookup::Throttled(_)
            | Lookup::Denied(_) => false,
        }
    }
}

struct Cells {
    amount: Option<String>,
    link_id: Option<String>,
    expiry: Option<String>,
    mobile: Option<String>,
    email: Option<String>,
    link: Option<String>,
}

impl Cells {
    fn of(details: &Details, reveal: bool) -> Self {
        let contact = |text: &str, mask: fn(&str) -> String| {
            plain(&if reveal { text.to_owned() } else { mask(text) })
        };
        let link = match &details.link {
            DetailsLink::Here(made) if reveal => Some(made.link.expose().to_owned()),
            DetailsLink::Here(_)
            | DetailsLink::Absent
            | DetailsLink::Foreign
            | DetailsLink::Repeated => None,
        };
        Self {
            amount: details.amount.map(|amount| amount.to_string()),
            link_id: details.link_id.as_ref().map(|id| plain(id.expose())),
            expiry: details.expiry.map(written),
            mobile: details.mobile.as_ref().map(|it| contact(it.expose(), masked_mobile)),
            email: details.email.as_ref().map(|it| contact(it.expose(), masked_email)),
            link,
        }
    }
}

/// What stands where no link is shown.
fn no_link(link: &DetailsLink) -> &'static str {
    match link {
        DetailsLink::Here(_) => "hidden; --reveal shows it",
        DetailsLink::Absent => "-",
        DetailsLink::Foreign => "on a host that is not in link_hosts",
        DetailsLink::Repeated => "one of another reference",
    }
}

/// Only the last four digits.
pub fn masked_mobile(mobile: &str) -> String {
    let hidden = mobile.chars().count().saturating_sub(4);
    mobile.chars().enumerate().map(|(at, c)| if at < hidden { '*' } else { c }).collect()
}

/// Only the first letter and the domain; nothing of what is no address.
pub fn masked_email(email: &str) -> String {
    match (email.chars().next(), email.rsplit_once('@')) {
        (Some(first), Some((name, domain))) if !name.is_empty() => format!("{first}***@{domain}"),
        (Some(_) | None, _) => "***".to_owned(),
    }
}

/// PayU's text on a terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "?")
}
