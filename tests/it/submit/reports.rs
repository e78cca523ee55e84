//! Where a report goes when there is another one, or no place for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::ground::{Ended, Ground, end_by, end_of, event_for, results_in};

const CREATED: &str = "smartsend.link.created";

fn created(number: usize) -> (&'static str, serde_json::Value) {
    let (reference, link) = (format!("p-{number}"), format!("https://a.example/{number}"));
    (CREATED, json!({ "merchantRefId": reference, "amount": "10.50", "link": link }))
}

fn unresolved(number: usize) -> (&'static str, serde_json::Value) {
    let reason = json!({ "code": "NOT_SENT", "message": "too late" });
    let reference = format!("p-{number}");
    let data = json!({ "merchantRefId": reference, "amount": "10.50", "reason": reason });
    ("smartsend.link.unresolved", data)
}

/// Submits `pay.csv`, announces these events, and waits for the end.
async fn submit_to_the_end(ground: &Ground, events: &[(&str, serde_json::Value)]) -> Ended {
    let rows = fs::read_to_string(ground.path("pay.csv")).unwrap().lines().count() - 1;
    let child = ground.submit_and_take(&["pay.csv", "--wait"], rows).await;
    for (kind, data) in events {
        ground.announce(kind, data).await;
    }
    end_of(child).await
}

async fn submit_and_interrupt(ground: &Ground) -> Ended {
    let child = ground.submit_and_take(&["pay.csv", "--wait"], 2).await;
    end_by("-INT", child).await
}

const KEPT: &str = "pay.results.csv says more than this run has seen, and was left as it is";

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_says_less_does_not_replace_the_one_that_has_the_links() {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 2);
    let outcomes = |name| {
        let lines = results_in(&ground.path(name)).into_iter();
        lines.map(|line| line[3].clone()).collect::<Vec<_>>().join(" ")
    };
    submit_and_interrupt(&ground).await;
    assert_eq!(outcomes("pay.results.csv"), "unknown unknown");
    let ended = submit_to_the_end(&ground, &[created(1), created(2)]).await;
    assert_eq!((ended.code, ended.err.contains(KEPT)), (0, false), "{ended:?}");
    assert_eq!(outcomes("pay.results.csv"), "created created", "the better one replaces it");

    // The same file again, and nobody makes links: the second report is the worse one.
    let ended = submit_and_interrupt(&ground).await;
    assert_eq!((ended.code, ended.err.contains(KEPT)), (3, true), "{ended:?}");
    assert!(ended.out.contains("results     pay.results.2.csv"), "{ended:?}");
    assert_eq!(outcomes("pay.results.csv"), "created created");
    assert_eq!(outcomes("pay.results.2.csv"), "unknown unknown");

    let ended = submit_to_the_end(&ground, &[created(1), unresolved(2)]).await;
    assert_eq!((ended.code, ended.err.contains(KEPT)), (1, true), "{ended:?}");
    assert_eq!(outcomes("pay.results.csv"), "created created");
    assert_eq!(outcomes("pay.results.2.csv"), "created unresolved");
    assert_eq!(ground.files(), ["pay.csv", "pay.results.2.csv", "pay.results.csv"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_day_or_another_program_wrote_is_not_replaced() {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 1);
    let other_row = "row,reference,amount,outcome,link,reason\n2,q-1,10.50,unknown,,it is sent\n";
    for (number, text) in [(2, "a note of mine\n"), (3, other_row)] {
        let name = if number == 2 { "pay.results.csv" } else { "pay.results.2.csv" };
        ground.write(name, text);
        let ended = submit_to_the_end(&ground, &[created(1)]).await;
        assert_eq!((ended.code, ended.err.contains(KEPT)), (0, true), "{ended:?}");
        assert_eq!(fs::read_to_string(ground.path(name)).unwrap(), text);
        let report = ground.path(&format!("pay.results.{number}.csv"));
        assert_eq!(results_in(&report)[0][4], "https://a.example/1");
        assert_eq!(fs::metadata(&report).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_has_lost_its_place_is_kept_elsewhere() {
    let ground = Ground::with(&["default"]).await;
    let (day, temporary) = (ground.path("day"), ground.path("temporary"));
    fs::create_dir(&day).unwrap();
    fs::create_dir(&temporary).unwrap();
    ground.write_good("day/pay.csv", 1);
    let mut command = ground.command(&["submit", "day/pay.csv", "--yes", "--wait"]);
    let child = ground.taken(command.env("TMPDIR", &temporary), 1).await;
    fs::rename(&day, ground.path("yesterday")).unwrap();
    let (kind, data) = created(1);
    ground.announce(kind, &data).await;
    let ended = end_of(child).await;
    assert_eq!((ended.code, ended.number("created")), (1, Some(1)), "{ended:?}");

    let left = fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path());
    let rescued = left.into_iter().find(|path| path.extension().is_some_and(|it| it == "csv"));
    let rescued = rescued.expect("a report");
    assert!(ended.err.contains("cannot write day/pay.results.csv: "), "{ended:?}");
    assert!(ended.err.contains(&format!("the results are in {}", rescued.display())), "{ended:?}");
    assert_eq!(results_in(&rescued)[0][4], "https://a.example/1");
    assert_eq!(fs::metadata(&rescued).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_in_conflict_says_what_is_known_of_the_link_in_its_way() {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 2);
    let ended = submit_to_the_end(&ground, &[created(1), created(2)]).await;
    assert_eq!(ended.code, 0, "{ended:?}");

    // The amounts of the same file are other ones now.
    let text = fs::read_to_string(ground.path("pay.csv")).unwrap().replace("10.50", "99");
    ground.write("pay.csv", &text);
    let reason = json!({ "code": "REFERENCE_CONFLICT", "message": "it has a link" });
    let conflict = |number: usize| {
        let reference = format!("p-{number}");
        let data = json!({ "merchantRefId": reference, "amount": "99.00", "reason": reason });
        ("smartsend.link.unresolved", data)
    };
    let ended = submit_to_the_end(&ground, &[created(2), conflict(1), conflict(2)]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    let lines = results_in(&ground.path("pay.results.2.csv"));
    let reasons: Vec<_> = lines.iter().map(|line| [&*line[2], &*line[4], &*line[5]]).collect();
    let known = "REFERENCE_CONFLICT: it has a link";
    let first =
        format!("{known}; row 2 of pay.results.csv has a link for this reference, over 10.50");
    let second = format!(
        "{known}; meanwhile a link for this reference was announced, over 10.50; row 3 of \
         pay.results.csv has a link for this reference, over 10.50"
    );
    assert_eq!(reasons, [["99.00", "", &*first], ["99.00", "", &*second]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_another_customer_is_not_this_row_s() {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 1);
    let child = ground.submit_and_take(&["pay.csv", "--wait"], 1).await;
    // Another file has the same reference and amount for somebody else.
    let (kind, data) = created(1);
    ground.publish_event(kind, &event_for("8888888888", kind, &data)).await;
    let reason = json!({ "code": "DUPLICATE_REFERENCE", "message": "it has a link" });
    let data = json!({ "merchantRefId": "p-1", "amount": "10.50", "reason": reason });
    ground.announce("smartsend.intent.rejected", &data).await;
    let ended = end_of(child).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    let known = "DUPLICATE_REFERENCE: it has a link; meanwhile a link for this reference was \
                 announced, over 10.50";
    let expected = ["2", "p-1", "10.50", "rejected", "", known];
    assert_eq!(results_in(&ground.path("pay.results.csv")), [expected]);
}
