//! An intent that is played: what the documentation describes is what comes out.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use smartsend::config::Config;
use smartsend::domain::account::Api;
use smartsend::domain::decide::InDoubtPolicy;
use smartsend::domain::intent::Intent;
use smartsend::domain::intent::wire::parse;
use smartsend::walkthrough::{Answer, Next, Stage, Walk, json, text};

use crate::support::canary;

const INTENT: &str = r#"{"merchantRefId":"order-1","amount":"100.50","description":"d","custName":"A","custMobile":"9999999999"}"#;
const SETTINGS: &str = r#"
[merchants.default]
payout_merchant_id = "1111312"
api = "v2"
client_id = "none"
client_secret = "none"
rate_per_second = 1
max_amount = "200000.00"
"#;

fn intent() -> Intent {
    parse(INTENT.as_bytes(), Api::V2).unwrap()
}

/// All defaults.
fn stage() -> Stage {
    let config = Config::parse(SETTINGS, std::iter::empty(), &|_| Ok(String::new())).unwrap();
    let start = "2026-11-24T09:30:00Z".parse().unwrap();
    Stage::new(&config, &config.merchants["default"], start)
}

fn with_policy(policy: InDoubtPolicy) -> Stage {
    let mut stage = stage();
    stage.policy.in_doubt = policy;
    stage
}

fn answers(list: &str) -> Vec<Answer> {
    list.split(',').filter(|it| !it.is_empty()).map(|it| Answer::parse(it).unwrap()).collect()
}

fn walk(stage: &Stage, list: &str) -> Walk {
    stage.walk(&intent(), &answers(list)).unwrap()
}

/// Each decision, and how many milliseconds after the arrival it was taken.
fn decisions(walk: &Walk) -> Vec<(u128, &str)> {
    walk.steps.iter().map(|step| (step.at.as_millis(), &*step.decision)).collect()
}

#[test]
fn an_answer_is_a_link() {
    let walk = walk(&stage(), "created");
    assert_eq!(decisions(&walk), [(0, "create"), (0, "link.created")]);
    assert_eq!(walk.steps[0].why, "new: nothing was sent before");
    assert_eq!((walk.next, walk.unused), (Next::Nothing, 0));
}

/// The design's "A timeout, step by step".
#[test]
fn a_timeout_is_looked_up_over_the_quarantine_and_sent_again() {
    let walk = walk(&stage(), "timeout,notfound,notfound,notfound,duplicate,found");
    let expected = [
        (0, "create"),
        (20_000, "wait 5s for the next lookup"),
        (25_000, "look up"),
        (25_000, "wait 147.5s for the next lookup"),
        (172_500, "look up"),
        (172_500, "wait 147.5s for the next lookup"),
        (320_000, "look up"),
        (320_000, "create once more, with the same reference"),
        (320_000, "wait 5s for the next lookup"),
        (325_000, "look up"),
        (325_000, "link.created, recovered"),
    ];
    assert_eq!(decisions(&walk), expected);
    let due: Vec<_> = walk.steps.iter().filter_map(|step| step.due).collect();
    assert_eq!(due[..2], [Duration::from_secs(25), Duration::from_millis(172_500)]);
    let why = &walk.steps[7].why;
    assert!(why.contains("3 of 3 lookups have found nothing, 5m of the quarantine of 5m"), "{why}");
    assert_eq!(walk.steps[0].answer, Some(("timeout".to_owned(), "unknown")));
    assert_eq!(walk.next, Next::Nothing);
}

/// How many lookups there are is the settings' affair, so an example cannot know it.
#[test]
fn one_notfound_stands_for_all_lookups_before_the_next_create() {
    let short = walk(&stage(), "timeout,notfound,duplicate,found");
    let long = walk(&stage(), "timeout,notfound,notfound,notfound,duplicate,found");
    assert_eq!(decisions(&short), decisions(&long));
    assert_eq!((short.next, short.unused), (Next::Nothing, 0));
    assert_eq!(walk(&stage(), "timeout,notfound,duplicate").next, Next::Lookup);
    for list in
        ["timeout,duplicate", "timeout,failed,duplicate", "timeout,notfound,duplicate,created"]
    {
        assert!(stage().walk(&intent(), &answers(list)).is_err(), "{list}");
    }
    let parked = walk(&with_policy(InDoubtPolicy::Park), "timeout,notfound,duplicate");
    assert_eq!((parked.next, parked.unused), (Next::Nothing, 1));
}

