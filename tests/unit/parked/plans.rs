//! A plan as a file, its progress, and its outcome.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use smartsend::domain::command::wire as command;
use smartsend::domain::work::Work;
use smartsend::parked::decision::{Decision, Judgement};
use smartsend::parked::follow::{Ends, Followed};
use smartsend::parked::message::{Id, Parked};
use smartsend::parked::plan::{Entry, Plan, PlanError, rupees_of};
use smartsend::parked::progress::{Progress, ProgressError, Step, path_for};

use super::{config, intent, now, parked};

fn entry(reference: &str, amount: &str, judgement: Judgement) -> Entry {
    Entry::new(
        &Parked::read(&parked(&intent(reference, amount), "NOT_SENT"), &config("")),
        judgement,
    )
}

fn replay(reference: &str, amount: &str) -> Entry {
    let decision = Decision::Replay;
    entry(reference, amount, Judgement { decision, evidence: "no link was found".into() })
}

fn plan() -> Plan {
    let entries = vec![
        replay("order-1", "100.50"),
        replay("order-2", "0.25"),
        entry("order-3", "7", Judgement::refuse("closed")),
        entry("order-4", "8", Judgement::undecided("no answer")),
    ];
    Plan::new(("smartsend", "asha"), now(), false, (entries, 3))
}

fn id(number: u8) -> Id {
    Id::parse(&format!("{number:032x}")).unwrap()
}

#[test]
fn a_plan_comes_back_from_its_file_and_says_what_it_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    let plan = plan();
    plan.write(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Plan::read(&path).unwrap().0, plan);
    assert!(matches!(plan.write(&path), Err(PlanError::Write { .. })), "it is never replaced");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays behind");
    assert_eq!(rupees_of(plan.replays()).to_string(), "100.75");
    assert_eq!((plan.count(Decision::Replay), plan.count(Decision::Undecided)), (2, 1));
    let json: Json = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["toReplay"], json!({ "messages": 2, "rupees": "100.75" }));
    assert_eq!(json["leftOut"], 3);
    let first = &json["entries"][0];
    assert_eq!((&first["merchantRefId"], &first["rupees"]), (&json!("order-1"), &json!("100.50")));
    assert_eq!(
        (&first["decision"], &first["evidence"]),
        (&json!("replay"), &json!("no link was found"))
    );
    assert!(plan.table().contains("2 to replay, 100.75 rupees"), "{}", plan.table());
}

#[test]
fn a_plan_that_does_not_add_up_is_not_a_plan() {
    let whole = serde_json::to_value(plan()).unwrap();
    let with = |change: &dyn Fn(&mut Json)| {
        let mut changed = whole.clone();
        change(&mut changed);
        Plan::parse(changed.to_string().as_bytes())
    };
    assert!(with(&|_| ()).is_ok());
    assert!(with(&|it| it["entries"][2]["decision"] = json!("replay")).is_err());
    assert!(with(&|it| it["entries"][0]["rupees"] = json!("9999.00")).is_err());
    assert!(with(&|it| it["entries"][0]["decision"] = json!("all")).is_err());
    assert!(with(&|it| it["entries"][0]["id"] = json!("*")).is_err());
    assert!(with(&|it| it["replayPlan"] = json!(2)).is_err());
    assert!(with(&|it| it["all"] = json!(true)).is_err());
}

#[test]
fn a_plan_is_good_for_15_minutes_from_its_end() {
    let plan = plan();
    let at = |seconds: i64| -> Timestamp { now() + SignedDuration::from_secs(seconds) };
    for (seconds, is_stale) in [(0, false), (900, false), (901, true), (-60, false), (-61, true)] {
        assert_eq!(plan.is_stale(at(seconds)), is_stale, "{seconds}");
    }
}

/// Opens it once nobody has it open: a process that another test starts inherits it for a moment.
fn unlocked(plan: &Path, digest: &str) -> Result<Progress, ProgressError> {
    loop {
        match Progress::open(plan, digest) {
            Err(ProgressError::Locked { .. }) => std::thread::yield_now(),
            opened => return opened,
        }
    }
}

