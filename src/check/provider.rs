//! What PayU answers for one merchant's account.

use std::time::Duration;

use jiff::SignedDuration;

use super::report::{Finding, Group, Unseen};
use crate::config::{Merchant, duration};
use crate::domain::call::NotSent;
use crate::domain::classify::lookup::Lookup;
use crate::domain::decide::CLOCK_SKEW;
use crate::domain::reference::Reference;
use crate::inquiry::{Balance, ClockSeen, Inquiry, NothingLearnt, Preflight};
use crate::payu::Ungranted;
use crate::payu::transport_error::TransportError;
use crate::payu::wire::{AccountDetail, Granted};
use crate::ports::TokenError;

const GROUP: Group = Group::Provider;
/// A shorter life costs the account a noticeable part of its rate. PayU's samples have two hours; an
/// earlier token that is given out again has only the rest of its own.
const LIFE_MIN: Duration = Duration::from_mins(5);

/// Asks as the worker would, without making anything.
pub(super) async fn look(
    merchant: &Merchant,
    reference: &Reference,
) -> (Vec<Finding>, Option<Unseen>) {
    let seen = match Inquiry::begin(merchant).await {
        Ok(inquiry) => inquiry.preflight(reference).await,
        Err(error) => {
            let cure = "until then nothing of the account can be looked at";
            let findings = vec![
                Finding::error(GROUP, "inquiry", error.to_string(), cure),
                Finding::skipped(GROUP, "token", "the line above"),
            ];
            return (of(merchant, findings), None);
        }
    };
    let unseen = (seen.clock.is_none() && seen.token.granted.is_ok()).then(|| Unseen {
        what: "this machine's clock",
        how: "PayU's answers have no Date; `timedatectl` says whether it is kept right".to_owned(),
    });
    (of(merchant, findings(merchant, &seen)), unseen)
}

fn of(merchant: &Merchant, findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().map(|finding| finding.of(&merchant.name)).collect()
}

/// What all that was seen means.
pub fn findings(merchant: &Merchant, seen: &Preflight) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &seen.token.granted {
        Ok(granted) => findings.extend(token(merchant, granted)),
        Err(ungranted) => findings.push(no_token(merchant, ungranted)),
    }
    findings.extend(seen.clock.map(clock));
    match &seen.lookup {
        None => findings.push(Finding::skipped(GROUP, "lookup", "the token above")),
        Some(result) => findings.push(lookup(result)),
    }
    match &seen.account {
        None if seen.lookup.is_none() => {
            findings.push(Finding::skipped(GROUP, "account", "the token above"));
        }
        None => findings.push(Finding::skipped(GROUP, "account", "the lookup above")),
        Some(Err(why)) => findings.push(refused("account", why)),
        Some(Ok(detail)) => findings.extend(account(merchant, detail)),
    }
    findings
}

fn token(merchant: &Merchant, granted: &Granted) -> Vec<Finding> {
    let host = merchant.auth_url.host_str().unwrap_or_default();
    let tls = if merchant.auth_url.scheme() == "https" { "DNS, TLS" } else { "no TLS" };
    let reached = Finding::ok(GROUP, "connection", format!("{host} is reached ({tls})"));
    let life = granted.life;
    let shown = duration::shortest(if life < LIFE_MIN { life } else { in_minutes(life) });
    let token = if life.is_zero() {
        Finding::warning(
            GROUP,
            "token",
            "PayU gives a token and does not say how long it lives",
            "the worker asks for a new one for each call, which takes half of the rate: ask PayU",
        )
    } else if life < LIFE_MIN {
        Finding::warning(
            GROUP,
            "token",
            format!("the token lives for {shown} only, and each new one is a request"),
            "run it again once that is over: it may be the rest of an earlier token's life; if it \
             stays so short, ask PayU",
        )
    } else {
        Finding::ok(GROUP, "token", format!("a token lives for {shown}"))
    };
    vec![reached, token]
}

/// Nobody counts the seconds of a long life.
fn in_minutes(life: Duration) -> Duration {
    Duration::from_mins(life.as_secs() / 60)
}

