//! What details showed, for a person or for a program.

use std::fmt::Write;

use serde_json::json;

use super::mask::{masked_email, masked_number, plain};
use super::nothing_learnt::NothingLearnt;
use super::status_call::StatusCall;
use crate::domain::classify::lookup::{Details, DetailsLink, Lookup};
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
    /// What stands beside it, and is not believed.
    pub status_call: StatusCall,
}

impl Shown {
    /// The table of a link that was found; with `reveal` it shows the link, and the customer's
    /// contacts unmasked.
    pub fn table(&self, reveal: bool) -> Option<String> {
        let Lookup::Found(details) = &self.lookup else { return None };
        let cells = Cells::of(details, reveal);
        let word = |word: &Option<String>| word.as_deref().map(plain);
        let mut table = String::new();
        let status_call = self.status_call.name();
        for (name, cell) in [
            ("reference", Some(self.reference.to_string())),
            ("status", word(&self.status)),
            ("payment", word(&self.payment)),
            (&status_call, Some(self.status_call.cell(reveal))),
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
        let status_call = self.status_call.cell(reveal);
        let json = match &self.lookup {
            Lookup::Found(details) => {
                let cells = Cells::of(details, reveal);
                json!({
                    "merchantRefId": reference,
                    "found": true,
                    "status": self.status,
                    "payment": self.payment,
                    "statusCall": status_call,
                    "amount": cells.amount,
                    "linkId": cells.link_id,
                    "expiryDate": cells.expiry,
                    "custMobile": cells.mobile,
                    "custEmail": cells.email,
                    "link": cells.link,
                })
            }
            Lookup::NotFound => json!({
                "merchantRefId": reference,
                "found": false,
                "statusCall": status_call,
            }),
            Lookup::Failed(_) | Lookup::NoToken(_) | Lookup::Throttled(_) | Lookup::Denied(_) => {
                return None;
            }
        };
        Some(format!("{json}\n"))
    }

    /// Why there is nothing to show, and what to do.
    pub fn why_not(&self) -> Option<String> {
        match self.nothing_learnt() {
            Some(nothing) => Some(nothing.why()),
            None if self.lookup == Lookup::NotFound => Some(format!(
                "PayU shows no link for it, which is no proof that there is none: its intent may \
                 still be on its way, and PayU may show a link late; {} says: {}",
                self.status_call.name(),
                self.status_call.cell(false)
            )),
            None => None,
        }
    }

    /// Whether no answer came, so that asking again may bring one.
    pub fn is_unanswered(&self) -> bool {
        self.nothing_learnt().is_some_and(|nothing| nothing.is_unanswered())
    }

    fn nothing_learnt(&self) -> Option<NothingLearnt> {
        NothingLearnt::of_lookup(&self.lookup)
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
            mobile: details.mobile.as_ref().map(|it| contact(it.expose(), masked_number)),
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
