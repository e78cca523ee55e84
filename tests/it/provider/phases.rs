//! How far a request came before it failed, and what that proves.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::time::Duration;

use smartsend::payout::sighting::{Sighting, Silence, Unsent};
use smartsend::payu::phase;
use smartsend::ports::Provider;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::account::{create_call, intent, merchant, token};
use crate::support::child;
use crate::support::raw_server::{RawServer, Step, answer};

use super::{CREATED, account, account_at, create, ended_at_once, has_link, look};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n";

#[tokio::test]
async fn a_name_without_an_address_sends_nothing() {
    // No resolver asks anyone about a label of more than 63 characters (RFC 1035, 2.3.4).
    let url = format!("http://{}.invalid/payout", "x".repeat(70));
    let account = account(&merchant(&url, &url));
    assert_eq!(create(&account).await, Sighting::NotSent(Unsent::Dns));
    assert_eq!(look(&account).await, Sighting::NotSent(Unsent::Dns));
}

#[tokio::test]
async fn a_port_where_nobody_listens_sends_nothing() {
    let socket = TcpSocket::new_v4().unwrap(); // bound and not listening: the port stays ours
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/payout", socket.local_addr().unwrap());
    let account = account(&merchant(&url, &url));
    assert_eq!(create(&account).await, Sighting::NotSent(Unsent::Connect));
}

/// A listener that takes no more connections: the kernel drops each further SYN.
async fn black_hole() -> (SocketAddr, Vec<TcpStream>, tokio::net::TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        filling.push(stream.unwrap());
    }
    (address, filling, listener)
}

