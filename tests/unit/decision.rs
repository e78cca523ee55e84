//! What follows: one test per row of the decision table, the traces that broke earlier drafts, and
//! an explorer that plays at random.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the decision that it wants")]

mod creates;
mod looks;
mod ages;
mod arrivals;
mod delays;
mod traces;
mod explorer;

use std::time::Duration;

use jiff::Timestamp;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::amount::Amount;
use smartsend::domain::call::{NoAnswer, NotSent};
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::lookup::{Details, DetailsLink, Lookup, LookupFailure};
use smartsend::domain::classify::{ClassifyRules, CreatedLink, Denial, UnknownReason};
use smartsend::domain::customer::Private;
use smartsend::domain::decide::{
    CLOCK_SKEW, Case, CreateKind, Decision, DeliveryInfo, InDoubtPolicy, Input, Opened, Policy,
    RETURNS_MAX, Surroundings,
};
use smartsend::domain::intent::Intent;
use smartsend::domain::intent::wire::parse;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::record::{Doubt, Record, Seen, State, Value};
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::domain::verdict::{Failure, Unresolved, Verdict};

const SETTLE: Duration = Duration::from_secs(5);
const QUARANTINE: Duration = Duration::from_mins(5);
const LOOKS: u32 = 3;

fn policy() -> Policy {
    let delays = [1, 5, 30, 120, 600].map(Duration::from_secs);
    Policy {
        account: account(),
        rules: ClassifyRules {
            rejects: Vec::new(),
            link_hosts: LinkHosts::Only(vec!["payu.in".to_owned()]),
        },
        max_amount: Amount::parse("200000").unwrap(),
        delays: RetryDelays::new(&delays).unwrap(),
        max_age: Duration::from_hours(24),
        settle: SETTLE,
        lookups: LOOKS,
        quarantine: QUARANTINE,
        in_doubt: InDoubtPolicy::Resend,
    }
}

fn account() -> Account {
    Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 }
}

fn start() -> Timestamp {
    "2026-11-24T09:30:00Z".parse().unwrap()
}

fn intent_of(amount: &str) -> Intent {
    let body = format!(
        r#"{{"merchantRefId":"r-1","amount":"{amount}","description":"d","custMobile":"9999999999"}}"#
    );
    parse(body.as_bytes(), Api::V1).unwrap()
}

fn intent() -> Intent {
    intent_of("100.50")
}

/// An intent whose deadline is so long after the start.
fn due_in(deadline: Duration) -> Intent {
    Intent { deadline: Some(start() + deadline), ..intent() }
}

type Headers = std::collections::BTreeMap<String, Value>;

/// A clean first delivery; what a test needs otherwise, it changes.
fn arrival(headers: &Headers) -> DeliveryInfo<'_> {
    DeliveryInfo {
        headers,
        own: !headers.is_empty(),
        redelivered: false,
        delivery_count: 0,
        recent: false,
        now: start(),
    }
}

/// One delivery of an intent, and the clock beside it.
struct Play<'a> {
    case: Case<'a>,
    view: Surroundings,
}

impl<'a> Play<'a> {
    fn open(intent: &'a Intent, policy: &'a Policy, arrival: &DeliveryInfo<'_>) -> Self {
        match Case::open(intent, policy, arrival) {
            Opened::Case(case) => {
                let view =
                    Surroundings { now: arrival.now, readback: true, closed_for: Duration::ZERO };
                Self { case, view }
            }
            other => panic!("{other:?}"),
        }
    }

    fn first(intent: &'a Intent, policy: &'a Policy) -> Self {
        Self::open(intent, policy, &arrival(&Headers::new()))
    }

    fn redelivered(intent: &'a Intent, policy: &'a Policy) -> Self {
        let headers = Headers::new();
        Self::open(intent, policy, &DeliveryInfo { redelivered: true, ..arrival(&headers) })
    }

    fn with(record: &Record, intent: &'a Intent, policy: &'a Policy) -> Self {
        Self::open(intent, policy, &arrival(&record.to_headers(None)))
    }

    fn next(&mut self) -> Decision<'a> {
        self.case.after(Input::Nothing, self.view)
    }

    fn create(&mut self, outcome: Outcome) -> Decision<'a> {
        self.case.after(Input::Create(outcome), self.view)
    }

    fn lookup(&mut self, look: Lookup) -> Decision<'a> {
        self.case.after(Input::Lookup(look), self.view)
    }

    fn wait(&mut self, wait: Duration) {
        self.case.waited(wait);
        self.view.now += wait;
    }

    /// Goes through waits until a lookup, and gives it.
    fn until_look(&mut self, look: &Lookup) -> Decision<'a> {
        let mut decision = self.next();
        for _ in 0..1_000 {
            match decision {
                Decision::Wait(wait) => {
                    self.wait(wait);
                    decision = self.next();
                }
                Decision::Lookup => return self.lookup(look.clone()),
                other => return other,
            }
        }
        panic!("it waits for ever");
    }

    /// Gives the same look until something else follows than waits and lookups.
    fn lookups(&mut self, look: &Lookup) -> Decision<'a> {
        for _ in 0..10_000 {
            match self.until_look(look) {
                Decision::Wait(wait) => self.wait(wait),
                Decision::Lookup => {}
                other => return other,
            }
        }
        panic!("it lookups for ever");
    }
}

fn link() -> CreatedLink {
    let hosts = LinkHosts::Only(vec!["payu.in".to_owned()]);
    CreatedLink { link: hosts.admit(&Private::new("https://payu.in/l")).unwrap(), link_id: None }
}

fn found() -> Details {
    Details {
        is_closed: false,
        link: DetailsLink::Here(link()),
        amount: Amount::parse("100.50").ok(),
        mobile: Some(Private::new("9999999999")),
        email: None,
        expiry: None,
    }
}

fn found_other() -> Lookup {
    Lookup::Found(Details { mobile: Some(Private::new("8888888888")), ..found() })
}

fn found_vague() -> Lookup {
    Lookup::Found(Details { link: DetailsLink::Absent, ..found() })
}

fn unknown() -> Outcome {
    Outcome::Unknown(UnknownReason::NoAnswer(NoAnswer::Timeout))
}

fn failed_look() -> Lookup {
    Lookup::Failed(LookupFailure::Status(503))
}

fn parked(why: Unresolved) -> Decision<'static> {
    Decision::Settle(Verdict::Unresolved(why))
}

fn failed(why: Failure) -> Decision<'static> {
    Decision::Settle(Verdict::Failed(why))
}

fn made(recovered: bool) -> Decision<'static> {
    Decision::Settle(Verdict::Created { made: link(), recovered })
}

fn kind(decision: &Decision<'_>) -> Option<CreateKind> {
    match decision {
        Decision::Create(call) => Some(call.kind()),
        _ => None,
    }
}

fn seen(record: &Record) -> Option<Seen> {
    match &record.state {
        State::New => None,
        State::InDoubt(doubt) => Some(doubt.seen),
    }
}

fn unsure(seen: Seen) -> Record {
    let doubt = Doubt { seen, last_sent: Some(start()), code: None };
    Record { attempts: 1, state: State::InDoubt(doubt), ..Record::first(account(), start()) }
}

const RESENDABLE: [Seen; 3] = [Seen::Redelivered, Seen::Recent, Seen::Unknown];
