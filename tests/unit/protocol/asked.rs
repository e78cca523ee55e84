//! The real decisions: every step of a worker in the model asks `IntentCase::open` and `Case::decide`,
//! with a record that has gone through the real headers and an answer that the real
//! classification has judged. What was asked before is remembered.
//!
//! A case is built anew for each question, from its record. What only a case remembers is left
//! out on purpose: the quick tries of one delivery are one call here, and a failed lookup waits
//! `first_lookup` each time instead of twice as long.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use hashlink::DefaultHashBuilder;
use jiff::Timestamp;
use smartsend::domain::account::Api;
use smartsend::domain::amount::Amount;
use smartsend::domain::call::{Answer, CallResult, Data, NoAnswer, NotSent};
use smartsend::domain::classify::ClassifyRules;
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::lookup::Lookup;
use smartsend::domain::customer::Private;
use smartsend::domain::decide::{
    Decision, DeliveryInfo, InDoubtPolicy, Input, IntentCase, IntentDecision, Interrupted,
    LastAnswers, Policy, Requests, Start, Surroundings,
};
use smartsend::domain::intent::Intent;
use smartsend::domain::intent::wire::parse;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::readback::{Fields, Readback};
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::domain::verdict::Verdict;
use smartsend::ports::Headers;

use super::known::{Known, Next, account};
use super::setting::{Details, LOOKS, SETTLE, Setting, TICK, With};
use crate::support::model::{accepted, refusal};

/// A refusal by a limit, which depends on the day: PayU's code 1128.
pub(super) const LIMIT: i64 = 1128;
/// PayU's code for a duplicate.
const DUPLICATE: i64 = 1103;
/// A refusal that is in no table.
const ODD: i64 = 4711;

/// A question to the real decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    /// The record; a first delivery has none.
    pub(super) known: Option<Known>,
    pub(super) asked: Asked,
    /// The asking worker's clock.
    pub(super) clock: u8,
    /// Whether `max_amount` was lowered.
    pub(super) lowered: bool,
    pub(super) account: u8,
    /// For how long the worker may create nothing yet, and how old the delivery is: where the
    /// first is nothing, the second makes no difference.
    pub(super) held_off: u8,
    pub(super) age: u8,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    Open {
        redelivered: bool,
        recent: bool,
    },
    /// The same, where another delivery of the reference has run for a whole lease.
    GiveWay {
        redelivered: bool,
        recent: bool,
    },
    Start,
    Create(Heard),
    Lookup(Sight),
    /// So much of a wait was gone through.
    Waited(u8),
    Interrupted {
        why: Why,
        waited: u8,
    },
}

/// What interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Why {
    /// A stop, or an open circuit breaker.
    Stopping,
    /// The delivery became too old for a first create.
    Late,
    /// A wait of so long has no place.
    NoPlace(u8),
}

/// What a create shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Heard {
    Created,
    Duplicate,
    Odd,
    Limit,
    NoAnswer,
    NotSent,
    Throttled,
}

/// What a lookup shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Sight {
    Found,
    /// There is a link, and its text is not shown.
    Vague,
    NotFound,
    Forbidden,
    Failed,
    Throttled,
}

/// Answers with the real decisions.
pub(super) struct Oracle {
    pub(super) setting: Setting,
    intent: Intent,
    usual: Policy,
    answered: Mutex<HashMap<Question, (Known, Next), DefaultHashBuilder>>,
}

impl Oracle {
    pub(super) fn new(setting: Setting) -> Self {
        let intent = intent(&setting);
        Self { setting, intent, usual: policy(&setting), answered: Mutex::default() }
    }

    /// What is known then, and what follows.
    pub(super) fn ask(&self, question: Question) -> (Known, Next) {
        if let Some(answer) = self.answered.lock().unwrap().get(&question) {
            return *answer;
        }
        let answer = self.answer(question);
        self.answered.lock().unwrap().insert(question, answer);
        answer
    }

    /// How many different questions were asked.
    pub(super) fn questions(&self) -> usize {
        self.answered.lock().unwrap().len()
    }

