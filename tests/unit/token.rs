//! One token at hand, renewed early, asked for once however many wait.

mod grants;
mod life;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use smartsend::config::{Grant, Merchant};
use smartsend::domain::call::{CallResult, NotSent};
use smartsend::payu::PayuAccount;
use smartsend::ports::{Provider, Token, TokenError};

use crate::support::account::{create_call, intent, merchant, metrics, secret};
use crate::support::clock::ManualClock;
use crate::support::raw_server::{RawServer, Seen, Step, answer};

const UNAVAILABLE: TokenError = TokenError::Unavailable(NotSent::NoToken);

/// An account whose endpoint is scripted, on a clock that is held.
struct Endpoint {
    account: PayuAccount<ManualClock>,
    clock: ManualClock,
    server: RawServer,
    turns: AtomicUsize,
}

impl Endpoint {
    fn new(server: RawServer, change: impl FnOnce(&mut Merchant)) -> Self {
        let clock = ManualClock::new();
        let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
        change(&mut merchant);
        let account = PayuAccount::new(&merchant, clock.clone(), metrics()).unwrap();
        Self { account, clock, server, turns: AtomicUsize::new(0) }
    }

    /// An endpoint that gives `reply` for the request of each number.
    fn answering(reply: impl Fn(usize, &Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::new(RawServer::answering(reply), |_| {})
    }

    async fn new_token(&self) -> Result<Token, TokenError> {
        let turn = || async {
            self.turns.fetch_add(1, Ordering::Relaxed);
        };
        let result = self.account.new_token(turn).await;
        assert_eq!(self.turns.load(Ordering::Relaxed), self.requests(), "a turn for each request");
        result
    }

    fn requests(&self) -> usize {
        self.server.log().seen.len()
    }

    fn form(&self, number: usize) -> BTreeMap<String, String> {
        let body = &self.server.log().seen[number].body;
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
    }
}

fn granted(number: usize, life_s: u64) -> Vec<u8> {
    let body = format!(
        r#"{{"access_token":"token{number}","token_type":"Bearer","expires_in":{life_s},"scope":"create_payout_transactions","created_at":1585215909}}"#
    );
    answer("200 OK", "content-type: application/json\r\n", &body)
}

fn granted_with_refresh(number: usize) -> Vec<u8> {
    let body = format!(
        r#"{{"access_token":"token{number}","token_type":"bearer","expires_in":7199,"refresh_token":"refresh{number}","user_uuid":"11e8-5a8f"}}"#
    );
    answer("200 OK", "", &body)
}

fn refused() -> Vec<u8> {
    answer("401 Unauthorized", "", r#"{"error":"invalid_client","error_description":"unknown"}"#)
}

fn bearer(token: &Token) -> String {
    token.bearer.expose().to_owned()
}

fn with_password(merchant: &mut Merchant) {
    merchant.grant = Grant::Password {
        client_id: "public".to_owned(),
        username: secret("9999999999"),
        password: secret("p&ss=word"),
    };
}

#[tokio::test]
async fn a_hundred_callers_make_one_request_and_share_its_token() {
    let endpoint = Endpoint::answering(|number, _| granted(number, 7199));
    assert!(endpoint.account.token().is_none());
    let tokens = join_all((0..100).map(|_| endpoint.new_token())).await;
    assert_eq!(endpoint.requests(), 1);
    for token in tokens {
        let token = token.unwrap();
        assert_eq!((token.issue, bearer(&token)), (1, "token0".to_owned()));
    }
    assert_eq!(endpoint.account.token().map(|token| token.issue), Some(1));
    assert_eq!(
        endpoint.new_token().await.unwrap().issue,
        1,
        "a good one that came meanwhile will do"
    );
    assert_eq!(endpoint.requests(), 1);
}

#[tokio::test]
async fn a_hundred_callers_share_a_refusal_too() {
    let endpoint = Endpoint::answering(|_, _| refused());
    let tokens = join_all((0..100).map(|_| endpoint.new_token())).await;
    assert_eq!(endpoint.requests(), 1);
    assert!(tokens.iter().all(|token| matches!(token, Err(TokenError::Refused))));
    assert!(matches!(endpoint.new_token().await, Err(TokenError::Refused)));
    assert_eq!(endpoint.requests(), 2, "who comes later asks again");
}

#[tokio::test]
async fn a_token_of_no_life_serves_those_who_waited_for_it() {
    let endpoint = Endpoint::answering(|number, _| granted(number, 0));
    let tokens = join_all((0..10).map(|_| endpoint.new_token())).await;
    assert!(tokens.iter().all(Result::is_ok));
    assert_eq!(endpoint.requests(), 1);
    assert!(endpoint.account.token().is_none());
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_request_to_the_next() {
    let endpoint = Endpoint::new(
        RawServer::scripted(|connection| match connection {
            0 => vec![Step::ReadRequest, Step::Stall],
            _ => vec![Step::ReadRequest, Step::Write(granted(1, 7199))],
        }),
        |merchant| merchant.timeout = Duration::from_secs(20),
    );
    tokio::select! {
        biased;
        _ = endpoint.account.new_token(|| async {}) => panic!("nobody answered"),
        () = endpoint.server.wait_for("the request", |log| log.seen.len() == 1) => {}
    }
    endpoint.turns.store(1, Ordering::Relaxed);
    assert_eq!(bearer(&endpoint.new_token().await.unwrap()), "token1");
}

#[tokio::test]
async fn a_burst_that_is_denied_takes_one_new_token() {
    let endpoint = Endpoint::answering(|number, seen| {
        if seen.head.starts_with("POST /oauth/token ") {
            return granted(number, 7199);
        }
        if seen.head.contains("Bearer token0\r\n") {
            let body = r#"{"timestamp":"2024-01-30T09:03:39.698+0000","status":401,"error":"Unauthorized","message":"Access is denied"}"#;
            return answer("401 Unauthorized", "", body);
        }
        answer("200 OK", "", r#"{"status":0,"data":{"link":"https://x"}}"#)
    });
    let old = endpoint.account.new_token(|| async {}).await.unwrap();
    let intents: Vec<_> = (0..20).map(|number| intent(&format!("order-{number}"))).collect();
    let endpoint = Arc::new(endpoint);
    let statuses = join_all(intents.iter().map(async |intent| {
        let denied = endpoint.account.create(&old, &create_call(intent)).await;
        assert_eq!(status(&denied), 401);
        endpoint.account.discard(&old);
        let token = match endpoint.account.token() {
            Some(token) => token,
            None => endpoint.account.new_token(|| async {}).await.unwrap(),
        };
        assert_eq!(token.issue, 2);
        status(&endpoint.account.create(&token, &create_call(intent)).await)
    }))
    .await;
    assert_eq!(statuses, [200; 20]);
    let seen = endpoint.server.log().seen;
    let token_requests = seen.iter().filter(|seen| seen.head.starts_with("POST /oauth/token "));
    assert_eq!(token_requests.count(), 2);
}

fn status(result: &CallResult) -> u16 {
    let CallResult::Answered(answer) = result else {
        panic!("no answer: {result:?}");
    };
    answer.status
}

#[tokio::test]
async fn only_the_token_at_hand_is_discarded_and_its_refresh_token_with_it() {
    let server = RawServer::answering(|number, _| granted_with_refresh(number));
    let endpoint = Endpoint::new(server, with_password);
    let first = endpoint.new_token().await.unwrap();
    endpoint.account.discard(&first);
    assert!(endpoint.account.token().is_none());
    let second = endpoint.new_token().await.unwrap();
    assert_eq!(second.issue, 2);
    endpoint.account.discard(&first);
    assert_eq!(endpoint.account.token().map(|token| token.issue), Some(2));
    assert_eq!(endpoint.form(1)["grant_type"], "password");
}

#[tokio::test]
async fn a_token_that_was_discarded_meanwhile_is_shared_with_nobody() {
    let endpoint = Endpoint::answering(|number, _| granted(number, 7199));
    let (first, second) = futures_util::join!(
        async {
            let token = endpoint.new_token().await.unwrap();
            endpoint.account.discard(&token);
            token.issue
        },
        async { endpoint.new_token().await.unwrap().issue }
    );
    assert_eq!((first, second, endpoint.requests()), (1, 2, 2));
}
