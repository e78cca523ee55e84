//! Counts and rupees, what was not seen, and one message whole.

use serde_json::{Value as Json, json};
use smartsend::amqp::{Extent, ParkedMessage};
use smartsend::domain::record::headers::Value;
use smartsend::domain::reference::Reference;
use smartsend::parked::message::Parked;
use smartsend::parked::selection::Selection;
use smartsend::parked::shown::Shown;
use smartsend::parked::tally::{Tally, gaps};

use super::{config, intent, now, parked, set, text};

const ALL: Extent = Extent { ready: 6, seen: 6, other_consumers: 0 };

fn messages() -> Vec<ParkedMessage> {
    let mut late = parked(&intent("order-3", "0.25"), "REFUSED");
    set(&mut late, "parked-at", text("2026-11-24T11:59:30.000Z"));
    set(&mut late, "replays", Value::Number(2));
    set(&mut late, "actor", text("asha"));
    set(&mut late, "acted-at", text("2026-11-24T09:00:00.000Z"));
    let mut undated = parked(&json!({ "command": "cancel", "merchantRefId": "order-4" }), "X");
    undated.headers.remove("parked-at");
    let mut odd = parked(&json!("no intent"), "INVALID_INTENT");
    set(&mut odd, "reason", text("\u{1b}[2J"));
    vec![
        parked(&intent("order-1", "100.50"), "REFUSED"),
        parked(&intent("order-2", "900"), "NOT_SENT"),
        late,
        undated,
        odd,
        parked(&json!({ "merchantRefId": "order-6", "amount": "5.00" }), "INVALID_INTENT"),
    ]
}

fn tally(selection: Selection, rows: usize) -> Tally {
    let config = config("");
    let mut tally = Tally::new(selection, rows, now());
    for message in messages() {
        tally.add(&Parked::read(&message, &config));
    }
    tally
}

fn json_of(tally: &Tally, extent: Extent) -> Json {
    serde_json::from_str(&tally.json(extent)).unwrap()
}

#[test]
fn everything_is_counted_by_merchant_and_reason_and_the_unknown_is_never_0() {
    let tally = tally(Selection::default(), 100);
    let json = json_of(&tally, ALL);
    assert_eq!(
        json["all"],
        json!({ "messages": 6, "rupees": "1005.75", "unknownAmounts": 1, "commands": 1 })
    );
    let groups = json["groups"].as_array().unwrap();
    let group = |code: &str| groups.iter().find(|group| group["reason"] == code).unwrap();
    assert_eq!(group("REFUSED")["rupees"], "100.75");
    assert_eq!(group("REFUSED")["oldest"], "2026-11-24T09:00:00.000Z");
    assert_eq!(group("unknown")["rupees"], Json::Null);
    assert_eq!(group("X")["kind"], "command");
    let table = tally.table();
    for line in [
        "default   REFUSED         2         100.75               3 h      intent",
        "default   X               1         -                    unknown  command",
        "default   unknown         1         unknown              3 h      intent",
        "          all             6         1005.75 + 1 unknown",
    ] {
        assert!(table.lines().any(|shown| shown == line), "{line}\n{table}");
    }
    assert!(table.contains("order-3"), "{table}");
    assert!(table.contains("2 times, last by asha 3 h ago"), "{table}");
    assert!(!table.contains('\u{1b}'));
}

#[test]
fn what_is_named_and_not_parked_is_known() {
    let names = ["gone", "order-1", "order-3"].map(|name| Reference::parse(name).unwrap());
    let selection = Selection { references: names.into(), ..Selection::default() };
    let (config, mut absent) = (config(""), selection.named());
    for message in messages() {
        let parked = Parked::read(&message, &config);
        if selection.takes(&parked, now()) == Some(true) {
            absent.see(&parked);
        }
    }
    assert_eq!((absent.names(), absent.is_empty()), (vec!["gone".to_owned()], false));
    let id = Parked::read(&messages()[0], &config).id.to_string();
    let ids = vec![id.chars().take(10).collect(), "ffffffffff".to_owned()];
    let mut absent = Selection { ids, ..Selection::default() }.named();
    absent.see(&Parked::read(&messages()[0], &config));
    assert_eq!(absent.names(), ["ffffffffff"]);
    assert!(Selection::default().named().is_empty());
}

#[test]
fn a_list_that_is_cut_and_a_queue_that_others_read_are_reported() {
    let tally = tally(Selection::default(), 2);
    let json = json_of(&tally, ALL);
    assert_eq!((&json["messagesLeftOut"], &json["queue"]["complete"]), (&json!(4), &json!(true)));
    assert_eq!(json["messages"].as_array().unwrap().len(), 2);
    assert_eq!(tally.notes(ALL).len(), 1);
    assert!(tally.notes(ALL)[0].contains("4 more are counted and not shown"));
    let read = Extent { ready: 6, seen: 4, other_consumers: 1 };
    assert_eq!(gaps(read).len(), 2);
    assert_eq!(tally.notes(read).len(), 3);
    assert_eq!(json_of(&tally, read)["queue"]["complete"], false);
    assert_eq!(gaps(ALL), Vec::<String>::new());
}

#[test]
fn what_is_meant_is_chosen_by_merchant_reason_age_reference_and_id() {
    let count = |selection: Selection| {
        let json = json_of(&tally(selection, 9), ALL);
        (json["all"]["messages"].as_u64().unwrap(), json["undated"].as_u64().unwrap())
    };
    let all = Selection::default;
    let hour = std::time::Duration::from_hours(1);
    let code = |code: &str| Selection { codes: vec![code.to_owned()], ..all() };
    assert_eq!(count(all()), (6, 0));
    assert_eq!(count(code("REFUSED")), (2, 0));
    assert_eq!(count(Selection { older: Some(hour), ..code("REFUSED") }), (1, 0));
    assert_eq!(count(Selection { younger: Some(hour), ..code("REFUSED") }), (1, 0));
    assert_eq!(count(Selection { older: Some(hour), ..all() }), (4, 1));
    assert_eq!(count(Selection { merchant: Some("other".to_owned()), ..all() }), (0, 0));
    let reference = |name: &str| Reference::parse(name).unwrap();
    let named = ["order-2", "order-6", "order-9"].map(reference).into();
    assert_eq!(count(Selection { references: named, ..all() }), (2, 0));
    let id = Parked::read(&messages()[1], &config("")).id;
    let ids = vec![id.short().to_owned()];
    assert_eq!(count(Selection { ids: ids.clone(), ..all() }), (1, 0));
    assert_eq!(count(Selection { ids, ..code("REFUSED") }), (0, 0));
}

#[test]
fn one_message_is_shown_whole_and_nobody_is_named_unless_revealed() {
    let mut message = parked(&intent("order-1", "100.50"), "REFUSED");
    set(&mut message, "note", text("by\u{1b} hand"));
    let read = Parked::read(&message, &config(""));
    let shown = Shown::of(&read, &message, false);
    let table = shown.table();
    for part in ["order-1", "100.50", "REFUSED", "******9999", "a***@example.com", "by? hand"] {
        assert!(table.contains(part), "{part}\n{table}");
    }
    for hidden in ["9999999999", "asha@", "description"] {
        assert!(!table.contains(hidden), "{hidden}\n{table}");
    }
    assert_eq!(shown.json()["headers"]["state"], "in-doubt");
    let revealed = Shown::of(&read, &message, true).table();
    assert!(revealed.contains("asha@example.com") && revealed.contains("9999999999"));
}
