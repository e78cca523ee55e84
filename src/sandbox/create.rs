//! `POST /payout/smartPay`: PayU's "Smart Send API" (V1).

mod rules;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use self::rules::{Fields, Order};
use super::Shared;
use super::answer::{Answer, Envelope};
use super::cuttable_stream::Cut;
use super::dice::Fault;
use super::ledger::{Arrival, Kind, Wish};
use super::visit::Visit;

pub(super) const PATH: &str = "/payout/smartPay";

/// The host of a foreign link: nobody's (RFC 2606).
const FOREIGN_HOST: &str = "https://smart-send.example.net";

const INVALID_MERCHANT: u16 = 1100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    link: String,
    link_id: String,
}

/// Answers a create.
pub(super) async fn create(
    State(shared): State<Shared>,
    Extension(cut): Extension<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let merchant = headers.get("payoutMerchantId").and_then(|id| id.to_str().ok());
    let fields = read(&headers, &body);
    let reference = fields.as_ref().ok().and_then(|fields| fields.merchant_ref_id.as_deref());
    let party = shared.party(&headers, merchant);
    let arrival = Arrival { kind: Kind::Create, merchant, reference, client: party.client() };
    let visit = Visit::arrive(&shared, arrival, PATH, party.clone());
    let merchant = merchant.map(str::to_owned);
    visit.serve(cut, move |visit| make(visit, merchant.as_deref(), fields)).await
}

/// What Spring does before PayU's code runs: wrong types and broken JSON are its errors.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Fields, (StatusCode, &'static str)> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content type is not supported"));
    }
    serde_json::from_slice(body).map_err(|_| (StatusCode::BAD_REQUEST, "JSON parse error"))
}

fn make(
    visit: &Visit,
    merchant: Option<&str>,
    fields: Result<Fields, (StatusCode, &'static str)>,
) -> Answer {
    let faults = &visit.plan.faults;
    let now_us = visit.shared.clock.now_us();
    let fields = match fields {
        Ok(fields) => fields,
        Err((status, message)) => return Answer::spring(now_us, status, message, PATH),
    };
    let Some(merchant) = merchant else {
        let text = "Missing request header 'payoutMerchantId' for method parameter of type String";
        return Answer::spring(now_us, StatusCode::BAD_REQUEST, text, PATH);
    };
    let reference = fields.merchant_ref_id.clone().unwrap_or_default();
    if !visit.shared.settings.knows_merchant(merchant) {
        return Answer::failure(faults, &reference, &[INVALID_MERCHANT]);
    }
    let Order { amount, about, sms, email } = match fields.check() {
        Ok(order) => order,
        Err(codes) => return Answer::failure(faults, &reference, &codes),
    };
    let is_foreign = visit.fault == Some(Fault::ForeignLink);
    let host = if is_foreign { FOREIGN_HOST.into() } else { visit.plan.host.clone() };
    let (seed, naive) = (faults.seed, faults.naive);
    let wish =
        Wish { merchant, reference: &reference, amount, about, sms, email, host, seed, naive };
    let Some(link) = visit.shared.ledger().make_link(now_us, wish) else {
        return Answer::failure(faults, &reference, &[faults.duplicate_code]);
    };
    let data = Some(Made { link: link.url(), link_id: link.id() });
    let envelope = Envelope { status: 0, msg: Some("Success"), code: None, data };
    Answer::json(StatusCode::OK, &envelope)
}
