//! The provider's side: links, faults, and a ledger of every request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use smartsend::domain::call::{CallResult, Data, Envelope};
use smartsend::domain::command::{Action, Command};
use smartsend::domain::customer::Private;
use smartsend::domain::intent::Intent;
use smartsend::domain::reference::Reference;
use smartsend::ports::TokenError;

use super::acts::{Act, accepted, answer, refusal};
use super::clock::{Chance, ModelClock};
use super::journal::{Journal, Step};

/// A request that has come.
pub(super) struct DeliveryInfo {
    pub(super) act: Act,
    /// Its place in the ledger.
    pub(super) number: usize,
    pub(super) latency: Duration,
}

/// Which kind of request it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Called {
    Token,
    Create,
    Lookup,
    /// A cancel or an extend.
    Manage,
}

/// One request, when it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) at: Duration,
    pub(crate) called: Called,
    /// Nothing for a token.
    pub(crate) reference: Option<String>,
}

/// A link that was made.
#[derive(Clone, Debug)]
pub(crate) struct MadeLink {
    pub(crate) reference: Reference,
    pub(crate) url: String,
    intent: Intent,
    at: Duration,
    /// What has become of it, and when.
    changes: Vec<(Duration, Change)>,
}

/// What can become of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Claimed,
    Cancelled,
    Extended(Timestamp),
}

/// Picks an act at random.
type Weather = Box<dyn Fn(Called, &Chance) -> Act + Send>;

/// The provider. Clones are the same one.
#[derive(Clone)]
pub(crate) struct SmartSend {
    state: Arc<Mutex<State>>,
    clock: ModelClock,
    journal: Journal,
}

pub(crate) struct State {
    /// Whether a second create for a reference makes a second link.
    pub(crate) naive: bool,
    /// How long details takes to show a link.
    pub(crate) lag: Duration,
    /// Whether details never shows one.
    pub(crate) blind: bool,
    /// Details shows no link that was made after this, as long as it is set.
    pub(crate) frozen_at: Option<Duration>,
    /// How long a call takes.
    pub(crate) latency: Duration,
    /// Makes calls take between half of that and one and a half.
    pub(crate) jitter: Option<Chance>,
    /// Makes details blur some answers: how many out of a hundred.
    pub(crate) blur: Option<(Chance, u64)>,
    /// How details prints what it knows of a link.
    pub(crate) prints: Option<fn(&mut Data)>,
    /// The end of the references whose every request is answered so.
    pub(crate) disliked: Option<(&'static str, CallResult)>,
    /// How long a client waits for an answer.
    pub(crate) timeout: Duration,
    /// How long a token is used.
    pub(crate) token_life: Duration,
    /// The end of the references that are never accepted, with code 1106.
    pub(crate) rejected: Option<&'static str>,
    /// How many creates bring down the task that sends them.
    pub(crate) panics: u32,
    creates: VecDeque<Act>,
    lookups: VecDeque<Act>,
    manages: VecDeque<Act>,
    pub(super) tokens: VecDeque<TokenError>,
    weather: Option<(Weather, Chance)>,
    links: Vec<MadeLink>,
    ledger: Vec<Request>,
    pub(super) issued: u64,
    pub(super) oldest_good: u64,
    pub(super) in_flight: u32,
    pub(super) most_in_flight: u32,
}

impl SmartSend {
    pub(super) fn new(clock: ModelClock, journal: Journal) -> Self {
        let state = State {
            naive: false,
            lag: Duration::ZERO,
            blind: false,
            frozen_at: None,
            latency: Duration::from_millis(100),
            jitter: None,
            blur: None,
            prints: None,
            disliked: None,
            timeout: Duration::from_secs(20),
            token_life: Duration::from_hours(2),
            rejected: None,
            panics: 0,
            creates: VecDeque::new(),
            lookups: VecDeque::new(),
            manages: VecDeque::new(),
            tokens: VecDeque::new(),
            weather: None,
            links: Vec::new(),
            ledger: Vec::new(),
            issued: 0,
            oldest_good: 0,
            in_flight: 0,
            most_in_flight: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), clock, journal }
    }

