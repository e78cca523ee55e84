//! Relations between settings.
//!
//! Two settings can each be right and together be wrong: a quarantine shorter than a call sends the
//! same payout again while the first is still on its way. A warning would be read too late, so the
//! start is refused, with the arithmetic.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::BrokerUrl;
use super::duration::shortest;
use super::error::Findings;
use super::schema::{Broker, File, Merchant};

/// `left < right`, or `left <= right`.
struct Relation {
    /// As the documentation states it.
    formula: &'static str,
    /// What goes wrong otherwise.
    why: &'static str,
    /// Summands.
    left: Vec<Term>,
    right: Term,
}

/// A setting, times a factor or divided by one.
struct Term {
    key: String,
    duration: Duration,
    times: u32,
    over: u32,
}

/// Checks how the settings fit together, as far as each is right by itself.
pub(super) fn check(file: &File, findings: &mut Findings) {
    tls_fits(&file.broker, findings);
    let merchants = file.merchants.iter();
    let relations = global(file).into_iter().chain(merchants.flat_map(|m| of_merchant(file, m)));
    for relation in relations {
        relation.check(findings);
    }
    accounts_differ(&file.merchants, findings);
}

fn global(file: &File) -> Vec<Relation> {
    let quarantine = || term("in_doubt.quarantine", file.in_doubt.quarantine);
    let first_lookup = term("in_doubt.first_lookup", file.in_doubt.first_lookup);
    let max_age = term("retry.max_age", file.retry.max_age);
    vec![
        Relation {
            formula: "first_lookup < quarantine",
            why: "the first lookup has to be made within the quarantine",
            left: vec![first_lookup],
            right: quarantine(),
        },
        Relation {
            formula: "quarantine < max_age",
            why: "an intent would be parked before it could be settled",
            left: vec![quarantine()],
            right: max_age,
        },
    ]
}

fn of_merchant(file: &File, (name, merchant): (&String, &Merchant)) -> Vec<Relation> {
    let connect_timeout = format!("merchants.{name}.connect_timeout");
    let timeout = || term(format!("merchants.{name}.timeout"), merchant.timeout);
    let quarantine = || term("in_doubt.quarantine", file.in_doubt.quarantine);
    let confirm_timeout = term("broker.confirm_timeout", file.broker.confirm_timeout);
    let heartbeat = term("broker.heartbeat", file.broker.heartbeat.into());
    let consumer_timeout = term("broker.consumer_timeout", file.broker.consumer_timeout);
    vec![
        Relation {
            formula: "connect_timeout < timeout",
            why: "a connect that takes too long must fail before the call does, so that nothing was sent",
            left: vec![term(connect_timeout, merchant.connect_timeout)],
            right: timeout(),
        },
        Relation {
            formula: "timeout + confirm_timeout <= drain",
            why: "a stop must be able to wait for the last call and its publish",
            left: vec![timeout(), confirm_timeout],
            right: term("shutdown.drain", file.shutdown.drain),
        },
        Relation {
            formula: "timeout < quarantine",
            why: "a call must be over before it is called lost",
            left: vec![timeout()],
            right: quarantine(),
        },
        Relation {
            formula: "lease + timeout + 2 * heartbeat < quarantine",
            why: "the last request of a frozen worker must have shown before another worker sends again",
            left: vec![
                term("retry.lease", file.retry.lease),
                timeout(),
                Term { times: 2, ..heartbeat },
            ],
            right: quarantine(),
        },
        Relation {
            formula: "quarantine + timeout < consumer_timeout / 2",
            why: "the broker closes the channel of a delivery that is held too long",
            left: vec![quarantine(), timeout()],
            right: Term { over: 2, ..consumer_timeout },
        },
    ]
}

fn term(key: impl Into<String>, duration: Duration) -> Term {
    Term { key: key.into(), duration, times: 1, over: 1 }
}

impl Term {
    fn value(&self) -> Duration {
        let value = self.duration.saturating_mul(self.times);
        value.checked_div(self.over).unwrap_or(value)
    }

    fn arithmetic(&self) -> String {
        let duration = shortest(self.duration);
        match (self.times, self.over) {
            (1, 1) => duration,
            (1, over) => format!("{duration} / {over} = {}", shortest(self.value())),
            (times, _) => format!("{times} * {duration}"),
        }
    }
}

impl Relation {
    /// Adds a problem with the first setting, if the relation does not hold.
    fn check(&self, findings: &mut Findings) {
        let or_equal = self.formula.contains("<=");
        let sum = self.left.iter().fold(Duration::ZERO, |sum, t| sum.saturating_add(t.value()));
        let limit = self.right.value();
        let keys = || self.left.iter().chain([&self.right]).map(|term| &*term.key);
        if sum < limit || (or_equal && sum == limit) || keys().any(|key| findings.is_wrong(key)) {
            return;
        }
        let steps: Vec<String> = self.left.iter().map(Term::arithmetic).collect();
        let mut steps = steps.join(" + ");
        if self.left.len() > 1 {
            steps = format!("{steps} = {}", shortest(sum));
        }
        let is = if or_equal { "is more than" } else { "is not less than" };
        let reason = format!(
            "{} must hold, but {steps} {is} {} (`{}`): {}",
            self.formula,
            self.right.arithmetic(),
            self.right.key,
            self.why
        );
        let key = keys().next().unwrap_or_default();
        findings.conflict(key, reason);
    }
}

/// Certificates need TLS, and a certificate needs its key.
fn tls_fits(broker: &Broker, findings: &mut Findings) {
    let is_plain = !broker.urls.iter().any(BrokerUrl::is_tls);
    for (key, file) in
        [("broker.ca_file", &broker.ca_file), ("broker.cert_file", &broker.cert_file)]
    {
        if file.is_some() && is_plain && !findings.is_wrong("broker.urls") {
            findings.conflict(key, "it is used only with an amqps:// address in urls");
        }
    }
    if broker.cert_file.is_some() && broker.key_file.is_none() {
        findings.refuse("broker.key_file", "it is missing; cert_file needs its key");
    }
    if broker.key_file.is_some() && broker.cert_file.is_none() {
        findings.refuse("broker.cert_file", "it is missing; key_file needs its certificate");
    }
}

/// Two merchants with one account would each spend its whole rate, and see each other's references.
fn accounts_differ(merchants: &BTreeMap<String, Merchant>, findings: &mut Findings) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, merchant) in merchants {
        let Some(id) = &merchant.payout_merchant_id else { continue };
        if let Some(other) = seen.insert(id, name) {
            let reason = format!(
                "`merchants.{other}` has the same one, and both would spend its rate; \
                 one account is one merchant"
            );
            findings.conflict(&format!("merchants.{name}.payout_merchant_id"), reason);
        }
    }
}
