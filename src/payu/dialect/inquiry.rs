//! The requests that only a person's questions make.
//!
//! Paths, headers and fields are those of PayU's pages "Smart Send Status" (V1 and V2), "Get Account
//! Details", "Fetch Masked VPAs" and of those on bulk Smart Send. Where a page's curl and its text
//! differ in the method, it is the curl's.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method, Request};

use super::{Dialect, FORM, below};
use crate::domain::account::Api;
use crate::domain::customer::Mobile;
use crate::domain::reference::Reference;
use crate::payu::wire;
use crate::ports::Token;

impl Dialect {
    /// By the reference and not by the link's id, which create and details write differently. V2's
    /// samples send no token, and one that is sent does no harm.
    pub(in crate::payu) fn status(&self, token: &Token, reference: &Reference) -> Option<Request> {
        let (path, account): (&[&str], _) = match self.account.api {
            Api::V1 => (&["smartPay", "status"], "payoutMerchantId"),
            Api::V2 => (&["v2", "smartSend", "status"], "pid"),
        };
        let mut url = below(&self.api_url, path)?;
        url.query_pairs_mut()
            .append_pair(account, &self.account.payout_merchant_id)
            .append_pair("merchantRefId", reference.as_str());
        let mut request = Request::new(Method::GET, url);
        self.sign(request.headers_mut(), token, self.account.api)?;
        Some(request)
    }

    pub(in crate::payu) fn account_detail(&self, token: &Token) -> Option<Request> {
        let url = below(&self.api_url, &["merchant", "getAccountDetail"])?;
        let mut request = Request::new(Method::GET, url);
        self.sign(request.headers_mut(), token, Api::V1)?;
        request.headers_mut().insert(CONTENT_TYPE, FORM); // as in PayU's sample, without a body
        Some(request)
    }

    pub(in crate::payu) fn masked_vpas(&self, token: &Token, mobile: &Mobile) -> Option<Request> {
        let mut url = below(&self.api_url, &["payment", "fetchMaskedVpa"])?;
        url.query_pairs_mut().append_pair("mobileNumber", mobile.expose());
        let mut request = Request::new(Method::GET, url);
        self.sign(request.headers_mut(), token, Api::V1)?;
        request.headers_mut().insert(CONTENT_TYPE, FORM);
        Some(request)
    }

    pub(in crate::payu) fn upload(
        &self,
        token: &Token,
        name: &str,
        content: &[u8],
    ) -> Option<Request> {
        let path = ["v2", "smartSend", "bulkUpload", "transfers"];
        let mut request = Request::new(Method::POST, below(&self.api_url, &path)?);
        self.sign(request.headers_mut(), token, Api::V2)?;
        let (kind, form) = wire::file_form(name, content);
        request.headers_mut().insert(CONTENT_TYPE, kind.parse().ok()?);
        *request.body_mut() = Some(Body::from(form));
        Some(request)
    }

    pub(in crate::payu) fn process_file(&self, token: &Token, id: u64) -> Option<Request> {
        let path = ["v2", "smartSend", "bulkUpload", "transfers", &id.to_string()];
        let mut request = Request::new(Method::PUT, below(&self.api_url, &path)?);
        self.sign(request.headers_mut(), token, Api::V2)?;
        Some(request)
    }

    /// Unlike the other two, without `smartSend` in its path.
    pub(in crate::payu) fn bulk_file(&self, token: &Token, id: u64) -> Option<Request> {
        let path = ["v2", "bulkUpload", "transfers", &id.to_string()];
        let mut request = Request::new(Method::GET, below(&self.api_url, &path)?);
        self.sign(request.headers_mut(), token, Api::V2)?;
        Some(request)
    }
}
