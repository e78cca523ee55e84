//! One token, renewed early, requested once however many callers wait for it.
//!
//! The danger: a hundred calls find the token expired at once and ask a hundred times, which costs
//! the account its rate; or a token is kept for the usual two hours, though PayU returned an
//! existing one with minutes left. So at most one request to the endpoint is under way, everyone
//! who waited for it shares its result, good or bad, and a token lives as long as `expires_in`
//! says, counted from before the request, on the steady clock.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, Request};
use url::Url;

use crate::config::{Grant, Merchant};
use crate::domain::call::NotSent;
use crate::domain::customer::Private;
use crate::ports::{Clock, Token, TokenError};
use crate::telemetry::events;
use crate::telemetry::metrics::{CallKind, MerchantMetrics};

use super::grant::{form_of_grant, form_of_refresh};
use crate::payu::client::{Client, Failed, Reply};
use crate::payu::transport_error::TransportError;
use crate::payu::wire::{Granted, TokenAnswer, token_answer};

/// How long before it expires a token is renewed; one with a short life is renewed when a fifth of
/// it is left.
const RENEWAL_LEAD_MAX: Duration = Duration::from_mins(1);

/// How long to wait before the next try when a token could not be renewed and is still valid.
const RENEWAL_PAUSE: Duration = Duration::from_secs(5);

/// One merchant's token.
pub(in crate::payu) struct TokenCache<C> {
    clock: C,
    metrics: Arc<MerchantMetrics>,
    auth_url: Url,
    grant: Grant,
    state: Mutex<State>,
    /// Held by the one caller that calls the endpoint.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    refresh: Option<Private>,
    issues: u64,
    /// Requests to the endpoint that have ended.
    flights: u64,
    /// Why there has been no new token since the last one.
    cause: Option<String>,
    /// What the last of them fetched.
    fetched: Option<Result<Token, TokenError>>,
}

/// Why a request brought no token.
#[derive(Clone, Debug)]
pub struct Ungranted {
    pub why: TokenError,
    /// In words that hold no secret.
    pub cause: String,
    /// How far it came, if there was no whole answer.
    pub broken: Option<TransportError>,
}

/// What one request for a token showed.
#[derive(Clone, Debug)]
pub struct TokenSeen {
    pub granted: Result<Granted, Ungranted>,
    /// The server's clock, by its `Date`.
    pub date: Option<Timestamp>,
}

/// A token and its life, on the steady clock.
struct Held {
    token: Token,
    renew_at: Duration,
    ends_at: Duration,
}

impl<C: Clock> TokenCache<C> {
    pub(in crate::payu) fn new(
        merchant: &Merchant,
        clock: C,
        metrics: Arc<MerchantMetrics>,
    ) -> Self {
        Self {
            clock,
            metrics,
            auth_url: merchant.auth_url.clone(),
            grant: merchant.grant.clone(),
            state: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
        }
    }

    /// The token, if it need not be renewed yet, or is being renewed and still valid.
    pub(in crate::payu) fn current(&self) -> Option<Token> {
        let now = self.clock.now().steady;
        let renewing = self.flight.try_lock().is_err();
        let state = self.state();
        let held = state.held.as_ref()?;
        let until = if renewing { held.ends_at } else { held.renew_at };
        (now < until).then(|| held.token.clone())
    }

    /// Forgets the token, if it is still the current one. Its refresh token goes with it: PayU's
    /// sample of a refresh gives the same access token again, and that one is dead.
    pub(in crate::payu) fn discard(&self, token: &Token) {
        let mut state = self.state();
        let is_it = |held: &Token| held.issue == token.issue;
        if state.held.as_ref().is_some_and(|held| is_it(&held.token)) {
            state.held = None;
            state.refresh = None;
        }
        if matches!(&state.fetched, Some(Ok(fetched)) if is_it(fetched)) {
            state.fetched = None;
        }
    }

    /// A new token, or the one that another caller has fetched in the meantime.
    pub(in crate::payu) async fn renew<F>(
        &self,
        client: &Client,
        turn: impl FnMut() -> F + Send,
    ) -> Result<Token, TokenError>
    where
        F: Future<Output = ()> + Send,
    {
        let flights_before = self.state().flights;
        let _flight = self.flight.lock().await;
        if let Some(fetched) = self.fetched_since(flights_before) {
            return fetched;
        }
        let asked = self.ask(client, turn).await;
        self.finish(asked)
    }

    fn fetched_since(&self, flights_before: u64) -> Option<Result<Token, TokenError>> {
        let now = self.clock.now().steady;
        let state = self.state();
        if state.flights > flights_before && state.fetched.is_some() {
            return state.fetched.clone();
        }
        let held = state.held.as_ref()?;
        (now < held.renew_at).then(|| Ok(held.token.clone()))
    }

    fn finish(&self, asked: Result<Token, TokenError>) -> Result<Token, TokenError> {
        let now = self.clock.now().steady;
        let mut state = self.state();
        let fetched = match (asked, state.held.as_mut()) {
            // An unreachable endpoint is no reason to stop while the token is valid.
            (Err(TokenError::Unavailable(_)), Some(held)) if now < held.ends_at => {
                held.renew_at = now.saturating_add(RENEWAL_PAUSE).min(held.ends_at);
                Ok(held.token.clone())
            }
            (asked, _) => asked,
        };
        state.flights += 1;
        state.fetched = Some(fetched.clone());
        fetched
    }

