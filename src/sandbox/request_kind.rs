//! What a request asks for.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// `POST /oauth/token`.
    Token,
    /// `POST /payout/smartPay` or `POST /payout/v2/smartSend/link`.
    Create,
    /// `GET /payout/merchant/smartSend/details`.
    Details,
    /// `POST /payout/smartPay/cancel` or `PUT /payout/v2/smartSend/cancel/ID`.
    Cancel,
    /// `PUT /payout/v2/smartSend/extendExpiry` or `/payout/v2/smartSend/expiry/ID`.
    Extend,
    /// `GET /payout/smartPay/status` or `GET /payout/v2/smartSend/status`.
    Status,
    /// `GET /payout/merchant/getAccountDetail`.
    Account,
    /// `/payout/payment/fetchMaskedVpa`.
    Vpas,
    /// `POST /payout/v2/smartSend/bulkUpload/transfers`.
    BulkUpload,
    /// `PUT /payout/v2/smartSend/bulkUpload/transfers/ID`.
    BulkProcess,
    /// `GET /payout/v2/bulkUpload/transfers/ID`.
    BulkStatus,
    /// Anything that the documentation does not have.
    Other,
}

impl RequestKind {
    pub(super) const ALL: [Self; 12] = [
        Self::Token,
        Self::Create,
        Self::Details,
        Self::Cancel,
        Self::Extend,
        Self::Status,
        Self::Account,
        Self::Vpas,
        Self::BulkUpload,
        Self::BulkProcess,
        Self::BulkStatus,
        Self::Other,
    ];
}