#[tokio::test]
async fn a_connection_that_takes_too_long_sends_nothing() {
    let (address, _filling, _listener) = black_hole().await;
    let url = format!("http://{address}/payout");
    let account = account(&merchant(&url, &url));
    assert_eq!(create(&account).await, Sighting::NotSent(Unsent::ConnectTimeout));
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_sends_nothing() {
    let server = RawServer::doing(vec![Step::Stall]);
    let url = server.url("/payout").replace("http://", "https://");
    let account = account(&merchant(&url, &url));
    assert_eq!(create(&account).await, Sighting::NotSent(Unsent::ConnectTimeout));
    assert_eq!(server.log().opened, 1);
}

#[tokio::test]
async fn plain_http_is_refused_but_to_the_sandbox() {
    let server = RawServer::answering(|_, _| answer("200 OK", "", CREATED));
    let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
    merchant.sandbox = false;
    let account = account(&merchant);
    assert_eq!(create(&account).await, Sighting::NotSent(Unsent::Unbuildable));
    assert_eq!(look(&account).await, Sighting::NotSent(Unsent::Unbuildable));
    assert!(account.new_token(|| async {}).await.is_err());
    assert_eq!(server.log().opened, 0);
}

#[tokio::test]
async fn a_connection_that_ends_at_once_is_never_used_again_for_the_same_call() {
    for end in [vec![], vec![Step::Reset]] {
        let server = RawServer::doing(end);
        let account = account_at(&server);
        let (mut calls, mut unstarted) = (0, 0);
        // hyper hands back one in three unstarted, or so; if it never does, we fail to see it.
        while calls < 50 || unstarted == 0 {
            let sighting = create(&account).await;
            assert!(ended_at_once(&sighting), "{sighting:?}");
            unstarted += usize::from(sighting == Sighting::NotSent(Unsent::Unstarted));
            calls += 1;
            server.wait_for("the connection", |log| log.opened >= calls).await;
            assert_eq!(server.log().opened, calls, "one connection for one call");
            assert!(calls < 2000, "none of {calls} was seen to be unstarted");
        }
        assert_eq!(server.log().seen.len(), 0);
    }
}

#[tokio::test]
async fn a_request_that_may_have_been_read_may_have_arrived() {
    for (steps, read) in [
        (vec![Step::ReadRequestLine], 0),
        (vec![Step::ReadRequestLine, Step::Reset], 0),
        (vec![Step::ReadRequest], 1),
        (vec![Step::ReadRequest, Step::Reset], 1),
        (vec![Step::ReadRequest, Step::Write(HEAD.to_vec())], 1),
        (vec![Step::ReadRequest, Step::Write(HEAD.to_vec()), Step::Reset], 1),
        (vec![Step::ReadRequest, Step::Write(b"what is this\r\n\r\n".to_vec())], 1),
    ] {
        let server = RawServer::doing(steps);
        let account = account_at(&server);
        let sighting = create(&account).await;
        assert_eq!(sighting, Sighting::NoAnswer(Silence::Connection));
        assert_eq!((server.log().opened, server.log().seen.len()), (1, read));
        assert_eq!(look(&account).await, Sighting::NoAnswer(Silence::Connection));
        assert_eq!((server.log().opened, server.log().seen.len()), (2, 2 * read));
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_shows_that_the_request_arrived() {
    let head = [HEAD, b"\r\n"].concat();
    let part = [&head, CREATED.as_bytes()].concat(); // a whole envelope, but not all that was announced
    let chunked =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"sta\r\nnot a size".to_vec();
    for (bytes, end) in [
        (head.clone(), vec![]),
        (part.clone(), vec![]),
        (part, vec![Step::Reset]),
        (chunked, vec![]),
    ] {
        let steps = [vec![Step::ReadRequest, Step::Write(bytes)], end].concat();
        let server = RawServer::doing(steps);
        let sighting = create(&account_at(&server)).await;
        assert_eq!(sighting, Sighting::NoAnswer(Silence::CutBody));
        assert_eq!((server.log().opened, server.log().seen.len()), (1, 1));
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_none() {
    let drip = |bytes: Vec<u8>| Step::Drip(bytes, Duration::from_millis(50));
    let whole = answer("200 OK", "", CREATED);
    for steps in [
        vec![Step::ReadRequest, Step::Stall],
        vec![Step::ReadRequest, Step::Write(HEAD.to_vec()), Step::Stall],
        vec![Step::ReadRequest, Step::Write([HEAD, b"\r\n{"].concat()), Step::Stall],
        vec![Step::ReadRequest, drip(whole)],
    ] {
        let server = RawServer::doing(steps);
        let account = account_at(&server); // its timeout is 1 s
        let sighting = tokio::time::timeout(Duration::from_secs(3), create(&account)).await;
        let sighting = sighting.expect("the timeout was not kept");
        assert_eq!(sighting, Sighting::NoAnswer(Silence::Timeout));
        server.wait_for("the end of the connection", |log| log.closed == 1).await;
        assert_eq!((server.log().opened, server.log().seen.len()), (1, 1));
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_is_not_sent_again() {
    let server = RawServer::doing(vec![Step::ReadRequest, Step::Stall]);
    let account = account_at(&server);
    tokio::select! {
        biased;
        sighting = create(&account) => panic!("nobody answered: {sighting:?}"),
        () = server.wait_for("the request", |log| log.seen.len() == 1) => {}
    }
    server.wait_for("the end of the connection", |log| log.closed == 1).await;
    assert_eq!((server.log().opened, server.log().seen.len()), (1, 1));
}

/// The idle race: the server closes right after its answer, while the next request is on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_closes_while_idle_never_doubles_a_request() {
    let script = vec![Step::ReadRequest, Step::Write(answer("200 OK", "", CREATED))];
    let server = RawServer::doing(script);
    let account = account_at(&server);
    let mut answers = 0;
    for number in 0..500 {
        let reference = format!("order-{number}");
        let sighting = account.create(&token(), &create_call(&intent(&reference))).await;
        let name = format!("\"{reference}\"");
        let arrived = server.log().seen.iter().filter(|seen| seen.body.contains(&name)).count();
        let may_arrive = match &sighting {
            Sighting::Answered(_) => 1..=1,
            Sighting::NotSent(Unsent::Unstarted) => 0..=0,
            Sighting::NoAnswer(Silence::Connection) => 0..=1,
            Sighting::NotSent(_)
            | Sighting::NoAnswer(_)
            | Sighting::TokenRefused
            | Sighting::TokenThrottled(_) => panic!("{sighting:?}"),
        };
        assert!(may_arrive.contains(&arrived), "{sighting:?}, and {arrived} arrived");
        answers += usize::from(has_link_of(sighting));
    }
    assert!(answers > 0);
    // What was never answered must not have come later either.
    server.wait_for("the end of all connections", |log| log.closed == log.opened).await;
    let mut bodies: Vec<_> = server.log().seen.into_iter().map(|seen| seen.body).collect();
    let n_bodies = bodies.len();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), n_bodies, "a request arrived twice");
}

fn has_link_of(sighting: Sighting) -> bool {
    matches!(sighting, Sighting::Answered(_)) && has_link(sighting)
}

/// [`phase::before_head`] finds hyper's verdict by a downcast, which silently stops matching when
/// this crate and reqwest depend on two versions of hyper.
#[tokio::test]
async fn the_hyper_that_is_asked_is_the_one_that_reqwest_uses() {
    let server = RawServer::doing(vec![Step::ReadRequest]);
    let error = reqwest::get(server.url("/")).await.unwrap_err();
    let verdict = phase::hyper_error(&error).expect("the downcast no longer matches");
    assert!(verdict.is_incomplete_message());
    assert!(!verdict.is_canceled());
}

#[tokio::test]
async fn causes_name_no_address() {
    let server = RawServer::doing(vec![Step::ReadRequest]);
    let error = reqwest::get(server.url("/?merchantRefId=order-1")).await.unwrap_err();
    assert!(error.to_string().contains("order-1"), "reqwest itself names it");
    let causes = phase::causes(&error);
    assert!(!causes.is_empty() && !causes.contains("order-1"), "{causes}");
}

#[tokio::test]
async fn a_proxy_in_the_environment_is_ignored() {
    const TEST: &str = "provider::phases::a_proxy_in_the_environment_is_ignored";
    if !child::is_child() {
        let proxy = RawServer::answering(|_, _| answer("200 OK", "", "by the proxy"));
        let url = proxy.url("");
        let url = OsStr::new(&url);
        let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"];
        let mut environment: Vec<_> = names.map(|name| (name, url)).into();
        environment.extend(["NO_PROXY", "no_proxy"].map(|name| (name, OsStr::new(""))));
        child::run(TEST, &environment).await;
        assert_eq!(proxy.log().seen.len(), 1, "only the careless client went through the proxy");
        return;
    }
    let server = RawServer::answering(|_, _| answer("200 OK", "", CREATED));
    assert!(has_link(create(&account_at(&server)).await));
    assert!(has_link(look(&account_at(&server)).await));
    assert_eq!(server.log().seen.len(), 2);
    // A client with reqwest's defaults shows that the environment would have been heeded.
    let careless = reqwest::get(server.url("/")).await.unwrap();
    assert_eq!(careless.text().await.unwrap(), "by the proxy");
}
