//! The answer, for a person and for a program.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Found, found, sentence};
use super::facts::{AmountAgreement, Facts, WorkerFacts};
use super::parked_copy::ParkedCopy;
use super::seen_link::SeenLink;
use crate::domain::record::headers::written;
use crate::page::Page;
use crate::telemetry::status::{ConsumerState, Known, Step};

/// Where the texts of the page begin.
const INDENT: usize = 11;

/// The answer for a person; with `reveal` it shows the whole link.
pub fn text(facts: &Facts, reveal: bool) -> String {
    let mut page = Page::default();
    page.row("reference", INDENT, &format!("{} of {}", facts.reference, facts.merchant));
    for worker in &facts.workers {
        page.row("worker", INDENT, &worker_row(worker, &facts.merchant));
    }
    if facts.workers.is_empty() {
        page.row(
            "worker",
            INDENT,
            "not asked: ops.listen has port 0, so name it with --ops; this part is missing",
        );
    }
    page.row("waiting", INDENT, &waiting_row(&facts.waiting));
    page.row("parked", INDENT, &parked_row(facts));
    for copy in facts.copies() {
        page.row("", INDENT, &copy_row(copy));
    }
    page.row("PayU", INDENT, &provider_row(facts, reveal));
    page.row("support", INDENT, &sentence(facts));
    page.into_text()
}

fn worker_row(worker: &WorkerFacts, merchant: &str) -> String {
    let url = &worker.url;
    let said = match &worker.said {
        Ok(said) => said,
        Err(why) => return format!("{url} gave no answer, and this part is missing: {why}"),
    };
    let [intent, command] = worker.known(merchant);
    let known = [("its intent", intent), ("its command", command)];
    let known = known.into_iter().filter_map(|(what, known)| {
        known.map(|known| format!("{what} {}", known_words(&known, said.now.0)))
    });
    let known: Vec<String> = known.collect();
    if !known.is_empty() {
        return format!("{url} is working on it: {}", known.join("; "));
    }
    match worker.consumer(merchant) {
        Some(ConsumerState::Active) => format!("{url} does not have it in flight"),
        Some(ConsumerState::Standby) => format!(
            "{url} does not have it in flight, but was given nothing yet: another process may be the \
             active consumer, to be named with --ops; until that is known this part is missing"
        ),
        Some(ConsumerState::Stopped) => format!(
            "{url} does not have it in flight, but consumes nothing at the moment: its /readyz says \
             why, and until another process is asked this part is missing"
        ),
        None => format!("{url} does not work for this merchant; this part is missing"),
    }
}

fn known_words(known: &Known, now: Timestamp) -> String {
    let until = known.until.map(|until| until.0);
    let at = until.map(|until| format!("{until:.0}")).unwrap_or_default();
    let step = match known.step {
        Step::Call => "waits for its permit to be sent, or for PayU's answer".to_owned(),
        Step::Lookup => "waits for its permit to be looked up, or for PayU's answer".to_owned(),
        Step::LookupDue => format!("waits for its next lookup, which is due at {at}"),
        Step::Pause => format!("waits a little, until {at} at the latest"),
        Step::Settle => "is decided, and its result is being published".to_owned(),
        Step::RetryQueue if until.is_some_and(|until| until < now) => {
            format!(
                "was on a retry queue until {at}, and comes back behind what waits in its queue"
            )
        }
        Step::RetryQueue => format!("is on a retry queue until {at}"),
    };
    let doubt = if known.in_doubt {
        format!(
            "in doubt, since it may have been sent (attempts: {}; lookups since, without a link: {})",
            known.attempts, known.lookups
        )
    } else {
        "new, so as far as is known it made no link".to_owned()
    };
    format!(
        "{step}; that since {:.0}; first seen {:.0}; it is {doubt}",
        known.since.0, known.first_seen.0
    )
}

fn waiting_row(waiting: &BTreeMap<String, Option<u32>>) -> String {
    let count =
        |count: &Option<u32>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    let busy = waiting.iter().filter(|(_, ready)| **ready != Some(0));
    let busy: Vec<String> =
        busy.map(|(queue, ready)| format!("{} in {queue}", count(ready))).collect();
    let busy = if busy.is_empty() { "nothing".to_owned() } else { busy.join(", ") };
    format!("{busy}; counted and not read, since reading takes a message out of its wait")
}

fn parked_row(facts: &Facts) -> String {
    let looked = match &facts.parked {
        Ok(looked) => looked,
        Err(why) => return format!("this part is missing: {why}"),
    };
    let part = if looked.is_whole {
        String::new()
    } else {
        "; others may be with somebody else who looks at them, or are too many, so this part is \
         missing"
            .to_owned()
    };
    let copies = match looked.kept.len() {
        0 => "none".to_owned(),
        count => count.to_string(),
    };
    format!("{copies} of the {} that were looked at{part}", looked.looked_at)
}

