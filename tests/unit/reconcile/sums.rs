//! The rupees of the classes add up to what FILE pays, whatever was found.

use proptest::prelude::*;
use smartsend::domain::amount::Total;
use smartsend::domain::event::Fact;
use smartsend::reconcile::seen::Unlearnt;
use smartsend::reconcile::sums::{Share, Sums};
use smartsend::reconcile::verdict::Class;

use super::files::events_of;
use super::*;

fn any_claim() -> impl Strategy<Value = Claim> {
    prop_oneof![
        Just(Claim::Wanted(None)),
        Just(Claim::Link(Private::new(LINK))),
        Just(Claim::Open),
        Just(Claim::Parked),
    ]
}

fn any_amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        Just("100".to_owned()),
        (0_u64..1_000_000_000_000_000_000, 1_u64..100).prop_map(|(r, p)| format!("{r}.{p:02}")),
    ]
    .prop_map(|text| amount(&text))
}

/// Few references, so that some come again, are in FILE only, or are in events only.
fn any_name() -> impl Strategy<Value = String> {
    (0_u8..12).prop_map(|number| format!("r-{number}"))
}

fn any_row() -> impl Strategy<Value = Says> {
    let payout = (any_name(), any_amount(), any_claim()).prop_map(|(name, amount, claim)| {
        Says::Pays(Payout { reference: reference(&name), amount, contact: None, claim })
    });
    let none = (proptest::option::of(any_name()), proptest::option::of(any_amount()));
    let none = none.prop_map(|(name, amount)| Says::NoLink {
        reference: name.map(|name| reference(&name)),
        amount,
        word: "failed",
    });
    prop_oneof![3 => payout, 1 => none]
}

fn any_seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        Just(nothing()),
        Just(Seen::Unlearnt(Unlearnt::Unanswered("no".to_owned()))),
        Just(link(|details| details.amount = None)),
        Just(worded(Some("EXPIRED"), None, |_| ())),
        any_amount().prop_map(|it| link(move |details| details.amount = Some(it))),
    ]
}

fn any_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        Just(Fact::Link),
        Just(Fact::NoLink),
        Just(Fact::Parked),
        Just(Fact::Cancelled),
        Just(Fact::Nothing)
    ]
}

fn rupees(amounts: impl Iterator<Item = Option<Amount>>) -> Total {
    amounts.flatten().fold(Total::default(), Total::plus)
}

proptest! {
    #[test]
    fn the_classes_add_up_to_what_file_pays(
        rows in proptest::collection::vec(any_row(), 0..30),
        answers in proptest::collection::vec((any_name(), any_seen()), 0..12),
        events in proptest::collection::vec((any_name(), any_fact(), 0_i64..3600), 0..20),
        sent in proptest::option::of(0_i64..3600),
    ) {
        let rows: Vec<Row> = rows.into_iter().zip(2..).map(|(says, number)| Row { number, says }).collect();
        let answers: Vec<_> = answers.iter().map(|(name, seen)| (&**name, seen.clone())).collect();
        let begin = at("2026-11-24T09:00:01Z");
        let after = |seconds: i64| begin + jiff::SignedDuration::from_secs(seconds);
        let events: Vec<_> = events.into_iter().map(|(name, fact, time)| (name, fact, after(time))).collect();
        let timing = Timing { sent_by: sent.map(after), ..undated() };
        let found = findings(rows.clone(), &answers, &events_of(&events), &timing);
        let sums = Sums::of(&found);

        // Each row has one verdict, in its place.
        prop_assert!(found.items.iter().map(|item| item.row.number).eq(rows.iter().map(|row| row.number)));
        let paying = || rows.iter().filter(|row| matches!(row.says, Says::Pays(_)));
        prop_assert_eq!(sums.to_pay.rows, paying().count());
        prop_assert_eq!(sums.to_pay.rupees, rupees(paying().map(Row::amount)));
        let parts = [sums.matched, sums.differing, sums.missing, sums.too_early, sums.not_looked_at];
        prop_assert_eq!(parts.iter().map(|part| part.rows).sum::<usize>(), sums.to_pay.rows);
        let all = parts.iter().fold(Total::default(), |sum, part| sum.plus(part.rupees));
        prop_assert_eq!(all, sums.to_pay.rupees);
        prop_assert!(parts.iter().all(|part| part.unknown_amounts == 0));

        // The rest of FILE, and what only events have.
        let denied = rows.len() - sums.to_pay.rows;
        let strays = found.only_in_events.len();
        let of_file = sums.no_link.rows + sums.no_link_not_looked_at.rows + sums.unknown.rows - strays;
        prop_assert_eq!(of_file, denied);
        for (reference, _) in &found.only_in_events {
            prop_assert!(rows.iter().all(|row| row.reference() != Some(reference)));
        }
        // No link of PayU's is counted for two rows.
        let linked = found.items.iter().filter(|item| item.verdict.class() == Class::Matched);
        let mut names: Vec<_> = linked.filter_map(|item| item.row.reference()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), count);
    }
}

#[test]
fn an_amount_that_is_not_known_is_not_0() {
    let mut share = Share::default();
    assert_eq!(share.cell(), "0.00");
    share.add(None);
    assert_eq!((share.cell(), share.known()), ("unknown".to_owned(), None));
    share.add(Some(amount("1.50")));
    assert_eq!(share.cell(), "1.50 + 1 unknown");
}
