//! What was found, for a person.

use super::events::EventCounts;
use super::findings::{Findings, Item, Outcome};
use super::input::Kind;
use super::row::{Claim, Says};
use super::sums::{Share, Sums};
use super::verdict::{Agreement, AtPayuIs, Class, Verdict};
use crate::page::Page;

/// The most rows of a class that are listed.
const ROWS_MAX: usize = 20;

/// What was compared, and how far that went.
pub struct Extent {
    /// FILE's name.
    pub file: String,
    pub kind: Kind,
    pub merchant: String,
    pub account: String,
    /// Up to which row FILE was left out; 0 if it was not.
    pub after: usize,
    /// How many references PayU was to be asked about, and how many it was.
    pub references: usize,
    pub asked: usize,
    /// Why not about all of them.
    pub halted: Option<String>,
    /// `None` if no events were given.
    pub events: Option<EventCounts>,
    /// Whether FILE or whoever runs this says when it was sent.
    pub is_dated: bool,
}

/// The sums, and the rows that are not matched.
pub fn text(findings: &Findings, extent: &Extent, reveal: bool) -> String {
    let mut page = Page::default();
    let Extent { file, kind, merchant, account, .. } = extent;
    page.line(&format!("{file}, {}; merchant {merchant} (account {account})", kind.noun()));
    page.line("");
    put_sums(&mut page, &Sums::of(findings));
    for class in [
        Class::Differing,
        Class::MissingAtPayu,
        Class::UnknownToUs,
        Class::TooEarly,
        Class::NotLookedAt,
    ] {
        put_class(&mut page, findings, class, reveal);
    }
    page.line("");
    for line in seen_lines(findings, extent) {
        page.row("", 0, &line);
    }
    page.line("");
    page.line(sentence(findings));
    page.into_text()
}

fn put_sums(page: &mut Page, sums: &Sums) {
    page.line(&format!("{:<36} {:>7}  {:>18}", "", "rows", "rupees"));
    let mut line = |name: &str, share: &Share| {
        page.line(&format!("{name:<36} {:>7}  {:>18}", share.rows, share.cell()));
    };
    line("matched", &sums.matched);
    if sums.matched_without_link.rows > 0 {
        line("  of that without a link, by events", &sums.matched_without_link);
    }
    line("differing (by FILE's amounts)", &sums.differing);
    line("missing at PayU", &sums.missing);
    line("too early to tell", &sums.too_early);
    if sums.not_looked_at.rows > 0 {
        line("not looked at", &sums.not_looked_at);
    }
    line("to be paid by FILE, in all", &sums.to_pay);
    if sums.no_link.rows > 0 {
        line("no link by FILE, nor at PayU", &sums.no_link);
    }
    if sums.no_link_not_looked_at.rows > 0 {
        line("no link by FILE, not looked at", &sums.no_link_not_looked_at);
    }
    line("unknown to us (not in FILE's sum)", &sums.unknown);
}

fn put_class(page: &mut Page, findings: &Findings, class: Class, reveal: bool) {
    let items = findings.items.iter().filter(|item| item.verdict.class() == class);
    let mut lines: Vec<(String, String)> = items
        .map(|item| {
            let reference = item.row.reference().map_or("-", |reference| reference.as_str());
            (format!("row {} {reference}", item.row.number), item.verdict.evidence(reveal))
        })
        .collect();
    if class == Class::UnknownToUs {
        let strays = findings.only_in_events.iter();
        lines.extend(strays.map(|(reference, stray)| {
            let amount = stray.amount.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
            (format!("no row {reference}"), format!("{amount} rupees: {}", stray.text()))
        }));
    }
    if lines.is_empty() {
        return;
    }
    page.line("");
    page.line(class.title());
    for (head, evidence) in lines.iter().take(ROWS_MAX) {
        page.row(&format!("  {head}: "), 4, evidence);
    }
    match lines.len().checked_sub(ROWS_MAX) {
        Some(more) if more > 0 => page.line(&format!("  and {more} more, see --out or --json")),
        Some(_) | None => {}
    }
}

