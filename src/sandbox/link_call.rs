//! What all calls about a link that was made have in common: which link is meant.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;

use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::link::ApiVersion;
use super::merchant_call::MerchantCall;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::SandboxState;

pub(super) const LINK_NOT_FOUND: u16 = 1112;

pub(super) struct LinkCall {
    pub(super) kind: RequestKind,
    pub(super) path: Cow<'static, str>,
    /// Whose header names the merchant.
    pub(super) api: ApiVersion,
    pub(super) named: NamedLink,
}

/// How a call names its link.
pub(super) enum NamedLink {
    /// By its `merchantRefId`, perhaps found by an id.
    Reference(String),
    /// By an id that no link has.
    Unknown,
    /// Not at all: this parameter is missing.
    Missing(&'static str),
}

impl NamedLink {
    pub(super) fn by_reference(reference: Option<String>) -> Self {
        reference.map_or(Self::Missing("merchantRefId"), Self::Reference)
    }

    /// By a `smartSendId`, of the merchant that V2's header names.
    pub(super) fn by_id(state: &SandboxState, headers: &HeaderMap, id: &str) -> Self {
        let merchant = headers.get(ApiVersion::V2.merchant_header());
        let merchant = merchant.and_then(|merchant| merchant.to_str().ok());
        let ledger = state.ledger();
        let ids = merchant.zip(id.parse().ok());
        let reference = ids.and_then(|(merchant, id)| ledger.reference_of_id(merchant, id));
        reference.map_or(Self::Unknown, |reference| Self::Reference(reference.to_string()))
    }

    fn reference(&self) -> Option<&str> {
        match self {
            Self::Reference(reference) => Some(reference),
            Self::Unknown | Self::Missing(_) => None,
        }
    }
}

impl LinkCall {
    /// Has an effect on the link, given the merchant and the reference, unless the call is wrong.
    pub(super) async fn run<E>(
        self,
        state: &Arc<SandboxState>,
        connection: CutHandle,
        headers: &HeaderMap,
        effect: E,
    ) -> Response
    where
        E: FnOnce(&HttpExchange, &str, &str) -> PayuResponse + Send + 'static,
    {
        let Self { kind, path, api, named } = self;
        let reference = named.reference().map(str::to_owned);
        let call = MerchantCall { kind, path, api, reference };
        let about_link = move |exchange: &HttpExchange, merchant: &str, _: &str| match &named {
            NamedLink::Reference(reference) => effect(exchange, merchant, reference),
            NamedLink::Unknown => exchange.failure("", LINK_NOT_FOUND),
            NamedLink::Missing(name) => exchange.missing_parameter(name),
        };
        call.run(state, connection, headers, about_link).await
    }
}
