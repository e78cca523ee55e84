//! The words for a call that failed, which an operator acts on.

use std::sync::Arc;

use smartsend::config::{Grant, Merchant, Secret};
use smartsend::payu::PayuAccount;
use smartsend::ports::Provider;
use smartsend::telemetry::metrics::MerchantMetrics;
use tokio::net::TcpSocket;

use super::{CREATED, create, lookup};
use crate::support::account::{merchant, metrics};
use crate::support::clock::ManualClock;
use crate::support::raw_server::{RawServer, Step, answer};

fn account(merchant: &Merchant) -> (PayuAccount<ManualClock>, Arc<MerchantMetrics>) {
    let metrics = metrics();
    let account = PayuAccount::new(merchant, ManualClock::new(), Arc::clone(&metrics)).unwrap();
    (account, metrics)
}

fn failure(metrics: &MerchantMetrics) -> Option<String> {
    metrics.last_failure().map(|failure| failure.to_string())
}

fn at(url: &str) -> (PayuAccount<ManualClock>, Arc<MerchantMetrics>) {
    account(&merchant(url, url))
}

#[tokio::test]
async fn a_connection_that_could_not_be_made_says_at_which_step() {
    let (account, metrics) = at(&format!("http://{}.invalid/payout", "x".repeat(70)));
    create(&account).await;
    assert!(failure(&metrics).unwrap().starts_with("create, dns"));

    let socket = TcpSocket::new_v4().unwrap(); // bound and not listening: the port stays ours
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (account, metrics) = at(&format!("http://{}/payout", socket.local_addr().unwrap()));
    lookup(&account).await;
    let refused = "tcp connect error: Connection refused (os error 111)";
    assert_eq!(failure(&metrics).unwrap(), format!("lookup, {refused}"));

    let server = RawServer::doing(vec![Step::Write(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())]);
    let (account, metrics) = at(&server.url("/payout").replace("http://", "https://"));
    create(&account).await;
    let tls = "create, received corrupt message of type InvalidContentType";
    assert_eq!(failure(&metrics).unwrap(), tls);
}

#[tokio::test]
async fn an_answer_that_does_not_serve_says_its_status_and_one_that_does_is_not_a_failure() {
    for (status, body, cause) in [
        ("401 Unauthorized", CREATED, Some("create, HTTP 401")),
        ("403 Forbidden", "", Some("create, HTTP 403")),
        ("429 Too Many Requests", CREATED, Some("create, HTTP 429")),
        ("503 Service Unavailable", CREATED, Some("create, HTTP 503")),
        ("200 OK", "<html>", Some("create, HTTP 200 without PayU's envelope")),
        ("200 OK", CREATED, None),
        ("400 Bad Request", r#"{"status":1,"msg":"no","code":1105,"data":null}"#, None),
    ] {
        let server = RawServer::answering(move |_, _| answer(status, "", body));
        let (account, metrics) = at(&server.url("/payout"));
        create(&account).await;
        assert_eq!(failure(&metrics).as_deref(), cause, "{status}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_given_says_why() {
    for (status, cause) in [
        ("401 Unauthorized", "token, the credentials are refused, HTTP 401"),
        ("503 Service Unavailable", "token, HTTP 503"),
        ("429 Too Many Requests", "token, HTTP 429"),
    ] {
        let server = RawServer::answering(move |_, _| answer(status, "", ""));
        let (account, metrics) = at(&server.url("/oauth/token"));
        account.new_token(|| async {}).await.unwrap_err();
        assert_eq!(failure(&metrics).as_deref(), Some(cause));
    }
}

#[tokio::test]
async fn the_file_of_a_secret_that_is_not_there_is_named() {
    let server = RawServer::answering(|_, _| unreachable!("nothing is asked for"));
    let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
    let client_secret = Secret::File("/run/secrets/payu".into());
    merchant.grant = Grant::ClientCredentials { client_id: "id".to_owned(), client_secret };
    let (account, metrics) = account(&merchant);
    account.new_token(|| async {}).await.unwrap_err();
    let cause = failure(&metrics).unwrap();
    let named = "token, cannot use the secret in /run/secrets/payu; make it a readable file";
    assert!(cause.starts_with(named), "{cause}");
}