#[test]
fn progress_survives_a_kill_at_any_byte_and_belongs_to_one_plan() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let mut progress = unlocked(&plan, "d1").unwrap();
    assert!(progress.is_new());
    progress.mark(&id(1), Step::Begun, now()).unwrap();
    progress.mark(&id(1), Step::Confirmed, now()).unwrap();
    progress.mark(&id(2), Step::Begun, now()).unwrap();
    assert!(matches!(Progress::open(&plan, "d1"), Err(ProgressError::Locked { .. })));
    drop(progress);
    let path = path_for(&plan);
    let whole = fs::read(&path).unwrap();
    assert!(matches!(unlocked(&plan, "d2"), Err(ProgressError::OfAnother { .. })));
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let mut progress = unlocked(&plan, "d1").unwrap();
        let lines = whole[..length].split(|byte| *byte == b'\n').count() - 1;
        let first = [None, None, Some(Step::Begun), Some(Step::Confirmed)][lines.min(3)];
        assert_eq!(progress.step(&id(1)), first, "{length}");
        assert_eq!(progress.step(&id(2)).is_some(), lines == 4, "{length}");
        // Whatever was cut off, the next step is a line of its own.
        progress.mark(&id(3), Step::Begun, now()).unwrap();
        drop(progress);
        let again = unlocked(&plan, "d1").unwrap();
        assert_eq!((again.step(&id(1)), again.step(&id(3))), (first, Some(Step::Begun)));
        assert!(again.check_unfinished().is_ok());
    }
    unlocked(&plan, "d1").unwrap().finish(now()).unwrap();
    let finished = unlocked(&plan, "d1").unwrap().check_unfinished();
    assert!(finished.unwrap_err().to_string().contains("a plan is carried out once"));
}

fn event(kind: &str, reference: &str, reason: Option<&str>) -> Vec<u8> {
    let kind_in_id = reason.map_or_else(|| kind.to_owned(), |code| format!("{kind}/{code}"));
    let name =
        format!("v1\ndefault\n{reference}\n5.00\n9999999999\nasha@example.com\n{kind_in_id}");
    let namespace = smartsend::domain::event::NAMESPACE;
    let mut data = json!({
        "merchant": "default", "merchantRefId": reference, "intentId": "x", "amount": "5.00",
    });
    match reason {
        Some(code) => data["reason"] = json!({ "code": code, "message": "m" }),
        None => data["link"] = json!("https://payu.in/l"),
    }
    let id = uuid::Uuid::new_v5(&namespace, name.as_bytes()).to_string();
    json!({ "specversion": "1.0", "id": id, "type": kind, "subject": reference, "data": data })
        .to_string()
        .into_bytes()
}

#[test]
fn the_outcome_of_a_replay_is_given_in_numbers() {
    let mut followed = Followed::default();
    let config = config("");
    for reference in ["a", "b", "c"] {
        let message = parked(&intent(reference, "5"), "NOT_SENT");
        followed.add(&Parked::read(&message, &config), &message);
    }
    let cancel = command::parse(br#"{"command":"cancel","merchantRefId":"d"}"#).unwrap();
    let body: Json = serde_json::from_slice(&command::to_json(&cancel)).unwrap();
    let message = parked(&body, "OUTCOME_UNKNOWN");
    followed.add(&Parked::read(&message, &config), &message);
    let waiting = Ends { intents: 3, commands: 1, waiting: 4, ..Ends::default() };
    assert_eq!(followed.ends(), waiting);

    let created = "smartsend.link.created";
    followed.settle(Work::Intents, &event(created, "a", None), None);
    let unresolved = "smartsend.link.unresolved";
    followed.settle(Work::Intents, &event(unresolved, "b", Some("REFUSED")), None);
    // Another intent with that reference, and no event at all.
    let other =
        String::from_utf8(event(created, "c", None)).unwrap().replace("\"id\":\"", "\"id\":\"0");
    followed.settle(Work::Intents, other.as_bytes(), None);
    followed.settle(Work::Intents, b"{", None);
    let failed = json!({
        "id": "x", "type": "smartsend.link.cancel_failed",
        "data": { "merchantRefId": "d", "reason": { "code": "CLAIMED", "message": "m" } },
    });
    followed.settle(Work::Commands, failed.to_string().as_bytes(), Some("another"));
    assert_eq!(followed.ends().waiting, 2);
    followed.settle(Work::Commands, failed.to_string().as_bytes(), Some("m-1"));
    let ends = followed.ends();
    assert_eq!((ends.links, ends.parked_again, ends.failed, ends.waiting), (1, 1, 1, 1));
    let expected =
        "1 of 3 have links, 0 of 1 commands are done, 1 failed, 1 parked again, 1 waiting";
    assert_eq!(ends.to_string(), expected);
    // A link can follow.
    followed.settle(Work::Intents, &event(created, "b", None), None);
    assert_eq!((followed.ends().links, followed.ends().parked_again), (2, 0));
}