fn copy_row(copy: &ParkedCopy) -> String {
    let ParkedCopy { work, merchant, reason, parked_at, amount, in_doubt } = copy;
    let reason = reason.as_deref().unwrap_or("no reason given, so RabbitMQ itself put it there");
    let since = parked_at.map_or_else(|| "an unknown time".to_owned(), |at| format!("{at:.0}"));
    let amount = amount.map(|amount| format!(", {amount} rupees")).unwrap_or_default();
    let doubt = match in_doubt {
        Some(true) => ", may have been sent",
        Some(false) => ", as far as is known it made no link",
        None => "",
    };
    format!("{} of {merchant} since {since}: {reason}{amount}{doubt}", work.noun())
}

fn provider_row(facts: &Facts, reveal: bool) -> String {
    let link = match &facts.provider {
        Err(why) => return format!("this part is missing: {why}"),
        Ok(None) => {
            return "shows no link, which is no proof that there is none: it may be made or shown \
                    late"
                .to_owned();
        }
        Ok(Some(link)) => link,
    };
    let word = |word: &Option<String>| word.as_deref().unwrap_or("-").to_owned();
    let amount = link.amount.map(|it| format!("{it} rupees"));
    let amount = amount.as_deref().unwrap_or("an unknown amount");
    let agreement = match facts.amount_agreement() {
        AmountAgreement::Agrees => ", as what is parked",
        AmountAgreement::Differs => ", NOT as what is parked",
        AmountAgreement::Unknown => ", with nothing parked to compare it with",
    };
    let expiry = link.expiry.map(|at| format!(", expires {at:.0}")).unwrap_or_default();
    format!(
        "link {}, payment {}, {amount}{agreement}{expiry}; {}",
        word(&link.status),
        word(&link.payment),
        link_words(link, reveal)
    )
}

fn link_words(link: &SeenLink, reveal: bool) -> String {
    match (&link.link, link.ending()) {
        (Some(whole), _) if reveal => format!("the link is {}", whole.expose()),
        (Some(_), Some(ending)) => format!("the link ends in {ending} (--reveal shows it)"),
        (Some(_) | None, _) => "no link on an allowed host is shown".to_owned(),
    }
}

/// The same for a program. A part that is missing is `null`, and named in `missing`.
pub fn json(facts: &Facts, reveal: bool) -> String {
    let found = match found(facts) {
        Found::Yes => Some(true),
        Found::No => Some(false),
        Found::Undecided => None,
    };
    let missing: Vec<&str> = facts.missing().into_iter().map(|part| part.into_str()).collect();
    let workers: Vec<Value> =
        facts.workers.iter().map(|worker| worker_json(worker, &facts.merchant)).collect();
    let json = json!({
        "merchantRefId": facts.reference.as_str(),
        "merchant": facts.merchant,
        "found": found,
        "workers": workers,
        "waiting": facts.waiting,
        "parked": parked_json(facts),
        "payu": provider_json(facts, reveal),
        "missing": missing,
        "support": sentence(facts),
    });
    format!("{json}\n")
}

fn worker_json(worker: &WorkerFacts, merchant: &str) -> Value {
    let [intent, command] = worker.known(merchant);
    json!({
        "url": worker.url,
        "error": worker.said.as_ref().err(),
        "consumer": worker.consumer(merchant).map(|state| state.into_str()),
        "intent": intent,
        "command": command,
    })
}

fn parked_json(facts: &Facts) -> Value {
    let copy = |copy: &ParkedCopy| {
        json!({
            "kind": copy.work.noun(),
            "merchant": copy.merchant,
            "reason": copy.reason,
            "parkedAt": copy.parked_at.map(written),
            "amount": copy.amount.map(|amount| amount.to_string()),
            "inDoubt": copy.in_doubt,
        })
    };
    let copies: Vec<Value> = facts.copies().iter().map(copy).collect();
    let looked = facts.parked.as_ref().ok();
    json!({
        "error": facts.parked.as_ref().err(),
        "lookedAt": looked.map(|looked| looked.looked_at),
        "whole": looked.is_some_and(|looked| looked.is_whole),
        "copies": copies,
    })
}

fn provider_json(facts: &Facts, reveal: bool) -> Value {
    let link = facts.link();
    let agrees = match facts.amount_agreement() {
        AmountAgreement::Agrees => Some(true),
        AmountAgreement::Differs => Some(false),
        AmountAgreement::Unknown => None,
    };
    json!({
        "error": facts.provider.as_ref().err(),
        "found": facts.provider.as_ref().ok().map(|link| link.is_some()),
        "status": link.and_then(|link| link.status.clone()),
        "payment": link.and_then(|link| link.payment.clone()),
        "amount": link.and_then(|link| link.amount).map(|amount| amount.to_string()),
        "amountAgrees": agrees,
        "expiryDate": link.and_then(|link| link.expiry).map(written),
        "linkEnding": link.and_then(|link| link.ending()),
        "link": link.filter(|_| reveal).and_then(|link| link.link.as_ref()).map(|it| it.expose()),
    })
}
