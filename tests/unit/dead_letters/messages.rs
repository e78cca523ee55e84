//! A message, and whose it was.

use std::collections::BTreeMap;

use smartsend::domain::account::{Account, Api};
use smartsend::domain::dead_letter::{Death, Merchants};

pub(super) const EXAMPLE: &str = r#"{ "merchantRefId": "order-8841-r1", "amount": "100.50",
    "description": "Refund for order 8841", "custName": "Asha Rao", "custMobile": "9999999999" }"#;

pub(super) fn death(queue: &str, reason: &str) -> Death {
    let time = Some("2026-11-24T09:29:00Z".parse().unwrap());
    Death { queue: queue.to_owned(), reason: reason.to_owned(), time }
}

pub(super) fn merchants() -> Merchants {
    let account = Account { payout_merchant_id: "1111312".to_owned(), api: Api::V2 };
    Merchants {
        intents_prefix: "smartsend.intents.".to_owned(),
        commands_prefix: "smartsend.commands.".to_owned(),
        commands_exchange: "smartsend.commands".to_owned(),
        accounts: BTreeMap::from([("default".to_owned(), account)]),
    }
}