/// In which directions was looked, and what was not looked at, a sentence each.
pub(super) fn seen_lines(findings: &Findings, extent: &Extent) -> Vec<String> {
    let mut lines =
        vec![format!("FILE to PayU: asked about {} of {}", extent.asked, extent.references)];
    if let Some(why) = &extent.halted {
        lines.push(format!("asking ended before the last one: {why}"));
    }
    if let Some(row) = findings.stopped_after() {
        lines.push(format!("--after {row} goes on from there"));
    }
    if extent.after > 0 {
        lines.push(format!("not looked at: the rows of FILE up to row {} (--after)", extent.after));
    }
    lines.push(
        "PayU to FILE: only by FILE's references, since PayU lists no links; not looked at: links \
         for references that neither FILE nor the events have"
            .to_owned(),
    );
    match &extent.events {
        None => lines.push(
            "events to FILE and PayU: not looked at; --events FILE takes those that downstream \
             stored"
                .to_owned(),
        ),
        Some(counts) => lines.extend(of_events(counts, findings)),
    }
    if !extent.is_dated {
        lines.push(
            "when FILE was sent is not known: a payout without an event is called missing, however \
             young it is; --sent TIME says when"
                .to_owned(),
        );
    }
    lines.extend(uncompared(findings));
    if extent.asked > 0 && !findings.has_readback {
        lines.push(
            "PayU showed no link at all: its lookups may be blind, and nothing is proven missing"
                .to_owned(),
        );
    }
    lines
}

/// What was not compared of rows that match, or could not be.
fn uncompared(findings: &Findings) -> Vec<String> {
    let is_without_contact = |item: &&Item| {
        let agreement = Agreement::Link { contact_compared: false };
        matches!(&item.verdict, Verdict::Matched(it) if *it == agreement)
    };
    let is_invalid = |item: &&Item| match &item.row.says {
        Says::Pays(payout) => matches!(payout.claim, Claim::Wanted(None)),
        Says::NoLink { .. } => false,
    };
    let mut lines = Vec::new();
    for (count, what) in [
        (
            findings.items.iter().filter(is_without_contact).count(),
            "that match, which FILE does not have or PayU does not show whole",
        ),
        (
            findings.items.iter().filter(is_invalid).count(),
            "that are no valid intents (submit says why)",
        ),
    ] {
        if count > 0 {
            lines.push(format!("not looked at: the contacts of {count} rows {what}"));
        }
    }
    lines
}

fn of_events(counts: &EventCounts, findings: &Findings) -> Vec<String> {
    let strays = findings.only_in_events.iter();
    let strays = strays.filter(|(_, stray)| stray.at_payu == AtPayuIs::NotAsked).count();
    let EventCounts { taken, repeated, .. } = counts;
    let mut lines = vec![format!(
        "events to FILE and PayU: {taken} events of this merchant, and {repeated} repeats"
    )];
    if strays > 0 {
        lines.push(format!(
            "not looked at: whether PayU shows {strays} of the links that only events announce; \
             --ask-events asks"
        ));
    }
    for (count, what) in [
        (counts.of_other_merchants, "of other merchants"),
        (counts.of_other_accounts, "of this merchant's name and another account"),
        (counts.of_other_types, "of types that are not known here"),
        (counts.broken, "that cannot be read, and may announce links"),
    ] {
        if count > 0 {
            lines.push(format!("not looked at: {count} events {what}"));
        }
    }
    lines
}

fn sentence(findings: &Findings) -> &'static str {
    match findings.outcome() {
        Outcome::AllMatched => "Everything that was looked at matches.",
        Outcome::Differences => {
            "There are differences: pay nothing again under another reference before a person has \
             looked at each."
        }
        Outcome::Undecided => {
            "Nothing differs so far, and not everything can be decided yet: run it again later."
        }
    }
}