#[test]
fn the_policy_decides_what_follows_lookups_in_vain() {
    let list = "timeout,notfound,notfound,notfound";
    let parked = walk(&with_policy(InDoubtPolicy::Park), list);
    assert_eq!(parked.steps.last().unwrap().decision, "park, link.unresolved OUTCOME_UNKNOWN");
    let strict = walk(&with_policy(InDoubtPolicy::Strict), &format!("notfound,{list}"));
    assert_eq!(strict.steps[0].decision, "look up");
    assert!(strict.steps[0].why.contains("strict"), "{}", strict.steps[0].why);
    assert_eq!(strict.steps.last().unwrap().decision, "park, link.unresolved OUTCOME_UNKNOWN");
    let resend = walk(&stage(), list);
    assert_eq!(resend.next, Next::Create, "the answers are over");
}

#[test]
fn each_end_is_the_decision_table_s() {
    for (list, end) in [
        ("timeout,found", "link.created, recovered"),
        ("timeout,other", "park, link.unresolved REFERENCE_CONFLICT"),
        ("duplicate,other", "intent.rejected DUPLICATE_REFERENCE, the original parked"),
        ("duplicate,found", "link.created, recovered"),
        ("duplicate,notfound,notfound,notfound", "park, link.unresolved REFUSED"),
        ("rejected:1105,notfound", "link.failed INVALID_MOBILE"),
        ("rejected:1105,found", "link.created, recovered"),
        ("rejected:1105,other", "intent.rejected INVALID_MOBILE, the original parked"),
        ("refused:1128,notfound,notfound,notfound", "park, link.unresolved REFUSED"),
        ("refused,notfound,notfound,notfound", "park, link.unresolved REFUSED"),
        ("503,failed,found", "link.created, recovered"),
        ("not-sent,not-sent,created", "link.created"),
        ("not-sent,not-sent,not-sent,created", "link.created"),
        ("429,created", "link.created"),
        ("403,429,created", "link.created"),
        ("401,created", "link.created"),
        ("timeout,429,timeout,not-sent,found", "link.created, recovered"),
    ] {
        let walk = walk(&stage(), list);
        assert_eq!(walk.steps.last().unwrap().decision, end, "{list}: {:?}", decisions(&walk));
        assert_eq!((walk.next, walk.unused), (Next::Nothing, 0), "{list}");
    }
}

#[test]
fn what_was_turned_away_waits_on_the_retry_queues_and_says_so() {
    let walk = walk(&stage(), "429,429,created");
    let expected = [
        (0, "create"),
        (0, "retry queue of 1s"),
        (1_000, "create"),
        (1_000, "retry queue of 1s"),
        (2_000, "create"),
        (2_000, "link.created"),
    ];
    assert_eq!(decisions(&walk), expected);
    assert!(walk.steps[1].why.contains("it was turned away"), "{}", walk.steps[1].why);
}

#[test]
fn what_would_be_held_too_long_goes_through_a_retry_queue() {
    let mut stage = stage();
    stage.held_max = Duration::from_mins(1);
    let walk = walk(&stage, "timeout,notfound,notfound,notfound,created");
    let last = walk.steps.last().unwrap();
    assert_eq!(last.decision, "link.created");
    assert!(walk.steps.iter().any(|step| step.decision == "retry queue of 2m"), "{walk:?}");
    assert!(last.at >= Duration::from_mins(5), "the quarantine holds all the same");
}

