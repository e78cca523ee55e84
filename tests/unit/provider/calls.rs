//! What is sent, by whom, and what is logged of it.

use std::io;
use std::sync::{Arc, Mutex};

use smartsend::config::CancelAs;
use smartsend::domain::account::Api;
use smartsend::domain::classify::manage::ManageOutcome;
use smartsend::domain::command::{self, Command};
use smartsend::ports::Provider;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::account::{create_call, intent, manage_call, merchant, token};
use crate::support::canary::{self, TOKEN};
use crate::support::raw_server::{RawServer, Step, answer};

use super::{CREATED, account, account_at, create, has_link, lookup};

#[tokio::test]
async fn a_create_is_posted_once_as_the_page_says() {
    let server = RawServer::answering(|_, _| answer("200 OK", "", CREATED));
    assert!(has_link(create(&account_at(&server)).await));
    let log = server.log();
    assert_eq!(log.seen.len(), 1);
    assert_eq!(
        log.seen[0].body,
        r#"{"merchantRefId":"order-1","amount":100.50,"description":"Refund for order 8841","custName":"Asha Rao","custMobile":"9999999999","custEmail":"Asha@example.com"}"#
    );
    let head = log.seen[0].head.to_ascii_lowercase();
    assert!(head.starts_with("post /payout/smartpay http/1.1\r\n"), "{head}");
    for header in [
        "authorization: bearer canary-t0ken\r\n",
        "payoutmerchantid: 1111312\r\n",
        "content-type: application/json\r\n",
        "accept-encoding: identity\r\n",
    ] {
        assert!(head.contains(header), "{head}");
    }
    for header in ["referer", "cookie", "expect"] {
        assert!(!head.contains(header), "{head}");
    }
}

#[tokio::test]
async fn a_v2_create_has_its_own_path_header_and_body() {
    let server = RawServer::answering(|_, _| answer("200 OK", "", CREATED));
    let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
    merchant.account.api = Api::V2;
    let mut intent = intent("order-1");
    intent.expiry = Some("2026-12-01T05:30:00.999+05:30".parse().unwrap());
    intent.disable_approval = Some(false);
    let account = account(&merchant);
    assert!(has_link(account.create(&token(), &create_call(&intent)).await));
    assert!(has_link(lookup(&account).await));

    let log = server.log();
    assert_eq!(
        log.seen[0].body,
        r#"{"merchantRefId":"order-1","amount":"100.50","description":"Refund for order 8841","custName":"Asha Rao","custMobile":"9999999999","custEmail":"Asha@example.com","expiryDate":"2026-12-01T00:00:00.000Z","disableApprovalFlow":false}"#
    );
    assert!(log.seen[0].head.starts_with("POST /payout/v2/smartSend/link HTTP/1.1\r\n"));
    let lookup = "GET /payout/merchant/smartSend/details?payoutMerchantId=1111312&";
    assert!(log.seen[1].head.starts_with(lookup), "{}", log.seen[1].head);
    for seen in &log.seen {
        let head = seen.head.to_ascii_lowercase();
        assert!(head.contains("pid: 1111312\r\n"), "{head}");
        assert!(!head.contains("payoutmerchantid: "), "{head}");
    }
}

#[tokio::test]
async fn a_lookup_asks_for_the_reference_of_this_merchant() {
    let server = RawServer::answering(|_, _| answer("200 OK", "", CREATED));
    for base in ["/payout", "/payout/"] {
        let merchant = merchant(&server.url(base), &server.url("/oauth/token"));
        assert!(has_link(lookup(&account(&merchant)).await));
    }
    for seen in server.log().seen {
        let line = "GET /payout/merchant/smartSend/details?payoutMerchantId=1111312&merchantRefId=order-1 HTTP/1.1\r\n";
        assert!(seen.head.starts_with(line), "{}", seen.head);
        let head = seen.head.to_ascii_lowercase();
        assert!(head.contains("authorization: bearer canary-t0ken\r\n"), "{head}");
        assert!(head.contains("payoutmerchantid: 1111312\r\n"), "{head}");
        assert_eq!(seen.body, "");
    }
}

const CANCELLED: &str = r#"{"status":0,"msg":"Smart send link cancelled","code":null,"data":null}"#;

