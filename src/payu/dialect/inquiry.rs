//! The requests that only a person's questions make.
//!
//! Paths, headers and fields are those of PayU's pages "Smart Send Status" (V1 and V2).

use reqwest::{Method, Request};

use super::{Dialect, below};
use crate::domain::account::Api;
use crate::domain::reference::Reference;
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
}