fn no_token(merchant: &Merchant, ungranted: &Ungranted) -> Finding {
    let host = merchant.auth_url.host_str().unwrap_or_default();
    let Ungranted { why, cause, broken } = ungranted;
    let (what, says, cure) = match (broken, why) {
        (Some(TransportError::NotSent(NotSent::Dns)), _) => (
            "DNS",
            format!("{host} has no address: {cause}"),
            "check auth_url and this machine's name server",
        ),
        (Some(TransportError::NotSent(NotSent::Connect | NotSent::ConnectTimeout)), _) => (
            "connection",
            format!("{host} cannot be reached: {cause}"),
            "check the firewall, auth_url, and for TLS this machine's clock and CA certificates",
        ),
        (Some(_), _) => {
            ("token", format!("{host} did not answer: {cause}"), "run it again; then ask PayU")
        }
        (None, TokenError::Refused) => {
            ("token", cause.clone(), "check client_id, grant and the secrets of the merchant")
        }
        (None, TokenError::Throttled(_)) => (
            "token",
            "PayU asks for fewer requests for this account".to_owned(),
            "wait, or stop what asks so often, and run it again",
        ),
        (None, TokenError::Unavailable(_)) => {
            ("token", cause.clone(), "check auth_url and the merchant's secret files")
        }
    };
    Finding::error(GROUP, what, says, cure)
}

fn clock(seen: ClockSeen) -> Finding {
    let ahead = seen.ahead();
    if ahead.unsigned_abs() <= CLOCK_SKEW {
        return Finding::ok(GROUP, "clock", "this machine's clock agrees with PayU's");
    }
    let side = if ahead > SignedDuration::ZERO { "ahead of" } else { "behind" };
    Finding::warning(
        GROUP,
        "clock",
        format!("this machine's clock is {} s {side} PayU's", ahead.unsigned_abs().as_secs()),
        "set it right by NTP (`timedatectl`): deadlines and expiry dates go by it",
    )
}

fn lookup(result: &Lookup) -> Finding {
    match NothingLearnt::of_lookup(result) {
        Some(why) => refused("lookup", &why),
        None => Finding::ok(GROUP, "lookup", "a lookup is answered"),
    }
}

fn account(merchant: &Merchant, detail: &AccountDetail) -> Vec<Finding> {
    let mut findings = Vec::new();
    let configured = &merchant.account.payout_merchant_id;
    match &detail.payout_merchant_id {
        Some(id) if id != configured => findings.push(Finding::error(
            GROUP,
            "account",
            format!("PayU answers for the account {id}, and {configured} is configured"),
            "check payout_merchant_id, and which account PayU's dashboard gives these credentials",
        )),
        Some(_) | None => {
            findings.push(Finding::ok(GROUP, "account", format!("account {configured}")));
        }
    }
    let balance = Balance { merchant: merchant.name.clone(), detail: detail.clone() }.rupees();
    findings.push(if detail.is_low == Some(true) {
        Finding::warning(
            GROUP,
            "balance",
            format!("the balance of {balance} rupees is low: not enough for the next payout"),
            "pay in: what customers claim waits or fails until then",
        )
    } else {
        Finding::ok(GROUP, "balance", format!("balance {balance} rupees"))
    });
    findings
}

/// Why nothing was learnt, and after it what to do, as everywhere.
fn refused(what: &str, why: &NothingLearnt) -> Finding {
    let sentence = why.why();
    let (says, cure) = match why {
        NothingLearnt::Refused(_) => (sentence.as_str(), "ask PayU what it means"),
        NothingLearnt::NotSent(_)
        | NothingLearnt::NoAnswer
        | NothingLearnt::Status(_)
        | NothingLearnt::Odd
        | NothingLearnt::Credentials
        | NothingLearnt::Throttled
        | NothingLearnt::Merchant
        | NothingLearnt::TurnedAway => {
            sentence.split_once("; ").unwrap_or((&sentence, "run it again"))
        }
    };
    Finding::error(GROUP, what, says, cure)
}
