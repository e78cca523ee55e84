//! What is sent, by whom, and what is told of it.

use std::io;
use std::sync::{Arc, Mutex};

use smartsend::config::Merchant;
use smartsend::domain::account::Api;
use smartsend::payu::{AccountError, PayuAccount};
use smartsend::ports::Provider;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::account::{merchant, metrics};
use crate::support::canary::{self, TOKEN};
use crate::support::clock::ManualClock;
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
    ] {
        assert!(head.contains(header), "{head}");
    }
    for header in ["accept-encoding", "referer", "cookie", "expect"] {
        assert!(!head.contains(header), "{head}");
    }
}

#[tokio::test]
async fn a_look_asks_for_the_reference_of_this_merchant() {
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

#[tokio::test]
async fn connections_are_used_again() {
    let server = RawServer::answering(|_, _| answer("200 OK", "", CREATED));
    let account = account_at(&server);
    for _ in 0..5 {
        assert!(has_link(create(&account).await));
    }
    assert_eq!((server.log().seen.len(), server.log().opened), (5, 1));
}

#[test]
fn an_account_that_cannot_work_is_refused() {
    let refused = |change: fn(&mut Merchant)| {
        let mut merchant = merchant("http://127.0.0.1:1/payout", "http://127.0.0.1:1/token");
        change(&mut merchant);
        match PayuAccount::new(&merchant, ManualClock::new(), metrics()) {
            Ok(_) => panic!("it was accepted"),
            Err(error) => error,
        }
    };
    let v2 = refused(|merchant| merchant.account.api = Api::V2);
    assert!(matches!(v2, AccountError::Api { .. }));
    assert_eq!(v2.to_string(), "cannot use api = \"v2\" for merchant default; set api = \"v1\"");
    let id = refused(|merchant| merchant.account.payout_merchant_id = "1\n2".to_owned());
    assert!(matches!(id, AccountError::Address { .. }));
    let url = refused(|merchant| merchant.api_url = "mailto:x@example.com".parse().unwrap());
    assert!(matches!(url, AccountError::Address { .. }));
}

#[tokio::test]
async fn nothing_private_is_told() {
    let told = Told::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(told.clone())
        .finish();
    let _told = tracing::subscriber::set_default(subscriber);

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

    let told = told.text();
    assert!(told.contains("token renewed"), "{told}");
    assert!(told.contains("no whole answer came"), "{told}");
    for text in [&told, &shown] {
        let leak = canary::leak_in(text.as_bytes());
        assert_eq!(leak, None, "{text}");
        assert!(!text.contains("order-1"), "{text}");
    }
}

/// What was told, kept in memory.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Told {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
