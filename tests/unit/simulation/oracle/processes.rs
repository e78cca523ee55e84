//! What the oracle knows of each process: its pace, its breaker, and what it has in flight.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use smartsend::admission::{AdmissionState, Limits};
use smartsend::domain::call::CallResult;
use smartsend::domain::record::headers::Value;
use smartsend::domain::work::Work;
use smartsend::ports::Headers;
use smartsend::worker::dedup::CAPACITY;

use super::Broken;
use crate::support::model::{Called, Message, Settings};

/// A resend asks the broker something between its turn and its send, which takes so long.
const ROUND_TRIP: Duration = Duration::from_millis(3);

/// What a copy was derived from is as old as its publish takes: another delivery may have been sent
/// in the meantime.
const PUBLISH: Duration = Duration::from_millis(3);

/// How long a token takes to come, at most. The workers of a process share it, and the one that sends
/// a probe may be given the token that the other has asked for.
const TOKEN: Duration = Duration::from_secs(1);

/// All of them.
pub(super) struct Processes {
    intents: Limits,
    commands: Option<Limits>,
    /// How long a process remembers what it has sent; nothing, if it may push it out early.
    remembers: Option<Duration>,
    /// Whether it believes the provider that what was turned away made nothing.
    believes: bool,
    each: BTreeMap<u64, Seen>,
}

/// One of them.
#[derive(Default)]
struct Seen {
    in_flight: BTreeMap<u64, Delivery>,
    /// What it had in flight when its connection ended, and may still be working on.
    lost: Vec<Delivery>,
    /// When it has last asked for a token.
    token_at: Option<Duration>,
    /// The paces of its two workers.
    intents: Pace,
    commands: Pace,
    calls: BTreeMap<usize, Calls>,
    /// How often each intent was replaced, and the delivery is not acknowledged yet.
    replaced: BTreeMap<usize, u32>,
    /// The creates of an intent that may have been processed when the publish of a copy of it began
    /// that has failed so far: its record is older than what another copy has sent since.
    tried: BTreeMap<usize, u32>,
}

/// What one worker of it has sent.
#[derive(Default)]
struct Pace {
    /// When the next request is due, by the generic cell rate algorithm.
    due: Duration,
    open_since: Option<Duration>,
    /// When it has sent its last request.
    last_at: Duration,
}

/// What it has asked of the provider for one intent.
#[derive(Clone, Copy, Default)]
struct Calls {
    /// Creates, cancels and extends.
    in_flight: u32,
    /// Creates that the provider may have processed, by what it says.
    may_have_left: u32,
    /// Those that it says to have turned away.
    turned_away: u32,
    /// When the last of them left.
    last_left: Duration,
    /// Lookups that found a link: one that cannot be compared counts as an attempt.
    shown: u32,
}

/// A delivery in flight.
pub(super) struct Delivery {
    intent: usize,
    /// The attempts of its record, as it came.
    attempts: u64,
    /// Whether it has to be in doubt.
    in_doubt: bool,
    /// The calls that were made for the intent before.
    before: Calls,
}

impl Delivery {
    pub(super) fn of(intent: usize, message: &Message) -> Self {
        let state = message.headers.get("state");
        let in_doubt = message.redelivered || state == Some(&Value::Text("in-doubt".to_owned()));
        let before = Calls::default();
        Self { intent, attempts: attempts(&message.headers), in_doubt, before }
    }
}

fn attempts(headers: &Headers) -> u64 {
    match headers.get("attempts") {
        Some(Value::Number(number)) => u64::try_from(*number).unwrap(),
        Some(Value::Text(_)) | None => 0,
    }
}

impl Processes {
    pub(super) fn new(settings: &Settings, commands: Option<&Settings>) -> Self {
        let policy = &settings.policy;
        let is_roomy = settings.capacity >= CAPACITY || policy.is_strict();
        let remembers = is_roomy.then_some(policy.quarantine);
        let believes = !policy.is_strict();
        let commands = commands.map(|settings| settings.limits);
        Self { intents: settings.limits, commands, remembers, believes, each: BTreeMap::new() }
    }

    fn of(&mut self, process: u64) -> &mut Seen {
        self.each.entry(process).or_default()
    }

