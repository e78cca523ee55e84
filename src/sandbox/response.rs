//! The bodies that PayU's samples show, by their shape.
//!
//! There are three families, and a client must not take one for another: the envelope
//! (`status` is 0 or 1), Spring's error body (`status` is the HTTP status), and a proxy's page.

use std::mem;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::clock::payu_date;
use super::faults::{FailureShape, Faults, ThrottleBody};

const JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "text/html";

#[derive(Debug)]
pub(super) struct PayuResponse {
    pub(super) status: StatusCode,
    pub(super) code: Option<u16>,
    pub(super) body: Bytes,
    content_type: &'static str,
    retry_after: Option<HeaderValue>,
}

/// The envelope of all Payouts APIs.
#[derive(Serialize)]
struct ResponseEnvelope<'a, T> {
    status: u8,
    msg: Option<&'a str>,
    code: Option<u16>,
    data: Option<T>,
}

#[derive(Serialize)]
struct SpringError<'a> {
    timestamp: String,
    status: u16,
    error: &'a str,
    message: &'a str,
    path: &'a str,
}

#[derive(Serialize)]
struct RowFailure {
    code: u16,
    message: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransferFailure<'a> {
    batch_id: Option<&'a str>,
    merchant_ref_id: &'a str,
    error: &'static str,
    code: &'a [u16],
}

impl PayuResponse {
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::new(status, JSON, body.into())
    }

    /// Spring's own error body, as in PayU's "Access Denied" samples.
    pub(super) fn spring(now_us: u64, status: StatusCode, message: &str, path: &str) -> Self {
        let error = status.canonical_reason().unwrap_or("Error");
        let timestamp = payu_date(now_us);
        Self::json(
            status,
            &SpringError { timestamp, status: status.as_u16(), error, message, path },
        )
    }

    /// The envelope of something that was done.
    pub(super) fn success(msg: Option<&str>, data: impl Serialize) -> Self {
        let envelope = ResponseEnvelope { status: 0, msg, code: None, data: Some(data) };
        Self::json(StatusCode::OK, &envelope)
    }

    /// The envelope of something that was not done.
    pub(super) fn failure<T: Serialize>(
        status: StatusCode,
        msg: Option<&str>,
        code: Option<u16>,
        data: Option<T>,
    ) -> Self {
        let response = Self::json(status, &ResponseEnvelope { status: 1, msg, code, data });
        Self { code, ..response }
    }

    pub(super) fn create_failure(faults: &Faults, reference: &str, codes: &[u16]) -> Self {
        Self::coded_failure(faults, faults.failure_shape, reference, codes)
    }

    pub(super) fn coded_failure(
        faults: &Faults,
        shape: FailureShape,
        reference: &str,
        codes: &[u16],
    ) -> Self {
        let status = StatusCode::from_u16(faults.failure_http_status).unwrap_or(StatusCode::OK);
        let first = codes.first().copied().unwrap_or_default();
        let response = match shape {
            FailureShape::DataArray => {
                let row = |&code: &u16| RowFailure { code, message: text_of(code) };
                let rows: Vec<_> = codes.iter().map(row).collect();
                Self::failure(status, Some("Fail"), None, Some(rows))
            }
            FailureShape::TopLevel => {
                Self::failure::<()>(status, Some(text_of(first)), Some(first), None)
            }
            FailureShape::CodeArray => {
                let (batch_id, merchant_ref_id, error) = (None, reference, text_of(first));
                let row = TransferFailure { batch_id, merchant_ref_id, error, code: codes };
                Self::failure(status, None, None, Some([row]))
            }
            FailureShape::TextCode => {
                let (msg, code) = (text_of(first), first.to_string());
                Self::json(status, &json!({"status": 1, "msg": msg, "code": code, "data": null}))
            }
            FailureShape::TextStatus => {
                let msg = text_of(first);
                Self::json(status, &json!({"status": "1", "msg": msg, "code": first, "data": null}))
            }
        };
        Self { code: Some(first), ..response }
    }

    pub(super) fn throttled(faults: &Faults) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let response = match faults.throttle.body {
            // The words are from another API of PayU; the Payouts pages have none.
            ThrottleBody::Json => {
                Self::failure::<()>(status, Some("Requests limit reached"), None, None)
            }
            ThrottleBody::Empty => Self::new(status, HTML, Bytes::new()),
            ThrottleBody::Html => Self::page(status),
        };
        let value = faults.throttle.retry_after.as_deref();
        let retry_after = value.and_then(|value| HeaderValue::from_str(value).ok());
        Self { retry_after, ..response }
    }

    /// A 500 comes from the application, other errors from the proxy before it.
    pub(super) fn error(status: u16, now_us: u64, path: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            return Self::spring(now_us, status, "No message available", path);
        }
        Self::page(status)
    }

    /// A 200 that does not say what happened.
    pub(super) fn garbage(faults: &Faults) -> Self {
        let Some(body) = &faults.garbage_body else {
            return Self::page(StatusCode::OK);
        };
        Self::new(StatusCode::OK, JSON, body.clone().into())
    }

    pub(super) fn page(status: StatusCode) -> Self {
        let page = format!(
            "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}\
             </h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self::new(status, HTML, page.into())
    }

    fn new(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        Self { status, code: None, body, content_type, retry_after: None }
    }

    pub(super) fn into_response(mut self) -> Response {
        let body = mem::take(&mut self.body);
        self.with_body(body.into())
    }

    /// Replaces the body by one that is written in another way.
    pub(super) fn with_body(self, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(value) = self.retry_after {
            headers.insert(RETRY_AFTER, value);
        }
        response
    }
}

/// PayU's text for a code where a sample shows one, else its name in "Smart Send Error
/// Codes", spelled as there.
fn text_of(code: u16) -> &'static str {
    match code {
        1100 => "INVALID_MERCHANT",
        1101 => "INVALID_MERCHNAT_REF_ID",
        1102 => "INVALID_MERCHNAT_REF_ID_LENGTH",
        1103 => "DUPLICATE_MERCHNAT_REF_ID",
        1104 => "INVALID_AMOUNT",
        1105 => "INVALID_MOBILE",
        1106 => "INVALID_EMAIL",
        1107 => "INVALID_LINK_TYPE",
        1108 => "custMobile or custEmail is required",
        1109 => "INVALID_ACCOUNT_NUMBER",
        1110 => "INVALID_LINK",
        1111 => "LINK_EXPIRED",
        1112 => "SmartPay Link not found",
        1113 => "OTP_REQUIRED",
        1114 => "INVALID_DESCRIPTION",
        1115 => "DUPLICATE_REQUEST",
        1116 => "OTP_TRIGGERED_FAILED",
        1117 => "OTP_VERIFICATION_FAILED",
        1118 => "DETAILS_ALREADY_FILLED",
        1119 => "FAILED_TO_CANCEL_SMARTPAY",
        1120 => "INVALID_VPA",
        1121 => "EXPIRY_DATE_INVALID",
        1122 => "SmartPay Link cancelled",
        1123 => "LINK_REJECTED",
        1124 => "LINK_TRANSACTION_FAILED",
        1125 => "DUPLICATE_SMARTSEND_LINK",
        1126 => "APPROVAL_FLOW_ERROR",
        1127 => "APPROVAL_PENDING",
        1128 => "TXN_LIMIT_EXCEEDED",
        _ => "Something went wrong",
    }
}
