//! `lookup`, `account` and `bulk` as a person runs them: the real binary and the sandbox.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use smartsend::sandbox::{Faults, RequestKind, Sandbox, SandboxSettings};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::canary::{self, SANDBOX_SECRET};
use crate::support::raw_server::{RawServer, Step};

const ROWS: &str = "merchantRefId,amount,custMobile,custName,description\n\
    row-1,10.00,9876543210,Ben,prize\n\
    row-2,20,9876543211,Chitra,prize\n";

/// A sandbox, and a folder with a configuration for it.
struct Ground {
    sandbox: Sandbox,
    folder: TempDir,
}

/// A command that has ended: its exit code and what it printed.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ground {
    async fn new() -> Self {
        let sandbox = Sandbox::start("127.0.0.1:0", SandboxSettings::default()).await.unwrap();
        let ground = Self { sandbox, folder: tempfile::tempdir().unwrap() };
        ground.configure(&ground.merchant("default", ""));
        ground
    }

    async fn faulty(faults: Value) -> Self {
        let ground = Self::new().await;
        ground.set_faults(&faults);
        ground
    }

    fn set_faults(&self, faults: &Value) {
        let faults = Faults::parse(faults.to_string().as_bytes()).unwrap();
        self.sandbox.set_faults(faults).unwrap();
    }

    fn configure(&self, merchants: &str) {
        let text = format!("[broker]\nurls = [\"amqp://127.0.0.1:1/%2f\"]\n{merchants}");
        self.write("smartsend.toml", &text);
    }

    fn merchant(&self, name: &str, more: &str) -> String {
        let (url, id) = (self.sandbox.url(), 1_111_310 + name.len());
        format!(
            "[merchants.{name}]\npayout_merchant_id = \"{id}\"\n\
             api_url = \"{url}/payout\"\nauth_url = \"{url}/oauth/token\"\nclient_id = \"client\"\n\
             client_secret = \"{SANDBOX_SECRET}\"\nrate_per_second = 10\nsandbox = true\n\
             timeout = \"1s\"\nconnect_timeout = \"500ms\"\n{more}{}{}",
            if more.contains("api = ") { "" } else { "api = \"v2\"\n" },
            if more.contains("max_amount = ") { "" } else { "max_amount = \"200000.00\"\n" },
        )
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smartsend"));
        // The lock file is the test's own.
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("TMPDIR", self.folder.path()).kill_on_drop(true);
        let output = canary::checked(command.output().await.unwrap());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Runs it, and expects this exit code and these words on stderr.
    async fn fails(&self, arguments: &[&str], code: i32, words: &str) {
        let ended = self.run(arguments).await;
        assert_eq!((ended.code, &*ended.out), (code, ""), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(words), "{arguments:?}: {}", ended.err);
    }

    /// Makes a link with the first two requests.
    async fn make_link(&self, reference: &str) {
        let link = json!({
            "merchantRefId": reference, "amount": "10.00", "custMobile": "9876543210",
            "custName": "Ben", "description": "prize",
        });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = self.sandbox.url();
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "create_payout_transactions"),
            ("client_id", "client"),
            ("client_secret", SANDBOX_SECRET),
        ];
        let token = http.post(format!("{url}/oauth/token")).form(&form).send().await.unwrap();
        let token: Value = serde_json::from_slice(&token.bytes().await.unwrap()).unwrap();
        let create = http.post(format!("{url}/payout/v2/smartSend/link"));
        let create = create.bearer_auth(token["access_token"].as_str().unwrap());
        let create = create.header("pid", "1111317").header("content-type", "application/json");
        let made = create.body(link.to_string()).send().await.unwrap();
        assert!(made.status().is_success(), "{made:?}");
        assert_eq!(self.links(), 1);
    }

    /// Uploads the first file.
    async fn upload(&self) {
        self.write("rows.csv", ROWS);
        let ended = self.run(&["bulk", "upload", "rows.csv"]).await;
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.out.contains("file id     1\n"), "{}", ended.out);
    }

    /// The note that the first file was sent.
    fn note(&self) -> PathBuf {
        self.folder.path().join("smartsend-1111317-file-1.sent")
    }

    fn requests(&self, kind: RequestKind) -> usize {
        let ledger = self.sandbox.ledger();
        ledger.requests.iter().filter(|request| request.kind == kind).count()
    }

    fn links(&self) -> usize {
        self.sandbox.ledger().links.len()
    }

    /// The kinds of all requests, which are a second apart.
    fn asked(&self) -> Vec<RequestKind> {
        self.asked_after(0)
    }

    /// The same, without the first ones.
    fn asked_after(&self, number: usize) -> Vec<RequestKind> {
        let requests = self.sandbox.ledger().requests.split_off(number);
        for pair in requests.windows(2) {
            assert!(pair[1].at_us - pair[0].at_us >= 1_000_000, "{pair:?}");
        }
        requests.iter().map(|request| request.kind).collect()
    }
}

