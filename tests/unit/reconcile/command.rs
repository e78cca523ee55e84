//! `reconcile` as a person runs it: the real binary, and the sandbox as PayU.

use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use smartsend::clock::SystemClock;
use smartsend::ports::Clock;
use smartsend::sandbox::{Faults, RequestKind, Sandbox, SandboxSettings};
use tempfile::TempDir;
use tokio::process::Command;

use super::files::event;
use crate::support::canary::{self, DESCRIPTION, MOBILE, SANDBOX_SECRET};
use crate::support::waiting::{SOON, until};

/// A sandbox, and a folder with a configuration for it.
struct Ground {
    sandbox: Sandbox,
    folder: TempDir,
    token: String,
}

struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

impl Ground {
    async fn new() -> Self {
        let sandbox = Sandbox::start("127.0.0.1:0", SandboxSettings::default()).await.unwrap();
        let url = sandbox.url();
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "create_payout_transactions"),
            ("client_id", "client"),
            ("client_secret", SANDBOX_SECRET),
        ];
        let asked = http().post(format!("{url}/oauth/token")).form(&form).send().await.unwrap();
        let token: Json = serde_json::from_slice(&asked.bytes().await.unwrap()).unwrap();
        let token = token["access_token"].as_str().unwrap().to_owned();
        let ground = Self { sandbox, folder: tempfile::tempdir().unwrap(), token };
        ground.configure(&["default"]);
        ground
    }

    fn configure(&self, merchants: &[&str]) {
        let url = self.sandbox.url();
        let mut text = "[broker]\nurls = [\"amqp://127.0.0.1:1/%2f\"]\n".to_owned();
        for (number, merchant) in merchants.iter().enumerate() {
            write!(
                text,
                "[merchants.{merchant}]\npayout_merchant_id = \"{}\"\napi = \"v2\"\n\
                 api_url = \"{url}/payout\"\nauth_url = \"{url}/oauth/token\"\n\
                 client_id = \"client\"\nclient_secret = \"{SANDBOX_SECRET}\"\n\
                 rate_per_second = 10\nsandbox = true\ntimeout = \"1s\"\n\
                 connect_timeout = \"500ms\"\nmax_amount = \"1000.00\"\n",
                1_111_312 + number
            )
            .unwrap();
        }
        self.write("smartsend.toml", &text);
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Makes a link, and gives it.
    async fn make_link(&self, reference: &str, rupees: &str) -> String {
        let link = json!({
            "merchantRefId": reference, "amount": rupees, "custMobile": MOBILE,
            "custName": "Ben", "description": DESCRIPTION,
        });
        let create = http().post(format!("{}/payout/v2/smartSend/link", self.sandbox.url()));
        let create = create.bearer_auth(&self.token).header("pid", "1111312");
        let create = create.header("content-type", "application/json").body(link.to_string());
        assert!(create.send().await.unwrap().status().is_success());
        let links = self.sandbox.ledger().links;
        links.iter().find(|link| &*link.reference == reference).unwrap().link.clone()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smartsend"));
        // The lock file is the test's own.
        command.arg("reconcile").args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("TMPDIR", self.folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().await.unwrap())
    }

    fn lookups(&self) -> usize {
        let requests = self.sandbox.ledger().requests;
        requests.iter().filter(|request| request.kind == RequestKind::Details).count()
    }
}

fn now() -> Timestamp {
    SystemClock::start().now().wall
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn ended(output: std::process::Output) -> Ended {
    let output = canary::checked(output);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    Ended { code, out: text(output.stdout), err: text(output.stderr) }
}

/// A list of intents, each with its reference and rupees.
fn list(rows: &[(&str, &str)]) -> String {
    let rows =
        rows.iter().map(|(name, rupees)| format!("{name},{rupees},Ben,{DESCRIPTION},{MOBILE}\n"));
    format!("merchantRefId,amount,custName,description,custMobile\n{}", rows.collect::<String>())
}

fn class_of<'a>(json: &'a Json, name: &str) -> &'a str {
    let rows =
        json["rows"].as_array().unwrap().iter().chain(json["onlyInEvents"].as_array().unwrap());
    let mut named = rows.filter(|row| row["merchantRefId"] == *name);
    named.next().unwrap()["class"].as_str().unwrap()
}

