//! What details says has become of a link, and of the money behind it.
//!
//! Two states and not one: a payment that failed can be asked for again by the same link, and one
//! that succeeded can be reversed days later. The words are those of PayU's page "Smart Send
//! Details" and of its list of transaction statuses, which is written in more than one way
//! (`FAILURE`, `PENDING FOR APPROVAL`).

/// What has become of a link: `smartSendStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStatus {
    /// It can be claimed, or will be once it is approved.
    Live,
    /// The customer has claimed it, and the payment is on its way.
    Claimed,
    /// It was not claimed in time.
    Expired,
    /// It was cancelled.
    Cancelled,
    /// The approver has said no.
    Rejected,
    /// Its payment failed; PayU may let the customer try again.
    Failed,
    /// A word that PayU's page does not list, or none. A link that may be claimed must not be called
    /// closed.
    Unlisted,
}

/// What has become of the money: `txnStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payment {
    /// Nobody has claimed it.
    None,
    /// It is on its way, or says something that PayU's page does not list.
    Underway,
    /// It has arrived. It may be reversed later.
    Arrived,
    /// It did not arrive.
    Failed,
}

/// Whether the merchant's approver stands between a link and its customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The approver has not answered yet.
    Pending,
    /// The approver has said yes.
    Approved,
    /// The link can be claimed as it is.
    NotNeeded,
    /// No lookup has shown it. A create's answer says nothing of it.
    Unknown,
}

impl Approval {
    /// Reads the word in details.
    pub fn read(word: Option<&str>) -> Self {
        match &*normal(word) {
            "APPROVAL_PENDING" => Self::Pending,
            "APPROVED" => Self::Approved,
            "PENDING" => Self::NotNeeded,
            _ => Self::Unknown,
        }
    }

    /// The word in an event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::NotNeeded => "not_needed",
            Self::Unknown => "unknown",
        }
    }
}

impl LinkStatus {
    /// Reads the word in details.
    pub fn read(word: Option<&str>) -> Self {
        match &*normal(word) {
            "PENDING" | "APPROVAL_PENDING" | "APPROVED" => Self::Live,
            // "Payout is initiated, wait for the payout to complete", says PayU of SUCCESS.
            "INITIATED" | "SUCCESS" => Self::Claimed,
            "EXPIRED" => Self::Expired,
            "CANCELLED" => Self::Cancelled,
            "REJECTED" => Self::Rejected,
            "FAILED" => Self::Failed,
            _ => Self::Unlisted,
        }
    }

    /// Whether it must not be announced as a link that can be claimed.
    pub fn is_closed(self) -> bool {
        match self {
            Self::Expired | Self::Cancelled | Self::Rejected | Self::Failed => true,
            Self::Live | Self::Claimed | Self::Unlisted => false,
        }
    }
}

impl Payment {
    /// Reads the word in details.
    pub fn read(word: Option<&str>) -> Self {
        match &*normal(word) {
            "" => Self::None,
            "SUCCESS" | "REVERSED" => Self::Arrived,
            "FAILED" | "REJECTED" | "CANCELLED" => Self::Failed,
            _ => Self::Underway,
        }
    }
}

fn normal(word: Option<&str>) -> String {
    let word = word.unwrap_or_default().trim().to_ascii_uppercase().replace(' ', "_");
    if word == "FAILURE" { "FAILED".to_owned() } else { word }
}