#[test]
fn a_deadline_and_a_limit_are_judged() {
    let late = Intent { deadline: Some("2026-11-24T09:29:00Z".parse().unwrap()), ..intent() };
    let walk = stage().walk(&late, &answers("notfound,notfound,notfound")).unwrap();
    assert_eq!(walk.steps.last().unwrap().decision, "link.failed DEADLINE_PASSED");
    let large = parse(INTENT.replace("100.50", "200000.01").as_bytes(), Api::V2).unwrap();
    let walk = stage().walk(&large, &answers("created")).unwrap();
    assert_eq!(decisions(&walk), [(0, "park, link.unresolved OVER_LIMIT")]);
    assert_eq!(walk.unused, 1);
    assert!(text(&walk).contains("answers that nobody asked for: 1"), "{}", text(&walk));
}

#[test]
fn an_answer_that_does_not_fit_is_refused_with_those_that_do() {
    for (list, words) in [
        ("found", "found: the decision before it is a create"),
        ("timeout,created", "created: the decision before it is a lookup"),
        ("rejected:1103", "an answer with that code is duplicate for this merchant"),
        ("refused:1105", "an answer with that code is rejected for this merchant"),
        ("rejected:4711", "an answer with that code is refused for this merchant"),
    ] {
        let misfit = stage().walk(&intent(), &answers(list)).unwrap_err().to_string();
        assert!(misfit.contains(words), "{list}: {misfit}");
    }
    for word in ["", "lost", "rejected", "rejected:x", "199", "600", "Created"] {
        assert!(Answer::parse(word).is_err(), "{word}");
    }
    for word in ["created", "timeout", "refused", "refused:1128", "rejected:1105", "503", "other"] {
        assert_eq!(Answer::parse(word).unwrap().word(), word);
    }
}

#[test]
fn the_page_has_each_decision_why_and_when_it_goes_on() {
    let walk = walk(&stage(), "timeout,notfound");
    let page = text(&walk);
    for line in [
        "0s        order-1 arrives, at 2026-11-24T09:30:00.000Z",
        "          answer: timeout, which is unknown",
        "20s       wait 5s for the next lookup (goes on 25s after its arrival)",
        "end       the answers are over: the next one would be to the lookup",
    ] {
        assert!(page.lines().any(|it| it == line), "{line}\n{page}");
    }
    assert!(!page.contains("9999999999"), "{page}");
    let json: Value = serde_json::from_str(&json(&walk)).unwrap();
    assert_eq!(json["next"], "lookup");
    assert_eq!(json["steps"][1]["dueAt"], "2026-11-24T09:30:25.000Z");
    assert_eq!(json["steps"][1]["dueAfterMs"], 25_000);
    assert_eq!(
        (&json["steps"][0]["answer"], &json["steps"][0]["outcome"]),
        (&"timeout".into(), &"unknown".into())
    );
}

#[test]
fn the_command_needs_no_configuration_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smartsend"));
        command.args(arguments).current_dir(folder.path()).env_clear();
        let output = canary::checked(command.output().unwrap());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    fs::write(folder.path().join("intent.json"), INTENT).unwrap();
    let (code, out, err) =
        run(&["explain", "--intent", "intent.json", "--answers", "timeout,found"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("link.created, recovered"), "{out}");
    assert!(err.contains("there is no configuration"), "{err}");

    fs::write(folder.path().join("smartsend.toml"), SETTINGS).unwrap();
    let (code, out, err) = run(&["explain", "--intent", "intent.json", "--json"]);
    assert_eq!((code, &*err), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["next"], "create");

    fs::write(folder.path().join("wrong.json"), r#"{"merchantRefId":"a"}"#).unwrap();
    let (code, _, err) = run(&["explain", "--intent", "wrong.json"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("INVALID_INTENT") && err.contains("amount: "), "{err}");
    for (arguments, words) in [
        (&["explain", "--intent", "intent.json", "--answers", "lost"][..], "is no answer"),
        (&["explain", "--intent", "intent.json", "--answers", "found"], "is a create"),
        (&["explain", "--answers", "found"], "--intent"),
        (&["explain", "1103", "--intent", "intent.json"], "cannot be used with"),
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert!(err.contains(words), "{arguments:?}: {err}");
    }
}
