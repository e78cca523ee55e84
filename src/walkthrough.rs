//! One intent, played through the worker's own decisions on a clock that nobody waits for.
//!
//! A manual that describes what follows a timeout is wrong after the next change of the code. So the
//! answers are put in, and what comes out is decided and classified by the code that the worker runs.
//! What surrounds an intent is taken to be well: requests flow, places are free, nobody else uses its
//! reference, and lookups have shown other links.

mod answers;
mod page;
mod step;

use std::iter::Peekable;
use std::time::Duration;

use jiff::Timestamp;

pub use answers::{Answer, Misfit};
pub use page::{json, text};
pub use step::{Next, Step, Walk};

use crate::config::{Config, Merchant};
use crate::domain::call::CallResult;
use crate::domain::classify::create::Outcome;
use crate::domain::classify::lookup::Lookup;
use crate::domain::decide::{
    CreateCall, Decision, DeliveryInfo, Disposition, Input, IntentCase, Interrupted, LastAnswers,
    Policy, Requests, Start, Surroundings,
};
use crate::domain::intent::Intent;
use crate::domain::readback::{Fields, Readback};
use crate::domain::record::headers::Headers;

/// What an intent is played with.
#[derive(Clone, Debug)]
pub struct Stage {
    pub policy: Policy,
    /// How long a call without an answer takes.
    pub timeout: Duration,
    /// How long a delivery may be held.
    pub held_max: Duration,
    /// When the intent arrives.
    pub start: Timestamp,
}

/// One intent on its way through the decisions.
struct Player<'a> {
    stage: &'a Stage,
    intent: &'a Intent,
    answers: Peekable<std::slice::Iter<'a, Answer>>,
    /// Whether the last lookup found nothing.
    found_nothing: bool,
    /// Since the intent arrived first, and since this delivery of it has.
    elapsed: Duration,
    delivered: Duration,
    steps: Vec<Step>,
}

impl Stage {
    /// By a configuration.
    pub fn new(config: &Config, merchant: &Merchant, start: Timestamp) -> Self {
        Self {
            policy: config.policy(merchant),
            timeout: merchant.timeout,
            held_max: config.broker.consumer_timeout / 2,
            start,
        }
    }

    /// Plays an intent until it is decided, or no answer is left.
    pub fn walk(&self, intent: &Intent, answers: &[Answer]) -> Result<Walk, Misfit> {
        let zero = Duration::ZERO;
        let player = Player {
            stage: self,
            intent,
            answers: answers.iter().peekable(),
            found_nothing: false,
            elapsed: zero,
            delivered: zero,
            steps: Vec::new(),
        };
        player.play()
    }
}

impl<'a> Player<'a> {
    fn play(mut self) -> Result<Walk, Misfit> {
        let mut case = self.open(&Headers::new());
        let mut input = Input::Start;
        loop {
            let around = self.surroundings();
            let decision = case.decide(input, &around);
            self.steps.push(Step::new(self.elapsed, &decision, case.record(), &self.stage.policy));
            input = match decision {
                Decision::Attempt(call) => match call.start(&around) {
                    Start::Now => match self.create(&call)? {
                        Some(outcome) => Input::Attempted(outcome),
                        None => return Ok(self.end(Next::Create)),
                    },
                    Start::Late => Interrupted::Late.at_once(),
                    Start::Overdue => Input::Start,
                },
                Decision::Lookup(_) => match self.lookup()? {
                    Some(lookup) => Input::Lookup(lookup),
                    None => return Ok(self.end(Next::Lookup)),
                },
                Decision::Wait(wait) => self.wait(wait),
                // The longest of what may be waited.
                Decision::Pause(wait) | Decision::PauseUpTo(wait) => {
                    self.pass(wait);
                    Input::Start
                }
                Decision::Dispose(Disposition::RetryLater(later)) => {
                    let headers = case.retry_headers(later, &Headers::new(), around.now);
                    self.pass(later.delay.duration());
                    self.delivered = self.elapsed;
                    case = self.open(&headers);
                    Input::Start
                }
                Decision::Dispose(
                    Disposition::Settle(_) | Disposition::Requeue | Disposition::Abandon,
                ) => return Ok(self.end(Next::Nothing)),
            };
        }
    }

