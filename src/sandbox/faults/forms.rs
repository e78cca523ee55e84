//! The choices in the document of faults.

use serde::{Deserialize, Serialize};

/// How requests are answered 429.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleFault {
    /// The share of creates.
    pub share: f64,
    /// The text of `Retry-After`; no such header if it is null.
    pub retry_after: Option<String>,
    pub body: ThrottleBody,
}

/// A share of creates that fail with a code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodedFailure {
    /// The share of creates.
    pub share: f64,
    pub code: u16,
}

/// The body of a 429, for which PayU documents nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleBody {
    /// PayU's envelope.
    #[default]
    Json,
    Empty,
    /// A proxy's page.
    Html,
}

/// What a caller gets whose address is not on the account's list: PayU does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockedForm {
    /// A proxy's 403.
    Html,
    /// Spring's 403.
    Spring,
    /// Spring's 401, as for a bad token.
    Unauthorized,
    /// PayU's envelope with `status: 1` and no code.
    Envelope,
    Reset,
}

/// Where a failure has its code, which differs between the samples of PayU's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureShape {
    /// `data: [{"code": 1108, "message": …}]`: the V1 create sample.
    DataArray,
    /// `code: 1108, data: null`: the V1 cancel sample.
    TopLevel,
    /// `data: [{"code": [1108], "error": …}]`: the Initiate Transfer sample.
    CodeArray,
    /// `code: "1108", data: null`: no sample, but PayU writes other numbers as texts.
    TextCode,
    /// `status: "1", code: 1108, data: null`: no sample either.
    TextStatus,
}

/// How details write `linkId`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkIdForm {
    /// As in the sample of details.
    Uuid,
    /// As in the sample of create.
    Base64,
}

/// How details write an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmountForm {
    /// `25.0`, as in the sample.
    Number,
    /// `"25.00"`.
    String,
    /// `2.5E7` from ten million on, as Java prints a double.
    Double,
}

/// How much details show of the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerForm {
    Full,
    /// `XXXXXX9999`, `a***@example.com`.
    Masked,
    Null,
}

impl Default for CodedFailure {
    fn default() -> Self {
        Self { share: 0.0, code: 1128 }
    }
}
