//! What only a person asks: the worker never does, so nothing here is counted or logged.

use jiff::Timestamp;
use reqwest::Request;

use super::PayuAccount;
pub use super::oauth::{TokenSeen, Ungranted};
use super::wire::{self, AccountDetail, BulkFile, MaskedVpa};
use crate::domain::call::{Answer, CallResult, NotSent};
use crate::domain::customer::Mobile;
use crate::domain::reference::Reference;
use crate::ports::{Clock, Token};

/// What was seen of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<T> {
    pub result: CallResult,
    /// The `data` of an envelope of success, if it has the shape that was asked for.
    pub data: Option<T>,
    /// The server's clock, by its `Date`.
    pub date: Option<Timestamp>,
}

impl<C: Clock> PayuAccount<C> {
    /// Asks the status call of the account's API about a reference, once.
    pub async fn status(&self, token: &Token, reference: &Reference) -> CallResult {
        self.ask(self.dialect.status(token, reference), |_| None::<()>).await.result
    }

    /// Asks what the account holds, once.
    pub async fn account_detail(&self, token: &Token) -> Asked<AccountDetail> {
        self.ask(self.dialect.account_detail(token), wire::account_detail).await
    }

    /// Asks for a person's VPAs, once; no VPA and a failure look the same.
    pub async fn masked_vpas(&self, token: &Token, mobile: &Mobile) -> Asked<Vec<MaskedVpa>> {
        self.ask(self.dialect.masked_vpas(token, mobile), wire::masked_vpas).await
    }

    /// Uploads a file, once. That makes no link.
    pub async fn upload(&self, token: &Token, name: &str, content: &[u8]) -> Asked<BulkFile> {
        self.ask(self.dialect.upload(token, name, content), wire::bulk_file).await
    }

    /// Asks for a file to be processed, once: each of its rows may become a link. Dropping this
    /// future after its first poll must be read as "may have been sent".
    pub async fn process_file(&self, token: &Token, id: u64) -> Asked<BulkFile> {
        self.ask(self.dialect.process_file(token, id), wire::bulk_file).await
    }

    /// Asks what has become of a file, once.
    pub async fn bulk_file(&self, token: &Token, id: u64) -> Asked<BulkFile> {
        self.ask(self.dialect.bulk_file(token, id), wire::bulk_file).await
    }

    /// Asks for a token by the grant, once. Nothing of it is kept.
    pub async fn token_once(&self) -> TokenSeen {
        self.tokens.grant_seen(&self.client).await
    }

    async fn ask<T>(
        &self,
        request: Option<Request>,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Asked<T> {
        let Some(request) = request else {
            return Asked {
                result: CallResult::NotSent(NotSent::Unbuildable),
                data: None,
                date: None,
            };
        };
        match self.client.exchange(request).await {
            Ok(reply) => Asked {
                date: reply.date,
                data: read(&reply.body),
                result: CallResult::Answered(Answer {
                    status: reply.status,
                    retry_after: reply.retry_after,
                    envelope: wire::envelope(&reply.body),
                }),
            },
            Err(failed) => Asked { result: failed.error.into(), data: None, date: None },
        }
    }
}
