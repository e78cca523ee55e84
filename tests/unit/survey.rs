//! `survey`: what follows from what was seen, and what is seen of sandboxes that read PayU's
//! documentation in different ways.

mod command;
mod findings;
mod readings;

use std::time::Duration;

use serde_json::{Value, json};
use smartsend::config::{Grant, Merchant};
use smartsend::domain::account::{Account, Api};
use smartsend::domain::customer::{Contact, Email, Mobile, Private};
use smartsend::sandbox::{Faults, LinkStatus, Sandbox, SandboxSettings};
use smartsend::survey::{Finding, Question, Report, Survey};
use tokio_util::sync::CancellationToken;

use crate::support::account::merchant;
use crate::support::canary;

/// Long enough for every lag of these tests, and for a slow machine.
const WAIT: Duration = Duration::from_secs(5);

/// A sandbox with a reading of its own, and a merchant of it.
struct Ground {
    sandbox: Sandbox,
    merchant: Merchant,
    wait: Duration,
    apart: Duration,
    ceiling: Option<u32>,
}

impl Ground {
    /// Each has an account of its own, since the lock file is one of an account.
    async fn new(account: &str, api: Api, faults: Value) -> Self {
        canary::watch();
        let faults = Faults::parse(faults.to_string().as_bytes()).unwrap();
        let client_secret = canary::CLIENT_SECRET.to_owned();
        let password = canary::PASSWORD.to_owned();
        let settings =
            SandboxSettings { faults, client_secret, password, ..SandboxSettings::default() };
        let sandbox = Sandbox::start("127.0.0.1:0", settings).await.unwrap();
        let (api_url, auth_url) =
            (format!("{}/payout", sandbox.url()), format!("{}/oauth/token", sandbox.url()));
        let account = Account { payout_merchant_id: account.to_owned(), api };
        let merchant =
            Merchant { account, timeout: Duration::from_secs(10), ..merchant(&api_url, &auth_url) };
        Self { sandbox, merchant, wait: WAIT, apart: Duration::from_millis(5), ceiling: None }
    }

    async fn survey(&self) -> Report {
        self.survey_until(|_, _| {}).await
    }

    /// Runs the survey. `on_note` sees each note, and may stop the survey or abort it.
    async fn survey_until(&self, on_note: impl Fn(&str, &Stops)) -> Report {
        let stops = Stops::default();
        let survey = Survey {
            wait: self.wait,
            apart: self.apart,
            ceiling: self.ceiling,
            ..survey(&self.merchant, &stops, |note: &str| on_note(note, &stops))
        };
        checked(survey.run().await.unwrap())
    }

    /// The status of each link.
    fn links(&self) -> Vec<LinkStatus> {
        self.sandbox.ledger().links.iter().map(|link| link.status).collect()
    }

    fn by_password(mut self) -> Self {
        self.merchant.grant = Grant::Password {
            client_id: "client".to_owned(),
            username: crate::support::account::secret("user"),
            password: crate::support::account::secret(canary::PASSWORD),
        };
        self
    }
}

/// What ends a survey, and what ends its cancelling too.
#[derive(Default)]
struct Stops {
    stop: CancellationToken,
    abort: CancellationToken,
}

/// A survey that waits for nothing.
fn survey<'a, N: Fn(&str)>(merchant: &'a Merchant, stops: &Stops, note: N) -> Survey<'a, N> {
    Survey {
        merchant,
        contact: Contact::Both(
            Mobile::parse(canary::MOBILE).unwrap(),
            Email::parse(canary::EMAIL).unwrap(),
        ),
        name: Private::new(canary::NAME),
        wait: Duration::ZERO,
        apart: Duration::from_millis(5),
        ceiling: None,
        stop: stops.stop.clone(),
        abort: stops.abort.clone(),
        note,
    }
}

/// Nothing private is in it.
fn checked(report: Report) -> Report {
    canary::check("a survey's table", report.table().as_bytes());
    canary::check("a survey's JSON", report.json().as_bytes());
    report
}

fn row(report: &Report, question: Question) -> &Finding {
    report.findings.iter().find(|finding| finding.question == question).unwrap()
}

/// Each question with what its row has to hold, of what was seen and of what to set.
fn assert_rows(report: &Report, expected: &[(Question, &str, &str)]) {
    for (question, seen, setting) in expected {
        let row = row(report, *question);
        assert!(row.seen.contains(seen), "{seen:?}: {row:?}");
        assert!(row.setting.contains(setting), "{setting:?}: {row:?}");
    }
}

#[test]
fn only_payu_s_test_hosts_and_the_sandbox_are_not_production() {
    let of = |api: &str, auth: &str, sandbox| {
        smartsend::survey::production_hosts(&Merchant { sandbox, ..merchant(api, auth) })
    };
    let (test_api, test_auth) =
        ("https://uatoneapi.payu.in/payout", "https://uat-accounts.payu.in/oauth/token");
    let (api, auth) =
        ("https://payout.payumoney.com/payout", "https://accounts.payu.in/oauth/token");
    assert_eq!(of(test_api, test_auth, false), Vec::<String>::new());
    assert_eq!(of(api, auth, false), ["payout.payumoney.com", "accounts.payu.in"]);
    assert_eq!(of(test_api, auth, false), ["accounts.payu.in"]);
    assert_eq!(of(api, test_auth, false), ["payout.payumoney.com"]);
    // A name that only ends like one, and this machine without `sandbox = true`.
    assert_eq!(of("https://uatoneapi.payu.in.evil.example/", test_auth, false).len(), 1);
    assert_eq!(of("https://127.0.0.1:1/payout", test_auth, false), ["127.0.0.1"]);
    assert_eq!(of("http://127.0.0.1:1/payout", "http://127.0.0.1:1/token", true).len(), 0);
}

#[test]
fn a_report_is_a_table_of_a_hundred_columns_and_json_with_the_same_rows() {
    let finding = Finding {
        question: Question::SecondToken,
        seen: "no: another one, and both are\u{1b} accepted".to_owned(),
        setting: "none: tools may ask beside the worker".to_owned(),
        is_found: true,
    };
    let report = Report {
        merchant: "default".to_owned(),
        account: "1111312".to_owned(),
        api: "v2",
        findings: vec![finding.clone(), finding],
        links: 2,
        remaining: Vec::new(),
        halt: None,
    };
    let table = report.table();
    let expected = "\
question              what PayU says        what was seen                    what to set
--------------------  --------------------  -------------------------------  -----------------------
Does a second token   nothing               no: another one, and both are?   none: tools may ask
end the first?                              accepted                         beside the worker

Does a second token   nothing               no: another one, and both are?   none: tools may ask
end the first?                              accepted                         beside the worker
";
    assert_eq!(table, expected);
    let read: Value = serde_json::from_str(&report.json()).unwrap();
    let row = json!({
        "id": "second_token",
        "question": "Does a second token end the first?",
        "payuSays": "nothing",
        "seen": "no: another one, and both are\u{1b} accepted",
        "setting": "none: tools may ask beside the worker",
        "found": true,
    });
    let expected = json!({
        "merchant": "default", "payoutMerchantId": "1111312", "api": "v2",
        "findings": [row, row], "links": 2, "remaining": [],
    });
    assert_eq!(read, expected);
}

#[test]
fn a_pace_grows_by_a_quarter_up_to_the_ceiling() {
    assert_eq!(smartsend::survey::paces(1), [1]);
    assert_eq!(smartsend::survey::paces(2), [1, 2]);
    assert_eq!(smartsend::survey::paces(20), [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 20]);
}