#[tokio::test]
async fn a_lookup_shows_the_status_call_beside_details() {
    let ground = Ground::new().await;
    ground.make_link("order-1").await;

    let ended = ground.run(&["lookup", "order-1"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    for line in ["status     PENDING", "v2 status  Account Detail Pending", "mobile     ******3210"]
    {
        assert!(ended.out.lines().any(|it| it == line), "{line}: {}", ended.out);
    }
    let kinds = [RequestKind::Token, RequestKind::Details, RequestKind::Status];
    assert_eq!(ground.asked_after(2), kinds);

    // It is gone: nothing else changes.
    ground.set_faults(&json!({ "v2_status": { "is_gone": true } }));
    let ended = ground.run(&["lookup", "order-1", "--json"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let shown: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(shown["found"], true);
    assert_eq!(shown["statusCall"], "HTTP 404, and nothing that can be read");

    // It wants the token, and has it.
    ground.set_faults(&json!({ "v2_status": { "wants_token": true } }));
    let missing = "v2 status says: SmartPay Link not found (1112)";
    ground.fails(&["lookup", "order-9"], 1, missing).await;
    ground.configure(&ground.merchant("default", "api = \"v1\"\n"));
    let ended = ground.run(&["lookup", "order-1"]).await;
    assert!(ended.out.contains("\nv1 status  Account Detail Pending\n"), "{}", ended.out);
}

#[tokio::test]
async fn a_status_call_is_not_asked_where_details_did_not_answer() {
    for (faults, code) in [
        (json!({ "details_throttle": 1.0 }), 1),
        (json!({ "details_lost": 1.0 }), 3),
        (json!({ "details_error": 1.0 }), 1),
    ] {
        let ground = Ground::faulty(faults).await;
        let ended = ground.run(&["lookup", "order-1"]).await;
        assert_eq!((ended.code, &*ended.out), (code, ""), "{}", ended.err);
        assert_eq!(ground.asked(), [RequestKind::Token, RequestKind::Details]);
    }
}

#[tokio::test]
async fn an_account_shows_what_it_holds() {
    let ground = Ground::faulty(json!({ "account": { "balance": "94003.5" } })).await;
    let ended = ground.run(&["account"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    for line in ["account       *********1317", "balance       94003.50", "low balance   no"] {
        assert!(ended.out.lines().any(|it| it == line), "{line}: {}", ended.out);
    }
    assert!(ended.err.contains("outside of the worker's limiter"), "{}", ended.err);
    assert_eq!(ground.asked(), [RequestKind::Token, RequestKind::Account]);

    ground.set_faults(&json!({ "account": { "balance": 12, "is_low": true } }));
    let two = ground.merchant("default", "") + &ground.merchant("acme", "");
    ground.configure(&two);
    ground.fails(&["account"], 2, "choose one with --merchant").await;
    let ended = ground.run(&["account", "--merchant", "acme", "--json"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let shown: Value = serde_json::from_str(&ended.out).unwrap();
    let expected = json!({
        "merchant": "acme", "payoutMerchantId": "1111314", "virtualAccountNumber": "*********1314",
        "balance": "12.00", "lowBalance": true, "transferableAmount": "0.00",
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn vpas_are_looked_up_only_by_who_insists() {
    let ground = Ground::new().await;
    ground.fails(&["account", "vpas", "9876543211"], 2, "PayU has deprecated").await;
    ground.fails(&["account", "vpas", "98765", "--reveal"], 2, "MOBILE must be 10 digits").await;
    assert!(ground.asked().is_empty());

    let ended = ground.run(&["account", "vpas", "+919876543211", "--reveal"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(ended.out, "9x7x5x3x1x@okaxis  Google Pay  -\n9x7x5x3x1x@ybl  PhonePe  A Payee\n");
    assert_eq!(ground.asked(), [RequestKind::Token, RequestKind::Vpas]);
    let nobody = ["account", "vpas", "9876543210", "--reveal"];
    ground.fails(&nobody, 1, "PayU shows no VPA for it").await;
    let ended = ground.run(&[&nobody[..], &["--json"]].concat()).await;
    assert_eq!((ended.code, &*ended.out), (1, "{\"vpas\":[]}\n"), "{}", ended.err);
}

#[tokio::test]
async fn a_bulk_file_is_uploaded_processed_once_and_asked_about() {
    let ground = Ground::faulty(json!({ "bulk": { "takes_ms": 3_600_000 } })).await;
    ground.upload().await;
    assert_eq!(ground.links(), 0);
    ground.fails(&["bulk", "process", "1", "--rows", "3"], 1, "PayU counts 2 rows in it").await;
    ground.fails(&["bulk", "process", "9", "--rows", "2"], 1, "File not found").await;
    assert_eq!(ground.requests(RequestKind::BulkProcess), 0);

    let ended = ground.run(&["bulk", "process", "1", "--rows", "2"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("status      IN_PROGRESS\n"), "{}", ended.out);
    assert_eq!((ground.links(), ground.requests(RequestKind::BulkProcess)), (2, 1));
    let kinds = [RequestKind::Token, RequestKind::BulkStatus, RequestKind::BulkProcess];
    assert!(ground.asked().ends_with(&kinds));
    assert!(!ground.note().exists(), "PayU has answered");

    let again = "its status is IN_PROGRESS";
    ground.fails(&["bulk", "process", "1", "--rows", "2"], 1, again).await;
    ground.set_faults(&json!({ "bulk": { "takes_ms": 0 } }));
    let again = "its status is COMPLETED";
    ground.fails(&["bulk", "process", "1", "--rows", "2"], 1, again).await;
    let ended = ground.run(&["bulk", "status", "1", "--json"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let shown: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&shown["status"], &shown["successfulRows"]), (&json!("COMPLETED"), &json!(2)));
    assert_eq!(ground.requests(RequestKind::BulkProcess), 1);
}

#[tokio::test]
async fn a_file_whose_answer_was_lost_is_not_processed_again() {
    for fault in ["lost_after", "reset_after", "stall_after", "error_after", "garbage", "cut_short"]
    {
        let ground = Ground::faulty(json!({ "bulk_faults": { fault: 1.0 } })).await;
        ground.upload().await;
        let ended = ground.run(&["bulk", "process", "1", "--rows", "2"]).await;
        assert_eq!((ended.code, &*ended.out), (3, ""), "{fault}: {}", ended.err);
        assert!(ended.err.contains("it may be processed or not"), "{fault}: {}", ended.err);
        assert!(ended.err.contains("run `smartsend bulk status 1`"), "{fault}: {}", ended.err);
        assert!(!ended.err.contains("try again"), "{fault}: {}", ended.err);
        // Nothing goes wrong any more: it is the status that keeps it from being sent.
        fs::remove_file(ground.note()).unwrap();
        ground.set_faults(&json!({}));
        ground.fails(&["bulk", "process", "1", "--rows", "2"], 1, "nothing was sent").await;
        assert_eq!(ground.requests(RequestKind::BulkProcess), 1, "{fault}");
        assert_eq!(ground.links(), 2, "{fault}");
    }
}

#[tokio::test]
async fn a_file_that_was_not_processed_says_so() {
    for (fault, code, words) in [
        ("lost_before", 3, "it may be processed or not"),
        ("refuse", 1, "it was not processed: PayU refused it"),
        ("throttle", 1, "it was not processed: PayU asks for fewer requests"),
        ("expired_token", 1, "it was not processed: PayU turned the account away"),
    ] {
        let ground = Ground::faulty(json!({ "bulk_faults": { fault: 1.0 } })).await;
        ground.upload().await;
        ground.fails(&["bulk", "process", "1", "--rows", "2"], code, words).await;
        assert_eq!((ground.links(), ground.requests(RequestKind::BulkProcess)), (0, 1), "{fault}");
        ground.set_faults(&json!({}));
        assert_eq!(ground.note().exists(), code == 3, "{fault}");
        if code == 3 {
            // It may still arrive, whatever the status says.
            let again = "it was sent a while ago without an answer";
            ground.fails(&["bulk", "process", "1", "--rows", "2"], 3, again).await;
            assert_eq!((ground.links(), ground.requests(RequestKind::BulkProcess)), (0, 1));
            let note = fs::File::options().write(true).open(ground.note()).unwrap();
            let long_ago = note.metadata().unwrap().modified().unwrap() - Duration::from_mins(5);
            note.set_modified(long_ago).unwrap();
        }
        assert_eq!(ground.run(&["bulk", "process", "1", "--rows", "2"]).await.code, 0, "{fault}");
        assert!(!ground.note().exists(), "{fault}");
        assert_eq!(ground.links(), 2, "{fault}");
    }
}

#[tokio::test]
async fn a_file_is_not_sent_where_that_cannot_be_noted() {
    let ground = Ground::new().await;
    ground.upload().await;
    fs::create_dir(ground.note()).unwrap();
    let long_ago =
        fs::metadata(ground.note()).unwrap().modified().unwrap() - Duration::from_hours(1);
    fs::File::open(ground.note()).unwrap().set_modified(long_ago).unwrap();
    ground.fails(&["bulk", "process", "1", "--rows", "2"], 1, "set TMPDIR").await;
    assert_eq!(ground.requests(RequestKind::BulkProcess), 0);
}

#[tokio::test]
async fn a_merchant_s_guards_are_gone_around_only_by_who_insists() {
    let ground = Ground::new().await;
    ground.upload().await;
    ground.configure(&ground.merchant("default", "publishers = [\"refunds\"]\n"));
    let before = ground.asked().len();
    let process = ["bulk", "process", "1", "--rows", "2"];
    ground.fails(&process, 2, "go around publishers of the merchant default").await;
    assert_eq!(ground.asked().len(), before);
    let ended = ground.run(&[&process[..], &["--unguarded"]].concat()).await;
    assert_eq!((ended.code, ground.links()), (0, 2), "{}", ended.err);
}

#[tokio::test]
async fn a_file_that_payu_does_not_take_says_why() {
    let ground = Ground::new().await;
    for (name, text, code, words) in [
        ("rows.csv", "reference\nrow-1\n", 1, "PayU refused it: No column is called"),
        ("rows.xlsx", "x", 1, "PayU refused it: Only .csv"),
        ("rows.txt", ROWS, 2, "PayU takes .csv"),
        ("empty.csv", "", 2, "is empty"),
    ] {
        ground.write(name, text);
        ground.fails(&["bulk", "upload", name], code, words).await;
    }
    ground.fails(&["bulk", "upload", "none.csv"], 2, "cannot read none.csv").await;
    assert_eq!(ground.requests(RequestKind::BulkUpload), 2);
}

#[tokio::test]
async fn wrong_usage_exits_with_2_and_asks_nothing() {
    let ground = Ground::new().await;
    for arguments in [
        &["bulk"][..],
        &["bulk", "upload"],
        &["bulk", "status"],
        &["bulk", "status", "../1"],
        &["bulk", "status", "-1"],
        &["bulk", "process", "1"],
        &["bulk", "process", "one", "--rows", "2"],
        &["bulk", "process", "1", "--rows", "two"],
        &["account", "1"],
        &["account", "vpas"],
        &["account", "--merchant", "nobody"],
        &["bulk", "status", "1", "--merchant", "nobody"],
    ] {
        let ended = ground.run(arguments).await;
        assert_eq!((ended.code, &*ended.out), (2, ""), "{arguments:?}: {}", ended.err);
    }
    assert!(ground.asked().is_empty());
}

#[tokio::test]
async fn refused_credentials_and_missing_answers_are_reported() {
    let ground = Ground::new().await;
    ground.write("rows.csv", ROWS);
    let commands: [&[&str]; 5] = [
        &["account"],
        &["account", "vpas", "9876543211", "--reveal"],
        &["bulk", "upload", "rows.csv"],
        &["bulk", "process", "1", "--rows", "2"],
        &["bulk", "status", "1"],
    ];
    let good = ground.merchant("default", "");
    ground.configure(&good.replace(SANDBOX_SECRET, "wrong"));
    for command in commands {
        ground.fails(command, 1, "PayU refused the credentials").await;
    }
    ground.configure(&good.replace(ground.sandbox.url().as_str(), "http://127.0.0.1:1"));
    for command in commands {
        ground.fails(command, 3, "no token came, so nothing was asked").await;
    }
    ground.configure(&good);
    ground.set_faults(&json!({ "account": { "blocked": "reset" } }));
    for command in commands {
        ground.fails(command, 3, "no token came, so nothing was asked").await;
    }
    assert_eq!(ground.requests(RequestKind::BulkProcess), 0);
}

#[tokio::test]
async fn an_upload_whose_answer_was_lost_may_be_there() {
    let ground = Ground::new().await;
    ground.write("rows.csv", ROWS);
    let api = RawServer::doing(vec![Step::ReadRequest, Step::Close]);
    let merchant = ground.merchant("default", "");
    let sandbox = format!("{}/payout", ground.sandbox.url());
    ground.configure(&merchant.replace(&sandbox, &api.url("/payout")));
    ground.fails(&["bulk", "upload", "rows.csv"], 3, "it may be uploaded all the same").await;
    ground.fails(&["bulk", "status", "1"], 3, "PayU did not answer").await;
    ground.fails(&["account"], 3, "PayU did not answer").await;
}
