//! What goes wrong with the calls that change a link or send a file, and what the documentation
//! leaves open about them.

use serde::{Deserialize, Serialize};

use super::{FailureShape, Fault};

/// The shares of one kind of call; they exclude each other, as those of creates do. *After* means
/// that what was asked for is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandFaults {
    /// Waits this long before a call has any effect.
    pub latency_ms: u64,
    /// Closes the connection; nothing is done.
    pub lost_before: f64,
    /// Closes the connection after.
    pub lost_after: f64,
    /// Resets the connection; nothing is done.
    pub reset_before: f64,
    /// Resets the connection after.
    pub reset_after: f64,
    /// Never answers; nothing is done.
    pub stall_before: f64,
    /// Never answers, after.
    pub stall_after: f64,
    /// Answers `error_status`; nothing is done.
    pub error_before: f64,
    /// Answers `error_status` after.
    pub error_after: f64,
    /// Answers 200 with `garbage_body` after.
    pub garbage: f64,
    /// Closes the connection in the middle of the answer's body, after.
    pub cut_short: f64,
    /// Answers a byte at a time, after.
    pub slow_drip: f64,
    /// Answers, and then closes the connection that it promised to keep.
    pub close_after: f64,
    /// Revokes the token that the call came with, and answers 401; nothing is done.
    pub expired_token: f64,
    /// Answers 429; nothing is done.
    pub throttle: f64,
    /// Answers a failure with `refuse_code`; nothing is done.
    pub refuse: f64,
    pub refuse_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CancelSettings {
    /// Where `merchantRefId` is looked for.
    pub reference_in: ReferencePlace,
    /// What the first cancel of a link is answered with.
    pub first: FirstCancel,
    /// Whether a refusal because of the link's state has the code 1110; PayU has samples of both.
    pub coded: bool,
    /// Whether V1's call cancels V2's links.
    pub takes_v2: bool,
    /// Details show a cancel only this much later.
    pub lag_ms: u64,
    /// Whether a reference is free again after a cancel.
    pub frees_reference: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExtendSettings {
    /// Which links can be extended.
    pub rule: ExtendRule,
    /// Whether the new date may be before the present one.
    pub shortens: bool,
    /// Whether the answer has the link in `data`.
    pub echoes: bool,
    /// Whether V2's call extends V1's links.
    pub takes_v1: bool,
    /// Details show the new date only this much later.
    pub lag_ms: u64,
    /// Where a failure has its code.
    pub failure_shape: FailureShape,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BulkSettings {
    /// How long a file is `IN_PROGRESS`, in the time of links. In PayU's sample it took ten seconds.
    pub takes_ms: u64,
    /// Where `fileId` is looked for.
    pub file_id_in: FileIdPlace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileIdPlace {
    /// As in the samples.
    #[default]
    Path,
    /// As in one of the OpenAPI files.
    Query,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferencePlace {
    /// As in the reference pages and the OpenAPI file.
    #[default]
    Query,
    /// As in the older pages.
    Form,
}

/// "Payout transaction in progress. Try after sometime!" is one of PayU's samples for a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstCancel {
    /// With what was done.
    #[default]
    Plain,
    /// With that, and nothing is done.
    InProgress,
    /// With that, though the link is cancelled.
    InProgressAndDone,
}

/// PayU's pages say once that a link can be extended which is not expired *or* whose transaction
/// is pending, and once *and*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtendRule {
    /// One that is not expired and that nobody has claimed.
    #[default]
    And,
    /// Also one whose payout is under way.
    Or,
}

impl CommandFaults {
    pub(in crate::sandbox) fn shares(&self) -> [(Fault, f64); 15] {
        [
            (Fault::LostBefore, self.lost_before),
            (Fault::LostAfter, self.lost_after),
            (Fault::ResetBefore, self.reset_before),
            (Fault::ResetAfter, self.reset_after),
            (Fault::StallBefore, self.stall_before),
            (Fault::StallAfter, self.stall_after),
            (Fault::ErrorBefore, self.error_before),
            (Fault::ErrorAfter, self.error_after),
            (Fault::Garbage, self.garbage),
            (Fault::CutShort, self.cut_short),
            (Fault::SlowDrip, self.slow_drip),
            (Fault::CloseAfter, self.close_after),
            (Fault::ExpiredToken, self.expired_token),
            (Fault::Throttle, self.throttle),
            (Fault::Refuse, self.refuse),
        ]
    }
}

/// The only code that PayU's list has for a call that failed by itself: `FAILED_TO_CANCEL_SMARTPAY`.
impl Default for CommandFaults {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            lost_before: 0.0,
            lost_after: 0.0,
            reset_before: 0.0,
            reset_after: 0.0,
            stall_before: 0.0,
            stall_after: 0.0,
            error_before: 0.0,
            error_after: 0.0,
            garbage: 0.0,
            cut_short: 0.0,
            slow_drip: 0.0,
            close_after: 0.0,
            expired_token: 0.0,
            throttle: 0.0,
            refuse: 0.0,
            refuse_code: 1119,
        }
    }
}

impl Default for CancelSettings {
    fn default() -> Self {
        Self {
            reference_in: ReferencePlace::Query,
            first: FirstCancel::Plain,
            coded: true,
            takes_v2: true,
            lag_ms: 0,
            frees_reference: false,
        }
    }
}

impl Default for ExtendSettings {
    fn default() -> Self {
        Self {
            rule: ExtendRule::And,
            shortens: false,
            echoes: false,
            takes_v1: true,
            lag_ms: 0,
            failure_shape: FailureShape::TopLevel,
        }
    }
}

impl Default for BulkSettings {
    fn default() -> Self {
        Self { takes_ms: 10_000, file_id_in: FileIdPlace::Path }
    }
}