    /// A request leaves: no faster than allowed, nothing but probes while the breaker is open, and
    /// never two that change something for one reference at once.
    pub(super) fn sent(
        &mut self,
        (process, work): (u64, Work),
        at: Duration,
        called: Called,
        intent: Option<usize>,
    ) -> Result<(), Broken> {
        let limits = match work {
            Work::Intents => self.intents,
            Work::Commands => self.commands.expect("this world has commands"),
        };
        let token_takes = self.commands.map_or(Duration::ZERO, |_| TOKEN);
        let seen = self.of(process);
        if called == Called::Token {
            seen.token_at = Some(at);
        }
        let token_at = seen.token_at;
        let pace = seen.pace(work);
        let interval = Duration::from_secs(1) / limits.rate.per_second.get();
        pace.due = pace.due.max(at) + interval;
        if pace.due.saturating_sub(at) > interval * limits.rate.burst.get() + ROUND_TRIP {
            return Err(format!("p{process} is faster than allowed"));
        }
        // A probe asks for a token and then looks something up.
        let has_new_token = token_at.is_some_and(|token| token + token_takes >= pace.last_at);
        let is_probe = called == Called::Token || called == Called::Lookup && has_new_token;
        pace.last_at = at;
        let open_for = pace.open_since.map_or(Duration::ZERO, |since| at.saturating_sub(since));
        if open_for > ROUND_TRIP && !is_probe {
            return Err(format!("p{process} sends a {called:?} through an open breaker"));
        }
        if let (Called::Create | Called::Manage, Some(intent)) = (called, intent) {
            let calls = seen.calls.entry(intent).or_default();
            calls.in_flight += 1;
            if calls.in_flight > 1 {
                return Err(format!("p{process} has two calls for one reference in flight"));
            }
            if called == Called::Create {
                calls.may_have_left += 1;
                calls.last_left = at;
            }
        }
        Ok(())
    }

    pub(super) fn answered(
        &mut self,
        process: u64,
        called: Called,
        intent: Option<usize>,
        result: &CallResult,
    ) {
        let Some(intent) = intent else { return };
        let believes = self.believes;
        let calls = self.of(process).calls.entry(intent).or_default();
        match (called, result) {
            (Called::Manage, _) => calls.in_flight -= 1,
            (Called::Create, _) => {
                calls.in_flight -= 1;
                let is_turned_away = believes && is_turned_away(result);
                calls.turned_away += u32::from(is_turned_away);
                calls.may_have_left -= u32::from(is_turned_away || is_unsent(result));
            }
            (Called::Lookup, CallResult::Answered(answer)) => {
                let data = answer.envelope.as_ref().map(|envelope| &envelope.data);
                calls.shown += u32::from(data.is_some_and(|data| data.link.is_some()));
            }
            (Called::Lookup | Called::Token, _) => {}
        }
    }

    pub(super) fn admission(
        &mut self,
        (process, work): (u64, Work),
        state: AdmissionState,
        at: Duration,
    ) {
        let is_open = state.breaker.is_open();
        let since = &mut self.of(process).pace(work).open_since;
        *since = is_open.then(|| since.unwrap_or(at));
    }

    pub(super) fn delivered(&mut self, process: u64, tag: u64, mut delivery: Delivery) {
        let seen = self.of(process);
        delivery.before = seen.calls.get(&delivery.intent).copied().unwrap_or_default();
        seen.in_flight.insert(tag, delivery);
    }

    /// Which intent it is, and whether it was replaced.
    pub(super) fn acknowledged(&mut self, process: u64, tag: u64) -> (usize, bool) {
        let seen = self.of(process);
        let intent = seen.in_flight.remove(&tag).unwrap().intent;
        let replaced = seen.replaced.entry(intent).or_default();
        let was = *replaced > 0;
        *replaced = replaced.saturating_sub(1);
        if !self.has(process, intent) {
            self.of(process).tried.remove(&intent);
        }
        (intent, was)
    }

    pub(super) fn tried(&mut self, process: u64, intent: usize) {
        let seen = self.of(process);
        let left = seen.calls.get(&intent).map_or(0, |calls| calls.may_have_left);
        seen.tried.entry(intent).or_insert(left);
    }

    /// A delivery is given back, and whatever has replaced it so far goes out again.
    pub(super) fn requeued(&mut self, process: u64, tag: u64) {
        let seen = self.of(process);
        let Some(delivery) = seen.in_flight.remove(&tag) else { return };
        let intent = delivery.intent;
        seen.lost.push(delivery);
        if !self.has(process, intent) {
            let seen = self.of(process);
            seen.tried.remove(&intent);
            seen.replaced.remove(&intent);
        }
    }

    /// Which intents it had in flight.
    pub(super) fn cut(&mut self, process: u64) -> BTreeSet<usize> {
        let seen = self.of(process);
        seen.replaced.clear();
        let lost = std::mem::take(&mut seen.in_flight);
        let intents = lost.values().map(|delivery| delivery.intent).collect();
        seen.lost.extend(lost.into_values());
        intents
    }

