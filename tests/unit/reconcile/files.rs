//! What is read, what is refused, and what is written for other commands.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use smartsend::batch::{self, Batch};
use smartsend::config::{Config, Merchant};
use smartsend::domain::event::Fact;
use smartsend::parked::refs::{self, RefsError};
use smartsend::reconcile::events::{EventCounts, EventsError};
use smartsend::reconcile::findings::Outcome;
use smartsend::reconcile::input::{self, Input, InputError, Kind};
use smartsend::reconcile::out::{report, resubmit};
use tempfile::TempDir;

use super::*;
use crate::support::canary::{DESCRIPTION, EMAIL};
use crate::support::configuration::CONFIGURATION;

fn merchant() -> Merchant {
    let read = |_: &Path| Ok(String::new());
    let mut config = Config::parse(CONFIGURATION, std::iter::empty(), &read).unwrap();
    config.merchants.remove("default").unwrap()
}

/// An event as the contract has it.
pub(super) fn event(kind: &str, name: &str, rupees: &str, time: &str) -> Json {
    let mut data = json!({
        "merchant": "default", "merchantRefId": name, "amount": rupees, "custEmail": EMAIL,
    });
    match kind {
        "link.created" => data["link"] = json!(LINK),
        "link.failed" => data["reason"] = json!({ "code": "DEADLINE_PASSED", "message": "m" }),
        "link.unresolved" => data["reason"] = json!({ "code": "NOT_SENT", "message": "m" }),
        "intent.rejected" => data["reason"] = json!({ "code": "INVALID_INTENT", "message": "m" }),
        _ => {}
    }
    json!({
        "specversion": "1.0", "id": format!("{kind} {name} {rupees}"), "time": time,
        "source": "urn:smartsend:1111312:default", "type": format!("smartsend.{kind}"),
        "subject": name, "data": data,
    })
}

