//! What becomes of a link after it was made.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// PayU's `smartSendStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LinkStatus {
    Pending,
    ApprovalPending,
    Approved,
    Rejected,
    /// The payee has given an account, and money is on its way.
    Initiated,
    /// Money was sent, which is less than that it has arrived.
    Success,
    Failed,
    Expired,
    Cancelled,
}

/// Who or what changed a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// `POST /sandbox/desk`: the payee, the approver, or somebody at PayU's dashboard.
    Desk,
    /// A call that cancels.
    Cancel,
    /// A call that extends.
    Extend,
    /// The job that expires links.
    Expiry,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkState {
    pub(super) status: LinkStatus,
    /// The payout's own status, once there is a payout.
    pub(super) txn_status: Option<Arc<str>>,
    /// How often the payee has asked for the money: a failed payout can be asked for again.
    pub(super) payouts: u32,
    /// In the link's own time.
    pub(super) expires_at_us: u64,
}

/// A state that followed another one.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) at_us: u64,
    pub(super) by: Actor,
    pub(super) state: LinkState,
}

/// What people do to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeskAction {
    /// The approver lets the link pass.
    Approve,
    Reject,
    /// The merchant cancels the link on the dashboard.
    Cancel,
    /// The payee gives an account.
    Claim,
    /// The payout moves on, without an end.
    Progress,
    /// The money has arrived.
    Pay,
    /// The payout failed.
    Fail,
    /// The money came back.
    Reverse,
    /// The link expires at once, whatever its date.
    Expire,
}

/// What PayU does not say about claims.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClaimRules {
    pub(super) before_approval: bool,
    /// Until the job has run.
    pub(super) after_expiry: bool,
    /// Whether the link's date has passed.
    pub(super) is_past: bool,
}

impl LinkStatus {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::ApprovalPending => "APPROVAL_PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Initiated => "INITIATED",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether nobody has claimed the link yet, and it has not ended.
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::ApprovalPending | Self::Approved)
    }
}

impl LinkState {
    pub(super) fn with_status(&self, status: LinkStatus) -> Self {
        Self { status, ..self.clone() }
    }

    /// The state after an action, or why it is impossible.
    pub(super) fn after(&self, action: DeskAction, rules: ClaimRules) -> Result<Self, String> {
        use LinkStatus::{
            ApprovalPending, Approved, Cancelled, Expired, Failed, Initiated, Pending, Rejected,
            Success,
        };
        let (status, is_open) = (self.status, self.status.is_open());
        let is_waiting = status == ApprovalPending;
        let is_unpaid = status == Success && !self.is_paid();
        let is_claimable =
            matches!(status, Pending | Approved | Failed) || is_waiting && rules.before_approval;
        let (is_possible, which, next, payout) = match action {
            DeskAction::Approve => (is_waiting, "waits for approval", Approved, None),
            DeskAction::Reject => (is_waiting, "waits for approval", Rejected, None),
            DeskAction::Cancel => (is_open, "is not claimed", Cancelled, None),
            DeskAction::Expire => (is_open, "is not claimed", Expired, None),
            DeskAction::Claim if rules.is_past && !rules.after_expiry => {
                return Err("the link's expiryDate has passed".to_owned());
            }
            DeskAction::Claim => (is_claimable, "the payee can open", Initiated, Some("QUEUED")),
            DeskAction::Progress => {
                (status == Initiated, "is claimed", Initiated, Some("IN_PROGRESS"))
            }
            DeskAction::Pay => {
                (status == Initiated || is_unpaid, "is claimed", Success, Some("SUCCESS"))
            }
            DeskAction::Fail => {
                (status == Initiated || is_unpaid, "is claimed", Failed, Some("FAILED"))
            }
            DeskAction::Reverse => (self.is_paid(), "is paid", Success, Some("REVERSED")),
        };
        if !is_possible {
            let has = self.txn_status.as_ref().map(|txn| format!(", with a payout that is {txn}"));
            let (status, has) = (status.text(), has.unwrap_or_default());
            return Err(format!("this takes a link that {which}, and this one is {status}{has}"));
        }
        let txn_status = payout.map(Arc::from).or_else(|| self.txn_status.clone());
        let payouts = self.payouts.saturating_add(u32::from(action == DeskAction::Claim));
        Ok(Self { status: next, txn_status, payouts, expires_at_us: self.expires_at_us })
    }

    fn is_paid(&self) -> bool {
        self.status == LinkStatus::Success && self.txn_status.as_deref() == Some("SUCCESS")
    }
}