/// One planted difference in each direction, and one that is too young to be one.
async fn planted() -> Ground {
    let ground = Ground::new().await;
    ground.make_link("fine", "10").await;
    ground.make_link("dear", "90").await;
    let names =
        [("fine", "10"), ("dear", "100.50"), ("absent", "20"), ("gone", "30"), ("young", "40")];
    ground.write("pay.csv", &list(&names));
    let old = "2026-11-24T09:00:00.000Z";
    let events = [
        event("link.created", "fine", "10.00", old),
        event("link.created", "fine", "10.00", old),
        event("link.created", "gone", "30.00", old),
        event("link.created", "young", "40.00", &now().to_string()),
        event("link.created", "stray", "50.00", old),
        event("payout.succeeded", "later", "1.00", old),
    ];
    let theirs = event("link.created", "theirs", "1.00", old).to_string();
    let theirs = theirs.replace("\"default\"", "\"other\"");
    let lines = [&*events.map(|event| event.to_string()).join("\n"), &*theirs].join("\n");
    ground.write("events.jsonl", &lines);
    ground
}

#[tokio::test]
async fn a_link_that_only_an_event_announces_is_looked_up_if_asked_for() {
    let ground = Ground::new().await;
    ground.make_link("fine", "10").await;
    ground.make_link("stray", "50").await;
    ground.write("pay.csv", &list(&[("fine", "10")]));
    let old = "2026-11-24T09:00:00.000Z";
    let created = |name: &str, rupees: &str| event("link.created", name, rupees, old).to_string();
    let lines = [created("fine", "10.00"), created("stray", "49.00"), created("blind", "5.00")];
    ground.write("events.jsonl", &lines.join("\n"));
    let ended = ground.run(&["pay.csv", "--events", "events.jsonl"]).await;
    assert!(ended.out.contains("PayU shows 2 of the links"), "{}", ended.out);
    assert!(ended.out.contains("--ask-events asks"), "{}", ended.out);
    assert_eq!(ground.lookups(), 1);
    let ended = ground.run(&["pay.csv", "--events", "events.jsonl", "--ask-events"]).await;
    assert_eq!(ended.code, 1, "{}", ended.err);
    for line in [
        "no row stray: 50.00 rupees: an event says that it has a link, and PayU shows a link, PENDING",
        "no row blind: 5.00 rupees: an event says that it has a link, and PayU shows none",
        "FILE to PayU: asked about 1 of 1",
    ] {
        assert!(ended.out.contains(line), "{line}\n{}", ended.out);
    }
    assert!(!ended.out.contains("--ask-events"), "{}", ended.out);
    assert_eq!(ground.lookups(), 4);
}

