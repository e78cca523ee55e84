//! `lookup` and `account` as a person runs them: the real binary and the sandbox.

use std::fs;

use serde_json::{Value, json};
use smartsend::sandbox::{Faults, RequestKind, Sandbox, SandboxSettings};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::canary::{self, SANDBOX_SECRET};

/// A sandbox, and a folder with a configuration for it.
struct Ground {
    sandbox: Sandbox,
    folder: TempDir,
}

struct Told {
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

    async fn run(&self, arguments: &[&str]) -> Told {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smartsend"));
        // The lock file is the test's own.
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("TMPDIR", self.folder.path()).kill_on_drop(true);
        let output = canary::checked(command.output().await.unwrap());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Told {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Runs it, and expects this code and these words on stderr.
    async fn fails(&self, arguments: &[&str], code: i32, words: &str) {
        let told = self.run(arguments).await;
        assert_eq!((told.code, &*told.out), (code, ""), "{arguments:?}: {}", told.err);
        assert!(told.err.contains(words), "{arguments:?}: {}", told.err);
    }

    /// Makes a link, by the first two requests.
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

    let told = ground.run(&["lookup", "order-1"]).await;
    assert_eq!(told.code, 0, "{}", told.err);
    for line in ["status     PENDING", "v2 status  Account Detail Pending", "mobile     ******3210"]
    {
        assert!(told.out.lines().any(|it| it == line), "{line}: {}", told.out);
    }
    let kinds = [RequestKind::Token, RequestKind::Details, RequestKind::Status];
    assert_eq!(ground.asked_after(2), kinds);

    // It is gone: nothing else changes.
    ground.set_faults(&json!({ "v2_status": { "is_gone": true } }));
    let told = ground.run(&["lookup", "order-1", "--json"]).await;
    assert_eq!(told.code, 0, "{}", told.err);
    let shown: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(shown["found"], true);
    assert_eq!(shown["statusCall"], "HTTP 404, and nothing that can be read");

    // It wants the token, and has it.
    ground.set_faults(&json!({ "v2_status": { "wants_token": true } }));
    let missing = "v2 status says: SmartPay Link not found (1112)";
    ground.fails(&["lookup", "order-9"], 1, missing).await;
    ground.configure(&ground.merchant("default", "api = \"v1\"\n"));
    let told = ground.run(&["lookup", "order-1"]).await;
    assert!(told.out.contains("\nv1 status  Account Detail Pending\n"), "{}", told.out);
}

#[tokio::test]
async fn a_status_call_is_not_asked_where_details_did_not_answer() {
    for (faults, code) in [
        (json!({ "details_throttle": 1.0 }), 1),
        (json!({ "details_lost": 1.0 }), 3),
        (json!({ "details_error": 1.0 }), 1),
    ] {
        let ground = Ground::faulty(faults).await;
        let told = ground.run(&["lookup", "order-1"]).await;
        assert_eq!((told.code, &*told.out), (code, ""), "{}", told.err);
        assert_eq!(ground.asked(), [RequestKind::Token, RequestKind::Details]);
    }
}

#[tokio::test]
async fn an_account_shows_what_it_holds() {
    let ground = Ground::faulty(json!({ "account": { "balance": "94003.5" } })).await;
    let told = ground.run(&["account"]).await;
    assert_eq!(told.code, 0, "{}", told.err);
    for line in ["account       *********1317", "balance       94003.50", "low balance   no"] {
        assert!(told.out.lines().any(|it| it == line), "{line}: {}", told.out);
    }
    assert!(told.err.contains("outside of the worker's limiter"), "{}", told.err);
    assert_eq!(ground.asked(), [RequestKind::Token, RequestKind::Account]);

    ground.set_faults(&json!({ "account": { "balance": 12, "is_low": true } }));
    let two = ground.merchant("default", "") + &ground.merchant("acme", "");
    ground.configure(&two);
    ground.fails(&["account"], 2, "choose one with --merchant").await;
    let told = ground.run(&["account", "--merchant", "acme", "--json"]).await;
    assert_eq!(told.code, 0, "{}", told.err);
    let shown: Value = serde_json::from_str(&told.out).unwrap();
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

    let told = ground.run(&["account", "vpas", "+919876543211", "--reveal"]).await;
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(told.out, "9x7x5x3x1x@okaxis  Google Pay  -\n9x7x5x3x1x@ybl  PhonePe  A Payee\n");
    assert_eq!(ground.asked(), [RequestKind::Token, RequestKind::Vpas]);
    let nobody = ["account", "vpas", "9876543210", "--reveal"];
    ground.fails(&nobody, 1, "PayU shows no VPA for it").await;
    let told = ground.run(&[&nobody[..], &["--json"]].concat()).await;
    assert_eq!((told.code, &*told.out), (1, "{\"vpas\":[]}\n"), "{}", told.err);
}

#[tokio::test]
async fn wrong_usage_exits_with_2_and_asks_nothing() {
    let ground = Ground::new().await;
    for arguments in
        [&["account", "1"][..], &["account", "vpas"], &["account", "--merchant", "nobody"]]
    {
        let told = ground.run(arguments).await;
        assert_eq!((told.code, &*told.out), (2, ""), "{arguments:?}: {}", told.err);
    }
    assert!(ground.asked().is_empty());
}

#[tokio::test]
async fn who_is_not_let_in_or_gets_no_answer_is_told() {
    let ground = Ground::new().await;
    let commands: [&[&str]; 2] = [&["account"], &["account", "vpas", "9876543211", "--reveal"]];
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
}
