//! What would be paid, before anything is.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::check::Findings;
use super::pace::Pace;
use super::row_ranges::RowRanges;
use super::status::Share;
use crate::actor::Actor;
use crate::inquiry::Balance;

/// How many groups of rows are shown.
const GROUPS_MAX: usize = 20;

/// A file as a whole, for a person who decides and for a program.
#[derive(Debug)]
pub struct Preview<'a> {
    pub(super) file: PathBuf,
    pub(super) merchant: &'a str,
    pub(super) account: &'a str,
    pub(super) actor: &'a Actor,
    pub(super) findings: &'a Findings,
    /// What is about to be paid.
    pub(super) pays: Share,
    pub(super) notes: Vec<String>,
    pub(super) bad_file: Option<PathBuf>,
    pub(super) pace: Pace,
    /// What the account holds, or why nobody knows.
    pub balance: Result<Balance, String>,
}

impl Preview<'_> {
    /// Whether there are rows that cannot be sent.
    pub fn has_bad_rows(&self) -> bool {
        self.findings.bad > 0
    }

    /// What a person should know, a line each.
    fn remarks(&self) -> impl Iterator<Item = String> {
        let noted =
            self.findings.notes.iter().map(|(note, rows)| format!("{rows}: {}", note.text()));
        self.notes.iter().cloned().chain(noted)
    }

    pub fn json(&self) -> Value {
        let Findings { rows, bad, errors, late, repeats, .. } = self.findings;
        let numbers = |rows: &RowRanges| rows.to_string();
        json!({
            "file": self.file.to_string_lossy(),
            "merchant": self.merchant,
            "payoutMerchantId": self.account,
            "actor": self.actor.user(),
            "reason": self.actor.note(),
            "rows": rows,
            "badRows": bad,
            "errors": errors.lines(),
            "badFile": self.bad_file.as_ref().map(|path| path.to_string_lossy()),
            "rowsToPay": self.pays.rows,
            "rupees": self.pays.rupees.to_string(),
            "requestsPerSecond": self.pace.per_second,
            "secondsAtLeast": self.pace.least(self.pays.rows).as_secs(),
            "deadlinesBeforeTheirTurn": late.count(),
            "samePayment": repeats.groups.iter().take(GROUPS_MAX).map(numbers).collect::<Vec<_>>(),
            "samePaymentGroups": repeats.count(),
            "notes": self.remarks().collect::<Vec<_>>(),
            "balance": self.balance.as_ref().ok().map(Balance::rupees),
            "balanceUnknown": self.balance.as_ref().err(),
        })
    }
}

impl fmt::Display for Preview<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Findings { rows, late, repeats, .. } = self.findings;
        let Share { rows: paid, rupees } = self.pays;
        let Self { merchant, account, actor, .. } = self;
        writeln!(
            f,
            "{paid} of {rows} rows, {rupees} rupees, for the merchant {merchant} (account \
             {account}), {actor}"
        )?;
        if paid > 0 {
            let (least, rate) = (self.pace.least(paid), self.pace.per_second);
            writeln!(f, "they take {least:#} or more at {rate} requests a second")?;
        }
        if late.count() > 0 {
            writeln!(f, "{late}: the deadline is before their turn, and no link is made after it")?;
        }
        for rows in repeats.groups.iter().take(GROUPS_MAX) {
            writeln!(f, "{rows}: the same customer and amount under different references")?;
        }
        let more = repeats.count().saturating_sub(GROUPS_MAX);
        if more > 0 {
            writeln!(f, "and {more} more groups of rows with the same customer and amount")?;
        }
        for remark in self.remarks() {
            writeln!(f, "{remark}")?;
        }
        match &self.balance {
            Ok(balance) if balance.is_less_than(rupees) == Some(true) => {
                let balance = balance.rupees();
                writeln!(f, "the balance, {balance} rupees, is less than the file pays")
            }
            Ok(balance) => writeln!(f, "the balance is {} rupees", balance.rupees()),
            Err(why) => writeln!(f, "balance unknown: {why}"),
        }
    }
}
