//! What follows: one test per row of the decision table, the traces that broke earlier drafts, and
//! an explorer that plays at random.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the decision that it wants")]

mod creates;
mod lookups;
mod ages;
mod turned_away;
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

use smartsend::domain::classify::link_status::{Approval, LinkStatus, Payment};
use smartsend::domain::classify::lookup::{Details, DetailsLink, Lookup, LookupFailure};
use smartsend::domain::classify::{ClassifyRules, CreatedLink, Denial, NoToken, UnknownReason};
use smartsend::domain::customer::{ConfirmedContact, Private};
use smartsend::domain::decide::{
    CLOCK_SKEW, CreateKind, Decision, DeliveryInfo, Disposition, InDoubtPolicy, Input, IntentCase,
    IntentDecision, Interrupted, LastAnswers, Policy, RETURNS_MAX, Requests, RetryLater, Start,
    Surroundings,
};
use smartsend::domain::intent::Intent;
use smartsend::domain::intent::wire::parse;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::readback::{Fields, Readback};
use smartsend::domain::record::headers::Headers;
use smartsend::domain::record::{Doubt, Record, Seen, State};
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::domain::verdict::{Failure, LinkSource, Rejection, Unresolved, Verdict};

const SETTLE: Duration = Duration::from_secs(5);
const QUARANTINE: Duration = Duration::from_mins(5);
const LOOKS: u32 = 3;
const LEASE: Duration = Duration::from_mins(1);

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
        lease: LEASE,
        max_age: Duration::from_hours(24),
        first_lookup: SETTLE,
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

/// A clean first delivery; what a test needs otherwise, it changes.
fn arrival(headers: &Headers) -> DeliveryInfo<'_, Verdict> {
    DeliveryInfo {
        headers,
        own: !headers.is_empty(),
        redelivered: false,
        delivery_count: 0,
        recent: false,
        verdict: None,
        now: start(),
    }
}

fn around() -> Surroundings {
    Surroundings {
        now: start(),
        age: Duration::ZERO,
        requests: Requests::Flow,
        clocks_agree: true,
        readback: shown(),
        last_answers: LastAnswers::default(),
        no_create_for: Duration::ZERO,
    }
}

/// Lookups have shown a link of today, as it was sent.
fn shown() -> Readback {
    Readback { is_given: true, newest: Some(Timestamp::MAX), faithful: Fields::ALL }
}

/// A decision, without what few tests ask for.
#[derive(Clone, Debug, PartialEq)]
enum Next {
    Create(CreateKind),
    Lookup,
    Wait(Duration),
    Pause(Duration),
    TryAgain(Duration),
    /// Through a retry queue, counted as waited.
    Return(Duration),
    /// Through a retry queue, as it is.
    HandBack(Duration),
    Settle(Verdict),
    Abandon,
}

impl Next {
    fn of(decision: IntentDecision<'_>) -> Self {
        match decision {
            Decision::Attempt(call) => Self::Create(call.kind()),
            Decision::Lookup(_) => Self::Lookup,
            Decision::Wait(wait) => Self::Wait(wait),
            Decision::Pause(pause) => Self::Pause(pause),
            Decision::PauseUpTo(pause) => Self::TryAgain(pause),
            Decision::Dispose(Disposition::Settle(verdict)) => Self::Settle(verdict),
            Decision::Dispose(Disposition::RetryLater(later)) if later.counted => {
                Self::Return(later.delay.duration())
            }
            Decision::Dispose(Disposition::RetryLater(later)) => {
                Self::HandBack(later.delay.duration())
            }
            Decision::Dispose(Disposition::Abandon) => Self::Abandon,
            Decision::Dispose(Disposition::Requeue) => panic!("no decision requeues"),
        }
    }
}

/// One delivery of an intent, and the world around it.
struct Play<'a> {
    case: IntentCase<'a>,
    around: Surroundings,
    /// What was decided last.
    decision: Option<IntentDecision<'a>>,
}

