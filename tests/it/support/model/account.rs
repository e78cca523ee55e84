//! One process's way to the provider.

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use smartsend::payout::customer::Private;
use smartsend::payout::decision::CreateCall;
use smartsend::payout::reference::Reference;
use smartsend::payout::sighting::{Answer, Sighting, Silence};
use smartsend::ports::{NoToken, Provider, Token};
use tokio::sync::oneshot;

use super::clock::ModelClock;
use super::life::Life;
use super::smart_send::{Act, Called, SmartSend};

/// One account, as one process sees it: it has a token of its own.
pub(crate) struct ModelAccount {
    smart_send: SmartSend,
    clock: ModelClock,
    life: Life,
    /// The token and its end.
    held: Mutex<Option<(Token, Duration)>>,
    /// Held by whoever asks for one.
    flight: tokio::sync::Mutex<()>,
}

impl ModelAccount {
    pub(super) fn new(smart_send: SmartSend, clock: ModelClock, life: Life) -> Self {
        let (held, flight) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { smart_send, clock, life, held, flight }
    }

    /// Sends a request. The provider goes on with it, whatever becomes of this process.
    async fn call(
        &self,
        (called, token, reference): (Called, &Token, &Reference),
        serve: impl FnOnce(SmartSend) -> Sighting + Send + 'static,
    ) -> Sighting {
        self.life.step().await;
        let act = self.smart_send.arrives(called, Some(reference));
        let _in_flight = InFlight::of(&self.smart_send);
        let (latency, timeout, good) = {
            let state = self.smart_send.lock();
            (state.latency, state.timeout, token.issue >= state.oldest_good)
        };
        let (send_answer, answer) = oneshot::channel();
        let smart_send = self.smart_send.clone();
        tokio::spawn(async move {
            let late = match act {
                Act::LoseAnswer(late) => late,
                Act::Serve | Act::LoseRequest | Act::Show(_) => latency / 2,
            };
            tokio::time::sleep(late).await;
            let sighting = match act {
                _ if !good => Sighting::Answered(unauthorized()),
                Act::LoseRequest => return,
                Act::Show(sighting) => sighting,
                Act::Serve => serve(smart_send),
                Act::LoseAnswer(_) => {
                    serve(smart_send);
                    return;
                }
            };
            tokio::time::sleep(latency / 2).await;
            send_answer.send(sighting).ok(); // nobody may listen any more
        });
        let sighting = tokio::select! {
            Ok(sighting) = answer => sighting,
            () = tokio::time::sleep(timeout) => Sighting::NoAnswer(Silence::Timeout),
        };
        self.life.step().await;
        sighting
    }
}

impl Provider for ModelAccount {
    fn token(&self) -> Option<Token> {
        let held = self.held.lock().unwrap();
        let (token, end) = held.as_ref()?;
        (self.clock.elapsed() < *end).then(|| token.clone())
    }

    async fn new_token<F>(&self, mut turn: impl FnMut() -> F + Send) -> Result<Token, NoToken>
    where
        F: Future<Output = ()> + Send,
    {
        let _flight = self.flight.lock().await;
        if let Some(token) = self.token() {
            return Ok(token);
        }
        turn().await;
        self.life.step().await;
        let act = self.smart_send.arrives(Called::Token, None);
        let latency = self.smart_send.lock().latency;
        tokio::time::sleep(latency).await;
        let mut state = self.smart_send.lock();
        if let Some(why) = state.tokens.pop_front() {
            return Err(why);
        }
        if let Act::Show(Sighting::NotSent(why)) = act {
            return Err(NoToken::Unavailable(why));
        }
        state.issued += 1;
        let bearer = Private::new(format!("token-{}", state.issued));
        let token = Token { issue: state.issued, bearer };
        let end = self.clock.elapsed() + state.token_life;
        *self.held.lock().unwrap() = Some((token.clone(), end));
        Ok(token)
    }

    fn discard(&self, token: &Token) {
        let mut held = self.held.lock().unwrap();
        if held.as_ref().is_some_and(|(held, _)| held.issue == token.issue) {
            *held = None;
        }
    }

    async fn create(&self, token: &Token, call: &CreateCall<'_>) -> Sighting {
        self.smart_send.set(|state| {
            let panics = state.panics > 0;
            state.panics = state.panics.saturating_sub(1);
            if panics {
                std::panic::resume_unwind(Box::new("a defect"));
            }
        });
        let intent = call.intent().clone();
        let what = (Called::Create, token, &call.intent().reference);
        self.call(what, move |smart_send| smart_send.make(&intent)).await
    }

    async fn look(&self, token: &Token, reference: &Reference) -> Sighting {
        let asked = reference.clone();
        self.call((Called::Look, token, reference), move |smart_send| smart_send.details(&asked))
            .await
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
