//! Calls that no decision has made, for a person who tries an account out.
//!
//! The worker cannot make them: its port, [`Provider`](crate::ports::Provider), takes only what a
//! decision made. Who makes them answers for the links that come of it.

use crate::domain::call::{CallResult, NotSent};
use crate::domain::command::Command;
use crate::domain::customer::Private;
use crate::domain::intent::Intent;
use crate::domain::reference::Reference;
use crate::ports::{Clock, Token, TokenError};
use crate::telemetry::metrics::CallKind;

use super::PayuAccount;
use super::wire::{self, Granted};

/// One call.
#[derive(Clone, Copy, Debug)]
pub enum Trial<'a> {
    Create(&'a Intent),
    /// A create that names neither a mobile nor an e-mail address, which PayU has to refuse.
    CreateForNobody(&'a Intent),
    Change(&'a Command),
    Lookup(&'a Reference),
}

#[derive(Clone, Debug)]
pub struct Tried {
    pub result: CallResult,
    /// The keys and types of the answer; `None` if there is none, or it is not JSON.
    pub shape: Option<String>,
}

impl<C: Clock> PayuAccount<C> {
    /// Makes one call, once.
    pub async fn attempt(&self, token: &Token, trial: Trial<'_>) -> Tried {
        let (kind, request) = match trial {
            Trial::Create(intent) => (CallKind::Create, self.dialect.create(token, intent)),
            Trial::CreateForNobody(intent) => {
                (CallKind::Create, self.dialect.create_for_nobody(token, intent))
            }
            Trial::Change(command) => {
                (CallKind::of_command(command), self.dialect.manage(token, command))
            }
            Trial::Lookup(reference) => (CallKind::Lookup, self.dialect.lookup(token, reference)),
        };
        let Some(request) = request else {
            return Tried { result: CallResult::NotSent(NotSent::Unbuildable), shape: None };
        };
        let exchanged = self.client.exchange(request).await;
        let shape = exchanged.as_ref().ok().and_then(|reply| wire::shape(&reply.body));
        Tried { result: self.read(kind, exchanged), shape }
    }

    /// Asks for a token, by the grant or by a refresh token. Nothing of it is kept.
    pub async fn grant(&self, refresh: Option<&Private>) -> Result<Granted, TokenError> {
        self.tokens.grant(&self.client, refresh).await
    }
}
