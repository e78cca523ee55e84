//! PayU's HTTP API, as one merchant's account sees it.
//!
//! The danger: an HTTP client that helps. One that follows a redirect, sends again after a reset,
//! or goes through a proxy makes a second link, or hides that the first request may have arrived.
//! So this client does each exchange once, and reports what was seen: how far the request
//! came, the status, the envelope. It never retries, never judges and knows no codes;
//! [`crate::domain::classify`] says what a call result means.

pub mod retry_after;
pub mod transport_error;
pub mod trial;
pub mod wire;
mod client;
mod dialect;
mod inquiry;
mod oauth;

use std::future::Future;
use std::sync::Arc;

use crate::config::Merchant;
use crate::domain::call::{Answer, CallResult, NotSent};
use crate::domain::decide::{CreateCall, ManageCall};
use crate::domain::reference::Reference;
use crate::ports::{Clock, Provider, Token, TokenError};
use crate::telemetry::events;
use crate::telemetry::metrics::{CallKind, MerchantMetrics};

use client::{Client, Failed, Reply};
use dialect::Dialect;
pub use inquiry::{Asked, TokenSeen, Ungranted};
use oauth::TokenCache;

/// One merchant's account at PayU: its connections, its token, its API.
pub struct PayuAccount<C> {
    client: Client,
    tokens: TokenCache<C>,
    dialect: Dialect,
    clock: C,
    metrics: Arc<MerchantMetrics>,
}

/// The TLS stack has no roots, or cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS for merchant {merchant}; install the system's CA certificates: {cause}")]
pub struct AccountError {
    merchant: String,
    cause: String,
}

impl<C: Clock> PayuAccount<C> {
    /// Sets the account up. Nothing is sent before the first call.
    pub fn new(
        merchant: &Merchant,
        clock: C,
        metrics: Arc<MerchantMetrics>,
    ) -> Result<Self, AccountError> {
        let client = Client::new(merchant).map_err(|error| AccountError {
            merchant: merchant.name.clone(),
            cause: transport_error::causes(&error),
        })?;
        let tokens = TokenCache::new(merchant, clock.clone(), Arc::clone(&metrics));
        Ok(Self { client, tokens, dialect: Dialect::new(merchant), clock, metrics })
    }

    /// Sends a call whose request could be built, and reports what was seen.
    async fn call(&self, call: CallKind, request: Option<reqwest::Request>) -> CallResult {
        let Some(request) = request else {
            return CallResult::NotSent(NotSent::Unbuildable);
        };
        self.read(call, self.client.exchange(request).await)
    }

    /// What was seen, without the body.
    fn read(&self, call: CallKind, exchanged: Result<Reply, Failed>) -> CallResult {
        match exchanged {
            Ok(reply) => {
                let envelope = wire::envelope(&reply.body);
                if let Some(cause) = not_served(reply.status, envelope.is_some()) {
                    self.failed(call, &cause);
                }
                CallResult::Answered(Answer {
                    status: reply.status,
                    retry_after: reply.retry_after,
                    envelope,
                })
            }
            Err(failed) => {
                self.failed(call, &failed.causes);
                failed.error.into()
            }
        }
    }

    fn failed(&self, call: CallKind, cause: &str) {
        events::call_failed(&self.metrics, call, cause, self.clock.now().wall);
    }
}

/// The words for an answer that is about the caller or the server, and not about what was asked.
fn not_served(status: u16, has_envelope: bool) -> Option<String> {
    match status {
        401 | 403 | 429 | 500.. => Some(format!("HTTP {status}")),
        _ if !has_envelope => Some(format!("HTTP {status} without PayU's envelope")),
        _ => None,
    }
}

impl<C: Clock> Provider for PayuAccount<C> {
    fn token(&self) -> Option<Token> {
        self.tokens.current()
    }

    async fn new_token<F>(&self, turn: impl FnMut() -> F + Send) -> Result<Token, TokenError>
    where
        F: Future<Output = ()> + Send,
    {
        self.tokens.renew(&self.client, turn).await
    }

    fn discard(&self, token: &Token) {
        self.tokens.discard(token);
    }

    async fn create(&self, token: &Token, call: &CreateCall<'_>) -> CallResult {
        self.call(CallKind::Create, self.dialect.create(token, call.intent())).await
    }

    async fn lookup(&self, token: &Token, reference: &Reference) -> CallResult {
        self.call(CallKind::Lookup, self.dialect.lookup(token, reference)).await
    }

    async fn manage(&self, token: &Token, call: &ManageCall<'_>) -> CallResult {
        let kind = CallKind::of_command(call.command());
        self.call(kind, self.dialect.manage(token, call.command())).await
    }
}