fn command(json: &str) -> Command {
    command::wire::parse(json.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_cancel_is_v1_s_for_either_api_and_sends_the_reference_as_it_is_configured() {
    let server = RawServer::answering(|_, _| answer("200 OK", "", CANCELLED));
    let cancel = command(r#"{"command":"cancel","merchantRefId":"order-1"}"#);
    for (api, cancel_as) in [(Api::V1, CancelAs::Query), (Api::V2, CancelAs::Form)] {
        let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
        (merchant.account.api, merchant.cancel_as) = (api, cancel_as);
        let result = account(&merchant).manage(&token(), &manage_call(&cancel)).await;
        let done = ManageOutcome::classify(result, &cancel.reference);
        assert_eq!(done, ManageOutcome::Done);
    }
    let log = server.log();
    let query = "POST /payout/smartPay/cancel?merchantRefId=order-1 HTTP/1.1\r\n";
    assert!(log.seen[0].head.starts_with(query), "{}", log.seen[0].head);
    let form = "POST /payout/smartPay/cancel HTTP/1.1\r\n";
    assert!(log.seen[1].head.starts_with(form), "{}", log.seen[1].head);
    let bodies: Vec<_> = log.seen.iter().map(|seen| &*seen.body).collect();
    assert_eq!(bodies, ["", "merchantRefId=order-1"]);
    for (seen, kind) in log.seen.iter().zip(["json", "x-www-form-urlencoded"]) {
        let head = seen.head.to_ascii_lowercase();
        assert!(head.contains("payoutmerchantid: 1111312\r\n"), "{head}");
        assert!(head.contains(&format!("content-type: application/{kind}\r\n")), "{head}");
        assert!(head.contains("authorization: bearer canary-t0ken\r\n"), "{head}");
    }
}

#[tokio::test]
async fn an_extend_is_put_with_nothing_but_its_query() {
    let server = RawServer::answering(|_, _| answer("200 OK", "", CANCELLED));
    let extend = command(
        r#"{"command":"extend","merchantRefId":"order-1","expiryDate":"2026-12-01T05:30:00.999+05:30"}"#,
    );
    account_at(&server).manage(&token(), &manage_call(&extend)).await;
    let seen = &server.log().seen[0];
    let line = "PUT /payout/v2/smartSend/extendExpiry?merchantRefId=order-1&expiryDate=2026-12-01T00%3A00%3A00.000Z HTTP/1.1\r\n";
    assert!(seen.head.starts_with(line), "{}", seen.head);
    let head = seen.head.to_ascii_lowercase();
    assert!(head.contains("pid: 1111312\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded\r\n"), "{head}");
    assert_eq!(seen.body, "");
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = RawServer::answering(|_, _| answer("200 OK", "", CREATED));
    let account = account_at(&server);
    for _ in 0..5 {
        assert!(has_link(create(&account).await));
    }
    assert_eq!((server.log().seen.len(), server.log().opened), (5, 1));
}

#[tokio::test]
async fn nothing_private_is_logged() {
    let log = LogText::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let script = vec![Step::ReadRequest];
    let account = account_at(&RawServer::doing(script));
    let token = account.new_token(|| async {}).await;
    let shown = format!("{:?} {:?} {token:?}", create(&account).await, lookup(&account).await);
    let server = RawServer::answering(|_, seen| {
        let token = format!(r#"{{"access_token":"{TOKEN}","expires_in":60}}"#);
        let body = if seen.head.contains("/oauth/") { &token } else { CREATED };
        answer("200 OK", "", body)
    });
    let account = account_at(&server);
    let token = account.new_token(|| async {}).await;
    let shown = format!("{shown} {:?} {token:?}", create(&account).await);

    let log = log.text();
    assert!(log.contains("token renewed"), "{log}");
    assert!(log.contains("the call failed"), "{log}");
    for text in [&log, &shown] {
        let leak = canary::leak_in(text.as_bytes());
        assert_eq!(leak, None, "{text}");
        assert!(!text.contains("order-1"), "{text}");
    }
}

/// A log, kept in memory.
#[derive(Clone, Default)]
struct LogText(Arc<Mutex<Vec<u8>>>);

impl LogText {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for LogText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogText {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
