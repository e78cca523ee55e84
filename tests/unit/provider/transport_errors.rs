//! How far a request came before it failed, and what that proves.

use smartsend::domain::call::{CallResult, NotSent};
use smartsend::payu::transport_error;
use smartsend::ports::Provider;

use crate::support::account::merchant;
use crate::support::raw_server::{RawServer, Step, answer};

use super::{CREATED, account, create, lookup};

#[tokio::test]
async fn plain_http_is_refused_but_to_the_sandbox() {
    let server = RawServer::answering(|_, _| answer("200 OK", "", CREATED));
    let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
    merchant.sandbox = false;
    let account = account(&merchant);
    assert_eq!(create(&account).await, CallResult::NotSent(NotSent::Unbuildable));
    assert_eq!(lookup(&account).await, CallResult::NotSent(NotSent::Unbuildable));
    assert!(account.new_token(|| async {}).await.is_err());
    assert_eq!(server.log().opened, 0);
}

/// [`transport_error::before_head`] finds hyper's verdict by a downcast, which silently stops matching when
/// this crate and reqwest depend on two versions of hyper.
#[tokio::test]
async fn the_hyper_that_is_asked_is_the_one_that_reqwest_uses() {
    let server = RawServer::doing(vec![Step::ReadRequest]);
    let error = reqwest::get(server.url("/")).await.unwrap_err();
    let verdict = transport_error::hyper_error(&error).expect("the downcast no longer matches");
    assert!(verdict.is_incomplete_message());
    assert!(!verdict.is_canceled());
}

#[tokio::test]
async fn causes_name_no_address() {
    let server = RawServer::doing(vec![Step::ReadRequest]);
    let error = reqwest::get(server.url("/?merchantRefId=order-1")).await.unwrap_err();
    assert!(error.to_string().contains("order-1"), "reqwest itself names it");
    let causes = transport_error::causes(&error);
    assert!(!causes.is_empty() && !causes.contains("order-1"), "{causes}");
}