fn put(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn read_events(text: &str) -> Result<Events, EventsError> {
    let folder = tempfile::tempdir().unwrap();
    let merchant = merchant();
    Events::read(&put(&folder, "events.jsonl", text), &merchant.account, "default")
}

/// Events that say these facts, over 100 rupees.
pub(super) fn events_of(facts: &[(String, Fact, Timestamp)]) -> Events {
    let lines = facts.iter().map(|(name, fact, time)| {
        let kind = match fact {
            Fact::Link => "link.created",
            Fact::NoLink => "link.failed",
            Fact::Parked => "link.unresolved",
            Fact::Cancelled => "link.cancelled",
            Fact::Nothing => "intent.rejected",
        };
        format!("{}\n", event(kind, name, "100.00", &time.to_string()))
    });
    read_events(&lines.collect::<String>()).unwrap()
}

#[test]
fn events_are_taken_once_and_only_this_merchant_s() {
    let created = event("link.created", "a", "100.00", "2026-11-24T09:00:00.000Z");
    let with = |change: &dyn Fn(&mut Json)| {
        let mut event = created.clone();
        change(&mut event);
        event.to_string()
    };
    let lines = [
        created.to_string(),
        created.to_string(),
        String::new(),
        with(&|it| it["data"]["merchant"] = json!("second")),
        with(&|it| it["source"] = json!("urn:smartsend:9:default")),
        with(&|it| it["type"] = json!("smartsend.payout.succeeded")),
        with(&|it| it["type"] = json!(7)),
        with(&|it| drop(it.as_object_mut().unwrap().remove("data"))),
        with(&|it| it["data"]["merchantRefId"] = json!("no reference")),
        with(&|it| it["data"]["link"] = json!("=cmd")),
        with(&|it| {
            it["id"] = json!("another");
            it["future"] = json!({ "field": 1 });
        }),
        event("link.failed", "b", "7.00", "yesterday").to_string(),
        event("link.cancelled", "c", "8.00", "2026-11-24T09:30:00Z").to_string(),
    ];
    let events = read_events(&format!("\u{feff}{}\r\n", lines.join("\r\n"))).unwrap();
    assert_eq!(
        events.counts,
        EventCounts {
            taken: 4,
            repeated: 1,
            of_other_merchants: 1,
            of_other_accounts: 1,
            of_other_types: 2,
            broken: 3,
        }
    );
    let announced = |name: &str| events.of(&reference(name)).unwrap();
    assert!(announced("a").has_link() && !announced("a").has_no_link());
    assert_eq!(announced("a").last_at, Some(at("2026-11-24T09:00:00Z")));
    assert!(announced("b").has_no_link() && announced("b").last_at.is_none());
    assert!(announced("c").is_cancelled() && announced("c").has_link());
    assert!(!format!("{events:?}").contains(EMAIL));

    // What cannot be read may announce a link.
    let broken = with(&|it| it["data"]["link"] = json!(null));
    for (text, outcome) in [(String::new(), Outcome::AllMatched), (broken, Outcome::Undecided)] {
        let events = read_events(&text).unwrap();
        let answers = [("a", link(|_| ()))];
        let found = findings(vec![wanted(2, "a", "100")], &answers, &events, &undated());
        assert_eq!(found.outcome(), outcome);
    }
}

#[test]
fn a_file_that_holds_no_events_is_refused_with_its_line() {
    for (text, bad) in [("merchantRefId,amount\n", 1), ("{}\n[]\n", 2), ("{}\n\n{\"id\":", 3)] {
        let refused = read_events(text).unwrap_err();
        assert!(matches!(refused, EventsError::Line { line, .. } if line == bad), "{refused}");
        assert!(!refused.to_string().contains("merchantRefId"), "{refused}");
    }
}

fn read(name: &str, text: impl AsRef<[u8]>) -> Result<Input, InputError> {
    let folder = tempfile::tempdir().unwrap();
    input::read(&batch::Input::at(put(&folder, name, text)), &merchant())
}

#[test]
fn a_list_and_a_report_differ_by_their_headers_and_each_row_says_what_it_can() {
    let list = format!(
        "merchantRefId,amount,description,custMobile\n\
         a,100,{DESCRIPTION},{MOBILE}\nb,2000,{DESCRIPTION},{MOBILE}\nc,x,{DESCRIPTION},{MOBILE}\n"
    );
    let Input { kind, rows, sent_by } = read("pay.csv", list).unwrap();
    assert_eq!((kind, sent_by), (Kind::Intents, None));
    let is_whole = |row: &Row| match &row.says {
        Says::Pays(it) => matches!(it.claim, Claim::Wanted(Some(_))) && it.contact.is_some(),
        Says::NoLink { .. } => false,
    };
    // Above max_amount: it may have been paid when that was higher.
    assert_eq!(rows.iter().map(is_whole).collect::<Vec<_>>(), [true, false, false]);
    assert!(matches!(&rows[1].says, Says::Pays(it) if matches!(it.claim, Claim::Wanted(None))));
    assert_eq!((rows[2].number, rows[2].amount()), (4, None));

    let report = format!(
        "\u{feff}row,reference,amount,outcome,link,reason\n2,a,100.00,created,{LINK},\n\
         3,b,1.00,unknown,,r\n4,c,1.00,unresolved,,r\n5,d,1.00,failed,,r\n6,e,1.00,rejected,,r\n\
         7,f,1.00,unsent,,r\n8,,,skipped,,r\n"
    );
    let Input { kind, rows, sent_by } = read("pay.results.csv", report).unwrap();
    assert_eq!(kind, Kind::Results);
    assert!(sent_by.is_some());
    let words = rows.iter().map(|row| match &row.says {
        Says::Pays(payout) => payout.claim.word(),
        Says::NoLink { word, .. } => word,
    });
    let words: Vec<_> = words.collect();
    let expected = ["created", "unknown", "unresolved", "failed", "rejected", "unsent", "skipped"];
    assert_eq!(words, expected);
    assert!(rows[6].reference().is_none());
}

#[test]
fn what_is_no_file_of_ours_is_refused_in_a_sentence_that_quotes_nothing_of_it() {
    let header = "row,reference,amount,outcome,link,reason\n";
    for (text, words) in [
        (String::new(), "it is empty"),
        ("merchantRefId,amount,description,custMobile\n".to_owned(), "has no rows"),
        (header.to_owned(), "has no rows"),
        ("{\"specversion\":\"1.0\"}\n".to_owned(), "has no row with a valid merchantRefId"),
        ("a,b\n1,2\n".to_owned(), "must name the columns"),
        (format!("{header}2,a,1.00,paid,{LINK},\n"), "something below its header is not a line"),
        (format!("{header}2,a,1.00,created,,\n"), "that of row 2 is not a line of one"),
        (format!("{header}2,a b,1.00,failed,,\n"), "that of row 2 is not a line of one"),
        (format!("{header}2,,1.00,created,{LINK},\n"), "that of row 2 is not a line of one"),
    ] {
        let refused = read("x.csv", &text).err().unwrap().to_string();
        assert!(refused.contains(words), "{text}: {refused}");
        assert!(!refused.contains(LINK), "{refused}");
    }
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("absent")] {
        let refused = input::read(&batch::Input::at(path), &merchant()).err().unwrap();
        assert!(matches!(refused, InputError::Unreadable { .. }), "{refused}");
        assert!(refused.to_string().contains("it cannot be read: "), "{refused}");
    }
}

