//! Relations between settings.
//!
//! Two settings can each be right and together be wrong: a quarantine shorter than a call sends the
//! same payout again while the first is still on its way. A warning would be read too late, so the
//! start is refused, with the arithmetic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Config;
use super::address::BrokerUrl;
use super::duration::shortest;
use super::error::Findings;
use super::schema::{Broker, InDoubt, Merchant};

/// The least that can be divided between intents and commands.
const DIVISIBLE_MIN: u32 = 2;

/// `left < right`, or `left <= right`.
struct Relation {
    /// As the documentation states it.
    formula: &'static str,
    /// What goes wrong otherwise.
    why: &'static str,
    left: Vec<Term>,
    right: Term,
}

/// A setting, or a multiple or a part of one.
#[derive(Clone)]
struct Term {
    key: String,
    duration: Duration,
    arithmetic: String,
}

/// Checks how the settings fit together, as far as each is right by itself.
pub(super) fn check(
    config: &Config,
    merchants: &BTreeMap<String, Merchant>,
    findings: &mut Findings,
) {
    let of_merchants = merchants.iter().flat_map(|(name, it)| of_merchant(config, name, it));
    let relations = of_in_doubt(config, &InDoubtTerms::shared(config)).into_iter();
    let relations: Vec<Relation> = relations.chain(of_merchants).collect();
    // A setting can be in several that do not hold, and all are reported; merchants that share
    // their settings break the same one.
    let broken: BTreeSet<_> = relations.iter().filter_map(|it| it.broken(findings)).collect();
    for (key, reason) in broken {
        findings.conflict(key, reason);
    }
    tls_fits(&config.broker, findings);
    accounts_differ(merchants, findings);
    for (name, merchant) in merchants {
        commands_fit(name, merchant, findings);
        spend_limits_fit(name, merchant, findings);
    }
}

/// The durations of `[in_doubt]`, or of a merchant's own table where that says otherwise.
struct InDoubtTerms {
    first_lookup: Term,
    quarantine: Term,
}

impl InDoubtTerms {
    fn shared(config: &Config) -> Self {
        let InDoubt { first_lookup, quarantine, .. } = config.in_doubt;
        Self {
            first_lookup: term("in_doubt.first_lookup", first_lookup),
            quarantine: term("in_doubt.quarantine", quarantine),
        }
    }

    fn of(name: &str, own: &InDoubt, config: &Config) -> Self {
        let of = |leaf, own: Duration, shared: Term| {
            let key = format!("merchants.{name}.in_doubt.{leaf}");
            if own == shared.duration { shared } else { term(key, own) }
        };
        let shared = Self::shared(config);
        Self {
            first_lookup: of("first_lookup", own.first_lookup, shared.first_lookup),
            quarantine: of("quarantine", own.quarantine, shared.quarantine),
        }
    }
}

fn of_in_doubt(config: &Config, terms: &InDoubtTerms) -> [Relation; 2] {
    [
        Relation {
            formula: "first_lookup < quarantine",
            why: "the first lookup has to be made within the quarantine",
            left: vec![terms.first_lookup.clone()],
            right: terms.quarantine.clone(),
        },
        Relation {
            formula: "quarantine < max_age",
            why: "an intent would be parked before it could be settled",
            left: vec![terms.quarantine.clone()],
            right: term("retry.max_age", config.retry.max_age),
        },
    ]
}

fn of_merchant(config: &Config, name: &str, merchant: &Merchant) -> Vec<Relation> {
    let in_doubt = InDoubtTerms::of(name, &merchant.in_doubt, config);
    let timeout = || term(format!("merchants.{name}.timeout"), merchant.timeout);
    let connect_timeout =
        term(format!("merchants.{name}.connect_timeout"), merchant.connect_timeout);
    let quarantine = || in_doubt.quarantine.clone();
    let confirm_timeout = term("broker.confirm_timeout", config.broker.confirm_timeout);
    let two_heartbeats = {
        let heartbeat = term("broker.heartbeat", config.broker.heartbeat.into());
        let arithmetic = format!("2 * {}", heartbeat.arithmetic);
        Term { duration: heartbeat.duration.saturating_mul(2), arithmetic, ..heartbeat }
    };
    let half_of_consumer_timeout = {
        let whole = term("broker.consumer_timeout", config.broker.consumer_timeout);
        let duration = whole.duration / 2;
        let arithmetic = format!("{} / 2 = {}", whole.arithmetic, shortest(duration));
        Term { duration, arithmetic, ..whole }
    };
    let own = [
        Relation {
            formula: "connect_timeout < timeout",
            why: "a connect that takes too long must fail before the call does, so that nothing was sent",
            left: vec![connect_timeout],
            right: timeout(),
        },
        Relation {
            formula: "timeout + confirm_timeout <= drain",
            why: "a stop must be able to wait for the last call and its publish",
            left: vec![timeout(), confirm_timeout],
            right: term("shutdown.drain", config.shutdown.drain),
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
            left: vec![term("retry.lease", config.retry.lease), timeout(), two_heartbeats],
            right: quarantine(),
        },
        Relation {
            formula: "quarantine + timeout < consumer_timeout / 2",
            why: "the broker closes the channel of a delivery that is held too long",
            left: vec![quarantine(), timeout()],
            right: half_of_consumer_timeout,
        },
    ];
    own.into_iter().chain(of_in_doubt(config, &in_doubt)).collect()
}

