//! What an account holds, for a person or for a program.

use std::fmt::Write;

use rust_decimal::Decimal;
use serde_json::json;

use super::mask::{masked_number, plain};
use super::{Inquiry, NothingLearnt};
use crate::domain::amount::{Total, has_only_signs_of_a_number};
use crate::payu::wire::AccountDetail;

impl Inquiry<'_> {
    /// Asks what the account holds, once.
    pub async fn balance(&self) -> Result<Balance, NothingLearnt> {
        let token = self.token().await.map_err(|result| NothingLearnt::of(&result))?;
        let asked = self.turn(self.account.account_detail(&token)).await;
        let detail = NothingLearnt::unless(asked)?;
        Ok(Balance { merchant: self.merchant.name.clone(), detail })
    }
}

/// The account of one merchant.
#[derive(Clone, Debug)]
pub struct Balance {
    pub merchant: String,
    pub detail: AccountDetail,
}

impl Balance {
    pub fn table(&self) -> String {
        let detail = &self.detail;
        let low = match detail.is_low {
            Some(true) => {
                "YES: not enough for the next payout, which waits or fails until money is paid in"
            }
            Some(false) => "no",
            None => "-",
        };
        let mut table = String::new();
        for (name, cell) in [
            ("merchant", Some(self.merchant.clone())),
            ("payout id", detail.payout_merchant_id.as_deref().map(plain)),
            ("account", self.account()),
            ("balance", Some(self.rupees())),
            ("low balance", Some(low.to_owned())),
            ("transferable", detail.transferable.as_deref().map(rupees)),
        ] {
            let cell = cell.as_deref().unwrap_or("-");
            // Writing to a String cannot fail.
            writeln!(table, "{name:<12}  {cell}").ok();
        }
        table
    }

    pub fn json(&self) -> String {
        let detail = &self.detail;
        let json = json!({
            "merchant": self.merchant,
            "payoutMerchantId": detail.payout_merchant_id,
            "virtualAccountNumber": self.account(),
            "balance": self.rupees(),
            "lowBalance": detail.is_low,
            "transferableAmount": detail.transferable.as_deref().map(rupees),
        });
        format!("{json}\n")
    }

    pub fn rupees(&self) -> String {
        rupees(&self.detail.balance)
    }

    /// Whether it is less than a sum; `None` if PayU's text is no number.
    pub fn is_less_than(&self, sum: Total) -> Option<bool> {
        number(&self.detail.balance).map(|balance| sum.exceeds(balance))
    }

    /// Whoever knows the whole number can pay in, and look the merchant up by it.
    fn account(&self) -> Option<String> {
        self.detail.virtual_account.as_ref().map(|it| plain(&masked_number(it.expose())))
    }
}

/// PayU writes `94003`, `94003.5` and `94003.50`: by its value, never rounded; what is no number as
/// it is.
fn rupees(text: &str) -> String {
    match number(text) {
        Some(number) if number.scale() <= 2 => format!("{number:.2}"),
        Some(number) => number.to_string(),
        None => plain(text),
    }
}

fn number(text: &str) -> Option<Decimal> {
    let number = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    let number = number.ok().filter(|_| has_only_signs_of_a_number(text))?;
    Some(number.normalize())
}
