//! PayU's "Extend Expiry Date": `PUT /payout/v2/smartSend/extendExpiry`, and the older
//! `PUT /payout/v2/smartSend/expiry/{smartSendId}`, which its curl sample still shows.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::clock::date_us;
use super::create::LinkData;
use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::faults::ExtendRule;
use super::life::{Actor, Change, LinkStatus};
use super::link::ApiVersion;
use super::link_call::{LINK_NOT_FOUND, LinkCall, NamedLink};
use super::parameters::Parameters;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::SandboxState;

pub(super) const PATH: &str = "/payout/v2/smartSend/extendExpiry";
pub(super) const ID_PATH: &str = "/payout/v2/smartSend/expiry/{id}";

const LINK_EXPIRED: u16 = 1111;
const ALREADY_FILLED: u16 = 1118;
const INVALID_EXPIRY: u16 = 1121;
const LINK_CANCELLED: u16 = 1122;
const LINK_REJECTED: u16 = 1123;
const TRANSACTION_FAILED: u16 = 1124;

pub(super) async fn by_reference(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut parameters = Parameters::of_query(query.as_deref());
    let named = NamedLink::by_reference(parameters.take("merchantRefId"));
    let date = parameters.take("expiryDate");
    let call =
        LinkCall { kind: RequestKind::Extend, path: PATH.into(), api: ApiVersion::V2, named };
    let effect = move |exchange: &HttpExchange, merchant: &str, reference: &str| {
        extend(exchange, merchant, reference, date.as_deref())
    };
    call.run(&state, connection, &headers, effect).await
}

pub(super) async fn by_id(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let date = Parameters::of_form(&headers, &body).take("expiryDate");
    let named = NamedLink::by_id(&state, &headers, &id);
    let path = format!("/payout/v2/smartSend/expiry/{id}").into();
    let call = LinkCall { kind: RequestKind::Extend, path, api: ApiVersion::V2, named };
    let effect = move |exchange: &HttpExchange, merchant: &str, reference: &str| {
        extend(exchange, merchant, reference, date.as_deref())
    };
    call.run(&state, connection, &headers, effect).await
}

fn extend(
    exchange: &HttpExchange,
    merchant: &str,
    reference: &str,
    date: Option<&str>,
) -> PayuResponse {
    let Some(date) = date else {
        return exchange.missing_parameter("expiryDate");
    };
    let settings = &exchange.injector.faults.extend;
    let now_us = exchange.state.clock.now_us();
    let mut ledger = exchange.state.ledger();
    let link = ledger.link(now_us, merchant, reference).cloned();
    let link = link.filter(|link| settings.takes_v1 || link.api == ApiVersion::V2);
    let Some(link) = link else {
        return exchange.failure(reference, LINK_NOT_FOUND);
    };
    let mut state = link.state();
    if let Some(code) = refusal(state.status, settings.rule) {
        return exchange.failure(reference, code);
    }
    let own_us = ledger.own_us(&link, now_us);
    let earliest_us = if settings.shortens { 0 } else { state.expires_at_us };
    let expires_at_us = date_us(date).filter(|at_us| *at_us > own_us && *at_us >= earliest_us);
    let Some(expires_at_us) = expires_at_us else {
        return exchange.failure(reference, INVALID_EXPIRY);
    };
    state.expires_at_us = expires_at_us;
    ledger.change((merchant, reference), Change { at_us: now_us, by: Actor::Extend, state });
    let echo = settings.echoes.then(|| LinkData::new(&link, ApiVersion::V2, expires_at_us, true));
    PayuResponse::success(Some("Success"), echo)
}

/// The code for a link that cannot be extended.
fn refusal(status: LinkStatus, rule: ExtendRule) -> Option<u16> {
    match status {
        LinkStatus::Pending | LinkStatus::ApprovalPending | LinkStatus::Approved => None,
        LinkStatus::Initiated if rule == ExtendRule::Or => None,
        LinkStatus::Initiated | LinkStatus::Success => Some(ALREADY_FILLED),
        LinkStatus::Failed => Some(TRANSACTION_FAILED),
        LinkStatus::Expired => Some(LINK_EXPIRED),
        LinkStatus::Cancelled => Some(LINK_CANCELLED),
        LinkStatus::Rejected => Some(LINK_REJECTED),
    }
}
