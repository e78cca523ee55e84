//! PayU's bulk Smart Send: a file is uploaded, processed and asked about.
//!
//! PayU publishes no columns. Here the file is CSV, and its columns are the fields of a create, which
//! is this sandbox's own choice. As at PayU, no answer has a link.

mod file;

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use self::file::{Upload, UploadError};
use super::bulk_files::BulkFile;
use super::clock::payu_date;
use super::create::make_row;
use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::faults::FileIdPlace;
use super::link::{ApiVersion, number_or_text};
use super::merchant_call::MerchantCall;
use super::parameters::Parameters;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::SandboxState;
use super::token::user_uuid;

pub(super) const UPLOAD_PATH: &str = "/payout/v2/smartSend/bulkUpload/transfers";
pub(super) const PROCESS_PATH: &str = "/payout/v2/smartSend/bulkUpload/transfers/{id}";
pub(super) const STATUS_PATH: &str = "/payout/v2/bulkUpload/transfers";
pub(super) const STATUS_ID_PATH: &str = "/payout/v2/bulkUpload/transfers/{id}";

/// The first `fileExportId` here.
const FIRST_EXPORT_ID: u64 = 26_001;

/// The keys of PayU's samples.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileData<'a> {
    id: u64,
    file_name: &'a str,
    merchant_id: Box<RawValue>,
    display_name: &'a str,
    total_rows: usize,
    successful_rows: usize,
    failed_rows: usize,
    status: &'a str,
    added_on: String,
    updated_on: String,
    uploaded_by: String,
    file_export_id: Option<u64>,
    file_source: &'static str,
}

pub(super) async fn upload(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let upload = Upload::read(&headers, &body);
    let effect = move |exchange: &HttpExchange, merchant: &str, client: &str| {
        let Upload { name, rows } = match upload {
            Ok(upload) => upload,
            Err(UploadError::NoFile) => {
                let text = "Required request part 'file' is not present";
                return exchange.spring(StatusCode::BAD_REQUEST, text);
            }
            Err(UploadError::Unreadable(text)) => return exchange.refusal(None, &text),
        };
        let now_us = exchange.state.clock.now_us();
        let mut files = exchange.state.bulk_files();
        let id = files.add(now_us, (merchant, client), name, rows);
        answer(exchange, files.get(merchant, id))
    };
    let call = MerchantCall::new(RequestKind::BulkUpload, UPLOAD_PATH, ApiVersion::V2);
    call.run(&state, connection, &headers, effect).await
}

pub(super) async fn process(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    id: Option<Path<String>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let id = file_id(&state, id, query.as_deref());
    let effect = move |exchange: &HttpExchange, merchant: &str, _: &str| {
        let Some(id) = id else {
            return exchange.spring(StatusCode::NOT_FOUND, "No message available");
        };
        let now_us = exchange.state.clock.now_us();
        let rows = exchange.state.bulk_files().begin(merchant, id, now_us);
        for row in rows.into_iter().flatten() {
            if make_row(exchange, merchant, &row) {
                exchange.state.bulk_files().count_made(id);
            }
        }
        answer(exchange, exchange.state.bulk_files().get(merchant, id))
    };
    let call = MerchantCall::new(RequestKind::BulkProcess, UPLOAD_PATH, ApiVersion::V2);
    call.run(&state, connection, &headers, effect).await
}

pub(super) async fn status(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    id: Option<Path<String>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let id = file_id(&state, id, query.as_deref());
    let effect = move |exchange: &HttpExchange, merchant: &str, _: &str| match id {
        Some(id) => answer(exchange, exchange.state.bulk_files().get(merchant, id)),
        None => exchange.spring(StatusCode::NOT_FOUND, "No message available"),
    };
    let call = MerchantCall::new(RequestKind::BulkStatus, STATUS_PATH, ApiVersion::V2);
    call.run(&state, connection, &headers, effect).await
}

/// The `fileId` from where the setting wants it: PayU's curl has it in the path, one of its OpenAPI
/// files in the query.
fn file_id(state: &SandboxState, id: Option<Path<String>>, query: Option<&str>) -> Option<u64> {
    let in_query = Parameters::of_query(query).take("fileId");
    let id = match state.injector().faults.bulk.file_id_in {
        FileIdPlace::Path => id.map(|Path(id)| id),
        FileIdPlace::Query => in_query.filter(|_| id.is_none()),
    };
    id?.parse().ok()
}

fn answer(exchange: &HttpExchange, file: Option<&BulkFile>) -> PayuResponse {
    let Some(file) = file else {
        return exchange.refusal(None, "File not found");
    };
    let now_us = exchange.state.clock.now_us();
    let takes_us = exchange.injector.faults.bulk.takes_ms.saturating_mul(1_000);
    let has_taken = |since_us| exchange.state.ledger().passed_us(since_us, now_us) >= takes_us;
    let is_done = file.begun_at_us.is_some_and(has_taken);
    let made = if is_done { file.made } else { 0 };
    let data = FileData {
        id: file.id,
        file_name: &file.stored_name,
        merchant_id: number_or_text(&file.merchant),
        display_name: &file.name,
        total_rows: file.total,
        successful_rows: made,
        failed_rows: if is_done { file.total.saturating_sub(made) } else { 0 },
        status: match file.begun_at_us {
            None => "REQUESTED",
            Some(_) if is_done => "COMPLETED",
            Some(_) => "IN_PROGRESS",
        },
        added_on: payu_date(file.added_at_us),
        updated_on: payu_date(file.begun_at_us.unwrap_or(file.added_at_us)),
        uploaded_by: user_uuid(&file.client),
        file_export_id: file.begun_at_us.map(|_| FIRST_EXPORT_ID.saturating_add(file.id)),
        file_source: "DASHBOARD_SMART_SEND",
    };
    PayuResponse::success(None, data)
}
