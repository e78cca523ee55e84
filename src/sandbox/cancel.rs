//! PayU's "Cancel SmartSend": `POST /payout/smartPay/cancel`, which today's pages give for the links
//! of both APIs, and the `PUT /payout/v2/smartSend/cancel/{smartSendId}` of the older ones.

use std::mem;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::faults::{CancelSettings, FirstCancel, ReferencePlace};
use super::life::{Actor, Change, LinkStatus};
use super::link::ApiVersion;
use super::link_call::{LINK_NOT_FOUND, LinkCall, NamedLink};
use super::magic::{Magic, magic_of};
use super::parameters::Parameters;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::SandboxState;

pub(super) const PATH: &str = "/payout/smartPay/cancel";
pub(super) const ID_PATH: &str = "/payout/v2/smartSend/cancel/{id}";

const PROCESSED_OR_CANCELLED: u16 = 1110;
const IN_PROGRESS: &str = "Payout transaction in progress. Try after sometime!";

pub(super) async fn by_reference(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut parameters = match state.injector().faults.cancel.reference_in {
        ReferencePlace::Query => Parameters::of_query(query.as_deref()),
        ReferencePlace::Form => Parameters::of_form(&headers, &body),
    };
    let named = NamedLink::by_reference(parameters.take("merchantRefId"));
    let call =
        LinkCall { kind: RequestKind::Cancel, path: PATH.into(), api: ApiVersion::V1, named };
    let effect = |exchange: &HttpExchange, merchant: &str, reference: &str| {
        let takes_v2 = exchange.injector.faults.cancel.takes_v2;
        cancel(exchange, merchant, reference, |api| takes_v2 || api == ApiVersion::V1)
    };
    call.run(&state, connection, &headers, effect).await
}

pub(super) async fn by_id(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let named = NamedLink::by_id(&state, &headers, &id);
    let path = format!("/payout/v2/smartSend/cancel/{id}").into();
    let call = LinkCall { kind: RequestKind::Cancel, path, api: ApiVersion::V2, named };
    let effect = |exchange: &HttpExchange, merchant: &str, reference: &str| {
        cancel(exchange, merchant, reference, |api| api == ApiVersion::V2)
    };
    call.run(&state, connection, &headers, effect).await
}

fn cancel(
    exchange: &HttpExchange,
    merchant: &str,
    reference: &str,
    takes: impl Fn(ApiVersion) -> bool,
) -> PayuResponse {
    let settings = &exchange.injector.faults.cancel;
    let now_us = exchange.state.clock.now_us();
    let mut ledger = exchange.state.ledger();
    let link = ledger.link(now_us, merchant, reference).filter(|link| takes(link.api));
    let Some(link) = link else {
        drop(ledger);
        return exchange.failure(reference, LINK_NOT_FOUND);
    };
    let is_first = !mem::replace(&mut link.is_cancel_tried, true);
    let first = if is_first { settings.first } else { FirstCancel::Plain };
    let old = link.state();
    if !old.status.is_open() {
        return refusal(exchange, settings, old.status);
    }
    let resists = magic_of(&exchange.injector.faults, link.amount) == Some(Magic::ResistsCancel);
    if resists || first == FirstCancel::InProgress {
        return exchange.refusal(None, IN_PROGRESS);
    }
    let state = old.with_status(LinkStatus::Cancelled);
    ledger.change((merchant, reference), Change { at_us: now_us, by: Actor::Cancel, state });
    match first {
        FirstCancel::InProgressAndDone => exchange.refusal(None, IN_PROGRESS),
        FirstCancel::Plain | FirstCancel::InProgress => {
            PayuResponse::success(Some("Smart send link cancelled"), ())
        }
    }
}

/// PayU's samples for a link that cannot be cancelled any more.
fn refusal(exchange: &HttpExchange, settings: &CancelSettings, status: LinkStatus) -> PayuResponse {
    let (code, text) = if status == LinkStatus::Initiated {
        (None, IN_PROGRESS)
    } else if settings.coded {
        let text = "Payout cannot be cancelled as it is already processed or cancelled";
        (Some(PROCESSED_OR_CANCELLED), text)
    } else if status == LinkStatus::Cancelled {
        (None, "Payout transaction already cancelled")
    } else {
        (None, "Payout cannot be cancelled as it is already processed")
    };
    exchange.refusal(code, text)
}