#[test]
fn a_list_may_be_in_any_form_that_submit_takes() {
    let line = |name: &str, rupees: &str| {
        let intent = json!({
            "merchantRefId": name, "amount": rupees, "description": DESCRIPTION,
            "custMobile": MOBILE,
        });
        format!("{intent}\n")
    };
    let lines = [line("a", "100"), line("b", "2000")].concat();
    let mut cells = batch::Input::at("");
    cells.mapping = vec!["Mobile No.=custMobile".parse().unwrap()];
    let table = format!(
        "\u{feff}merchantRefId;amount;description;Mobile No.\n\
         a;100;{DESCRIPTION};{MOBILE}\nb;2,000.00;{DESCRIPTION};{MOBILE}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    for (input, text, first) in [(batch::Input::at(""), lines, 1), (cells, table, 2)] {
        let input = batch::Input { path: put(&folder, "pay", text), ..input };
        let Input { kind, rows, .. } = input::read(&input, &merchant()).unwrap();
        assert_eq!((kind, rows.len(), rows[0].number), (Kind::Intents, 2, first));
        let Says::Pays(payout) = &rows[0].says else { panic!("{rows:?}") };
        assert_eq!((payout.amount, payout.contact.is_some()), (amount("100"), true));
        assert!(matches!(&payout.claim, Claim::Wanted(Some(_))));
        assert_eq!(rows[1].amount(), Some(amount("2000")), "it is above max_amount");
    }
}

#[test]
fn a_pipe_is_read_once_whatever_it_holds() {
    let report = format!("row,reference,amount,outcome,link,reason\n2,a,100.00,created,{LINK},\n");
    let list = format!(
        "merchantRefId,amount,description,custMobile\na,100,{DESCRIPTION},{MOBILE}\n{}",
        format!("b,1,{DESCRIPTION},{MOBILE}\n").repeat(2)
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    for (text, kind, count) in [(report, Kind::Results, 1), (list, Kind::Intents, 3)] {
        let into = path.clone();
        let written = std::thread::spawn(move || fs::write(into, text).unwrap());
        let read = input::read(&batch::Input::at(&path), &merchant()).unwrap();
        written.join().unwrap();
        assert_eq!((read.kind, read.rows.len(), read.sent_by), (kind, count, None));
    }
}

#[test]
fn a_report_is_read_only_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let report = format!("row,reference,amount,outcome,link,reason\n2,a,100.00,created,{LINK},\n");
    let mut input = batch::Input::at(put(&folder, "pay.results.csv", report));
    input.mapping = vec!["reference=merchantRefId".parse().unwrap()];
    let refused = input::read(&input, &merchant()).err().unwrap();
    assert!(refused.is_usage() && refused.to_string().contains("leave out --map"), "{refused}");
}

