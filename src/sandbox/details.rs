//! `GET /payout/merchant/smartSend/details`: PayU's "Smart Send Details API".

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::clock::payu_date;
use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::faults::{CustomerForm, Faults, LinkIdForm};
use super::ledger::{NewRequest, RequestKind, StoredLink};
use super::link::number_or_text;
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
    txn_status: Option<&'a str>,
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
    let (mut merchant, mut reference) = (None, None);
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*key {
            "payoutMerchantId" => merchant = Some(value.into_owned()),
            "merchantRefId" => reference = Some(value.into_owned()),
            _ => {}
        }
    }
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
    let missing = |name: &str| {
        let text = format!("Required String parameter '{name}' is not present");
        PayuResponse::spring(now_us, StatusCode::BAD_REQUEST, &text, PATH)
    };
    let Some(merchant) = merchant else {
        return missing("payoutMerchantId");
    };
    let Some(reference) = reference else {
        return missing("merchantRefId");
    };
    let faults = &exchange.injector.faults;
    let link = exchange.state.ledger().link(merchant, reference);
    let is_visible = |link: &StoredLink| {
        let lag_us = faults.details_lag_ms.saturating_mul(1_000);
        !faults.details_blind && now_us >= link.made_at_us.saturating_add(lag_us)
    };
    match link.filter(is_visible) {
        Some(link) => found(faults, merchant, reference, &link),
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

fn found(faults: &Faults, merchant: &str, reference: &str, link: &StoredLink) -> PayuResponse {
    let status = faults.statuses.get(reference).unwrap_or(&faults.details_status);
    let (description, name, email, mobile) = link.about();
    let customer = |text: Option<String>, mask: fn(&str) -> String| match faults.details_customer {
        CustomerForm::Full => text,
        CustomerForm::Masked => text.as_deref().map(mask),
        CustomerForm::Null => None,
    };
    let added_on = payu_date(link.made_at_us);
    // PayU's only filled sample is of a payout that went through.
    let is_paid = status == "SUCCESS";
    let transaction = is_paid.then(|| format!("PAYOUT{}", link.key));
    let data = DetailsData {
        merchant_ref_id: reference,
        payout_merchant_id: number_or_text(merchant),
        smart_send_status: Some(status),
        expiry_date: Some(payu_date(link.expires_at_us)),
        description,
        link_id: Some(match faults.details_link_id {
            LinkIdForm::Uuid => link.uuid(),
            LinkIdForm::Base64 => link.id(),
        }),
        amount: Some(link.amount_json(faults.details_amount)),
        transfer_type: is_paid.then_some("UPI"),
        bank_transaction_ref_no: transaction.clone(),
        payu_transaction_ref_no: transaction,
        txn_status: is_paid.then_some("SUCCESS"),
        txn_sub_status: None,
        last_status_update_date: Some(added_on.clone()),
        succeed_on: is_paid.then(|| added_on.clone()),
        added_on: Some(added_on),
        cust_name: customer(name, mask_name),
        cust_email: customer(email, mask_email),
        cust_mobile: customer(mobile, mask_mobile),
        msg: is_paid.then_some("Success"),
        link: faults.details_link.then(|| link.url()),
        txn_source: Some("SMART_SEND"),
    };
    PayuResponse::success(None, data)
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
