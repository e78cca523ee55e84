//! One token at hand, renewed early, asked for once however many wait.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;
use smartsend::config::{Grant, Merchant, Secret};
use smartsend::payout::sighting::{RetryAfter, Sighting, Unsent};
use smartsend::payu::Account;
use smartsend::ports::{NoToken, Provider, Token};

use crate::support::account::{create_call, intent, merchant, secret};
use crate::support::clock::ManualClock;
use crate::support::raw_server::{RawServer, Seen, Step, answer};

const UNAVAILABLE: NoToken = NoToken::Unavailable(Unsent::NoToken);

/// An account whose endpoint is scripted, on a clock that is held.
struct Desk {
    account: Account<ManualClock>,
    clock: ManualClock,
    server: RawServer,
    turns: AtomicUsize,
}

impl Desk {
    fn new(server: RawServer, change: impl FnOnce(&mut Merchant)) -> Self {
        let clock = ManualClock::new();
        let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
        change(&mut merchant);
        let account = Account::new(&merchant, clock.clone()).unwrap();
        Self {
            account,
            clock,
            server,
            turns: AtomicUsize::new(0),
        }
    }

    /// An endpoint that gives `reply` for the request of each number.
    fn answering(reply: impl Fn(usize, &Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::new(RawServer::answering(reply), |_| {})
    }

    async fn new_token(&self) -> Result<Token, NoToken> {
        let turn = || async {
            self.turns.fetch_add(1, Ordering::Relaxed);
        };
        let result = self.account.new_token(turn).await;
        assert_eq!(
            self.turns.load(Ordering::Relaxed),
            self.requests(),
            "a turn for each request"
        );
        result
    }

    fn requests(&self) -> usize {
        self.server.log().seen.len()
    }

    fn form(&self, number: usize) -> BTreeMap<String, String> {
        let body = &self.server.log().seen[number].body;
        url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect()
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
    answer(
        "401 Unauthorized",
        "",
        r#"{"error":"invalid_client","error_description":"unknown"}"#,
    )
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
    let desk = Desk::answering(|number, _| granted(number, 7199));
    assert!(desk.account.token().is_none());
    let tokens = join_all((0..100).map(|_| desk.new_token())).await;
    assert_eq!(desk.requests(), 1);
    for token in tokens {
        let token = token.unwrap();
        assert_eq!((token.issue, bearer(&token)), (1, "token0".to_owned()));
    }
    assert_eq!(desk.account.token().map(|token| token.issue), Some(1));
    assert_eq!(
        desk.new_token().await.unwrap().issue,
        1,
        "a good one that came meanwhile will do"
    );
    assert_eq!(desk.requests(), 1);
}

#[tokio::test]
async fn a_hundred_callers_share_a_refusal_too() {
    let desk = Desk::answering(|_, _| refused());
    let tokens = join_all((0..100).map(|_| desk.new_token())).await;
    assert_eq!(desk.requests(), 1);
    assert!(
        tokens
            .iter()
            .all(|token| matches!(token, Err(NoToken::Refused)))
    );
    assert!(matches!(desk.new_token().await, Err(NoToken::Refused)));
    assert_eq!(desk.requests(), 2, "who comes later asks again");
}

#[tokio::test]
async fn a_token_of_no_life_serves_those_who_waited_for_it() {
    let desk = Desk::answering(|number, _| granted(number, 0));
    let tokens = join_all((0..10).map(|_| desk.new_token())).await;
    assert!(tokens.iter().all(Result::is_ok));
    assert_eq!(desk.requests(), 1);
    assert!(desk.account.token().is_none());
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_request_to_the_next() {
    let desk = Desk::new(
        RawServer::scripted(|connection| match connection {
            0 => vec![Step::ReadRequest, Step::Stall],
            _ => vec![Step::ReadRequest, Step::Write(granted(1, 7199))],
        }),
        |merchant| merchant.timeout = Duration::from_secs(20),
    );
    tokio::select! {
        biased;
        _ = desk.account.new_token(|| async {}) => panic!("nobody answered"),
        () = desk.server.wait_for("the request", |log| log.seen.len() == 1) => {}
    }
    desk.turns.store(1, Ordering::Relaxed);
    assert_eq!(bearer(&desk.new_token().await.unwrap()), "token1");
}

#[tokio::test]
async fn a_token_is_renewed_a_minute_early_or_when_a_fifth_of_its_life_is_left() {
    for (life_s, good_for_s) in [(7199, 7139), (300, 240), (100, 80), (5, 4)] {
        let desk = Desk::answering(move |number, _| granted(number, life_s));
        desk.new_token().await.unwrap();
        desk.clock
            .advance(Duration::from_millis(good_for_s * 1000 - 1));
        assert!(desk.account.token().is_some(), "{life_s}");
        desk.clock.advance(Duration::from_millis(1));
        assert!(desk.account.token().is_none(), "{life_s}");
        assert_eq!(desk.new_token().await.unwrap().issue, 2, "{life_s}");
    }
}

#[tokio::test]
async fn a_life_without_end_overflows_nothing() {
    let desk = Desk::answering(|number, _| granted(number, u64::MAX));
    desk.new_token().await.unwrap();
    desk.clock.advance(Duration::from_hours(1_000_000));
    assert!(desk.account.token().is_some());
}

#[tokio::test]
async fn the_wall_clock_may_jump() {
    let desk = Desk::answering(|number, _| granted(number, 7199));
    desk.new_token().await.unwrap();
    for hours in [3, -6] {
        desk.clock.jump_wall(SignedDuration::from_hours(hours));
        assert!(desk.account.token().is_some());
    }
    desk.clock.advance(Duration::from_hours(2));
    assert!(desk.account.token().is_none());
}

#[tokio::test]
async fn one_caller_renews_early_while_the_others_go_on_with_the_old_token() {
    let desk = Desk::new(
        RawServer::scripted(|connection| match connection {
            0 => vec![Step::ReadRequest, Step::Write(granted(0, 100)), Step::Stall],
            _ => vec![],
        }),
        |_| {},
    );
    desk.new_token().await.unwrap();
    desk.clock.advance(Duration::from_secs(90));
    assert!(desk.account.token().is_none());

    let renewal = desk.account.new_token(|| async {
        let others = desk.account.token().expect("the old one still lives");
        assert_eq!(others.issue, 1);
        desk.clock.advance(Duration::from_secs(10));
        assert!(
            desk.account.token().is_none(),
            "it is dead now, whoever renews"
        );
    });
    assert_eq!(renewal.await.unwrap_err(), UNAVAILABLE);
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_is_used_to_its_end() {
    let desk = Desk::answering(|number, _| match number {
        0 => granted(0, 100),
        _ => answer("503 Service Unavailable", "", ""),
    });
    desk.new_token().await.unwrap();
    desk.clock.advance(Duration::from_secs(85));
    assert_eq!(desk.new_token().await.unwrap().issue, 1);
    assert_eq!(desk.requests(), 2);
    assert!(desk.account.token().is_some(), "no second try at once");
    desk.clock.advance(Duration::from_secs(5));
    assert!(desk.account.token().is_none(), "but one later");
    desk.clock.advance(Duration::from_secs(10));
    assert_eq!(desk.new_token().await.unwrap_err(), UNAVAILABLE);
}

#[tokio::test]
async fn client_credentials_are_posted_as_the_page_says() {
    let desk = Desk::answering(|number, _| granted(number, 7199));
    desk.new_token().await.unwrap();
    let head = desk.server.log().seen[0].head.to_ascii_lowercase();
    assert!(head.starts_with("post /oauth/token http/1.1\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/x-www-form-urlencoded\r\n"),
        "{head}"
    );
    let form = desk.form(0);
    let expected = [
        ("client_id", "client"),
        ("client_secret", "s3cr=t & more"),
        ("grant_type", "client_credentials"),
        ("scope", "create_payout_transactions"),
    ];
    assert!(
        form.iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .eq(expected),
        "{form:?}"
    );
}

#[tokio::test]
async fn the_password_grant_is_refreshed_and_falls_back_to_the_password() {
    let server = RawServer::answering(|number, _| match number {
        2 => answer("400 Bad Request", "", r#"{"error":"invalid_grant"}"#),
        _ => granted_with_refresh(number),
    });
    let desk = Desk::new(server, with_password);
    for expected in ["token0", "token1", "token3", "token4"] {
        assert_eq!(bearer(&desk.new_token().await.unwrap()), expected);
        desk.clock.advance(Duration::from_secs(7150));
    }
    let grants: Vec<_> = (0..5)
        .map(|number| desk.form(number)["grant_type"].clone())
        .collect();
    assert_eq!(
        grants,
        [
            "password",
            "refresh_token",
            "refresh_token",
            "password",
            "refresh_token"
        ]
    );

    let password = desk.form(0);
    let expected = [
        ("client_id", "public"),
        ("grant_type", "password"),
        ("password", "p&ss=word"),
        ("scope", "create_payout_transactions"),
        ("username", "9999999999"),
    ];
    assert!(
        password
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .eq(expected),
        "{password:?}"
    );
    let refresh = desk.form(2);
    let expected = [
        ("client_id", "public"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "refresh1"),
    ];
    assert!(
        refresh
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .eq(expected),
        "{refresh:?}"
    );
}

#[tokio::test]
async fn a_refresh_that_is_not_answered_is_no_reason_to_send_the_password() {
    let server = RawServer::answering(|number, _| match number {
        0 => granted_with_refresh(0),
        1 => answer("502 Bad Gateway", "", "<html>"),
        2 => answer("429 Too Many Requests", "retry-after: 7\r\n", ""),
        _ => granted(number, 7199),
    });
    let desk = Desk::new(server, with_password);
    desk.new_token().await.unwrap();
    desk.clock.advance(Duration::from_hours(3));
    assert_eq!(desk.new_token().await.unwrap_err(), UNAVAILABLE);
    let seven = Some(RetryAfter::In(Duration::from_secs(7)));
    assert_eq!(
        desk.new_token().await.unwrap_err(),
        NoToken::Throttled(seven)
    );
    assert_eq!(bearer(&desk.new_token().await.unwrap()), "token3");
    assert!((1..4).all(|number| desk.form(number)["refresh_token"] == "refresh0"));
}

#[tokio::test]
async fn a_refresh_token_stays_until_another_one_comes() {
    let server = RawServer::answering(|number, _| match number {
        0 => granted_with_refresh(0),
        _ => granted(number, 7199),
    });
    let desk = Desk::new(server, with_password);
    for _ in 0..3 {
        desk.new_token().await.unwrap();
        desk.clock.advance(Duration::from_hours(2));
    }
    assert_eq!(desk.form(2)["refresh_token"], "refresh0");
}

#[tokio::test]
async fn each_answer_of_the_endpoint_has_its_meaning() {
    let minute = Some(RetryAfter::In(Duration::from_mins(1)));
    let token = r#"{"access_token":"a","expires_in":100}"#;
    for (status, headers, body, expected) in [
        ("400 Bad Request", "", "", NoToken::Refused),
        (
            "401 Unauthorized",
            "",
            r#"{"error":"invalid_client"}"#,
            NoToken::Refused,
        ),
        ("403 Forbidden", "", "<html>", NoToken::Refused),
        (
            "200 OK",
            "",
            r#"{"error":"invalid_grant"}"#,
            NoToken::Refused,
        ),
        (
            "429 Too Many Requests",
            "retry-after: 60\r\n",
            "",
            NoToken::Throttled(minute),
        ),
        ("429 Too Many Requests", "", token, NoToken::Throttled(None)),
        ("500 Internal Server Error", "", token, UNAVAILABLE),
        (
            "503 Service Unavailable",
            "retry-after: 60\r\n",
            "",
            UNAVAILABLE,
        ),
        ("404 Not Found", "", "", UNAVAILABLE),
        ("302 Found", "location: /elsewhere\r\n", "", UNAVAILABLE),
        ("200 OK", "", "", UNAVAILABLE),
        ("200 OK", "", "<html>", UNAVAILABLE),
        ("200 OK", "", r#"{"access_token":"a\nb"}"#, UNAVAILABLE),
    ] {
        let desk = Desk::answering(move |_, _| answer(status, headers, body));
        assert_eq!(
            desk.new_token().await.unwrap_err(),
            expected,
            "{status} {body}"
        );
        assert_eq!(desk.requests(), 1, "{status} {body}");
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_unavailable() {
    let desk = Desk::new(
        RawServer::doing(vec![Step::ReadRequest, Step::Reset]),
        |_| {},
    );
    assert_eq!(desk.new_token().await.unwrap_err(), UNAVAILABLE);
    assert_eq!(desk.requests(), 1);

    let dead = RawServer::doing(vec![]).url("/oauth/token");
    let account = Account::new(&merchant("http://127.0.0.1:1", &dead), ManualClock::new()).unwrap();
    assert_eq!(
        account.new_token(|| async {}).await.unwrap_err(),
        UNAVAILABLE
    );
}

#[tokio::test]
async fn a_secret_in_a_file_is_read_again_for_each_token() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"first \r\n").unwrap();
    let path = file.path().to_owned();
    let desk = Desk::new(
        RawServer::answering(|number, _| granted(number, 100)),
        move |merchant| {
            merchant.grant = Grant::ClientCredentials {
                client_id: "client".to_owned(),
                client_secret: Secret::File(path),
            };
        },
    );
    desk.new_token().await.unwrap();
    std::fs::write(file.path(), "second").unwrap();
    desk.clock.advance(Duration::from_secs(100));
    desk.new_token().await.unwrap();
    assert_eq!(
        desk.form(0)["client_secret"],
        "first ",
        "only the end of the line is cut"
    );
    assert_eq!(desk.form(1)["client_secret"], "second");

    desk.clock.advance(Duration::from_secs(100));
    std::fs::write(file.path(), "\n").unwrap();
    assert_eq!(
        desk.new_token().await.unwrap_err(),
        UNAVAILABLE,
        "it is empty"
    );
    drop(file);
    assert_eq!(
        desk.new_token().await.unwrap_err(),
        UNAVAILABLE,
        "it is gone"
    );
    assert_eq!(desk.requests(), 2);
}

#[tokio::test]
async fn a_burst_that_is_denied_takes_one_new_token() {
    let desk = Desk::answering(|number, seen| {
        if seen.head.starts_with("POST /oauth/token ") {
            return granted(number, 7199);
        }
        if seen.head.contains("Bearer token0\r\n") {
            let body = r#"{"timestamp":"2024-01-30T09:03:39.698+0000","status":401,"error":"Unauthorized","message":"Access is denied"}"#;
            return answer("401 Unauthorized", "", body);
        }
        answer("200 OK", "", r#"{"status":0,"data":{"link":"https://x"}}"#)
    });
    let old = desk.account.new_token(|| async {}).await.unwrap();
    let intents: Vec<_> = (0..20)
        .map(|number| intent(&format!("order-{number}")))
        .collect();
    let desk = Arc::new(desk);
    let statuses = join_all(intents.iter().map(async |intent| {
        let denied = desk.account.create(&old, &create_call(intent)).await;
        assert_eq!(status(&denied), 401);
        desk.account.discard(&old);
        let token = match desk.account.token() {
            Some(token) => token,
            None => desk.account.new_token(|| async {}).await.unwrap(),
        };
        assert_eq!(token.issue, 2);
        status(&desk.account.create(&token, &create_call(intent)).await)
    }))
    .await;
    assert_eq!(statuses, [200; 20]);
    let seen = desk.server.log().seen;
    let token_requests = seen
        .iter()
        .filter(|seen| seen.head.starts_with("POST /oauth/token "));
    assert_eq!(token_requests.count(), 2);
}

fn status(sighting: &Sighting) -> u16 {
    let Sighting::Answered(answer) = sighting else {
        panic!("no answer: {sighting:?}");
    };
    answer.status
}

#[tokio::test]
async fn only_the_token_at_hand_is_discarded_and_its_refresh_token_with_it() {
    let server = RawServer::answering(|number, _| granted_with_refresh(number));
    let desk = Desk::new(server, with_password);
    let first = desk.new_token().await.unwrap();
    desk.account.discard(&first);
    assert!(desk.account.token().is_none());
    let second = desk.new_token().await.unwrap();
    assert_eq!(second.issue, 2);
    desk.account.discard(&first);
    assert_eq!(desk.account.token().map(|token| token.issue), Some(2));
    assert_eq!(desk.form(1)["grant_type"], "password");
}
