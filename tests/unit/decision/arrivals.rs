//! What is known of an intent when it arrives, and what it takes along.

use super::*;

#[test]
fn what_is_known_of_a_delivery_makes_it_new_or_unsure() {
    let (intent, policy) = (intent(), policy());
    let opened =
        |arrival: DeliveryInfo<'_>| Play::open(&intent, &policy, &arrival).case.record().clone();
    let none = Headers::new();
    let new = Record::first(account(), start()).to_headers(None);
    let mut torn = new.clone();
    torn.remove("waited");
    let mut headless = new.clone();
    headless.remove("record");
    for (arrival, expected) in [
        (arrival(&none), None),
        (arrival(&new), None),
        (DeliveryInfo { redelivered: true, ..arrival(&none) }, Some(Seen::Redelivered)),
        (DeliveryInfo { redelivered: true, ..arrival(&new) }, Some(Seen::Redelivered)),
        (DeliveryInfo { delivery_count: 1, ..arrival(&none) }, Some(Seen::Redelivered)),
        (DeliveryInfo { recent: true, ..arrival(&none) }, Some(Seen::Recent)),
        (DeliveryInfo { recent: true, ..arrival(&new) }, Some(Seen::Recent)),
        (
            DeliveryInfo { redelivered: true, recent: true, ..arrival(&none) },
            Some(Seen::Redelivered),
        ),
        (arrival(&torn), Some(Seen::Redelivered)),
        (arrival(&headless), Some(Seen::Redelivered)),
        // Nobody vouches for it: it is not believed, and not forgotten either.
        (DeliveryInfo { own: false, ..arrival(&new) }, Some(Seen::Redelivered)),
        (DeliveryInfo { own: true, ..arrival(&none) }, None),
    ] {
        assert_eq!(seen(&opened(arrival.clone())), expected, "{arrival:?}");
    }
}

#[test]
fn a_record_that_nobody_vouches_for_is_not_believed() {
    let (intent, policy) = (intent(), policy());
    let almost_done = Record { lookups: LOOKS, waited: QUARANTINE, ..unsure(Seen::Unknown) };
    let headers = almost_done.to_headers(None);
    let forged = DeliveryInfo { own: false, ..arrival(&headers) };
    let play = Play::open(&intent, &policy, &forged);
    assert_eq!((play.case.record().lookups, play.case.record().waited), (0, Duration::ZERO));
    assert_eq!(play.case.record().attempts, 1);
}

#[test]
fn a_record_that_names_another_account_or_api_is_parked() {
    let (intent, policy) = (intent(), policy());
    for account in [
        Account { payout_merchant_id: "42".to_owned(), ..account() },
        Account { api: Api::V2, ..account() },
    ] {
        for redelivered in [false, true] {
            for record in [
                Record::first(account.clone(), start()),
                Record { account: account.clone(), ..unsure(Seen::Duplicate) },
            ] {
                let headers = record.to_headers(None);
                let arrival = DeliveryInfo { redelivered, delivery_count: 99, ..arrival(&headers) };
                match Case::open(&intent, &policy, &arrival) {
                    Opened::Settle(_, verdict) => {
                        assert_eq!(verdict, Verdict::Unresolved(Unresolved::AccountChanged));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

#[test]
fn trace_10_another_account_is_parked_also_by_a_record_that_is_torn_or_not_believed() {
    let (intent, policy) = (intent(), policy());
    let foreign = Account { payout_merchant_id: "42".to_owned(), ..account() };
    let whole = Record::first(foreign, start()).to_headers(None);
    let mut torn = whole.clone();
    torn.remove("waited");
    for arrival in [arrival(&torn), DeliveryInfo { own: false, ..arrival(&whole) }] {
        let opened = Case::open(&intent, &policy, &arrival);
        let expected = Verdict::Unresolved(Unresolved::AccountChanged);
        assert!(matches!(opened, Opened::Settle(_, verdict) if verdict == expected));
    }
}

#[test]
fn a_handed_back_or_returned_copy_carries_its_record_as_it_was_derived() {
    let (intent, policy) = (intent(), policy());
    let play = Play::redelivered(&intent, &policy);
    let record = play.case.handed_back();
    assert_eq!((seen(&record), record.returns), (Some(Seen::Redelivered), 0));
    let again = Play::with(&record, &intent, &policy).case.handed_back();
    assert_eq!(again, record);
    let play = Play::with(&record, &intent, &policy);
    let minute = Duration::from_mins(1);
    let returned = play.case.returned(minute);
    assert_eq!(returned, Record { waited: minute, returns: 1, ..record });
}