    /// Whether a first create may start, as it is asked once more right before the send.
    pub(super) fn start(&self, clock: u8, age: u8) -> Start {
        let (headers, started) = (Headers::new(), at(0));
        let mut case = IntentCase::open(&self.intent, &self.usual, arrival(&headers, started));
        let around = self.around(started, 0, 0);
        let mut decision = case.decide(Input::Start, &around);
        if let Decision::Lookup(_) = decision {
            decision = case.decide(Input::Lookup(Lookup::NotFound), &around);
        }
        match decision {
            Decision::Attempt(call) => {
                call.start(&Surroundings { age: TICK * u32::from(age), ..self::around(at(clock)) })
            }
            other => panic!("{other:?}"),
        }
    }

    fn answer(&self, question: Question) -> (Known, Next) {
        let question = self.falsified(question);
        let (known, next) = self.decide(question);
        self.overridden(question, known, next)
    }

    pub(super) fn decide(&self, question: Question) -> (Known, Next) {
        let now = at(question.clock);
        let policy = self.policy(question);
        let record = question.known.map(|known| known.record(now).to_headers(None));
        let headers = record.unwrap_or_default();
        let mut arrival = arrival(&headers, now);
        if let Asked::Open { redelivered, recent } | Asked::GiveWay { redelivered, recent } =
            question.asked
        {
            let delivery_count = u64::from(redelivered);
            arrival = DeliveryInfo { redelivered, delivery_count, recent, ..arrival };
        }
        let mut case = IntentCase::open(&self.intent, &policy, arrival);
        let around = self.around(now, question.held_off, question.age);
        let decision = match self.input(question.asked, &policy.rules) {
            Input::Attempted(Outcome::NotSent(_)) => after_all_tries(&mut case, &around),
            input => case.decide(input, &around),
        };
        let next = Next::of(&decision, &case, &self.setting);
        (Known::of(case.record(), &self.setting), next)
    }

    fn input(&self, asked: Asked, rules: &ClassifyRules) -> Input<Outcome> {
        match asked {
            Asked::Open { .. } | Asked::Start => Input::Start,
            Asked::GiveWay { .. } => Interrupted::ReferenceBusy.at_once(),
            Asked::Create(heard) => Input::Attempted(self.outcome(heard, rules)),
            Asked::Lookup(sight) => Input::Lookup(self.lookup(sight, rules)),
            Asked::Waited(wait) => Input::Waited(TICK * u32::from(wait)),
            Asked::Interrupted { why, waited } => {
                let why = match why {
                    Why::Stopping => Interrupted::Stopping,
                    Why::Late => Interrupted::Late,
                    Why::NoPlace(wait) => Interrupted::NoPlace(TICK * u32::from(wait)),
                };
                Input::Interrupted { why, waited: TICK * u32::from(waited) }
            }
        }
    }

    fn around(&self, now: Timestamp, held_off: u8, age: u8) -> Surroundings {
        Surroundings {
            age: TICK * u32::from(age),
            readback: self.readback(),
            no_create_for: TICK * u32::from(held_off),
            ..around(now)
        }
    }

    /// What details has shown of another link, unless it is blind. Nobody has seen a masked field come
    /// back as it was sent.
    fn readback(&self) -> Readback {
        if self.setting.details == Details::Blind && !self.setting.lacks(1) {
            return Readback::default();
        }
        if self.setting.has(With::Masks) && !self.setting.lacks(11) {
            return Readback { faithful: Fields::default(), ..shown() };
        }
        shown()
    }

    fn policy(&self, question: Question) -> Policy {
        let mut policy = self.usual.clone();
        policy.account = account(question.account);
        if question.lowered {
            policy.max_amount = Amount::parse("1").unwrap();
        }
        policy
    }

    fn outcome(&self, heard: Heard, rules: &ClassifyRules) -> Outcome {
        let link = Some(Private::new("https://payu.in/l"));
        let result = match heard {
            Heard::Created => accepted(Data { link, ..Data::default() }),
            Heard::Duplicate => refusal(DUPLICATE),
            Heard::Odd => refusal(ODD),
            Heard::Limit => refusal(LIMIT),
            Heard::NoAnswer => CallResult::NoAnswer(NoAnswer::Timeout),
            Heard::NotSent => CallResult::NotSent(NotSent::Connect),
            Heard::Throttled => status(429),
        };
        Outcome::classify(result, &self.intent.reference, rules)
    }