/// A spreadsheet runs what begins with these, and the customer would read an apostrophe.
#[test]
fn what_can_be_sent_again_is_what_submit_takes_and_runs_in_no_spreadsheet() {
    let folder = tempfile::tempdir().unwrap();
    let list = "merchantRefId,amount,description,custMobile,custEmail,metadata.note,deadline\n\
                -seen,100,d,9999999999,,,\n\
                -again,12.50,\"two, words\",+919999999999,,\"line\u{2028}\",2030-01-01T00:00:00Z\n\
                formula,3,=1+1,9999999999,,,\n\
                at,4,d,9999999999,,@SUM(A1),\n\
                announced,5,d,,asha@example.com,,\n\
                sent,6,d,,asha@example.com,x,\n\
                9,7,d,,=a@example.com,,\n";
    let merchant = merchant();
    let pay = batch::Input::at(put(&folder, "pay.csv", list));
    let Input { rows, .. } = input::read(&pay, &merchant).unwrap();
    let names = ["-again", "formula", "at", "announced", "sent", "9"];
    let mut answers: Vec<_> = names.iter().map(|name| (*name, nothing())).collect();
    answers.push(("-seen", link(|_| ())));
    let announced = [("announced".to_owned(), Fact::Nothing, at("2026-11-24T09:00:00Z"))];
    let timing = sent_at("2026-11-24T09:00:00Z");
    let found = findings(rows, &answers, &events_of(&announced), &timing);
    let again = resubmit(&found);
    assert_eq!((again.rows, again.left_out), (2, vec![4, 5, 8]));
    let again = batch::Input::at(put(&folder, "again.csv", again.csv.unwrap()));
    let text = fs::read_to_string(&again.path).unwrap();
    assert!(text.starts_with("merchantRefId,amount,description,"), "{text}");
    let batch = Batch::read(&again, &merchant).unwrap();
    assert_eq!((batch.row_count(), batch.errors()), (2, Vec::new()), "{text}");
    assert_eq!(batch.rupees().to_string(), "18.50");

    // The same intents, so that their events have the same ids.
    let bodies = |input: &batch::Input| {
        let batch = Batch::read(input, &merchant).unwrap();
        let rows = batch.rows().map(Result::unwrap);
        let meant = rows.filter(|row| {
            row.reference().is_some_and(|it| ["-again", "sent"].contains(&it.as_str()))
        });
        meant
            .map(|row| serde_json::from_slice::<Json>(&row.result.unwrap().body).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(bodies(&again), bodies(&pay));
}

#[test]
fn nothing_is_sent_again_where_nothing_is_proven() {
    let rows = vec![wanted(2, "a", "1"), wanted(3, "b", "2")];
    let answers = [("a", nothing()), ("b", link(|_| ()))];
    let found = findings(rows, &answers, &Events::default(), &undated());
    let again = resubmit(&found);
    assert!(again.csv.is_none() && again.left_out.is_empty());
}

#[test]
fn the_report_has_what_is_not_matched_and_names_what_to_replay() {
    let rows = vec![
        wanted(2, "fine", "100"),
        wanted(3, "dear", "120"),
        pays(4, "-parked", "5", Claim::Parked),
        no_link(5, "denied", "failed"),
        no_link(6, "none", "failed"),
    ];
    let odd = worded(Some("=HYPERLINK(1)"), None, |_| ());
    let answers = [
        ("fine", link(|_| ())),
        ("dear", link(|details| details.mobile = Some(Private::new("8888888888")))),
        ("-parked", nothing()),
        ("denied", odd),
        ("none", nothing()),
    ];
    let stray = [("stray".to_owned(), Fact::Link, at("2026-11-24T09:00:00Z"))];
    let found = findings(rows, &answers, &events_of(&stray), &undated());
    let text = report(&found, false);
    let mut reader = csv::Reader::from_reader(&*text);
    let header = reader.headers().unwrap().iter().collect::<Vec<_>>().join(",");
    assert_eq!(header, "class,row,merchantRefId,amount,field,file,payu,event,evidence,next");
    let lines: Vec<Vec<String>> = reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect();
    let begins: Vec<_> = lines.iter().map(|line| line[..8].join("|")).collect();
    assert_eq!(
        begins,
        [
            "differing|3|dear|120.00|amount; custMobile|120.00; hidden|100.00; hidden|; ",
            "missing_at_payu|4|-parked|5.00||||",
            "unknown_to_us|5|denied|50.00||||",
            "unknown_to_us||stray|100.00||||",
        ]
    );
    let next: Vec<_> = lines.iter().map(|line| &*line[9]).collect();
    assert_eq!(next, ["look_up", "replay", "look_up", "look_up"]);
    for line in &lines {
        let is_run = |cell: &String| cell.starts_with(['=', '+', '@']);
        assert!(!line.iter().any(is_run), "{line:?}");
    }

    let folder = tempfile::tempdir().unwrap();
    let named = refs::read(&put(&folder, "open.csv", &text)).unwrap();
    assert!(named.into_iter().eq([reference("-parked")]));
    let revealed = String::from_utf8(report(&found, true)).unwrap();
    assert!(revealed.contains("8888888888"), "{revealed}");
}

#[test]
fn a_status_that_a_spreadsheet_would_run_is_only_text() {
    let rows = vec![pays(2, "a", "100", Claim::Link(Private::new("=cmd")))];
    let seen = worded(Some("=cmd"), None, |_| ());
    let found = findings(rows, &[("a", seen)], &Events::default(), &undated());
    let text = report(&found, true);
    let mut reader = csv::Reader::from_reader(&*text);
    let line = reader.records().next().unwrap().unwrap();
    assert!(line.iter().all(|cell| !cell.starts_with('=')), "{line:?}");
    assert_eq!(&line[6], format!("'=cmd; {LINK}"));
}

#[test]
fn a_list_of_references_never_means_everything() {
    let folder = tempfile::tempdir().unwrap();
    let named = |text: &str| refs::read(&put(&folder, "refs.csv", text));
    let all = named("\u{feff}x,merchantRefId\n1,a\n2,-b\n3,a\n").unwrap();
    assert!(all.into_iter().eq([reference("-b"), reference("a")]));
    assert!(matches!(named("merchantRefId\n"), Err(RefsError::Empty { .. })));
    assert!(matches!(named("merchantRefId,next\na,look_up\n"), Err(RefsError::Empty { .. })));
    assert!(matches!(named(""), Err(RefsError::NoColumn { .. })));
    assert!(matches!(named("ref\na\n"), Err(RefsError::NoColumn { .. })));
    assert!(matches!(named("merchantRefId\na b\n"), Err(RefsError::Reference { line: 2, .. })));
    assert!(matches!(named("merchantRefId\na\nb,c\n"), Err(RefsError::Row { line: 3, .. })));
    assert!(matches!(refs::read(folder.path()), Err(RefsError::Read { .. })));
}
