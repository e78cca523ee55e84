//! What was found, for a program: everything, and nothing that names a person unless it is asked
//! for.

use serde_json::{Value, json};

use super::difference::{Cell, Difference};
use super::findings::{Findings, Item, Next, Outcome};
use super::input::Kind;
use super::page::{Extent, seen_lines};
use super::sums::{Share, Sums};
use super::verdict::{Agreement, Class, Stray, Verdict};

/// The same as the page, and every row.
pub fn json(findings: &Findings, extent: &Extent, reveal: bool) -> String {
    let kind = match extent.kind {
        Kind::Intents => "intents",
        Kind::Results => "results",
    };
    let outcome = match findings.outcome() {
        Outcome::AllMatched => "matched",
        Outcome::Differences => "differences",
        Outcome::Undecided => "undecided",
    };
    let rows: Vec<Value> =
        findings.items.iter().map(|item| row(item, findings.next(item), reveal)).collect();
    let strays = findings.only_in_events.iter().map(|(reference, stray)| {
        json!({
            "merchantRefId": reference.as_str(),
            "amount": stray.amount.map(|amount| amount.to_string()),
            "class": Class::UnknownToUs.into_str(),
            "evidence": stray.text(),
        })
    });
    let json = json!({
        "file": extent.file,
        "kind": kind,
        "merchant": extent.merchant,
        "payoutMerchantId": extent.account,
        "outcome": outcome,
        "sums": sums(&Sums::of(findings)),
        "rows": rows,
        "onlyInEvents": strays.collect::<Vec<_>>(),
        "references": extent.references,
        "asked": extent.asked,
        "halted": extent.halted,
        "after": extent.after,
        "goOnAfter": findings.stopped_after(),
        "events": events(extent),
        "notes": seen_lines(findings, extent),
    });
    format!("{json}\n")
}

fn sums(sums: &Sums) -> Value {
    json!({
        "toPay": share(&sums.to_pay),
        "matched": share(&sums.matched),
        "differing": share(&sums.differing),
        "missingAtPayu": share(&sums.missing),
        "tooEarly": share(&sums.too_early),
        "notLookedAt": share(&sums.not_looked_at),
        "matchedWithoutLink": share(&sums.matched_without_link),
        "noLink": share(&sums.no_link),
        "noLinkNotLookedAt": share(&sums.no_link_not_looked_at),
        "unknownToUs": share(&sums.unknown),
    })
}

fn share(share: &Share) -> Value {
    json!({
        "rows": share.rows,
        "rupees": share.known().map(|rupees| rupees.to_string()),
        "unknownAmounts": share.unknown_amounts,
    })
}

fn row(item: &Item, next: Option<Next>, reveal: bool) -> Value {
    let differences: Vec<Value> = match &item.verdict {
        Verdict::Differing(differences) => {
            differences.iter().map(|it| difference(it, reveal)).collect()
        }
        Verdict::Matched(_)
        | Verdict::Missing { .. }
        | Verdict::TooEarly { .. }
        | Verdict::Unknown(_)
        | Verdict::NotLookedAt(_) => Vec::new(),
    };
    json!({
        "row": item.row.number,
        "merchantRefId": item.row.reference().map(|reference| reference.as_str()),
        "amount": item.row.amount().map(|amount| amount.to_string()),
        "class": item.verdict.class().into_str(),
        "hasLink": has_link(&item.verdict),
        "contactCompared": is_contact_compared(&item.verdict),
        "differences": differences,
        "evidence": item.verdict.evidence(reveal),
        "next": next.map(|next| next.into_str()),
    })
}

/// Whether PayU shows a link; `None` if that is not known.
fn has_link(verdict: &Verdict) -> Option<bool> {
    match verdict {
        Verdict::Matched(agreement) => Some(matches!(agreement, Agreement::Link { .. })),
        Verdict::Differing(_) => Some(true),
        Verdict::Missing { .. } | Verdict::TooEarly { .. } => Some(false),
        Verdict::Unknown(stray) => stray.is_at_payu(),
        Verdict::NotLookedAt(_) => None,
    }
}

/// Whether a contact of a row that matches was compared; `None` where that is not the question.
fn is_contact_compared(verdict: &Verdict) -> Option<bool> {
    match verdict {
        Verdict::Matched(Agreement::Link { contact_compared }) => Some(*contact_compared),
        Verdict::Matched(Agreement::NoLinkByFile | Agreement::NoLinkByEvent)
        | Verdict::Differing(_)
        | Verdict::Missing { .. }
        | Verdict::TooEarly { .. }
        | Verdict::Unknown(_)
        | Verdict::NotLookedAt(_) => None,
    }
}

fn difference(difference: &Difference, reveal: bool) -> Value {
    let cell = |cell: &Option<Cell>| cell.as_ref().map(|cell| cell.shown(reveal).to_owned());
    json!({
        "field": difference.field,
        "file": difference.file.shown(reveal),
        "payu": cell(&difference.payu),
        "event": cell(&difference.event),
    })
}

fn events(extent: &Extent) -> Option<Value> {
    let counts = extent.events.as_ref()?;
    Some(json!({
        "taken": counts.taken,
        "repeated": counts.repeated,
        "ofOtherMerchants": counts.of_other_merchants,
        "ofOtherAccounts": counts.of_other_accounts,
        "ofOtherTypes": counts.of_other_types,
        "broken": counts.broken,
    }))
}

impl Stray {
    fn is_at_payu(&self) -> Option<bool> {
        use super::verdict::AtPayuIs::{NotAsked, NotShown, Shown};
        match self.at_payu {
            Shown(_) => Some(true),
            NotShown => Some(false),
            NotAsked => None,
        }
    }
}
