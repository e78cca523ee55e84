//! Commands: how they are read, and what follows from what lookups show.

mod calls;
mod decision;
mod explorer;
mod wire;

use std::time::Duration;

use jiff::Timestamp;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::amount::Amount;
use smartsend::domain::classify::ClassifyRules;
use smartsend::domain::classify::link_status::{LinkStatus, Payment};
use smartsend::domain::classify::lookup::{Details, DetailsLink, Lookup, LookupFailure};
use smartsend::domain::classify::manage::ManageOutcome;
use smartsend::domain::command::{Action, Command};
use smartsend::domain::decide::{
    CommandCase, CommandDecision, Decision, DeliveryInfo, Disposition, InDoubtPolicy, Input,
    LastAnswers, Policy, Requests, RetryLater, Surroundings,
};
use smartsend::domain::link::LinkHosts;
use smartsend::domain::readback::Readback;
use smartsend::domain::record::Record;
use smartsend::domain::record::headers::Headers;
use smartsend::domain::reference::Reference;
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::domain::verdict::{CommandFailure, CommandUnresolved, CommandVerdict};

const FIRST_LOOKUP: Duration = Duration::from_secs(5);
const QUARANTINE: Duration = Duration::from_mins(5);
const MAX_AGE: Duration = Duration::from_hours(24);

