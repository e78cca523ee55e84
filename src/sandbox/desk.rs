//! `POST /sandbox/desk`: what people do to links, since PayU has no calls for it. The payee claims,
//! the approver approves, somebody cancels on the dashboard, and the bank pays or does not.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::admin::ErrorBody;
use super::ledger::entries::LinkEntry;
use super::life::{Actor, Change, ClaimRules, DeskAction};
use super::state::SandboxState;

/// `{"merchant": "1111111", "reference": "order-1", "action": "claim"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeskRequest {
    /// The payout merchant id.
    merchant: Arc<str>,
    /// The `merchantRefId`.
    reference: Arc<str>,
    action: DeskAction,
    /// The payout's own status after this, where it is to be written in another way.
    #[serde(default)]
    txn_status: Option<Arc<str>>,
}

/// What `action` can be.
pub const ACTIONS: [&str; 9] =
    ["approve", "reject", "cancel", "claim", "progress", "pay", "fail", "reverse", "expire"];

type Refusal = (StatusCode, String);

/// Answers with the link as it is in the ledger.
pub(super) async fn desk(State(state): State<Arc<SandboxState>>, body: Bytes) -> Response {
    let request = serde_json::from_slice(&body);
    let request = request.map_err(|e| (StatusCode::BAD_REQUEST, format!("cannot read this: {e}")));
    match request.and_then(|request| act(&state, request)) {
        Ok(entry) => Json(entry).into_response(),
        Err((status, error)) => (status, Json(ErrorBody { error })).into_response(),
    }
}

fn act(state: &SandboxState, request: DeskRequest) -> Result<LinkEntry, Refusal> {
    let DeskRequest { merchant, reference, action, txn_status } = request;
    let now_us = state.clock.now_us();
    let injector = state.injector();
    let mut ledger = state.ledger();
    let link = ledger.link(now_us, &merchant, &reference).cloned().ok_or_else(|| {
        let text = format!("merchant {merchant} has no link with the reference {reference}");
        (StatusCode::NOT_FOUND, text)
    })?;
    let old = link.state();
    let rules = ClaimRules {
        before_approval: injector.faults.approval.claims,
        after_expiry: injector.faults.life.late_claims,
        is_past: ledger.own_us(&link, now_us) >= old.expires_at_us,
    };
    let mut state = old
        .after(action, rules)
        .map_err(|why| (StatusCode::CONFLICT, format!("nothing happens to {reference}: {why}")))?;
    if txn_status.is_some() && state.txn_status.is_none() {
        let text = format!("{reference} has no payout that could have a txn_status");
        return Err((StatusCode::CONFLICT, text));
    }
    state.txn_status = txn_status.or(state.txn_status);
    ledger.change((&merchant, &reference), Change { at_us: now_us, by: Actor::Desk, state });
    let changed = ledger.link(now_us, &merchant, &reference).cloned().unwrap_or(link);
    Ok(LinkEntry::new(&merchant, &reference, &changed))
}