    pub(super) fn has(&self, process: u64, intent: usize) -> bool {
        let seen = self.each.get(&process);
        seen.is_some_and(|seen| seen.in_flight.values().any(|delivery| delivery.intent == intent))
    }

    /// What replaces a delivery that this process has is safe.
    pub(super) fn replaced(&mut self, process: u64, intent: usize) {
        if self.has(process, intent) {
            *self.of(process).replaced.entry(intent).or_default() += 1;
        }
    }

    /// Whether any process has sent a create of it that the provider may have processed.
    pub(super) fn may_have_sent(&self, intent: usize) -> bool {
        let calls = self.each.values().filter_map(|seen| seen.calls.get(&intent));
        calls.into_iter().any(|calls| calls.may_have_left > 0)
    }

    /// The record of a copy: nothing becomes new again, and what was not sent is not counted.
    pub(super) fn check_record(
        &mut self,
        (process, intent): (u64, usize),
        at: Duration,
        headers: &Headers,
    ) -> Result<(), Broken> {
        let is_new = headers.get("state") == Some(&Value::Text("new".to_owned()));
        let remembers = self.remembers;
        let seen = self.of(process);
        let calls = seen.calls.get(&intent).copied().unwrap_or_default();
        // What another copy has sent is remembered; what this one has sent is known in any case,
        // and cannot be distinguished from it here.
        let ago = at.saturating_sub(calls.last_left);
        let is_remembered = remembers.is_some_and(|keep| (PUBLISH..keep).contains(&ago));
        let left = if is_remembered { calls.may_have_left } else { 0 };
        let left = seen.tried.get(&intent).map_or(left, |then| left.min(*then));
        // Which of several deliveries it replaces cannot be seen: one that it may must be there.
        let may_be_new =
            |delivery: &Delivery| !delivery.in_doubt && left <= delivery.before.may_have_left;
        if is_new && !seen.of(intent).any(may_be_new) {
            return Err(format!("p{process} makes i{intent} new again"));
        }
        self.check_attempts(process, intent, Some(attempts(headers)))
    }

    /// The record of a command's copy: what may have been sent stays so.
    pub(super) fn check_command(
        &mut self,
        (process, number): (u64, usize),
        headers: &Headers,
    ) -> Result<(), Broken> {
        let is_new = headers.get("state") == Some(&Value::Text("new".to_owned()));
        if is_new && !self.of(process).of(number).any(|delivery| !delivery.in_doubt) {
            return Err(format!("p{process} makes a command new again"));
        }
        Ok(())
    }

    /// A doubt counts as an attempt, and so does a create that may have been processed.
    pub(super) fn check_attempts(
        &mut self,
        process: u64,
        intent: usize,
        attempts: Option<u64>,
    ) -> Result<(), Broken> {
        let seen = self.of(process);
        let now = seen.calls.get(&intent).copied().unwrap_or_default();
        let most = seen.of(intent).map(|delivery| {
            let left = now.may_have_left.saturating_sub(delivery.before.may_have_left);
            let turned_away = now.turned_away - delivery.before.turned_away;
            let shown = now.shown - delivery.before.shown;
            delivery.attempts + 1 + u64::from(left + turned_away + shown)
        });
        match (most.max(), attempts) {
            (Some(most), Some(attempts)) if attempts > most => {
                Err(format!("i{intent} has {attempts} attempts, and can have {most} at most"))
            }
            _ => Ok(()),
        }
    }
}

impl Seen {
    fn pace(&mut self, work: Work) -> &mut Pace {
        match work {
            Work::Intents => &mut self.intents,
            Work::Commands => &mut self.commands,
        }
    }

    /// The deliveries of an intent that it has or had in flight.
    fn of(&self, intent: usize) -> impl Iterator<Item = &Delivery> {
        self.in_flight.values().chain(&self.lost).filter(move |delivery| delivery.intent == intent)
    }
}

fn is_unsent(result: &CallResult) -> bool {
    match result {
        CallResult::NotSent(_) | CallResult::TokenRefused | CallResult::TokenThrottled(_) => true,
        CallResult::NoAnswer(_) | CallResult::Answered(_) => false,
    }
}

/// By the statuses and codes that the weather has.
fn is_turned_away(result: &CallResult) -> bool {
    let CallResult::Answered(answer) = result else { return false };
    let codes = answer.envelope.as_ref().map(|envelope| &envelope.codes);
    matches!(answer.status, 401 | 403 | 429) || codes.is_some_and(|codes| codes.contains(&1100))
}