fn policy() -> Policy {
    Policy {
        account: Account { payout_merchant_id: "1111312".to_owned(), api: Api::V2 },
        rules: ClassifyRules { rejects: Vec::new(), link_hosts: LinkHosts::Any },
        max_amount: Amount::parse("200000").unwrap(),
        delays: RetryDelays::new(&[1, 5, 30, 120, 600].map(Duration::from_secs)).unwrap(),
        lease: Duration::from_mins(1),
        max_age: MAX_AGE,
        first_lookup: FIRST_LOOKUP,
        lookups: 3,
        quarantine: QUARANTINE,
        in_doubt: InDoubtPolicy::Resend,
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn start() -> Timestamp {
    at("2026-11-24T09:30:00Z")
}

fn until() -> Timestamp {
    at("2026-12-08T00:00:00Z")
}

fn cancel() -> Command {
    Command { reference: Reference::parse("order-1").unwrap(), action: Action::Cancel }
}

fn extend() -> Command {
    Command { action: Action::Extend(until()), ..cancel() }
}

fn details(status: LinkStatus, payment: Payment) -> Details {
    Details {
        status,
        payment,
        link: DetailsLink::Absent,
        link_id: None,
        expiry: Some(at("2026-12-01T00:00:00Z")),
        amount: Amount::parse("100.50").ok(),
        mobile: None,
        email: None,
    }
}

fn shown(status: LinkStatus, payment: Payment) -> Lookup {
    Lookup::Found(details(status, payment))
}

fn open() -> Lookup {
    shown(LinkStatus::Live, Payment::None)
}

fn cancelled() -> Lookup {
    shown(LinkStatus::Cancelled, Payment::None)
}

fn expiring(expiry: Timestamp) -> Lookup {
    Lookup::Found(Details { expiry: Some(expiry), ..details(LinkStatus::Live, Payment::None) })
}

fn silence() -> Lookup {
    Lookup::Failed(LookupFailure::Status(503))
}

/// A decision, without what few tests ask for.
#[derive(Clone, Debug, PartialEq)]
enum Next {
    /// An attempt, and whether the broker has to vouch for it first.
    Attempt {
        vouched: bool,
    },
    Lookup,
    Wait(Duration),
    Pause,
    /// Through a retry queue, counted as waited.
    Return(Duration),
    /// Through a retry queue, as it is.
    HandBack,
    Cancelled,
    Extended,
    Failed(CommandFailure),
    Unresolved(CommandUnresolved),
    Abandon,
}

impl Next {
    fn of(decision: CommandDecision<'_>) -> Self {
        match decision {
            Decision::Attempt(call) => Self::Attempt { vouched: call.needs_vouching() },
            Decision::Lookup(_) => Self::Lookup,
            Decision::Wait(wait) => Self::Wait(wait),
            Decision::Pause(_) | Decision::PauseUpTo(_) => Self::Pause,
            Decision::Dispose(Disposition::Settle(verdict)) => Self::of_verdict(&verdict),
            Decision::Dispose(Disposition::RetryLater(later)) if later.counted => {
                Self::Return(later.delay.duration())
            }
            Decision::Dispose(Disposition::RetryLater(_)) => Self::HandBack,
            Decision::Dispose(Disposition::Abandon) => Self::Abandon,
            Decision::Dispose(Disposition::Requeue) => panic!("no decision requeues"),
        }
    }

    fn of_verdict(verdict: &CommandVerdict) -> Self {
        match verdict {
            CommandVerdict::Cancelled(_) => Self::Cancelled,
            CommandVerdict::Extended(_) => Self::Extended,
            CommandVerdict::Failed { why, .. } => Self::Failed(*why),
            CommandVerdict::Unresolved(why) => Self::Unresolved(*why),
        }
    }
}

/// One command through any number of deliveries, and the world around it.
struct Play<'a> {
    case: CommandCase<'a>,
    command: &'a Command,
    policy: &'a Policy,
    around: Surroundings,
    later: Option<RetryLater>,
}

impl<'a> Play<'a> {
    fn first(command: &'a Command, policy: &'a Policy) -> Self {
        Self::open(command, policy, &Headers::new(), false)
    }

    fn open(
        command: &'a Command,
        policy: &'a Policy,
        headers: &Headers,
        redelivered: bool,
    ) -> Self {
        let info = DeliveryInfo {
            headers,
            own: !headers.is_empty(),
            redelivered,
            delivery_count: 0,
            recent: false,
            verdict: None,
            now: start(),
        };
        let around = Surroundings {
            now: start(),
            age: Duration::ZERO,
            requests: Requests::Flow,
            clocks_agree: true,
            readback: Readback::default(),
            last_answers: LastAnswers::default(),
            no_create_for: Duration::ZERO,
        };
        let case = CommandCase::open(command, policy, info);
        Self { case, command, policy, around, later: None }
    }

    fn decide(&mut self, input: Input<ManageOutcome>) -> Next {
        let decision = self.case.decide(input, &self.around);
        if let Decision::Dispose(Disposition::RetryLater(later)) = &decision {
            self.later = Some(*later);
        }
        Next::of(decision)
    }

    fn next(&mut self) -> Next {
        self.decide(Input::Start)
    }

    fn attempted(&mut self, outcome: ManageOutcome) -> Next {
        self.decide(Input::Attempted(outcome))
    }

    fn lookup(&mut self, lookup: Lookup) -> Next {
        self.decide(Input::Lookup(lookup))
    }

    fn wait(&mut self, wait: Duration) -> Next {
        self.around.now += wait;
        self.decide(Input::Waited(wait))
    }

    /// The next delivery, of the copy that has gone through the retry queue.
    fn come_back(&mut self) {
        let later = self.later.take().expect("it goes through a retry queue");
        let record = self.case.record_after(later);
        self.deliver(&record, false);
    }

    fn deliver(&mut self, record: &Record, redelivered: bool) {
        let around = self.around;
        *self = Self::open(self.command, self.policy, &record.to_headers(None), redelivered);
        self.around = around;
    }

    /// Gives the same lookup, through all waits and returns, until something else follows.
    fn until_other(&mut self, mut next: Next, lookup: &Lookup) -> Next {
        for _ in 0..10_000 {
            next = if let Next::Wait(wait) = next {
                self.wait(wait)
            } else if next == Next::Lookup {
                self.lookup(lookup.clone())
            } else if let Next::Return(delay) = next {
                self.come_back();
                self.around.now += delay;
                self.next()
            } else {
                return next;
            };
        }
        panic!("it goes on for ever");
    }
}
