//! PayU's Smart Send codes, and what each means for an intent whose create was answered with it.
//!
//! The numbers and names are those of PayU's page "Smart Send Error Codes", its misspellings
//! kept, because they go out as `reason.code`. PayU documents no code as transient, so a code is
//! a final "no" only where it can depend on nothing but the intent itself.

use std::borrow::Cow;

/// There is no such link, or not yet.
pub const LINK_NOT_FOUND: i64 = 1112;
/// The expiry that was asked for is not possible.
pub const EXPIRY_DATE_INVALID: i64 = 1121;

/// One code of PayU's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The number.
    pub number: i64,
    /// PayU's name, letter for letter.
    pub name: &'static str,
    /// What it means on a create.
    pub meaning: Meaning,
    /// What it says, in our words; this goes into events.
    pub message: &'static str,
}

/// What a code means on a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It depends on the intent alone: every copy of the intent would get the same answer.
    Rejects,
    /// The reference has a link; whose, only a lookup can tell.
    Duplicate,
    /// It concerns the whole merchant and not this intent.
    Denies,
    /// It may depend on the day, or hide a duplicate.
    Refuses,
}

macro_rules! codes {
    ($($number:literal $name:literal $meaning:ident $message:literal;)+) => {
        /// Every code that PayU lists for Smart Send.
        pub const CODES: &[Code] = &[$(Code {
            number: $number, name: $name, meaning: Meaning::$meaning, message: $message,
        }),+];
    };
}

codes! {
    1100 "INVALID_MERCHANT" Denies "the provider does not know this payout merchant id";
    1101 "INVALID_MERCHNAT_REF_ID" Rejects "the provider does not accept this reference";
    1102 "INVALID_MERCHNAT_REF_ID_LENGTH" Rejects "the reference is too long for the provider";
    1103 "DUPLICATE_MERCHNAT_REF_ID" Duplicate "the reference has been used before";
    // An amount can be invalid today only: limits change, and a duplicate may be checked after it.
    1104 "INVALID_AMOUNT" Refuses "the provider does not accept this amount";
    1105 "INVALID_MOBILE" Rejects "the provider does not accept this mobile number";
    1106 "INVALID_EMAIL" Rejects "the provider does not accept this e-mail address";
    1107 "INVALID_LINK_TYPE" Rejects "the provider does not accept this type of link";
    1108 "MOBILE_OR_EMAIL_REQUIRED" Rejects "the provider asks for a mobile number or an e-mail address";
    1109 "INVALID_ACCOUNT_NUMBER" Refuses "the provider does not accept this account number or IFSC";
    1110 "INVALID_LINK" Refuses "the provider calls the link invalid";
    1111 "LINK_EXPIRED" Refuses "the provider says that the link has expired";
    1112 "LINK_NOT_FOUND" Refuses "the provider found no link";
    1113 "OTP_REQUIRED" Refuses "the provider asks for a one-time password";
    1114 "INVALID_DESCRIPTION" Rejects "the provider does not accept this description";
    1115 "DUPLICATE_REQUEST" Duplicate "the provider has had this request before";
    1116 "OTP_TRIGGERED_FAILED" Refuses "the provider could not send a one-time password";
    1117 "OTP_VERIFICATION_FAILED" Refuses "the one-time password was not accepted";
    1118 "DETAILS_ALREADY_FILLED" Refuses "the customer has filled in the details of this link";
    1119 "FAILED_TO_CANCEL_SMARTPAY" Refuses "the provider could not cancel the link";
    1120 "INVALID_VPA" Refuses "the provider does not accept this payment address";
    1121 "EXPIRY_DATE_INVALID" Refuses "the provider does not accept this expiry date";
    1122 "LINK_CANCELLED" Refuses "the provider says that the link is cancelled";
    1123 "LINK_REJECTED" Refuses "the provider says that the link was rejected";
    1124 "LINK_TRANSACTION_FAILED" Refuses "the provider says that the link's payment failed";
    1125 "DUPLICATE_SMARTSEND_LINK" Duplicate "there is a link for this reference";
    1126 "APPROVAL_FLOW_ERROR" Refuses "the provider's approval flow failed";
    1127 "APPROVAL_PENDING" Refuses "the link waits for an approver";
    1128 "TXN_LIMIT_EXCEEDED" Refuses "the amount is above a limit of the account";
}

impl Code {
    /// The code with this number, if PayU lists it.
    pub fn find(number: i64) -> Option<&'static Self> {
        CODES.iter().find(|code| code.number == number)
    }

    /// PayU's name for a number, or `CODE_<number>` where PayU lists none.
    pub fn name_of(number: i64) -> Cow<'static, str> {
        Self::find(number).map_or_else(|| format!("CODE_{number}").into(), |code| code.name.into())
    }

    /// Our sentence for a number.
    pub fn message_of(number: i64) -> &'static str {
        Self::find(number)
            .map_or("the provider refused it with a code that PayU does not list", |code| {
                code.message
            })
    }
}
