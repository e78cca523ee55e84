//! What all calls have in common in which a header names the merchant: who calls, and for whom.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;

use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::ledger::NewRequest;
use super::link::ApiVersion;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::SandboxState;

pub(super) const INVALID_MERCHANT: u16 = 1100;

pub(super) struct MerchantCall {
    pub(super) kind: RequestKind,
    pub(super) path: Cow<'static, str>,
    /// V1 and V2 have a header each.
    pub(super) api: ApiVersion,
    /// The link that the call is about, if it is about one.
    pub(super) reference: Option<String>,
}

impl MerchantCall {
    /// A call that is about no link.
    pub(super) fn new(kind: RequestKind, path: &'static str, api: ApiVersion) -> Self {
        Self { kind, path: path.into(), api, reference: None }
    }

    /// Has an effect, given the merchant and the client whose token it came with, unless the call is
    /// wrong.
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
        let Self { kind, path, api, reference } = self;
        let header = api.merchant_header();
        let merchant = headers.get(header).and_then(|id| id.to_str().ok());
        let caller = state.caller(headers, merchant);
        let client = caller.client();
        let reference = reference.as_deref();
        let request = NewRequest { kind, merchant, reference, client: client.clone() };
        let exchange = HttpExchange::begin(state, request, path, caller);
        let merchant = merchant.map(str::to_owned);
        let checked = move |exchange: &HttpExchange| match merchant {
            None => exchange.missing_header(header),
            Some(merchant) if !exchange.state.settings.knows_merchant(&merchant) => {
                exchange.failure("", INVALID_MERCHANT)
            }
            Some(merchant) => effect(exchange, &merchant, client.as_deref().unwrap_or_default()),
        };
        exchange.run(connection, checked).await
    }
}
