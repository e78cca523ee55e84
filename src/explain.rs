//! What the codes and the answers of the provider mean, and the reasons of events.
//!
//! A manual that is written beside the code is wrong by the second change, and someone who reads
//! it pays a customer twice. So what the provider says is explained by the data that the worker
//! itself decides by.

mod outcomes;
mod reasons;

use strum::VariantArray as _;

use crate::domain::call::{NoAnswer, NotSent};
use crate::domain::classify::table::{
    DUPLICATE_WORDS, NOT_FOUND_WORDS, STATUS_ROWS, StatusRow, THROTTLE_WORDS,
};
use crate::domain::codes::{CODES, Code, Meaning};
pub use crate::page::COLUMNS;
use crate::page::Page;
use outcomes::{Explained, OUTCOMES};
use reasons::{REASONS, ReasonRow};

/// How alike a word has to be to a code to be taken for a slip.
const ALIKE: f64 = 0.75;
/// Where the texts of a page begin.
const INDENT: usize = 12;

/// What a code means, whether money is at risk, and what to do; or that there is no such code.
pub fn explain(text: &str) -> Result<String, String> {
    let word = text.trim().to_ascii_uppercase();
    if let Some(status) = word.strip_prefix("HTTP") {
        return status.trim().parse().ok().and_then(status_page).ok_or_else(|| {
            format!("{text} is no HTTP status of an answer; they are from 200 to 599")
        });
    }
    let number = word.strip_prefix("CODE_").unwrap_or(&word).parse().ok();
    if let Some(number) = number {
        // PayU's codes have four digits and more.
        let status = u16::try_from(number).ok().and_then(status_page);
        return Code::find(number).map(code_page).or(status).ok_or_else(|| unlisted(number));
    }
    let reason = REASONS.iter().find(|row| row.code == word).map(reason_page);
    let code = || CODES.iter().find(|code| code.name == word).map(code_page);
    let outcome = || {
        let mut outcomes = OUTCOMES.iter();
        outcomes.find(|outcome| outcome.name.eq_ignore_ascii_case(&word)).map(outcome_page)
    };
    reason.or_else(code).or_else(outcome).ok_or_else(|| no_such(text, &word))
}

fn unlisted(number: i64) -> String {
    format!(
        "PayU lists no code {number} for Smart Send. A create that is answered with it is \
         Refused (smartsend explain refused), unless the merchant lists it in reject_codes. For \
         all codes: smartsend explain --all"
    )
}

fn no_such(text: &str, word: &str) -> String {
    let names = REASONS.iter().map(|row| row.code).chain(CODES.iter().map(|code| code.name));
    let alike = names.map(|name| (strsim::normalized_damerau_levenshtein(name, word), name));
    let nearest = alike.max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(alike, _)| *alike > ALIKE);
    let meant = match nearest {
        Some((_, name)) => format!("; did you mean {name}?"),
        None => ".".to_owned(),
    };
    format!("there is no code {text}{meant} For all codes: smartsend explain --all")
}

fn code_page(Code { number, name, meaning, message }: &Code) -> String {
    let outcome = outcomes::of_code(*meaning);
    let mut page = Page::default();
    page.line(&format!("{number} {name}"));
    page.row("  says", INDENT, message);
    page.row("  means", INDENT, outcome.name);
    add_rest(&mut page, &outcome);
    if *meaning == Meaning::Refuses {
        let rule = "For a merchant that lists the code in reject_codes it means Rejected.";
        page.row("  but", INDENT, rule);
    }
    page.into_text()
}

fn status_page(status: u16) -> Option<String> {
    let row = STATUS_ROWS.iter().find(|row| (row.from..=row.to).contains(&status))?;
    let mut page = Page::default();
    page.line(&format!("HTTP {status}"));
    page.row("  means", INDENT, row.means);
    add_rest(&mut page, &outcomes::of_status(status));
    Some(page.into_text())
}

fn outcome_page(outcome: &Explained) -> String {
    let mut page = Page::default();
    page.line(&format!("{}, an outcome of a create", outcome.name));
    add_rest(&mut page, outcome);
    page.into_text()
}

fn add_rest(page: &mut Page, outcome: &Explained) {
    page.row("  follows", INDENT, outcome.follows);
    page.row("  at risk", INDENT, outcome.money);
    page.row("  to do", INDENT, outcome.to_do);
}

fn reason_page(ReasonRow { code, event, means, money, to_do }: &ReasonRow) -> String {
    let mut page = Page::default();
    page.line(&format!("{code}, a reason of {event}"));
    page.row("  means", INDENT, means);
    page.row("  at risk", INDENT, money);
    page.row("  to do", INDENT, to_do);
    page.into_text()
}

/// The classification of all outcomes of a create, and every reason.
pub fn explain_all() -> String {
    let mut page = Page::default();
    page.line("Outcomes of a create, and what follows for the intent");
    for Explained { name, follows, .. } in OUTCOMES {
        page.row(&format!("  {name}"), 14, follows);
    }
    page.line("\nPayU's codes, in an envelope with status 1 and an HTTP status of 2xx or 4xx");
    for Code { number, name, meaning, message } in CODES {
        let outcome = outcomes::of_code(*meaning).name;
        page.row(&format!("  {number}  {name:<30}  {outcome}"), 51, message);
    }
    let other =
        "Refused, also without any code. A merchant's reject_codes turn Refused into Rejected.";
    page.row("  other", 51, other);
    page.line("\nWords in a refusal, whatever its code");
    page.row("  Duplicate", 14, &quoted(&DUPLICATE_WORDS));
    page.row("  Throttled", 14, &format!("{}, if there is no code", quoted(&THROTTLE_WORDS)));
    let not_found = quoted(&NOT_FOUND_WORDS);
    page.row("  not found", 14, &format!("{not_found}, in the answer to a lookup"));
    page.line("\nHTTP statuses");
    for StatusRow { from, to, means } in STATUS_ROWS {
        let range = if from == to { from.to_string() } else { format!("{from}-{to}") };
        page.row(&format!("  {range}"), 14, means);
    }
    page.line("\nNo answer");
    for why in NotSent::VARIANTS {
        page.row("  NotSent", 14, unsent(*why));
    }
    for why in NoAnswer::VARIANTS {
        page.row("  Unknown", 14, unanswered(*why));
    }
    page.line("\nReasons of events, beside PayU's names");
    for ReasonRow { code, means, .. } in REASONS {
        page.row(&format!("  {code}"), 23, means);
    }
    page.into_text()
}

fn unsent(why: NotSent) -> &'static str {
    match why {
        NotSent::Dns => "the host name has no address",
        NotSent::Connect => "TCP or TLS could not be set up",
        NotSent::ConnectTimeout => "TCP or TLS took longer than connect_timeout",
        NotSent::Unstarted => "the connection ended before the request was started",
        NotSent::Unbuildable => "the request could not be built",
        NotSent::NoToken => "there was no token",
        NotSent::NoSecret => "a secret's file could not be used, so there was no token",
    }
}

fn unanswered(why: NoAnswer) -> &'static str {
    match why {
        NoAnswer::Timeout => "no answer within timeout",
        NoAnswer::Connection => "the connection ended or broke before the answer's head",
        NoAnswer::CutBody => "the answer's body ended early or could not be decoded",
        NoAnswer::TooLarge => "the answer's body was too large",
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}
