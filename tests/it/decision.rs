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
use smartsend::payout::amount::Amount;
use smartsend::payout::customer::Private;
use smartsend::payout::decision::{
    Arrival, CLOCK_SKEW, Case, CreateKind, Decision, Failure, Happened, OnNotFound, Opened, Policy,
    RETURNS_MAX, Unresolved, Verdict, View,
};
use smartsend::payout::intent::Intent;
use smartsend::payout::intent::wire::parse;
use smartsend::payout::link::LinkHosts;
use smartsend::payout::outcome::look::{Details, DetailsLink, Look, LookFailure};
use smartsend::payout::outcome::{Denial, Made, Outcome, Terms, Unclear};
use smartsend::payout::record::{Account, Api, Doubt, Record, Seen, State, Value};
use smartsend::payout::retry::Delays;
use smartsend::payout::sighting::{Silence, Unsent};

const SETTLE: Duration = Duration::from_secs(5);
const QUARANTINE: Duration = Duration::from_mins(5);
const LOOKS: u32 = 3;

fn policy() -> Policy {
    let delays = [1, 5, 30, 120, 600].map(Duration::from_secs);
    Policy {
        account: account(),
        terms: Terms {
            rejects: Vec::new(),
            link_hosts: LinkHosts::Only(vec!["payu.in".to_owned()]),
        },
        max_amount: Amount::parse("200000").unwrap(),
        delays: Delays::new(&delays).unwrap(),
        max_age: Duration::from_hours(24),
        settle: SETTLE,
        looks: LOOKS,
        quarantine: QUARANTINE,
        on_not_found: OnNotFound::Resend,
        look_first: false,
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
fn arrival(headers: &Headers) -> Arrival<'_> {
    Arrival {
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
    view: View,
}

impl<'a> Play<'a> {
    fn open(intent: &'a Intent, policy: &'a Policy, arrival: &Arrival<'_>) -> Self {
        match Case::open(intent, policy, arrival) {
            Opened::Case(case) => {
                let view =
                    View { now: arrival.now, details_proven: true, closed_for: Duration::ZERO };
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
        Self::open(intent, policy, &Arrival { redelivered: true, ..arrival(&headers) })
    }

    fn with(record: &Record, intent: &'a Intent, policy: &'a Policy) -> Self {
        Self::open(intent, policy, &arrival(&record.to_headers(None)))
    }

    fn next(&mut self) -> Decision<'a> {
        self.case.after(Happened::Nothing, self.view)
    }

    fn create(&mut self, outcome: Outcome) -> Decision<'a> {
        self.case.after(Happened::Create(outcome), self.view)
    }

    fn look(&mut self, look: Look) -> Decision<'a> {
        self.case.after(Happened::Look(look), self.view)
    }

    fn wait(&mut self, wait: Duration) {
        self.case.waited(wait);
        self.view.now += wait;
    }

    /// Goes through waits until a look, and gives it.
    fn until_look(&mut self, look: &Look) -> Decision<'a> {
        let mut decision = self.next();
        for _ in 0..1_000 {
            match decision {
                Decision::Wait(wait) => {
                    self.wait(wait);
                    decision = self.next();
                }
                Decision::Look => return self.look(look.clone()),
                other => return other,
            }
        }
        panic!("it waits for ever");
    }

    /// Gives the same look until something else follows than waits and looks.
    fn looks(&mut self, look: &Look) -> Decision<'a> {
        for _ in 0..10_000 {
            match self.until_look(look) {
                Decision::Wait(wait) => self.wait(wait),
                Decision::Look => {}
                other => return other,
            }
        }
        panic!("it looks for ever");
    }
}

fn link() -> Made {
    let hosts = LinkHosts::Only(vec!["payu.in".to_owned()]);
    Made { link: hosts.admit(&Private::new("https://payu.in/l")).unwrap(), link_id: None }
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

fn found_other() -> Look {
    Look::Found(Details { mobile: Some(Private::new("8888888888")), ..found() })
}

fn found_vague() -> Look {
    Look::Found(Details { link: DetailsLink::Absent, ..found() })
}

fn unknown() -> Outcome {
    Outcome::Unknown(Unclear::Silence(Silence::Timeout))
}

fn failed_look() -> Look {
    Look::Failed(LookFailure::Status(503))
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
        State::Unsure(doubt) => Some(doubt.seen),
    }
}

fn unsure(seen: Seen) -> Record {
    let doubt = Doubt { seen, last_sent: Some(start()), code: None };
    Record { attempts: 1, state: State::Unsure(doubt), ..Record::first(account(), start()) }
}

const RESENDABLE: [Seen; 3] = [Seen::Redelivered, Seen::Recent, Seen::Unknown];
