//! `POST /payout/smartPay`: PayU's "Smart Send API" (V1).

mod rules;

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use self::rules::{CreateBody, ValidCreate};
use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::faults::Fault;
use super::ledger::{NewLink, NewRequest, RequestKind};
use super::response::PayuResponse;
use super::state::SandboxState;

pub(super) const PATH: &str = "/payout/smartPay";

/// The host of a foreign link. Nobody can own it (RFC 2606).
const FOREIGN_HOST: &str = "https://smart-send.example.net";

const INVALID_MERCHANT: u16 = 1100;

/// Spring rejects these before PayU's code runs.
type SpringRejection = (StatusCode, &'static str);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateData {
    link: String,
    link_id: String,
}

pub(super) async fn create(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let merchant = headers.get("payoutMerchantId").and_then(|id| id.to_str().ok());
    let body = read(&headers, &body);
    let reference = body.as_ref().ok().and_then(|body| body.merchant_ref_id.as_deref());
    let caller = state.caller(&headers, merchant);
    let (kind, client) = (RequestKind::Create, caller.client());
    let request = NewRequest { kind, merchant, reference, client };
    let exchange = HttpExchange::begin(&state, request, PATH, caller);
    let merchant = merchant.map(str::to_owned);
    exchange.run(connection, move |exchange| make_link(exchange, merchant.as_deref(), body)).await
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<CreateBody, SpringRejection> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|value| value.starts_with("application/json")) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content type is not supported"));
    }
    serde_json::from_slice(body).map_err(|_| (StatusCode::BAD_REQUEST, "JSON parse error"))
}

fn make_link(
    exchange: &HttpExchange,
    merchant: Option<&str>,
    body: Result<CreateBody, SpringRejection>,
) -> PayuResponse {
    let (state, injector) = (&exchange.state, &exchange.injector);
    let now_us = state.clock.now_us();
    let body = match body {
        Ok(body) => body,
        Err((status, message)) => return PayuResponse::spring(now_us, status, message, PATH),
    };
    let Some(merchant) = merchant else {
        let text = "Missing request header 'payoutMerchantId' for method parameter of type String";
        return PayuResponse::spring(now_us, StatusCode::BAD_REQUEST, text, PATH);
    };
    let faults = &injector.faults;
    let reference = body.merchant_ref_id.clone().unwrap_or_default();
    if !state.settings.knows_merchant(merchant) {
        return PayuResponse::create_failure(faults, &reference, &[INVALID_MERCHANT]);
    }
    let ValidCreate { amount, about, sms, email } = match body.check() {
        Ok(valid) => valid,
        Err(codes) => return PayuResponse::create_failure(faults, &reference, &codes),
    };
    let is_foreign = exchange.fault == Some(Fault::ForeignLink);
    let host = if is_foreign { FOREIGN_HOST.into() } else { injector.link_host.clone() };
    let (seed, naive) = (faults.seed, faults.naive);
    let reference = reference.as_str();
    let new = NewLink { merchant, reference, amount, about, sms, email, host, seed, naive };
    let Some(link) = state.ledger().make_link(now_us, new) else {
        return PayuResponse::create_failure(faults, reference, &[faults.duplicate_code]);
    };
    PayuResponse::success(Some("Success"), CreateData { link: link.url(), link_id: link.id() })
}
