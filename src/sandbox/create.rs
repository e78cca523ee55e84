//! PayU's "Create Smart Send Link": `POST /payout/smartPay` (V1) and `POST
//! /payout/v2/smartSend/link` (V2).

mod rules;

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;

use self::rules::{CreateBody, CreateRules, ValidCreate};
use super::clock::{link_expiry_us, payu_date};
use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::faults::Fault;
use super::ledger::{NewLink, NewRequest};
use super::life::{Actor, Change, ClaimRules, DeskAction, LinkState, LinkStatus};
use super::link::{ApiVersion, StoredLink};
use super::magic::{Magic, magic_of};
use super::merchant_call::INVALID_MERCHANT;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::SandboxState;

pub(super) const V1_PATH: &str = "/payout/smartPay";
pub(super) const V2_PATH: &str = "/payout/v2/smartSend/link";

/// The host of a foreign link. Nobody can own it (RFC 2606).
const FOREIGN_HOST: &str = "https://smart-send.example.net";

/// Spring rejects these before PayU's code runs.
type SpringRejection = (StatusCode, &'static str);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkData {
    /// Perhaps not while it waits for an approver.
    link: Option<String>,
    link_id: String,
    /// Only V2 gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_date: Option<String>,
}

pub(super) async fn create(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let api = if uri.path() == V2_PATH { ApiVersion::V2 } else { ApiVersion::V1 };
    let merchant = headers.get(api.merchant_header()).and_then(|id| id.to_str().ok());
    let body = read(&headers, &body);
    let reference = body.as_ref().ok().and_then(|body| body.merchant_ref_id.as_deref());
    let caller = state.caller(&headers, merchant);
    let (kind, client) = (RequestKind::Create, caller.client());
    let request = NewRequest { kind, merchant, reference, client };
    let exchange = HttpExchange::begin(&state, request, api.path(), caller);
    let amount = body.as_ref().ok().and_then(CreateBody::amount);
    let magic = amount.and_then(|amount| magic_of(&exchange.injector.faults, amount));
    let exchange = match magic {
        Some(Magic::Meets(fault)) => exchange.meeting(Some(fault)),
        _ => exchange,
    };
    let merchant = merchant.map(str::to_owned);
    let effect = move |exchange: &HttpExchange| make_link(exchange, merchant.as_deref(), body, api);
    exchange.run(connection, effect).await
}

impl ApiVersion {
    fn path(self) -> &'static str {
        match self {
            Self::V1 => V1_PATH,
            Self::V2 => V2_PATH,
        }
    }
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
    api: ApiVersion,
) -> PayuResponse {
    let (state, injector) = (&exchange.state, &exchange.injector);
    let now_us = state.clock.now_us();
    let body = match body {
        Ok(body) => body,
        Err((status, message)) => return PayuResponse::spring(now_us, status, message, api.path()),
    };
    let Some(merchant) = merchant else {
        return exchange.missing_header(api.merchant_header());
    };
    let faults = &injector.faults;
    let reference = body.merchant_ref_id.clone().unwrap_or_default();
    match make(exchange, merchant, body, api) {
        Ok(link) => {
            let (status, expires_at_us) = link.first;
            let is_waiting = status == LinkStatus::ApprovalPending;
            let has_url = faults.approval.shows_link || !is_waiting;
            let data = LinkData::new(&link, api, expires_at_us, has_url);
            PayuResponse::success(Some("Success"), data)
        }
        Err(codes) => PayuResponse::create_failure(faults, &reference, &codes),
    }
}

/// Whether a row of a bulk file becomes a link.
pub(super) fn make_row(exchange: &HttpExchange, merchant: &str, row: &str) -> bool {
    let body = serde_json::from_str(row);
    body.is_ok_and(|body| make(exchange, merchant, body, ApiVersion::V2).is_ok())
}

/// Makes a link, or says why not.
fn make(
    exchange: &HttpExchange,
    merchant: &str,
    body: CreateBody,
    api: ApiVersion,
) -> Result<StoredLink, Vec<u16>> {
    let (state, faults) = (&exchange.state, &exchange.injector.faults);
    let now_us = state.clock.now_us();
    if !state.settings.knows_merchant(merchant) {
        return Err(vec![INVALID_MERCHANT]);
    }
    let reference = body.merchant_ref_id.clone().unwrap_or_default();
    let flow = faults.approval.flow;
    let rules = CreateRules { api, now_us, all_keys: faults.v2_all_keys, approval: flow };
    let valid = body.check(rules)?;
    let magic = magic_of(faults, valid.amount);
    let waits = valid.waits || magic == Some(Magic::Waits);
    let new =
        new_link(exchange, now_us, (merchant, &reference), api, ValidCreate { waits, ..valid });
    let mut ledger = state.ledger();
    let Some(link) = ledger.make_link(now_us, new) else {
        let known = ledger.link(now_us, merchant, &reference).cloned();
        let known = known.filter(|_| faults.duplicate_returns_link);
        return known.ok_or_else(|| vec![faults.duplicate_code]);
    };
    if let Some(Magic::Undergoes(actions)) = magic {
        let (at_us, by) = (now_us, Actor::Desk);
        for state in states(&link, actions) {
            ledger.change((merchant, &reference), Change { at_us, by, state });
        }
    }
    Ok(link)
}

/// The states of a fresh link that undergoes some actions.
fn states(link: &StoredLink, actions: &[DeskAction]) -> Vec<LinkState> {
    let rules = ClaimRules { before_approval: true, after_expiry: true, is_past: false };
    let mut state = link.state();
    let mut next = |action: &DeskAction| {
        state = state.after(*action, rules).ok()?;
        Some(state.clone())
    };
    actions.iter().map_while(&mut next).collect()
}

impl LinkData {
    pub(super) fn new(
        link: &StoredLink,
        api: ApiVersion,
        expires_at_us: u64,
        has_url: bool,
    ) -> Self {
        Self {
            link: has_url.then(|| link.url()),
            link_id: link.id(),
            expiry_date: (api == ApiVersion::V2).then(|| payu_date(expires_at_us)),
        }
    }
}

fn new_link<'a>(
    exchange: &HttpExchange,
    now_us: u64,
    (merchant, reference): (&'a str, &'a str),
    api: ApiVersion,
    valid: ValidCreate,
) -> NewLink<'a> {
    let (faults, injector) = (&exchange.injector.faults, &exchange.injector);
    let ValidCreate { amount, about, channels, expires_at_us, waits } = valid;
    let is_foreign = exchange.fault == Some(Fault::ForeignLink);
    NewLink {
        merchant,
        reference,
        api,
        amount,
        about,
        channels,
        status: if waits { LinkStatus::ApprovalPending } else { LinkStatus::Pending },
        is_held_back: waits && faults.approval.holds_message,
        expires_at_us: expires_at_us.unwrap_or_else(|| link_expiry_us(now_us)),
        host: if is_foreign { FOREIGN_HOST.into() } else { injector.link_host.clone() },
        seed: faults.seed,
        naive: faults.naive,
        renews: faults.cancel.frees_reference,
    }
}
