//! One customer, one amount, two references; and the preview that shows them.

use proptest::prelude::*;
use smartsend::actor::Actor;
use smartsend::batch::{DirectError, Mode, Stops, Wait};
use smartsend::config::Config;
use tokio_util::sync::CancellationToken;

use super::{HEADER, Paid, TOML};

fn shown(paid: &Paid) -> String {
    let actor = Actor::new("asha".to_owned(), Some("May"));
    paid.batch().preview(&actor, None, Err("PayU did not answer".to_owned())).to_string()
}

#[test]
fn of_many_groups_the_first_are_shown_and_all_are_counted() {
    let row = |row| {
        let customer = row % 60;
        format!("a-{row},1,x,98765432{customer:02},c{customer}@example.com\n")
    };
    let rows: String = (0..120).map(row).collect();
    let header = "merchantRefId,amount,description,custMobile,custEmail\n";
    let paid = Paid::csv(format!("{header}{rows}"));
    let shown = shown(&paid);
    let lines: Vec<_> = shown.lines().filter(|line| line.contains("same customer")).collect();
    assert_eq!(lines.len(), 21, "{shown}");
    assert!(lines[0].starts_with("rows 2, 62: the same"), "{shown}");
    assert!(lines[19].starts_with("rows 21, 81: the same"), "{shown}");
    assert!(lines[20].starts_with("and 40 more groups of rows"), "{shown}");
}

#[test]
fn the_same_payment_twice_is_shown_by_its_rows_and_by_no_contact() {
    let paid = Paid::csv(
        "merchantRefId,amount,description,custMobile,custEmail\n\
         a-1,100,Refund,9876543210,\n\
         a-2,100.00,Refund,+91 98765 43210,asha@example.com\n\
         a-3,100,Refund,9876543211,ASHA@example.com\n\
         a-4,99,Refund,9876543210,\n\
         a-5,0,Refund,9876543210,\n\
         a-6,7,Refund,9876543212,ravi@example.com\n\
         a-7,7,Refund,9876543212,ravi@example.com\n",
    );
    assert!(paid.batch().has_repeats());
    let shown = shown(&paid);
    let lines: Vec<_> = shown.lines().filter(|line| line.contains("same customer")).collect();
    let same = "the same customer and amount under different references";
    assert_eq!(
        lines,
        [2..=3, 3..=4, 7..=8].map(|rows| format!("rows {}-{}: {same}", rows.start(), rows.end()))
    );
    assert!(!shown.contains("98765") && !shown.contains("example.com"), "{shown}");
}

#[test]
fn the_preview_says_what_and_how_long_and_what_comes_too_late() {
    let late = "2020-01-01T00:00:00Z";
    let rows = (0..45).map(|n| {
        let deadline = if n == 20 { late } else { "2099-01-01T00:00:00Z" };
        format!("a-{n},10.50,Refund,98765432{n:02},{deadline}\n")
    });
    let header = HEADER.replace('\n', ",deadline\n");
    let paid = Paid::csv(format!("{header}{}", rows.collect::<String>()));
    let shown = shown(&paid);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "45 of 45 rows, 472.50 rupees, for the merchant default (account 1111312), by asha: May",
            "they take 5s or more at 10 requests a second",
            "row 22: the deadline is before their turn, and no link is made after it",
            "balance unknown: PayU did not answer",
        ]
    );
}

#[test]
fn the_preview_of_a_program_has_every_part() {
    let paid = Paid::csv(format!("{HEADER}a-1,1,x,9876543210\na-2,0,x,9876543210\n"));
    let actor = Actor::new("asha".to_owned(), None);
    let batch = paid.batch();
    let bad = batch.write_bad_rows().unwrap();
    let json = batch.preview(&actor, bad.clone(), Err("x".to_owned())).json();
    let expected = serde_json::json!({
        "file": paid.input.path, "merchant": "default", "payoutMerchantId": "1111312",
        "actor": "asha", "reason": null, "rows": 2, "badRows": 1,
        "errors": ["row 3: amount must be more than 0"], "badFile": bad, "rowsToPay": 1, "rupees": "1.00",
        "requestsPerSecond": 10, "secondsAtLeast": 1, "deadlinesBeforeTheirTurn": 0,
        "samePayment": [], "samePaymentGroups": 0, "notes": [], "balance": null,
        "balanceUnknown": "x",
    });
    assert_eq!(json, expected);
}

#[tokio::test]
async fn a_file_that_is_no_longer_what_was_checked_is_not_sent() {
    let paid = Paid::csv(format!("{HEADER}a-1,1,x,9876543210\n"));
    let config = Config::parse(TOML, std::iter::empty(), &|_| Ok(String::new())).unwrap();
    let batch = paid.batch();
    std::fs::write(&paid.input.path, format!("{HEADER}a-1,100,x,9876543210\n")).unwrap();
    assert_eq!(paid.batch().rupees().to_string(), "100.00");
    let body = batch.rows().next().unwrap().unwrap().result.unwrap().body;
    assert!(String::from_utf8_lossy(&body).contains("\"1\""), "what was checked stays");
    let actor = Actor::new("asha".to_owned(), None);
    let error = batch.submit(&config, (Wait::No, &actor), &CancellationToken::new()).await;
    let error = error.unwrap_err().to_string();
    let words = "is not what was checked any more; nothing was sent; run the command again";
    assert!(error.ends_with(words), "{error}");
    let direct = batch.take_in(&config, Mode::Sandbox).unwrap();
    let error = direct.pay(&Stops::default()).await.unwrap_err();
    assert!(matches!(error, DirectError::Changed(_)) && error.to_string().ends_with(words));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// A reference is refused if and only if it stands in two rows, and a payment shown likewise.
    #[test]
    fn what_stands_twice_is_found(rows in prop::collection::vec((0_u8..12, 1_u8..4, 0_u8..4), 1..20)) {
        let text = |(reference, amount, mobile): &(u8, u8, u8)| {
            format!("r-{reference},{amount},x,987654321{mobile}\n")
        };
        let paid = Paid::csv(format!("{HEADER}{}", rows.iter().map(text).collect::<String>()));
        let times = |reference: u8| rows.iter().filter(|row| row.0 == reference).count();
        let good: Vec<_> = rows.iter().filter(|row| times(row.0) == 1).collect();
        let batch = paid.batch();
        prop_assert_eq!(batch.row_count() - batch.bad_row_count(), good.len());
        let payments: std::collections::HashSet<_> = good.iter().map(|row| (row.1, row.2)).collect();
        prop_assert_eq!(batch.has_repeats(), payments.len() < good.len());
    }
}