impl<'a> Play<'a> {
    fn open(intent: &'a Intent, policy: &'a Policy, arrival: &DeliveryInfo<'_, Verdict>) -> Self {
        let case = IntentCase::open(intent, policy, arrival.clone());
        let around = Surroundings { now: arrival.now, ..around() };
        Self { case, around, decision: None }
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

    fn decide(&mut self, input: Input<Outcome>) -> Next {
        let decision = self.case.decide(input, &self.around);
        self.decision = Some(decision.clone());
        Next::of(decision)
    }

    fn next(&mut self) -> Next {
        self.decide(Input::Start)
    }

    fn create(&mut self, outcome: Outcome) -> Next {
        self.decide(Input::Attempted(outcome))
    }

    fn lookup(&mut self, lookup: Lookup) -> Next {
        self.decide(Input::Lookup(lookup))
    }

    fn interrupted(&mut self, why: Interrupted) -> Next {
        self.decide(why.at_once())
    }

    fn lookup_is_late(&mut self) -> Next {
        let Some(Decision::Lookup(call)) = self.decision.clone() else { panic!() };
        self.decide(call.interrupted(Interrupted::Late))
    }

    fn wait(&mut self, wait: Duration) -> Next {
        self.around.now += wait;
        self.decide(Input::Waited(wait))
    }

    /// Whether the deadline would keep a create from starting now.
    fn is_overdue(&mut self) -> bool {
        let Some(Decision::Attempt(call)) = &self.decision else { panic!("no create is decided") };
        call.start(&self.around) == Start::Overdue
    }

    /// The record of a copy that goes back as it is.
    fn handed_back(&self) -> Record {
        self.copied(Duration::from_secs(1), false)
    }

    /// The record of a copy that goes through a retry queue.
    fn returned(&self, delay: Duration) -> Record {
        self.copied(delay, true)
    }

    fn copied(&self, duration: Duration, counted: bool) -> Record {
        let delay = RetryDelays::new(&[duration]).unwrap().shortest();
        self.case.record_after(RetryLater { delay, counted, ages: counted, why: "" })
    }

    /// Goes through waits until a lookup, and gives it.
    fn until_look(&mut self, look: &Lookup) -> Next {
        let mut next = self.next();
        for _ in 0..1_000 {
            match next {
                Next::Wait(wait) => next = self.wait(wait),
                Next::Lookup => return self.lookup(look.clone()),
                other => return other,
            }
        }
        panic!("it waits for ever");
    }

    /// Gives the same lookup until something else follows than waits and lookups.
    fn lookups(&mut self, look: &Lookup) -> Next {
        for _ in 0..10_000 {
            match self.until_look(look) {
                Next::Wait(wait) => {
                    self.wait(wait);
                }
                Next::Lookup => {}
                other => return other,
            }
        }
        panic!("it looks up for ever");
    }
}

fn link() -> CreatedLink {
    let hosts = LinkHosts::Only(vec!["payu.in".to_owned()]);
    let link = hosts.admit(&Private::new("https://payu.in/l")).unwrap();
    CreatedLink { link, link_id: None, expiry: None, approval: Approval::Unknown }
}

fn found() -> Details {
    Details {
        status: LinkStatus::Live,
        payment: Payment::None,
        link: DetailsLink::Here(link()),
        link_id: None,
        expiry: None,
        amount: Amount::parse("100.50").ok(),
        mobile: Some(Private::new("9999999999")),
        email: None,
    }
}

/// Another amount and another customer.
fn found_other() -> Lookup {
    let amount = Amount::parse("7").ok();
    Lookup::Found(Details { amount, mobile: Some(Private::new("8888888888")), ..found() })
}

/// The same amount for another customer.
fn found_conflict() -> Lookup {
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

fn parked(why: Unresolved) -> Next {
    Next::Settle(Verdict::Unresolved(why))
}

fn failed(why: Failure) -> Next {
    Next::Settle(Verdict::Failed(why))
}

fn made(recovered: bool) -> Next {
    let source =
        if recovered { LinkSource::Lookup(ConfirmedContact::Mobile) } else { LinkSource::Create };
    Next::Settle(Verdict::Created { made: link(), source })
}

fn kind(next: &Next) -> Option<CreateKind> {
    match next {
        Next::Create(kind) => Some(*kind),
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
