//! `GET /payout/merchant/smartSend/details`: PayU's "Smart Send Details API".

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use super::clock::payu_date;
use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::faults::{CustomerForm, Faults, LinkIdForm};
use super::ledger::NewRequest;
use super::life::{Actor, Change, LinkStatus};
use super::link::{StoredLink, number_or_text};
use super::magic::{LATE_US, Magic, magic_of};
use super::parameters::Parameters;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::SandboxState;

pub(super) const PATH: &str = "/payout/merchant/smartSend/details";

/// The keys of PayU's samples, which the one for "not found" has too. `updatedOn` is in PayU's
/// table and in no sample.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct DetailsData<'a> {
    merchant_ref_id: &'a str,
    payout_merchant_id: Box<RawValue>,
    smart_send_status: Option<&'a str>,
    added_on: Option<String>,
    expiry_date: Option<String>,
    description: Option<String>,
    link_id: Option<String>,
    amount: Option<Box<RawValue>>,
    transfer_type: Option<&'a str>,
    bank_transaction_ref_no: Option<String>,
    payu_transaction_ref_no: Option<String>,
    txn_status: Option<Arc<str>>,
    txn_sub_status: Option<&'a str>,
    last_status_update_date: Option<String>,
    succeed_on: Option<String>,
    cust_name: Option<String>,
    cust_email: Option<String>,
    cust_mobile: Option<String>,
    msg: Option<&'a str>,
    link: Option<String>,
    txn_source: Option<&'a str>,
}

pub(super) async fn details(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut query = Parameters::of_query(query.as_deref());
    let (merchant, reference) = (query.take("payoutMerchantId"), query.take("merchantRefId"));
    let caller = state.caller(&headers, merchant.as_deref());
    let request = NewRequest {
        kind: RequestKind::Details,
        merchant: merchant.as_deref(),
        reference: reference.as_deref(),
        client: caller.client(),
    };
    let exchange = HttpExchange::begin(&state, request, PATH, caller);
    let effect =
        move |exchange: &HttpExchange| look_up(exchange, merchant.as_deref(), reference.as_deref());
    exchange.run(connection, effect).await
}

fn look_up(
    exchange: &HttpExchange,
    merchant: Option<&str>,
    reference: Option<&str>,
) -> PayuResponse {
    let now_us = exchange.state.clock.now_us();
    let Some(merchant) = merchant else {
        return exchange.missing_parameter("payoutMerchantId");
    };
    let Some(reference) = reference else {
        return exchange.missing_parameter("merchantRefId");
    };
    let faults = &exchange.injector.faults;
    let link = exchange.state.ledger().link(now_us, merchant, reference).cloned();
    let is_visible = |link: &StoredLink| {
        let is_late = magic_of(faults, link.amount) == Some(Magic::ShownLate);
        let late_us = if is_late { LATE_US } else { 0 };
        let lag_us = faults.details_lag_ms.saturating_mul(1_000).max(late_us);
        !faults.details_blind && now_us >= link.made_at_us.saturating_add(lag_us)
    };
    match link.filter(is_visible) {
        Some(link) => found(faults, now_us, (merchant, reference), &link),
        None => not_found(faults, merchant, reference),
    }
}

fn not_found(faults: &Faults, merchant: &str, reference: &str) -> PayuResponse {
    let msg = format!(
        "Smart Send Record not found with merchant reference id - {reference}. for Payout \
         Merchant Id - {merchant}. Kindly fetch details after some time."
    );
    let data = DetailsData {
        merchant_ref_id: reference,
        payout_merchant_id: number_or_text(merchant),
        ..DetailsData::default()
    };
    let status = StatusCode::from_u16(faults.details_not_found_status).unwrap_or(StatusCode::OK);
    PayuResponse::failure(status, Some(&msg), None, Some(data))
}

