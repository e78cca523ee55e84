//! What the worker needs of the provider.

use std::future::Future;
use std::sync::Arc;

use crate::domain::call::{CallResult, NotSent, RetryAfter};
use crate::domain::customer::Private;
use crate::domain::decide::{CreateCall, ManageCall};
use crate::domain::reference::Reference;

/// A bearer token and its number, by which it is discarded only once.
#[derive(Clone, Debug)]
pub struct Token {
    /// Goes up with each token.
    pub issue: u64,
    /// The token itself.
    pub bearer: Private,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The credentials were refused.
    Refused,
    /// The endpoint asked us to slow down.
    Throttled(Option<RetryAfter>),
    /// The endpoint could not be reached, or its answer made no sense.
    Unavailable(NotSent),
}

/// One merchant's account at the provider. Never retries, and never judges.
pub trait Provider: Send + Sync + 'static {
    /// The cached token, unless it expires soon.
    fn token(&self) -> Option<Token>;
    /// Requests a new token, once however many callers wait; a valid one that came in the meantime
    /// is used instead. `permit` is called and awaited before each request (a refused refresh takes
    /// a second one), and only by the caller that makes it.
    fn new_token<F>(
        &self,
        turn: impl FnMut() -> F + Send,
    ) -> impl Future<Output = Result<Token, TokenError>> + Send
    where
        F: Future<Output = ()> + Send;
    /// Discards a token that the provider did not accept.
    fn discard(&self, token: &Token);
    /// Asks for a link, once. Dropping this future after its first poll must be read as
    /// "may have been sent".
    fn create(
        &self,
        token: &Token,
        call: &CreateCall<'_>,
    ) -> impl Future<Output = CallResult> + Send;
    /// Looks a reference up, once.
    fn lookup(
        &self,
        token: &Token,
        reference: &Reference,
    ) -> impl Future<Output = CallResult> + Send;
    /// Asks for a link to be cancelled or extended, once. The same holds of dropping this future.
    fn manage(
        &self,
        token: &Token,
        call: &ManageCall<'_>,
    ) -> impl Future<Output = CallResult> + Send;
}

/// One account for a merchant's intents and commands: a second token may end the first.
impl<T: Provider> Provider for Arc<T> {
    fn token(&self) -> Option<Token> {
        (**self).token()
    }

    fn new_token<F>(
        &self,
        turn: impl FnMut() -> F + Send,
    ) -> impl Future<Output = Result<Token, TokenError>> + Send
    where
        F: Future<Output = ()> + Send,
    {
        (**self).new_token(turn)
    }

    fn discard(&self, token: &Token) {
        (**self).discard(token);
    }

    fn create(
        &self,
        token: &Token,
        call: &CreateCall<'_>,
    ) -> impl Future<Output = CallResult> + Send {
        (**self).create(token, call)
    }

    fn lookup(
        &self,
        token: &Token,
        reference: &Reference,
    ) -> impl Future<Output = CallResult> + Send {
        (**self).lookup(token, reference)
    }

    fn manage(
        &self,
        token: &Token,
        call: &ManageCall<'_>,
    ) -> impl Future<Output = CallResult> + Send {
        (**self).manage(token, call)
    }
}
