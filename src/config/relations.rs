//! Relations between settings.
//!
//! Each of two settings can be right and both together wrong: a quarantine shorter than a call
//! sends the same payout again while the first is still on its way. A warning would be read after
//! that, so the start is refused, with the arithmetic.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::Merchant;
use super::duration::shortest;
use super::errors::Problem;
use super::reader::Reader;

/// `left < right`, or `left <= right`.
struct Relation {
    /// As the documentation states it.
    formula: &'static str,
    /// What goes wrong otherwise.
    why: &'static str,
    /// Summands, with a factor.
    left: Vec<(u32, String)>,
    /// Whether both sides may be equal.
    or_equal: bool,
    /// A setting and its divisor.
    right: (String, u32),
}

/// Checks every relation whose settings could be read.
pub(super) fn check(reader: &mut Reader, merchants: &BTreeMap<String, Option<Merchant>>) {
    for relation in global().into_iter().chain(merchants.keys().flat_map(|name| of_merchant(name)))
    {
        let problem = relation.broken(&reader.durations);
        reader.problems.extend(problem);
    }
    accounts_differ(reader);
}

fn global() -> Vec<Relation> {
    vec![
        Relation {
            formula: "settle < quarantine",
            why: "the first look is made within the quarantine",
            left: vec![(1, "unsure.settle".to_owned())],
            or_equal: false,
            right: ("unsure.quarantine".to_owned(), 1),
        },
        Relation {
            formula: "quarantine < max_age",
            why: "an intent would be parked before it could be settled",
            left: vec![(1, "unsure.quarantine".to_owned())],
            or_equal: false,
            right: ("retry.max_age".to_owned(), 1),
        },
    ]
}

fn of_merchant(name: &str) -> Vec<Relation> {
    let timeout = format!("merchants.{name}.timeout");
    vec![
        Relation {
            formula: "connect_timeout < timeout",
            why: "a connect that is too slow must be known to have sent nothing",
            left: vec![(1, format!("merchants.{name}.connect_timeout"))],
            or_equal: false,
            right: (timeout.clone(), 1),
        },
        Relation {
            formula: "timeout + confirm_timeout <= drain",
            why: "a stop must be able to wait for the last call and its publish",
            left: vec![(1, timeout.clone()), (1, "broker.confirm_timeout".to_owned())],
            or_equal: true,
            right: ("shutdown.drain".to_owned(), 1),
        },
        Relation {
            formula: "timeout < quarantine",
            why: "a call must be over before it is called lost",
            left: vec![(1, timeout.clone())],
            or_equal: false,
            right: ("unsure.quarantine".to_owned(), 1),
        },
        Relation {
            formula: "hold + timeout + 2 * heartbeat < quarantine",
            why: "what a worker that froze sends last must show before another one sends again",
            left: vec![
                (1, "retry.hold".to_owned()),
                (1, timeout.clone()),
                (2, "broker.heartbeat".to_owned()),
            ],
            or_equal: false,
            right: ("unsure.quarantine".to_owned(), 1),
        },
        Relation {
            formula: "quarantine + timeout < consumer_timeout / 2",
            why: "the broker closes the channel of a delivery that is held too long",
            left: vec![(1, "unsure.quarantine".to_owned()), (1, timeout)],
            or_equal: false,
            right: ("broker.consumer_timeout".to_owned(), 2),
        },
    ]
}

impl Relation {
    /// The problem, if every setting is known and the relation does not hold.
    fn broken(&self, durations: &BTreeMap<String, Duration>) -> Option<Problem> {
        let mut sum = Duration::ZERO;
        let mut steps = String::new();
        for (n, (factor, key)) in self.left.iter().enumerate() {
            let duration = *durations.get(key)?;
            sum = sum.saturating_add(duration.saturating_mul(*factor));
            let plus = if n == 0 { "" } else { " + " };
            let times = if *factor == 1 { String::new() } else { format!("{factor} * ") };
            write!(steps, "{plus}{times}{}", shortest(duration)).ok()?;
        }
        if self.left.len() > 1 {
            write!(steps, " = {}", shortest(sum)).ok()?;
        }
        let (right_key, divisor) = &self.right;
        let right = *durations.get(right_key)?;
        let limit = right.checked_div(*divisor)?;
        if sum < limit || (self.or_equal && sum == limit) {
            return None;
        }
        let limit_steps = if *divisor == 1 {
            shortest(right)
        } else {
            format!("{} / {divisor} = {}", shortest(right), shortest(limit))
        };
        let is = if self.or_equal { "is more than" } else { "is not less than" };
        let (_, key) = self.left.first()?;
        let reason = format!(
            "{} must hold, but {steps} {is} {limit_steps} (`{right_key}`): {}",
            self.formula, self.why
        );
        let value = format!("\"{}\"", shortest(*durations.get(key)?));
        Some(Problem::new(key.clone(), reason).with_value(Some(value)))
    }
}

/// Two merchants of one account would each spend its whole rate, and see each other's references.
fn accounts_differ(reader: &mut Reader) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (name, id) in std::mem::take(&mut reader.accounts) {
        let value = Some(format!("{id:?}"));
        if let Some(other) = seen.insert(id, name.clone()) {
            let reason = format!(
                "`merchants.{other}` has the same one, and both would spend its rate; \
                 one account is one merchant"
            );
            let problem = Problem::new(format!("merchants.{name}.payout_merchant_id"), reason);
            reader.problems.push(problem.with_value(value));
        }
    }
}