fn found(
    faults: &Faults,
    now_us: u64,
    (merchant, reference): (&str, &str),
    link: &StoredLink,
) -> PayuResponse {
    let set = faults.statuses.get(reference).or(faults.details_status.as_ref());
    let shown = Shown::of(link, |change| is_shown(faults, now_us, change), set);
    let (description, name, email, mobile) = link.about();
    let customer = |text: Option<String>, mask: fn(&str) -> String| match faults.details_customer {
        CustomerForm::Full => text,
        CustomerForm::Masked => text.as_deref().map(mask),
        CustomerForm::Null => None,
    };
    let is_hidden = shown.status == LinkStatus::ApprovalPending.text();
    let has_link = faults.details_link && (faults.approval.shows_link || !is_hidden);
    let payout = (shown.payouts > 0).then(|| link.payout_number(shown.payouts));
    let data = DetailsData {
        merchant_ref_id: reference,
        payout_merchant_id: number_or_text(merchant),
        smart_send_status: Some(shown.status),
        added_on: Some(payu_date(link.made_at_us)),
        expiry_date: Some(payu_date(shown.expires_at_us)),
        description,
        link_id: Some(match faults.details_link_id {
            LinkIdForm::Uuid => link.uuid(),
            LinkIdForm::Base64 => link.id(),
        }),
        amount: Some(link.amount_json(faults.details_amount)),
        transfer_type: payout.is_some().then_some("UPI"),
        bank_transaction_ref_no: payout.clone().filter(|_| shown.succeeded_at_us.is_some()),
        payu_transaction_ref_no: payout,
        txn_status: shown.txn_status,
        txn_sub_status: None,
        last_status_update_date: Some(payu_date(shown.changed_at_us)),
        succeed_on: shown.succeeded_at_us.map(payu_date),
        cust_name: customer(name, mask_name),
        cust_email: customer(email, mask_email),
        cust_mobile: customer(mobile, mask_mobile),
        msg: shown.succeeded_at_us.and(Some("Success")),
        link: has_link.then(|| link.url()),
        txn_source: Some("SMART_SEND"),
    };
    PayuResponse::success(None, data)
}

/// Whether details show a change yet.
fn is_shown(faults: &Faults, now_us: u64, change: &Change) -> bool {
    let lag_ms = match change.by {
        Actor::Cancel => faults.cancel.lag_ms,
        Actor::Extend => faults.extend.lag_ms,
        Actor::Desk | Actor::Expiry => 0,
    };
    now_us >= change.at_us.saturating_add(lag_ms.saturating_mul(1_000))
}

/// What details show of a link's life.
struct Shown<'a> {
    status: &'a str,
    txn_status: Option<Arc<str>>,
    payouts: u32,
    expires_at_us: u64,
    changed_at_us: u64,
    succeeded_at_us: Option<u64>,
}

impl<'a> Shown<'a> {
    /// The setting wins over what has become of the link. PayU's only filled sample is of a payout
    /// that went through.
    fn of(link: &StoredLink, is_shown: impl Fn(&Change) -> bool, set: Option<&'a String>) -> Self {
        let last = link.history.iter().rev().find(|change| is_shown(change));
        let state = last.map_or_else(|| link.first_state(), |change| change.state.clone());
        let changed_at_us = last.map_or(link.made_at_us, |change| change.at_us);
        let succeeded = |change: &&Change| change.state.status == LinkStatus::Success;
        let succeeded = link.history.iter().find(succeeded).map(|change| change.at_us);
        let own = Self {
            status: state.status.text(),
            txn_status: state.txn_status,
            payouts: state.payouts,
            expires_at_us: state.expires_at_us,
            changed_at_us,
            succeeded_at_us: succeeded,
        };
        let Some(set) = set else {
            return own;
        };
        let is_paid = set == LinkStatus::Success.text();
        Self {
            status: set,
            txn_status: is_paid.then(|| "SUCCESS".into()),
            payouts: u32::from(is_paid),
            succeeded_at_us: is_paid.then_some(changed_at_us),
            ..own
        }
    }
}

fn mask_name(name: &str) -> String {
    name.chars().take(1).chain("***".chars()).collect()
}

fn mask_email(email: &str) -> String {
    let (name, host) = email.split_once('@').unwrap_or((email, ""));
    format!("{}@{host}", mask_name(name))
}

/// `XXXXXX9999`.
fn mask_mobile(mobile: &str) -> String {
    let hidden = mobile.chars().count().saturating_sub(4);
    let mask = |(place, digit)| if place < hidden { 'X' } else { digit };
    mobile.chars().enumerate().map(mask).collect()
}
