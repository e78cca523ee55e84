//! One process's way to the provider.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smartsend::domain::call::{Answer, CallResult, NoAnswer};
use smartsend::domain::customer::Private;
use smartsend::domain::decide::{CreateCall, ManageCall};
use smartsend::domain::reference::Reference;
use smartsend::domain::work::Work;
use smartsend::ports::{Clock, Provider, Token, TokenError};
use tokio::sync::oneshot;

use crate::support::canary;

use super::acts::Act;
use super::clock::ModelClock;
use super::journal::Step;
use super::life::Life;
use super::smart_send::{Called, DeliveryInfo, SmartSend};

/// One account, as one process sees it: it has a token of its own.
pub(crate) struct ModelAccount {
    smart_send: SmartSend,
    clock: ModelClock,
    life: Life,
    process: u64,
    /// Whose calls it makes.
    work: Work,
    tokens: Arc<Tokens>,
}

/// What the workers of one merchant share in one process: a second token may end the first.
#[derive(Default)]
pub(super) struct Tokens {
    /// The token and its end.
    held: Mutex<Option<(Token, Duration)>>,
    /// Held by whoever asks for one.
    flight: tokio::sync::Mutex<()>,
}

impl ModelAccount {
    pub(super) fn new(
        smart_send: SmartSend,
        clock: ModelClock,
        life: Life,
        (process, work): (u64, Work),
        tokens: Arc<Tokens>,
    ) -> Self {
        Self { smart_send, clock, life, process, work, tokens }
    }

    /// Sends a request. The provider goes on with it even if this process dies.
    async fn call(
        &self,
        (called, token, reference): (Called, &Token, &Reference),
        serve: impl FnOnce(&SmartSend, usize) -> CallResult + Send + 'static,
    ) -> CallResult {
        self.life.step_at_once().await;
        let arrival = self.smart_send.arrives((self.process, self.work), called, Some(reference));
        let _in_flight = InFlight::of(&self.smart_send);
        let (timeout, good) = {
            let state = self.smart_send.lock();
            (state.timeout, token.issue >= state.oldest_good)
        };
        let (send_answer, answer) = oneshot::channel();
        let served = serve_request(self.smart_send.clone(), arrival, good, send_answer, serve);
        tokio::spawn(served);
        let result = tokio::select! {
            biased;
            Ok(result) = answer => result,
            () = self.clock.sleep(timeout) => CallResult::NoAnswer(NoAnswer::Timeout),
        };
        self.life.step().await;
        let (process, sighting_seen) = (self.process, &result);
        self.smart_send.note(&Step::Answered { process, called, reference, result: sighting_seen });
        result
    }
}

/// What the provider does with one request. Nobody may listen to its answer any more.
async fn serve_request(
    smart_send: SmartSend,
    DeliveryInfo { act, number, latency }: DeliveryInfo,
    good: bool,
    answer: oneshot::Sender<CallResult>,
    serve: impl FnOnce(&SmartSend, usize) -> CallResult,
) {
    let on_its_way = latency / 2;
    match act {
        _ if !good => {
            tokio::time::sleep(latency).await;
            answer.send(CallResult::Answered(unauthorized())).ok();
        }
        Act::LoseRequest => hang(answer).await,
        Act::Show(result) => {
            tokio::time::sleep(latency).await;
            answer.send(result).ok();
        }
        Act::Serve => {
            tokio::time::sleep(on_its_way).await;
            let result = serve(&smart_send, number);
            tokio::time::sleep(on_its_way).await;
            answer.send(result).ok();
        }
        Act::LoseAnswer(late) => {
            tokio::time::sleep(late).await;
            serve(&smart_send, number);
            hang(answer).await;
        }
        Act::Mislead(result, late) => {
            tokio::time::sleep(latency).await;
            answer.send(result).ok();
            tokio::time::sleep(late.saturating_sub(latency)).await;
            serve(&smart_send, number);
        }
    }
}

/// No answer comes, and the connection stays: until the client's patience ends.
async fn hang(mut answer: oneshot::Sender<CallResult>) {
    answer.closed().await;
}

impl Provider for ModelAccount {
    fn token(&self) -> Option<Token> {
        let held = self.tokens.held.lock().unwrap();
        let (token, end) = held.as_ref()?;
        (self.clock.elapsed() < *end).then(|| token.clone())
    }

    async fn new_token<F>(&self, mut turn: impl FnMut() -> F + Send) -> Result<Token, TokenError>
    where
        F: Future<Output = ()> + Send,
    {
        let _flight = self.tokens.flight.lock().await;
        if let Some(token) = self.token() {
            return Ok(token);
        }
        turn().await;
        self.life.step_at_once().await;
        let DeliveryInfo { act, latency, .. } =
            self.smart_send.arrives((self.process, self.work), Called::Token, None);
        tokio::time::sleep(latency).await;
        self.life.step().await;
        let mut state = self.smart_send.lock();
        if let Some(why) = state.tokens.pop_front().or_else(|| act.refuses_token()) {
            return Err(why);
        }
        state.issued += 1;
        let bearer = Private::new(format!("{}-{}", canary::TOKEN, state.issued));
        let token = Token { issue: state.issued, bearer };
        let end = self.clock.elapsed() + state.token_life;
        *self.tokens.held.lock().unwrap() = Some((token.clone(), end));
        Ok(token)
    }

    fn discard(&self, token: &Token) {
        let mut held = self.tokens.held.lock().unwrap();
        if held.as_ref().is_some_and(|(held, _)| held.issue == token.issue) {
            *held = None;
        }
    }

    async fn create(&self, token: &Token, call: &CreateCall<'_>) -> CallResult {
        self.smart_send.set(|state| {
            let panics = state.panics > 0;
            state.panics = state.panics.saturating_sub(1);
            if panics {
                std::panic::resume_unwind(Box::new("a defect"));
            }
        });
        let intent = call.intent().clone();
        let what = (Called::Create, token, &call.intent().reference);
        self.call(what, move |smart_send, request| smart_send.make(&intent, request)).await
    }

    async fn lookup(&self, token: &Token, reference: &Reference) -> CallResult {
        let asked = reference.clone();
        let what = (Called::Lookup, token, reference);
        let result = self.call(what, move |smart_send, _| smart_send.details(&asked)).await;
        match self.work {
            Work::Intents => result,
            Work::Commands => self.smart_send.falsified(reference, result),
        }
    }

    async fn manage(&self, token: &Token, call: &ManageCall<'_>) -> CallResult {
        let command = call.command().clone();
        let what = (Called::Manage, token, &call.command().reference);
        let serve = move |smart_send: &SmartSend, request| smart_send.manage(&command, request);
        let result = self.call(what, serve).await;
        self.smart_send.heard(call.command(), &result);
        result
    }
}

fn unauthorized() -> Answer {
    Answer { status: 401, retry_after: None, envelope: None }
}

/// Counts calls in flight.
struct InFlight(SmartSend);

impl InFlight {
    fn of(smart_send: &SmartSend) -> Self {
        smart_send.set(|state| {
            state.in_flight += 1;
            state.most_in_flight = state.most_in_flight.max(state.in_flight);
        });
        Self(smart_send.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.set(|state| state.in_flight -= 1);
    }
}