    async fn ask<F>(
        &self,
        client: &Client,
        mut turn: impl FnMut() -> F + Send,
    ) -> Result<Token, TokenError>
    where
        F: Future<Output = ()> + Send,
    {
        let refresh = self.state().refresh.clone();
        if let Some(refresh) = refresh {
            turn().await;
            let form = form_of_refresh(&self.grant, &refresh);
            match self.post(client, form).await {
                Err(Ungranted { why: TokenError::Refused, .. }) => self.state().refresh = None,
                answered @ (Ok(_) | Err(_)) => return self.reported(answered),
            }
        }
        // The secrets are read before the permit is acquired: the permit is the last step before
        // the send.
        let form = match form_of_grant(&self.grant).await {
            Ok(form) => form,
            Err(error) => {
                let why = TokenError::Unavailable(NotSent::NoSecret);
                let cause = error.to_string();
                return self.reported(Err(Ungranted { why, cause, broken: None }));
            }
        };
        turn().await;
        self.reported(self.post(client, form).await)
    }

    /// Reports why there is no new token.
    fn reported(&self, asked: Result<Token, Ungranted>) -> Result<Token, TokenError> {
        asked.map_err(|Ungranted { why, cause, .. }| {
            let now = self.clock.now();
            let mut state = self.state();
            // Where there is no token any more, the calls that go without say so.
            let is_valid = state.held.as_ref().is_some_and(|held| now.steady < held.ends_at);
            let is_news = is_valid && state.cause.as_ref() != Some(&cause);
            events::token_missing(&self.metrics, &cause, now.wall, is_news);
            state.cause = Some(cause);
            why
        })
    }

    /// What one request to the endpoint gives, for who tries the account out: nothing of it is kept.
    pub(in crate::payu) async fn grant(
        &self,
        client: &Client,
        refresh: Option<&Private>,
    ) -> Result<Granted, TokenError> {
        let form = match refresh {
            Some(refresh) => form_of_refresh(&self.grant, refresh),
            None => form_of_grant(&self.grant)
                .await
                .map_err(|_| TokenError::Unavailable(NotSent::NoSecret))?,
        };
        self.request(client, form).await.granted.map_err(|ungranted| ungranted.why)
    }

    /// The same by the grant, with all that it showed.
    pub(in crate::payu) async fn grant_seen(&self, client: &Client) -> TokenSeen {
        match form_of_grant(&self.grant).await {
            Ok(form) => self.request(client, form).await,
            Err(error) => {
                let why = TokenError::Unavailable(NotSent::NoSecret);
                let ungranted = Ungranted { why, cause: error.to_string(), broken: None };
                TokenSeen { granted: Err(ungranted), date: None }
            }
        }
    }

    async fn post(&self, client: &Client, form: String) -> Result<Token, Ungranted> {
        let asked_at = self.clock.now().steady;
        Ok(self.keep(self.request(client, form).await.granted?, asked_at))
    }

    async fn request(&self, client: &Client, form: String) -> TokenSeen {
        let mut request = Request::new(Method::POST, self.auth_url.clone());
        let headers = request.headers_mut();
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form_type);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache")); // as in PayU's samples
        *request.body_mut() = Some(Body::from(form));

        let asked_at = self.clock.now().steady;
        let exchange = client.exchange(request);
        let answered = events::trace_call(&self.metrics, CallKind::Token, exchange).await;
        let took = self.clock.now().steady.saturating_sub(asked_at);
        let seen = match &answered {
            Ok(reply @ Reply { status: 200..=299, .. }) => {
                format!("HTTP {} without a token", reply.status)
            }
            Ok(reply) => format!("HTTP {}", reply.status),
            Err(failed) => failed.causes.clone(),
        };
        let date = answered.as_ref().ok().and_then(|reply| reply.date);
        let broken = answered.as_ref().err().map(|failed| failed.error);
        let why = match read(answered) {
            Ok(granted) => {
                events::token_renewed(&self.metrics, took, granted.life);
                return TokenSeen { granted: Ok(granted), date };
            }
            Err(why) => why,
        };
        let (outcome, cause) = match why {
            TokenError::Refused => ("refused", format!("the credentials are refused, {seen}")),
            TokenError::Throttled(_) => ("throttled", seen),
            TokenError::Unavailable(_) => ("failed", seen),
        };
        events::token_refused(&self.metrics, outcome, took);
        TokenSeen { granted: Err(Ungranted { why, cause, broken }), date }
    }

    fn keep(&self, granted: Granted, asked_at: Duration) -> Token {
        let mut state = self.state();
        state.issues += 1;
        state.cause = None;
        let token = Token { issue: state.issues, bearer: granted.bearer };
        let lead = RENEWAL_LEAD_MAX.min(granted.life / 5);
        let ends_at = asked_at.saturating_add(granted.life);
        state.held =
            Some(Held { token: token.clone(), renew_at: ends_at.saturating_sub(lead), ends_at });
        // RFC 6749, 6: without a new refresh token the old one stays valid.
        if granted.refresh.is_some() {
            state.refresh = granted.refresh;
        }
        token
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is locked, and half a change to it would cost one request.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an exchange with the token endpoint means. PayU prints no HTTP status for its errors, so an
/// error by name counts whatever the status is.
fn read(exchange: Result<Reply, Failed>) -> Result<Granted, TokenError> {
    const UNAVAILABLE: TokenError = TokenError::Unavailable(NotSent::NoToken);
    let reply = exchange.map_err(|_| UNAVAILABLE)?;
    match (reply.status, token_answer(&reply.body)) {
        (429, _) => Err(TokenError::Throttled(reply.retry_after)),
        (200..=299, TokenAnswer::Granted(granted)) => Ok(granted),
        (400 | 401 | 403, _) | (_, TokenAnswer::Refused) => Err(TokenError::Refused),
        (_, TokenAnswer::Granted(_) | TokenAnswer::Unreadable) => Err(UNAVAILABLE),
    }
}