    fn lookup(&self, sight: Sight, rules: &ClassifyRules) -> Lookup {
        let result = match sight {
            Sight::Found => accepted(self.details()),
            Sight::Vague => accepted(Data { link: None, ..self.details() }),
            Sight::NotFound => refusal(1112),
            // Taken for a denial, as a create's 403 is one.
            Sight::Forbidden if self.setting.lacks(17) => status(401),
            Sight::Forbidden => status(403),
            Sight::Failed => status(503),
            Sight::Throttled => status(429),
        };
        Lookup::classify(result, &self.intent.reference, rules)
    }

    fn details(&self) -> Data {
        let (amount, mobile) = if self.setting.has(With::Masks) {
            ("10050", "0000009999") // in paise, and a mask that looks like another mobile
        } else {
            ("100.50", "9999999999")
        };
        Data {
            link: Some(Private::new("https://payu.in/l")),
            link_status: Some("ACTIVE".to_owned()),
            amount: Some(amount.to_owned()),
            mobile: Some(Private::new(mobile)),
            ..Data::default()
        }
    }
}

fn status(status: u16) -> CallResult {
    CallResult::Answered(Answer { status, retry_after: None, envelope: None })
}

pub(super) fn intent(setting: &Setting) -> Intent {
    let body = br#"{"merchantRefId":"r-1","amount":"100.50","description":"d",
        "custMobile":"9999999999"}"#;
    Intent { deadline: setting.deadline.map(at), ..parse(body, Api::V1).unwrap() }
}

/// A create that is not sent however often it is tried.
fn after_all_tries<'a>(case: &mut IntentCase<'a>, around: &Surroundings) -> IntentDecision<'a> {
    loop {
        let not_sent = Input::Attempted(Outcome::NotSent(NotSent::Connect));
        match case.decide(not_sent, around) {
            Decision::PauseUpTo(_) => match case.decide(Input::Start, around) {
                Decision::Attempt(_) => {}
                other => return other,
            },
            other => return other,
        }
    }
}

/// Lookups have shown a link of today, as it was sent.
fn shown() -> Readback {
    Readback { is_given: true, newest: Some(Timestamp::MAX), faithful: Fields::ALL }
}

/// A world in which nothing is in the way.
pub(super) fn around(now: Timestamp) -> Surroundings {
    Surroundings {
        now,
        age: Duration::ZERO,
        requests: Requests::Flow,
        clocks_agree: true,
        readback: shown(),
        last_answers: LastAnswers::default(),
        no_create_for: Duration::ZERO,
    }
}

/// A moment of the model's clock.
pub(super) fn at(clock: u8) -> Timestamp {
    let start: Timestamp = "2026-11-24T09:30:00Z".parse().unwrap();
    start + TICK * u32::from(clock)
}

fn arrival(headers: &Headers, now: Timestamp) -> DeliveryInfo<'_, Verdict> {
    let own = !headers.is_empty();
    DeliveryInfo {
        headers,
        own,
        redelivered: false,
        delivery_count: 0,
        recent: false,
        verdict: None,
        now,
    }
}

pub(super) fn policy(setting: &Setting) -> Policy {
    let ticks = |ticks: u8| TICK * u32::from(ticks);
    let delays: Vec<Duration> = setting.delays.iter().map(|delay| ticks(*delay)).collect();
    // The cure of 2 and 3: a limit's code is not one of those that depend on the intent alone.
    let is_static = setting.has(With::StaticLimit) || matches!(setting.without, Some(2 | 3));
    let rejects = if is_static { vec![LIMIT] } else { Vec::new() };
    Policy {
        account: account(0),
        rules: ClassifyRules { rejects, link_hosts: LinkHosts::Only(vec!["payu.in".to_owned()]) },
        max_amount: Amount::parse("200000").unwrap(),
        delays: RetryDelays::new(&delays).unwrap(),
        lease: ticks(setting.hold),
        max_age: setting.max_age.map_or(Duration::from_hours(24), ticks),
        first_lookup: ticks(SETTLE),
        lookups: LOOKS.into(),
        quarantine: ticks(setting.quarantine),
        in_doubt: if setting.strict() { InDoubtPolicy::Strict } else { InDoubtPolicy::Resend },
    }
}
