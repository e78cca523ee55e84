//! Whether the link that details shows is our intent's, field by field.
//!
//! Details may print a field in another way than it was sent: masked, with a placeholder, in paise,
//! or with a blank for the plus of an address. So a field that looks different is taken for
//! different only where [readback](crate::domain::readback) has shown that this field comes back as
//! it was sent.

use percent_encoding::percent_decode_str;

use super::lookup::Details;
use crate::domain::amount::Amount;
use crate::domain::customer::{ConfirmedContact, Contact, Email, Mobile};
use crate::domain::readback::Fields;

/// How one field of details compares with the intent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// They say the same, however each is printed.
    Equal,
    /// They look different, which may be only how details prints the field.
    Different,
    /// One side has none, or details masks it.
    Unclear,
}

/// How the fields of details compare with an intent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The amounts.
    pub amount: Likeness,
    /// The mobile numbers.
    pub mobile: Likeness,
    /// The e-mail addresses.
    pub email: Likeness,
}

/// Whether the link that a lookup shows is our intent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The amount and these contacts are the same, and nothing differs.
    Same(ConfirmedContact),
    /// The amount and a contact differ, and no contact is the same.
    Other,
    /// Something differs.
    Conflict,
    /// There is too little to compare.
    Unknown,
}

impl Comparison {
    /// Compares details with what an intent asked for.
    pub fn new(details: &Details, amount: Amount, contact: &Contact) -> Self {
        let mobile = contact.mobile().zip(details.mobile.as_ref());
        let email = contact.email().zip(details.email.as_ref());
        Self {
            amount: details.amount.map_or(Likeness::Unclear, |it| Likeness::of(it == amount)),
            mobile: mobile.map_or(Likeness::Unclear, |(ours, it)| mobiles(ours, it.expose())),
            email: email.map_or(Likeness::Unclear, |(ours, it)| emails(ours, it.expose())),
        }
    }

    /// What follows from it, given the fields that come back as they were sent.
    pub fn judge(self, faithful: Fields) -> Match {
        let amount = self.amount.believed(faithful.amount);
        let mobile = self.mobile.believed(faithful.mobile);
        let email = self.email.believed(faithful.email);
        let contacts = [mobile, email];
        if [amount, mobile, email].contains(&Likeness::Different) {
            let is_other = amount == Likeness::Different
                && contacts.contains(&Likeness::Different)
                && !contacts.contains(&Likeness::Equal);
            return if is_other { Match::Other } else { Match::Conflict };
        }
        let confirmed = ConfirmedContact::new(mobile == Likeness::Equal, email == Likeness::Equal);
        match confirmed {
            Some(confirmed) if amount == Likeness::Equal => Match::Same(confirmed),
            Some(_) | None => Match::Unknown,
        }
    }

    /// Whether it is a link that this intent made, as far as one lookup can show.
    pub fn is_ours(self) -> bool {
        matches!(self.judge(Fields::default()), Match::Same(_))
    }

    /// Whether any field looks different.
    pub fn looks_different(self) -> bool {
        [self.amount, self.mobile, self.email].contains(&Likeness::Different)
    }

    /// The fields that are equal.
    pub fn equal_fields(self) -> Fields {
        Fields {
            amount: self.amount == Likeness::Equal,
            mobile: self.mobile == Likeness::Equal,
            email: self.email == Likeness::Equal,
        }
    }
}

impl Likeness {
    fn of(equal: bool) -> Self {
        if equal { Self::Equal } else { Self::Different }
    }

    fn believed(self, is_faithful: bool) -> Self {
        if self == Self::Different && !is_faithful { Self::Unclear } else { self }
    }
}

/// The last ten digits identify an Indian mobile number, whatever stands before them.
fn mobiles(ours: &Mobile, theirs: &str) -> Likeness {
    if theirs.contains(|c: char| !(c.is_ascii_digit() || "+-() ".contains(c))) {
        return Likeness::Unclear; // masked
    }
    let digits: String = theirs.chars().filter(char::is_ascii_digit).collect();
    let last_ten = digits.len().checked_sub(10).and_then(|start| digits.get(start..));
    last_ten.map_or(Likeness::Unclear, |last_ten| Likeness::of(last_ten == ours.expose()))
}

/// A plus is a blank, and any sign an escape, to whoever reads an address as form data
/// (`application/x-www-form-urlencoded`, URL Standard 5.1).
fn emails(ours: &Email, theirs: &str) -> Likeness {
    let theirs = theirs.trim().to_ascii_lowercase();
    let ours = ours.folded();
    let decoded = percent_decode_str(&theirs).decode_utf8_lossy();
    if theirs == ours || decoded.replace(' ', "+") == ours {
        return Likeness::Equal;
    }
    let is_masked = !theirs.is_ascii() || theirs.contains(['*', '#']) || theirs.contains("xxx");
    if is_masked || !theirs.contains('@') { Likeness::Unclear } else { Likeness::Different }
}
