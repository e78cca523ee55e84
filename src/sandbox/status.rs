//! PayU's status calls: `GET /payout/smartPay/status` (V1) and `GET /payout/v2/smartSend/status`.
//!
//! Both say by an error code what has become of a link. Each has a single sample, V1 of a link that
//! nobody has claimed and V2 of a cancelled one, so that each is completed by the other's.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;

use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::ledger::NewRequest;
use super::life::LinkStatus;
use super::link::{ApiVersion, StoredLink};
use super::link_call::LINK_NOT_FOUND;
use super::parameters::Parameters;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::{Caller, SandboxState};

pub(super) const V1_PATH: &str = "/payout/smartPay/status";
pub(super) const V2_PATH: &str = "/payout/v2/smartSend/status";

/// PayU's sample, which its page cuts off after `detailFilled`.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct StatusData<'a> {
    link: Option<&'a str>,
    link_id: String,
    merchant_ref_id: &'a str,
    cust_email: Option<&'a str>,
    cust_name: Option<&'a str>,
    /// Spelled as there.
    cust_moblie: Option<&'a str>,
    merchant_name: Option<&'a str>,
    amount: String,
    is_otp_verified: Option<bool>,
    link_expiry_date: Option<&'a str>,
    detail_filled: bool,
}

pub(super) async fn status(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let api = if uri.path() == V2_PATH { ApiVersion::V2 } else { ApiVersion::V1 };
    let mut query = Parameters::of_query(query.as_deref());
    let merchant = headers.get(api.merchant_header()).and_then(|id| id.to_str().ok());
    let merchant = merchant.map(str::to_owned).or_else(|| query.take(api.merchant_header()));
    let (id, reference) = (query.take("linkId"), query.take("merchantRefId"));
    let faults = &state.injector().faults;
    // PayU's curl and two of its OpenAPI files send V2's without a token.
    let is_open = api == ApiVersion::V2 && !faults.v2_status.wants_token;
    let is_gone = api == ApiVersion::V2 && faults.v2_status.is_gone;
    let caller = if is_open || is_gone {
        Caller::Anyone
    } else {
        state.caller(&headers, merchant.as_deref())
    };
    let request = NewRequest {
        kind: RequestKind::Status,
        merchant: merchant.as_deref(),
        reference: reference.as_deref(),
        client: caller.client(),
    };
    let exchange = HttpExchange::begin(&state, request, uri.path().to_owned(), caller);
    let effect = move |exchange: &HttpExchange| match (merchant, id, reference) {
        _ if is_gone => exchange.spring(StatusCode::NOT_FOUND, "No message available"),
        (merchant, Some(id), _) => by_id(exchange, merchant.as_deref(), &id),
        (Some(merchant), None, Some(reference)) => by_reference(exchange, &merchant, &reference),
        (None, None, _) => exchange.missing_parameter(api.merchant_header()),
        (Some(_), None, None) => exchange.missing_parameter("linkId"),
    };
    exchange.run(connection, effect).await
}

fn by_id(exchange: &HttpExchange, merchant: Option<&str>, id: &str) -> PayuResponse {
    let now_us = exchange.state.clock.now_us();
    let mut ledger = exchange.state.ledger();
    let Some((merchant, reference)) = ledger.names_of_link(merchant, id) else {
        return exchange.failure("", LINK_NOT_FOUND);
    };
    let link = ledger.link(now_us, &merchant, &reference).cloned();
    drop(ledger);
    answer(exchange, &reference, link)
}

fn by_reference(exchange: &HttpExchange, merchant: &str, reference: &str) -> PayuResponse {
    let now_us = exchange.state.clock.now_us();
    let link = exchange.state.ledger().link(now_us, merchant, reference).cloned();
    answer(exchange, reference, link)
}

fn answer(exchange: &HttpExchange, reference: &str, link: Option<StoredLink>) -> PayuResponse {
    let Some(link) = link else {
        return exchange.failure(reference, LINK_NOT_FOUND);
    };
    let code = match link.state().status {
        LinkStatus::Pending | LinkStatus::Approved => {
            let data = StatusData {
                link_id: link.id(),
                merchant_ref_id: reference,
                amount: link.java_amount(),
                ..StatusData::default()
            };
            return PayuResponse::success(Some("Account Detail Pending"), data);
        }
        LinkStatus::Expired => 1111,
        LinkStatus::Initiated | LinkStatus::Success => 1118,
        LinkStatus::Cancelled => 1122,
        LinkStatus::Rejected => 1123,
        LinkStatus::Failed => 1124,
        LinkStatus::ApprovalPending => 1127,
    };
    exchange.failure(reference, code)
}