    /// Changes how it behaves.
    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
    }

    /// What it does with the next creates; after these it serves.
    pub(crate) fn on_create(&self, acts: impl IntoIterator<Item = Act>) {
        self.lock().creates.extend(acts);
    }

    /// What it does with the next looks.
    pub(crate) fn on_look(&self, acts: impl IntoIterator<Item = Act>) {
        self.lock().lookups.extend(acts);
    }

    /// What it does with the next cancels and extends.
    pub(crate) fn on_manage(&self, acts: impl IntoIterator<Item = Act>) {
        self.lock().manages.extend(acts);
    }

    /// How the next token requests fail.
    pub(crate) fn on_token(&self, failures: impl IntoIterator<Item = TokenError>) {
        self.lock().tokens.extend(failures);
    }

    /// What it does with every call that no script is about.
    pub(crate) fn weather(
        &self,
        chance: Chance,
        weather: impl Fn(Called, &Chance) -> Act + Send + 'static,
    ) {
        self.lock().weather = Some((Box::new(weather), chance));
    }

    /// From here on it serves everything.
    pub(crate) fn calm(&self) {
        let mut state = self.lock();
        state.weather = None;
        state.frozen_at = None;
    }

    /// Makes every token that was given out worthless.
    pub(crate) fn revoke_tokens(&self) {
        let mut state = self.lock();
        state.oldest_good = state.issued + 1;
    }

    /// A link that someone else has made.
    pub(crate) fn has_link(&self, intent: &Intent) {
        let at = self.clock.elapsed();
        self.lock().add_link(intent, at);
    }

    /// How long details takes to show a link.
    pub(crate) fn lag(&self) -> Duration {
        self.lock().lag
    }

    /// The links for a reference.
    pub(crate) fn links(&self, reference: &str) -> Vec<MadeLink> {
        let state = self.lock();
        state.links.iter().filter(|link| link.reference.as_str() == reference).cloned().collect()
    }

    /// Every request so far.
    pub(crate) fn ledger(&self) -> Vec<Request> {
        self.lock().ledger.clone()
    }

    /// The kinds of the requests so far, in order.
    pub(crate) fn calls(&self) -> Vec<Called> {
        self.lock().ledger.iter().map(|request| request.called).collect()
    }

    /// How many requests of a kind there were.
    pub(crate) fn count(&self, called: Called) -> usize {
        self.calls().into_iter().filter(|one| *one == called).count()
    }

    /// The most creates and lookups that were in flight at once.
    pub(crate) fn most_in_flight(&self) -> u32 {
        self.lock().most_in_flight
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn note(&self, step: &Step<'_>) {
        self.journal.note(step);
    }

    /// Writes a request down, and says what happens with it.
    pub(super) fn arrives(
        &self,
        process: u64,
        called: Called,
        reference: Option<&Reference>,
    ) -> DeliveryInfo {
        let at = self.clock.elapsed();
        let mut state = self.lock();
        let number = state.ledger.len();
        self.note(&Step::Sent { process, request: number, called, reference });
        let name = reference.map(ToString::to_string);
        state.ledger.push(Request { at, called, reference: name });
        let scripted = match called {
            Called::Token => None,
            Called::Create => state.creates.pop_front(),
            Called::Lookup => state.lookups.pop_front(),
            Called::Manage => state.manages.pop_front(),
        };
        let by_weather = || state.weather.as_ref().map(|(pick, chance)| pick(called, chance));
        let act = scripted.or_else(by_weather).unwrap_or(Act::Serve);
        let act = match (&state.disliked, &state.ledger[number].reference) {
            (Some((end, result)), Some(name)) if name.ends_with(end) => Act::Show(result.clone()),
            _ => act,
        };
        if !matches!(act, Act::Serve) {
            self.note(&Step::Fault(format_args!("request {number}: {act}")));
        }
        let latency = match &state.jitter {
            Some(chance) => state.latency / 2 + chance.up_to(state.latency),
            None => state.latency,
        };
        DeliveryInfo { act, number, latency }
    }

    /// Makes a link, or refuses a second one.
    pub(super) fn make(&self, intent: &Intent, request: usize) -> CallResult {
        let at = self.clock.elapsed();
        let mut state = self.lock();
        let reference = &intent.reference;
        if state.rejected.is_some_and(|end| reference.as_str().ends_with(end)) {
            return refusal(1106);
        }
        let taken = state.links.iter().any(|link| link.reference == *reference);
        if taken && !state.naive {
            return refusal(1103);
        }
        let url = state.add_link(intent, at);
        self.note(&Step::CreatedLink { request, reference, url: &url });
        accepted(Data { link: Some(Private::new(url)), ..Data::default() })
    }

    /// Carries a command out, or says why not.
    pub(super) fn manage(&self, command: &Command) -> CallResult {
        let at = self.clock.elapsed();
        let mut state = self.lock();
        let found = |link: &&mut MadeLink| link.reference == command.reference;
        let Some(link) = state.links.iter_mut().find(found) else { return refusal(1112) };
        if link.has_become(Change::Claimed) || link.has_become(Change::Cancelled) {
            return refusal(1110);
        }
        let change = match command.action {
            Action::Cancel => Change::Cancelled,
            Action::Extend(expiry) => Change::Extended(expiry),
        };
        link.changes.push((at, change));
        accepted(Data::default())
    }

    /// The customer claims a link, if that is possible.
    pub(crate) fn claim(&self, reference: &str) {
        let at = self.clock.elapsed();
        let mut state = self.lock();
        let found = |link: &&mut MadeLink| link.reference.as_str() == reference;
        let link = state.links.iter_mut().find(found).expect("there is a link");
        if !link.has_become(Change::Cancelled) {
            link.changes.push((at, Change::Claimed));
        }
    }

    /// What has become of a link.
    pub(crate) fn changes(&self, reference: &str) -> Vec<Change> {
        let state = self.lock();
        let links = state.links.iter().filter(|link| link.reference.as_str() == reference);
        links.flat_map(|link| link.changes.iter().map(|(_, change)| *change)).collect()
    }

    /// What details shows.
    pub(super) fn details(&self, reference: &Reference) -> CallResult {
        let now = self.clock.elapsed();
        let state = self.lock();
        let seen = |link: &&MadeLink| {
            let is_indexed = state.frozen_at.is_none_or(|frozen| link.at <= frozen);
            let is_shown = link.at + state.lag <= now && !state.blind && is_indexed;
            link.reference == *reference && is_shown
        };
        let Some(link) = state.links.iter().find(seen) else {
            let texts = vec![Private::new("Smart Send Record not found")];
            return answer(
                200,
                Envelope { status: 1, codes: vec![], texts, data: Data::default() },
            );
        };
        let contact = &link.intent.contact;
        if state.blur.as_ref().is_some_and(|(chance, share)| chance.percent(*share)) {
            // A link without a customer: nothing to compare it by.
            return accepted(Data {
                reference: Some(reference.to_string()),
                link: Some(Private::new(link.url.clone())),
                link_status: Some("ACTIVE".to_owned()),
                ..Data::default()
            });
        }
        let shown = link.changes.iter().filter(|(at, _)| *at + state.lag <= now);
        let shown: Vec<Change> = shown.map(|(_, change)| *change).collect();
        let expiry = shown.iter().rev().find_map(|change| match change {
            Change::Extended(expiry) => Some(*expiry),
            Change::Claimed | Change::Cancelled => None,
        });
        let status = match () {
            () if shown.contains(&Change::Claimed) => "INITIATED",
            () if shown.contains(&Change::Cancelled) => "CANCELLED",
            () => "ACTIVE",
        };
        let mut data = Data {
            reference: Some(reference.to_string()),
            link: Some(Private::new(link.url.clone())),
            link_status: Some(status.to_owned()),
            expiry,
            amount: Some(link.intent.amount.to_string()),
            mobile: contact.mobile().map(|mobile| Private::new(mobile.expose())),
            email: contact.email().map(|email| Private::new(email.expose())),
            ..Data::default()
        };
        if let Some(print) = state.prints {
            print(&mut data);
        }
        accepted(data)
    }
}

impl MadeLink {
    fn has_become(&self, change: Change) -> bool {
        self.changes.iter().any(|(_, made)| *made == change)
    }
}

impl State {
    fn add_link(&mut self, intent: &Intent, at: Duration) -> String {
        let number = self.links.len();
        let url = format!("https://payumoney.com/smartPay?id={}-{number}", intent.reference);
        let link = MadeLink {
            reference: intent.reference.clone(),
            url: url.clone(),
            intent: intent.clone(),
            at,
            changes: Vec::new(),
        };
        self.links.push(link);
        url
    }
}
