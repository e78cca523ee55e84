//! The checkpoint that a pause is written into where no worker does it.

use bytes::Bytes;
use serde_json::{Value, json};
use smartsend::domain::account::{Account, Api};
use smartsend::domain::control::{ControlAction, Order, Pause};
use smartsend::orders::changed;
use smartsend::ports::Checkpoint;

fn account() -> Account {
    Account { payout_merchant_id: "1111312".to_owned(), api: Api::V2 }
}

fn pause() -> Pause {
    let since = "2026-11-30T07:00:00Z".parse().unwrap();
    Pause { actor: "asha".to_owned(), reason: "two files".to_owned(), since }
}

fn found(body: &Value, own: bool) -> Checkpoint {
    Checkpoint { body: Bytes::from(body.to_string()), own }
}

fn written(found: Option<&Checkpoint>, pause: Option<&Pause>) -> Value {
    serde_json::from_slice(&changed(found, &account(), pause)).unwrap()
}

#[test]
fn a_pause_is_added_to_what_there_is_and_taken_away_again() {
    let before = json!({
        "account": "1111312", "api": "v2", "shown": "a", "spent": { "hour": { "1800000000": "10.00" } },
        "later": 1,
    });
    let paused = written(Some(&found(&before, true)), Some(&pause()));
    let mut expected = before.clone();
    expected["paused"] =
        json!({ "actor": "asha", "reason": "two files", "since": "2026-11-30T07:00:00Z" });
    assert_eq!(paused, expected);
    assert_eq!(written(Some(&found(&paused, true)), None), before);
}

#[test]
fn what_is_not_believed_is_left_out() {
    let bare = json!({ "account": "1111312", "api": "v2" });
    let strange = json!({ "account": "1111312", "api": "v2", "shown": "a" });
    let other = json!({ "account": "2", "api": "v2", "shown": "a" });
    for (body, own) in [(&strange, false), (&other, true), (&json!([1]), true)] {
        assert_eq!(written(Some(&found(body, own)), None), bare);
    }
    assert_eq!(written(None, None), bare);
}

#[test]
fn an_order_is_json_that_an_older_worker_can_read() {
    let order = Order { merchant: "default".to_owned(), action: ControlAction::Pause(pause()) };
    let expected = json!({
        "merchant": "default", "action": "pause", "actor": "asha", "reason": "two files",
        "since": "2026-11-30T07:00:00Z",
    });
    assert_eq!(serde_json::to_value(&order).unwrap(), expected);
    let mut newer = expected;
    newer["later"] = json!({});
    assert_eq!(serde_json::from_value::<Order>(newer).unwrap(), order);
    let ask = json!({ "merchant": "default", "action": "ask" });
    assert_eq!(serde_json::from_value::<Order>(ask).unwrap().action, ControlAction::Ask);
}
