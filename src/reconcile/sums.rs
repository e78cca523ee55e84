//! The rupees of each class.
//!
//! Every row that is to be paid is in one class, by FILE's amount, so that the classes add up to
//! what FILE pays. A link of which FILE does not know is not part of that, whoever announces it.

use super::findings::Findings;
use super::row::Says;
use super::verdict::{Agreement, Class, Verdict};
use crate::domain::amount::{Amount, Total};

/// Rows and their rupees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub rows: usize,
    /// Of those whose amount is known.
    pub rupees: Total,
    pub unknown_amounts: usize,
}

/// What is to be paid, and the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// What FILE pays: the sum of the five that follow.
    pub to_pay: Share,
    pub matched: Share,
    pub differing: Share,
    pub missing: Share,
    pub too_early: Share,
    pub not_looked_at: Share,
    /// The part of `matched` that has no link, as its events say.
    pub matched_without_link: Share,
    /// Rows that have no link by FILE, and none at PayU.
    pub no_link: Share,
    /// Rows that have no link by FILE, and PayU did not say.
    pub no_link_not_looked_at: Share,
    /// Links of which FILE does not know.
    pub unknown: Share,
}

impl Share {
    pub fn add(&mut self, amount: Option<Amount>) {
        self.rows = self.rows.saturating_add(1);
        match amount {
            Some(amount) => self.rupees = self.rupees.plus(amount),
            None => self.unknown_amounts = self.unknown_amounts.saturating_add(1),
        }
    }

    /// The sum, unless nothing is known of it.
    pub fn known(&self) -> Option<Total> {
        (self.rows == 0 || self.unknown_amounts < self.rows).then_some(self.rupees)
    }

    /// The sum for a person: what is unknown is not 0.
    pub fn cell(&self) -> String {
        match (self.known(), self.unknown_amounts) {
            (Some(rupees), 0) => rupees.to_string(),
            (Some(rupees), unknown) => format!("{rupees} + {unknown} unknown"),
            (None, _) => "unknown".to_owned(),
        }
    }
}

impl Sums {
    pub fn of(findings: &Findings) -> Self {
        let mut sums = Self::default();
        for item in &findings.items {
            let amount = item.row.amount();
            if let Verdict::Unknown(stray) = &item.verdict {
                sums.unknown.add(stray.amount);
                continue;
            }
            let class = item.verdict.class();
            match &item.row.says {
                Says::Pays(_) => {
                    sums.to_pay.add(amount);
                    sums.part(class).add(amount);
                }
                Says::NoLink { .. } if class == Class::Matched => sums.no_link.add(amount),
                Says::NoLink { .. } => sums.no_link_not_looked_at.add(amount),
            }
            if let Verdict::Matched(Agreement::NoLinkByEvent) = item.verdict {
                sums.matched_without_link.add(amount);
            }
        }
        for (_, stray) in &findings.only_in_events {
            sums.unknown.add(stray.amount);
        }
        sums
    }

    fn part(&mut self, class: Class) -> &mut Share {
        match class {
            Class::Matched => &mut self.matched,
            Class::Differing => &mut self.differing,
            Class::MissingAtPayu => &mut self.missing,
            Class::TooEarly => &mut self.too_early,
            Class::NotLookedAt => &mut self.not_looked_at,
            Class::UnknownToUs => &mut self.unknown,
        }
    }
}