#[tokio::test]
async fn a_list_is_compared_with_payu_and_with_events_in_every_direction() {
    let ground = planted().await;
    let arguments = [
        "pay.csv",
        "--events",
        "events.jsonl",
        "--sent",
        "2026-11-24T09:00:00Z",
        "--out",
        "open.csv",
        "--resubmit",
        "again.csv",
        "--json",
    ];
    let ended = ground.run(&arguments).await;
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(
        ended.err.contains("to be asked about: 5, which takes at least 6 s; Ctrl-C"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("outside of the worker's limiter"), "{}", ended.err);
    let json = ended.json();
    for (name, class) in [
        ("fine", "matched"),
        ("dear", "differing"),
        ("absent", "missing_at_payu"),
        ("gone", "missing_at_payu"),
        ("young", "too_early"),
        ("stray", "unknown_to_us"),
    ] {
        assert_eq!(class_of(&json, name), class, "{name}: {json}");
    }
    assert_eq!(
        json["rows"][1]["differences"],
        json!([{ "field": "amount", "file": "100.50", "payu": "90.00", "event": null }])
    );
    let sum = |name: &str| json["sums"][name]["rupees"].as_str().unwrap().to_owned();
    let names = [
        "toPay",
        "matched",
        "differing",
        "missingAtPayu",
        "tooEarly",
        "notLookedAt",
        "unknownToUs",
    ];
    let sums = names.map(sum);
    assert_eq!(sums, ["200.50", "10.00", "100.50", "50.00", "40.00", "0.00", "50.00"]);
    assert_eq!((&json["events"]["taken"], &json["events"]["repeated"]), (&json!(4), &json!(1)));
    assert_eq!(json["events"]["ofOtherMerchants"], 1);
    assert_eq!(json["events"]["ofOtherTypes"], 1);

    // Only what nobody ever announced can be sent again.
    assert_eq!(ground.read("again.csv").lines().count(), 2);
    assert!(ground.read("again.csv").contains("\nabsent,20,"));
    assert_eq!(ground.read("open.csv").lines().count(), 6);
    for name in ["open.csv", "again.csv"] {
        let mode = fs::metadata(ground.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let requests = ground.sandbox.ledger().requests.split_off(3);
    for pair in requests.windows(2) {
        assert!(pair[1].at_us - pair[0].at_us >= 1_000_000, "{pair:?}");
    }
    // It is never replaced, and then nothing is asked.
    let again = ground.run(&arguments).await;
    assert_eq!((again.code, &*again.out), (2, ""), "{}", again.err);
    assert!(again.err.contains("open.csv exists"), "{}", again.err);
    assert_eq!(ground.lookups(), 5);
}

#[tokio::test]
async fn a_report_of_submit_is_compared_with_payu_which_may_know_more_or_less() {
    let ground = Ground::new().await;
    let link = ground.make_link("fine", "10").await;
    ground.make_link("denied", "15").await;
    ground.make_link("parked", "12").await;
    let report = format!(
        "row,reference,amount,outcome,link,reason\n2,fine,10.00,created,{link},\n\
         3,lost,20.00,created,https://payu.in/l?id=1,\n4,denied,15.50,failed,,r\n\
         5,none,7.00,unsent,,r\n6,parked,12.00,unresolved,,r\n7,,,skipped,,r\n"
    );
    ground.write("pay.results.csv", &report);
    let path = ground.folder.path().join("pay.results.csv");
    File::options().append(true).open(&path).unwrap().set_modified(UNIX_EPOCH).unwrap();

    let ended = ground.run(&["pay.results.csv", "--out", "open.csv"]).await;
    assert_eq!(ended.code, 1, "{}", ended.err);
    for line in [
        "pay.results.csv, a report of `submit --wait`; merchant default (account 1111312)",
        "matched                                    1               10.00",
        "differing (by FILE's amounts)              1               12.00",
        "missing at PayU                            1               20.00",
        "too early to tell                          0                0.00",
        "to be paid by FILE, in all                 3               42.00",
        "no link by FILE, nor at PayU               1                7.00",
        "no link by FILE, not looked at             1             unknown",
        "unknown to us (not in FILE's sum)          1               15.00",
        "  row 6 parked: status: FILE unresolved, PayU PENDING",
        "  row 3 lost: FILE says that it has a link, and PayU shows none",
        "  row 4 denied: by FILE it is failed; PayU shows a link, PENDING",
        "  row 7 -: it has no valid reference",
    ] {
        assert!(ended.out.lines().any(|it| it == line), "{line}\n{}", ended.out);
    }
    assert!(ended.out.contains("events to FILE and PayU: not looked at"), "{}", ended.out);
    assert!(ended.out.contains("PayU lists no links"), "{}", ended.out);
    assert!(
        ended.out.contains("not looked at: the contacts of 1 rows that match"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("FILE to PayU: asked about 5 of 5\n"), "{}", ended.out);
    assert!(!ended.out.contains(&link), "a link is only for its customer");
    assert!(
        ground.read("open.csv").contains("differing,6,parked,12.00,status,unresolved,PENDING,,")
    );

    // Written just now, it may hold what PayU does not show yet.
    ground.write(
        "pay.results.csv",
        report.split_inclusive('\n').take(3).collect::<String>().as_str(),
    );
    let ended = ground.run(&["pay.results.csv", "--json"]).await;
    assert_eq!((ended.code, class_of(&ended.json(), "lost")), (3, "too_early"), "{}", ended.out);
    ground.write("e", "");
    let refused = ground.run(&["pay.results.csv", "--events", "e", "--resubmit", "x"]).await;
    assert_eq!(refused.code, 2, "{}", refused.err);
}

#[tokio::test]
async fn what_all_agree_on_ends_well_and_lists_nothing() {
    let ground = Ground::new().await;
    ground.make_link("a", "1").await;
    ground.write("pay.csv", &list(&[("a", "1"), ("b", "2")]));
    let failed = event("link.failed", "b", "2.00", "2026-11-24T09:00:00Z");
    ground.write("events.jsonl", &failed.to_string());
    let ended =
        ground.run(&["pay.csv", "--events", "events.jsonl", "--resubmit", "again.csv"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.ends_with("\nEverything that was looked at matches.\n"), "{}", ended.out);
    assert!(ended.out.contains("of that without a link, by events        1"), "{}", ended.out);
    assert!(!ended.out.contains("row 2"), "{}", ended.out);
    assert!(ended.err.contains("--resubmit was not written"), "{}", ended.err);
    assert!(!ground.folder.path().join("again.csv").exists());
    let drafts = fs::read_dir(ground.folder.path()).unwrap();
    let drafts =
        drafts.filter(|it| it.as_ref().unwrap().path().extension().is_some_and(|it| it == "draft"));
    assert_eq!(drafts.count(), 0);
}

#[tokio::test]
async fn a_stop_ends_with_what_was_learnt_and_another_run_goes_on_from_there() {
    let ground = Ground::new().await;
    ground.make_link("r-2", "1").await;
    ground.make_link("r-31", "1").await;
    let names: Vec<String> = (2..=31).map(|number| format!("r-{number}")).collect();
    let rows: Vec<_> = names.iter().map(|name| (&**name, "1")).collect();
    ground.write("pay.csv", &list(&rows));
    let child = ground.command(&["pay.csv", "--json"]).spawn().unwrap();
    // The first is answered before the second is asked.
    until("the second lookup", SOON, async || ground.lookups() >= 2).await;
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    let stopped = ended(child.wait_with_output().await.unwrap());
    assert_eq!(stopped.code, 3, "{}", stopped.err);
    let json = stopped.json();
    assert_eq!(json["halted"], "it was stopped");
    assert_eq!(class_of(&json, "r-2"), "matched");
    assert_eq!(json["sums"]["toPay"]["rupees"], "30.00");
    let rows = json["rows"].as_array().unwrap();
    let first = rows.iter().find(|row| row["class"] == "not_looked_at").unwrap();
    assert_eq!(json["goOnAfter"].as_u64().unwrap() + 1, first["row"].as_u64().unwrap());

    let asked = ground.lookups();
    let rest = ground.run(&["pay.csv", "--after", "30"]).await;
    assert_eq!((rest.code, ground.lookups()), (0, asked + 1), "{}", rest.err);
    assert!(rest.out.contains("the rows of FILE up to row 30 (--after)"), "{}", rest.out);
    assert!(rest.out.contains("to be paid by FILE, in all                 1"), "{}", rest.out);
}

#[tokio::test]
async fn whoever_does_not_answer_is_not_asked_for_ever() {
    for (faults, asked, words) in [
        (json!({ "details_throttle": 1.0 }), 1, "fewer requests"),
        (json!({ "details_error": 1.0 }), 5, "HTTP 502"),
    ] {
        let ground = Ground::new().await;
        let faults = Faults::parse(faults.to_string().as_bytes()).unwrap();
        ground.sandbox.set_faults(faults).unwrap();
        let names = ["a", "b", "c", "d", "e", "f", "g"].map(|name| (name, "1"));
        ground.write("pay.csv", &list(&names));
        let ended = ground.run(&["pay.csv", "--json"]).await;
        assert_eq!((ended.code, ground.lookups()), (3, asked), "{}", ended.err);
        let json = ended.json();
        assert!(json["halted"].as_str().unwrap().contains(words), "{json}");
        assert_eq!(json["sums"]["notLookedAt"]["rupees"], "7.00");
        assert_eq!(json["goOnAfter"], Json::Null, "none was answered");
    }
}

#[tokio::test]
async fn a_wrong_input_asks_nothing() {
    let ground = Ground::new().await;
    ground.write("pay.csv", &list(&[("a", "1")]));
    ground.write("empty.csv", "");
    ground.write("words.txt", "these are words\n");
    ground.write("e", "");
    for (arguments, code, words) in [
        (&["."][..], 1, "it cannot be read: Is a directory"),
        (&["empty.csv"], 1, "it is empty"),
        (&["absent.csv"], 1, "absent.csv: it cannot be read"),
        (&["words.txt"], 1, "must name the columns"),
        (&["-"], 1, "stdin: it is empty"),
        (&["pay.csv", "--sheet", "May"], 2, "it has no sheets"),
        (&["pay.csv", "--events", "pay.csv"], 1, "line 1 of pay.csv is not a JSON object"),
        (&["pay.csv", "--events", "."], 1, "cannot read ."),
        (&["pay.csv", "--out", "pay.csv"], 2, "pay.csv exists"),
        (&["pay.csv", "--out", "no/where.csv"], 1, "cannot write no/where.csv"),
        (&["pay.csv", "--events", "e", "--out", "x", "--resubmit", "x"], 2, "the same file"),
        (&["pay.csv", "--resubmit", "x"], 2, "--events"),
        (&["pay.csv", "--sent", "yesterday"], 2, "--sent"),
        (&["pay.csv", "--merchant", "acme"], 2, "there is no merchant acme"),
    ] {
        let ended = ground.run(arguments).await;
        assert_eq!((ended.code, &*ended.out), (code, ""), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(words), "{arguments:?}: {}", ended.err);
    }
    ground.configure(&["default", "second"]);
    let ended = ground.run(&["pay.csv"]).await;
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(ended.err.contains("choose one with --merchant"), "{}", ended.err);
    assert_eq!(ground.lookups(), 0);
}
