//! The provider's side: links, faults, and a ledger of every request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use smartsend::domain::call::{CallResult, Data};
use smartsend::domain::reference::Reference;
use smartsend::domain::work::Work;
use smartsend::ports::TokenError;

use super::acts::Act;
use super::clock::{Chance, ModelClock};
use super::cures::Cure;
use super::journal::{Journal, Step};
use super::links::{Fate, MadeLink};

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
    /// Its word for a link that can be claimed.
    pub(crate) live_word: &'static str,
    /// Whether it cancels a link whose customer is being paid, who gets the money all the same.
    pub(crate) careless: bool,
    /// How links change by themselves, without a command.
    pub(crate) fates: BTreeMap<String, Fate>,
    /// The cure that its workers do without.
    pub(crate) without: Option<Cure>,
    /// The references whose link such a worker takes for cancelled.
    pub(super) taken_for_done: BTreeSet<String>,
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
    pub(super) links: Vec<MadeLink>,
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
            live_word: "ACTIVE",
            careless: false,
            fates: BTreeMap::new(),
            without: None,
            taken_for_done: BTreeSet::new(),
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

    /// How long details takes to show a link.
    pub(crate) fn lag(&self) -> Duration {
        self.lock().lag
    }

    /// How long a client waits for an answer.
    pub(crate) fn timeout(&self) -> Duration {
        self.lock().timeout
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

    pub(super) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    pub(super) fn note(&self, step: &Step<'_>) {
        self.journal.note(step);
    }

    /// Writes a request down, and says what happens with it.
    pub(super) fn arrives(
        &self,
        (process, work): (u64, Work),
        called: Called,
        reference: Option<&Reference>,
    ) -> DeliveryInfo {
        let at = self.clock.elapsed();
        let mut state = self.lock();
        let number = state.ledger.len();
        self.note(&Step::Sent { process, work, request: number, called, reference });
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
        if let (Called::Manage, Some(reference)) = (called, reference) {
            self.rush(&state, reference);
        }
        let latency = match &state.jitter {
            Some(chance) => state.latency / 2 + chance.up_to(state.latency),
            None => state.latency,
        };
        DeliveryInfo { act, number, latency }
    }
}
