//! F5 to F11, and F23: the connection ends, stalls, or is given up.

use std::time::Duration;

use smartsend::domain::call::{NoAnswer, NotSent};
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::lookup::Lookup;

use tokio::net::TcpListener;

use super::{CUT, LOST, Line, TIMED_OUT};
use super::{account, account_at, create, created_by, ended_at_once, look_silent, lookup};
use crate::support::account::merchant;
use crate::support::payu::{Act, Kind, Payu};
use crate::support::raw_server::{Log, RawServer, Step, answer};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n";

/// A connection that ends before anything is read from it.
async fn ends_at_once(line: &mut Line, end: Vec<Step>) {
    let server = RawServer::doing(end);
    let account = account_at(&server);
    for calls in 1..=50 {
        let outcome = create(&account).await;
        assert!(ended_at_once(&outcome), "{outcome:?}");
        line.unmade();
        server.wait_for("the connection", |log| log.opened >= calls).await;
        assert_eq!(server.log().opened, calls, "one connection for one call");
    }
    assert_eq!(server.log().seen.len(), 0);
}

/// The same, where the end is there before the request is: hyper hands it back. The server shares the
/// test's only thread with the connection, which is a task that begins after the server's is woken.
async fn ends_before_the_request(line: &mut Line, is_reset: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            if is_reset {
                connection.set_zero_linger().unwrap();
            }
        }
    });
    let account = account(&merchant(&url, &url));
    for _ in 0..50 {
        assert_eq!(create(&account).await, Outcome::NotSent(NotSent::Unstarted));
        line.unmade();
    }
}

/// A connection that ends after the first line of the request.
async fn ends_after_the_request_line(line: &mut Line, end: Vec<Step>) {
    let server = RawServer::doing([vec![Step::ReadRequestLine], end].concat());
    let account = account_at(&server);
    assert_eq!(create(&account).await, LOST);
    line.unmade();
    assert_eq!(lookup(&account).await, look_silent(NoAnswer::Connection));
    assert_eq!((server.log().opened, server.log().seen.len()), (2, 0));
}

#[tokio::test]
async fn f05_accepted_and_closed() {
    let mut line = Line::new("F5 accepted and closed");
    ends_at_once(&mut line, vec![]).await;
    ends_before_the_request(&mut line, false).await;
    line.show();
}

#[tokio::test]
async fn f06_closed_after_the_request_line() {
    let mut line = Line::new("F6 closed in the request");
    ends_after_the_request_line(&mut line, vec![]).await;
    line.show();
}

#[tokio::test]
async fn f07_closed_after_the_whole_request() {
    let mut line = Line::new("F7 closed after the request");
    assert_eq!(created_by(&mut line, &[Step::Close]).await, LOST);
    line.show();
}

#[tokio::test]
async fn f08_reset_instead_of_closed() {
    let mut line = Line::new("F8 reset");
    ends_at_once(&mut line, vec![Step::Reset]).await;
    ends_before_the_request(&mut line, true).await;
    ends_after_the_request_line(&mut line, vec![Step::Reset]).await;
    assert_eq!(created_by(&mut line, &[Step::Reset]).await, LOST);
    line.show();
}

#[tokio::test]
async fn f09_a_stall_after_the_whole_request() {
    let mut line = Line::new("F9 stall");
    assert_eq!(created_by(&mut line, &[Step::Stall]).await, TIMED_OUT);
    for half in [HEAD.to_vec(), [HEAD, b"\r\n{"].concat()] {
        let steps = [Step::Write(half), Step::Stall];
        assert_eq!(created_by(&mut line, &steps).await, TIMED_OUT);
    }
    line.show();
}

#[tokio::test]
async fn f10_cut_within_the_answer() {
    let mut line = Line::new("F10 cut answer");
    for end in [Step::Close, Step::Reset] {
        let within_head = [Step::Write(HEAD.to_vec()), end.clone()];
        assert_eq!(created_by(&mut line, &within_head).await, LOST);
        let after_head = [Step::Write([HEAD, b"\r\n"].concat()), end];
        assert_eq!(created_by(&mut line, &after_head).await, CUT);
    }
    let no_http = [Step::Write(b"what is this\r\n\r\n".to_vec()), Step::Close];
    assert_eq!(created_by(&mut line, &no_http).await, LOST);
    line.show();
}

#[tokio::test]
async fn f11_less_body_than_was_announced() {
    let mut line = Line::new("F11 short body");
    // A whole envelope, but not all that was announced.
    let envelope = br#"{"status":1,"msg":"Fail","code":1101,"data":null}"#;
    for end in [Step::Close, Step::Reset] {
        let short = [Step::Write([HEAD, b"\r\n", envelope].concat()), end];
        assert_eq!(created_by(&mut line, &short).await, CUT);
    }
    let chunked =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"sta\r\nnot a size".to_vec();
    assert_eq!(created_by(&mut line, &[Step::Write(chunked), Step::Close]).await, CUT);
    line.show();
}

#[tokio::test]
async fn f23_a_call_that_is_dropped_is_not_sent_again() {
    let mut line = Line::new("F23 dropped call");
    for made in [true, false] {
        let payu = Payu::scripted(move |asked| match asked.kind {
            Kind::Create if made => Act::MakeThen(vec![Step::Stall]),
            Kind::Create => Act::Only(vec![Step::Stall]),
            Kind::Lookup | Kind::Token | Kind::Change | Kind::Account => Act::Serve,
        });
        let account = account_at(payu.server());
        tokio::select! {
            biased;
            outcome = create(&account) => panic!("nobody answered: {outcome:?}"),
            () = payu.server().wait_for("the request", |log| log.seen.len() == 1) => {}
        }
        let ended = |log: &Log| log.closed == 1;
        payu.server().wait_for("the end of the connection", ended).await;
        // Nobody heard the answer; whoever asks learns the truth.
        let found = lookup(&account).await;
        assert_eq!(matches!(found, Lookup::Found(_)), made, "{found:?}");
        assert_eq!((payu.count(Kind::Create), payu.links("order-1").len()), (1, made.into()));
        line.at(&payu, 1, 1);
    }
    line.show();
}

#[tokio::test]
async fn f19_an_answer_that_drips_in_too_slowly_is_not_an_answer() {
    let mut line = Line::new("F19 slow drip");
    let whole = answer("200 OK", "", &"x".repeat(500));
    let drip = [Step::Drip(whole, Duration::from_millis(50))];
    assert_eq!(created_by(&mut line, &drip).await, TIMED_OUT);
    line.show();
}