    /// A delivery of the intent, or of the worker's own copy with these headers.
    fn open(&self, headers: &Headers) -> IntentCase<'a> {
        let info = DeliveryInfo {
            headers,
            own: true,
            redelivered: false,
            delivery_count: 0,
            recent: false,
            verdict: None,
            now: self.now(),
        };
        IntentCase::open(self.intent, &self.stage.policy, info)
    }

    fn surroundings(&self) -> Surroundings {
        let now = self.now();
        Surroundings {
            now,
            age: self.elapsed.saturating_sub(self.delivered),
            requests: Requests::Flow,
            clocks_agree: true,
            readback: Readback { is_given: true, newest: Some(now), faithful: Fields::ALL },
            last_answers: LastAnswers::default(),
            no_create_for: Duration::ZERO,
        }
    }

    /// What the next answer is to a create; `None` if there is no answer left.
    fn create(&mut self, call: &CreateCall<'_>) -> Result<Option<Outcome>, Misfit> {
        let Some(answer) = self.answers.next() else { return Ok(None) };
        self.found_nothing = false;
        let rules = &self.stage.policy.rules;
        let result = answer.to_create(self.intent, rules).ok_or_else(|| answer.misfit("create"))?;
        self.take_time(&result);
        let is_unauthorized = matches!(&result, CallResult::Answered(it) if it.status == 401);
        let outcome = if is_unauthorized && call.may_renew_token() {
            Outcome::StaleToken
        } else {
            Outcome::classify(result, &self.intent.reference, rules)
        };
        answer.check(&outcome)?;
        self.answered(answer, outcome.word());
        Ok(Some(outcome))
    }

    /// The same for a lookup. How many there are before the next create, the settings decide, so one
    /// "not found" stands for all of them.
    fn lookup(&mut self) -> Result<Option<Lookup>, Misfit> {
        let (rules, intent) = (&self.stage.policy.rules, self.intent);
        let Some(next) = self.answers.peek().copied() else { return Ok(None) };
        let answer = match next.to_lookup(intent, rules) {
            None if self.found_nothing => &Answer::NotFound,
            _ => self.answers.next().unwrap_or(next),
        };
        let result = answer.to_lookup(intent, rules).ok_or_else(|| answer.misfit("lookup"))?;
        self.found_nothing = *answer == Answer::NotFound;
        self.take_time(&result);
        let lookup = Lookup::classify(result, &self.intent.reference, rules);
        self.answered(answer, lookup.word());
        Ok(Some(lookup))
    }

    /// Only a call without an answer takes any time here.
    fn take_time(&mut self, result: &CallResult) {
        if matches!(result, CallResult::NoAnswer(_)) {
            self.pass(self.stage.timeout);
        }
    }

    fn answered(&mut self, answer: &Answer, means: &'static str) {
        if let Some(step) = self.steps.last_mut() {
            step.answer = Some((answer.word(), means));
        }
    }

    /// A place is free, unless the delivery would be held for too long.
    fn wait(&mut self, wait: Duration) -> Input<Outcome> {
        let age = self.elapsed.saturating_sub(self.delivered);
        if age.saturating_add(wait) > self.stage.held_max {
            return Interrupted::NoPlace(wait).at_once();
        }
        self.pass(wait);
        Input::Waited(wait)
    }

    fn pass(&mut self, duration: Duration) {
        self.elapsed = self.elapsed.saturating_add(duration);
    }

    fn now(&self) -> Timestamp {
        self.stage.start.checked_add(self.elapsed).unwrap_or(Timestamp::MAX)
    }

    fn end(self, next: Next) -> Walk {
        Walk {
            reference: self.intent.reference.clone(),
            start: self.stage.start,
            steps: self.steps,
            next,
            unused: self.answers.len(),
        }
    }
}