fn term(key: impl Into<String>, duration: Duration) -> Term {
    Term { key: key.into(), duration, arithmetic: shortest(duration) }
}

impl Relation {
    /// The first setting and why, if the relation does not hold.
    fn broken(&self, findings: &Findings) -> Option<(&str, String)> {
        let Self { formula, why, left, right } = self;
        let or_equal = formula.contains("<=");
        let sum = left.iter().fold(Duration::ZERO, |sum, term| sum.saturating_add(term.duration));
        let mut keys = left.iter().chain([right]).map(|term| &*term.key);
        let is_unknown = keys.any(|key| findings.is_wrong(key));
        if sum < right.duration || (or_equal && sum == right.duration) || is_unknown {
            return None;
        }
        let steps: Vec<&str> = left.iter().map(|term| &*term.arithmetic).collect();
        let mut steps = steps.join(" + ");
        if left.len() > 1 {
            steps = format!("{steps} = {}", shortest(sum));
        }
        let is = if or_equal { "is more than" } else { "is not less than" };
        let Term { key, arithmetic, .. } = right;
        let reason = format!("{formula} must hold, but {steps} {is} {arithmetic} (`{key}`): {why}");
        Some((&left.first()?.key, reason))
    }
}

fn tls_fits(broker: &Broker, findings: &mut Findings) {
    let is_plain = !broker.urls.iter().any(BrokerUrl::is_tls);
    for (key, file) in
        [("broker.ca_file", &broker.ca_file), ("broker.cert_file", &broker.cert_file)]
    {
        if file.is_some() && is_plain && !findings.is_wrong("broker.urls") {
            findings.refuse(key, "it is used only with an amqps:// address in urls");
        }
    }
}

/// What intents and commands divide must have something for each.
fn commands_fit(name: &str, merchant: &Merchant, findings: &mut Findings) {
    let Some(commands) = merchant.commands_per_second else { return };
    let key = |leaf: &str| format!("merchants.{name}.{leaf}");
    if let Some(rate) = merchant.rate_per_second.filter(|rate| commands >= *rate) {
        let reason = format!(
            "commands_per_second < rate_per_second must hold, but {commands} is not less than \
             {rate} (`{}`): it is a part of the rate, and the rest is for intents",
            key("rate_per_second")
        );
        findings.conflict(&key("commands_per_second"), reason);
    }
    for (leaf, whole) in [("burst", merchant.burst), ("concurrency", merchant.concurrency)] {
        if whole.get() < DIVISIBLE_MIN {
            let reason = format!(
                "with commands_per_second = {commands} it must be at least {DIVISIBLE_MIN}, one for \
                 intents and one for commands, but {whole} is less than {DIVISIBLE_MIN}"
            );
            findings.refuse(&key(leaf), reason);
        }
    }
}

/// An amount above a limit would wait for ever.
fn spend_limits_fit(name: &str, merchant: &Merchant, findings: &mut Findings) {
    let limits = [
        ("max_amount", merchant.max_amount),
        ("max_per_hour", merchant.max_per_hour),
        ("max_per_day", merchant.max_per_day),
    ];
    let limits = limits.into_iter().filter_map(|(leaf, limit)| Some((leaf, limit?)));
    let limits: Vec<_> = limits.collect();
    for pair in limits.windows(2) {
        let [(left, less), (right, more)] = *pair else { continue };
        if less > more {
            let reason = format!(
                "{left} <= {right} must hold, but {less} is more than {more} \
                 (`merchants.{name}.{right}`): a larger one would never fit"
            );
            findings.conflict(&format!("merchants.{name}.{left}"), reason);
        }
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
            findings.refuse(&format!("merchants.{name}.payout_merchant_id"), reason);
        }
    }
}
