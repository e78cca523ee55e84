//! What ends a create's exchange ends a cancel's and an extend's, over both APIs: what such a call
//! then counts as, and that a lookup shows its effect.

use smartsend::domain::account::Api;
use smartsend::domain::call::{NoAnswer, NotSent};
use smartsend::domain::classify::UnknownReason;
use smartsend::domain::classify::link_status::LinkStatus;
use smartsend::domain::classify::lookup::Lookup;
use smartsend::domain::classify::manage::ManageOutcome;
use smartsend::domain::command::{Command, wire};
use smartsend::payu::PayuAccount;
use smartsend::ports::Provider;
use tokio::net::TcpSocket;

use super::{Line, account, account_of, lookup};
use crate::support::account::{manage_call, merchant, token};
use crate::support::clock::ManualClock;
use crate::support::payu::{Act, Kind, Payu};
use crate::support::raw_server::{Step, answer};

const CANCEL: &str = r#"{"command":"cancel","merchantRefId":"order-1"}"#;
const EXTEND: &str =
    r#"{"command":"extend","merchantRefId":"order-1","expiryDate":"2100-12-01T00:00:00Z"}"#;

async fn change(account: &PayuAccount<ManualClock>, command: &Command) -> ManageOutcome {
    let result = account.manage(&token(), &manage_call(command)).await;
    ManageOutcome::classify(result, &command.reference)
}

/// One change at a server that answers it so, and does it or not. One request came.
async fn changed(api: Api, body: &str, is_done: bool, steps: &[Step]) -> (Payu, ManageOutcome) {
    let steps = steps.to_vec();
    let payu = Payu::scripted(move |asked| match asked.kind {
        Kind::Change if is_done => Act::MakeThen(steps.clone()),
        Kind::Change => Act::Only(steps.clone()),
        Kind::Token | Kind::Create | Kind::Lookup | Kind::Account => Act::Serve,
    });
    payu.has_link("order-1", "100.50");
    let account = account_of(payu.server(), api);
    let outcome = change(&account, &wire::parse(body.as_bytes()).unwrap()).await;
    assert_eq!(payu.count(Kind::Change), 1, "one request for one call: {outcome:?}");
    let Lookup::Found(details) = lookup(&account).await else { panic!("its link is there") };
    let is_cancelled = details.status == LinkStatus::Cancelled;
    assert_eq!(
        (is_cancelled, details.expiry.is_some()),
        match (is_done, body) {
            (true, CANCEL) => (true, false),
            (true, _) => (false, true),
            (false, _) => (false, false),
        }
    );
    (payu, outcome)
}

/// A cancel and an extend by both APIs, done and not done: each counts as this.
async fn each_is(name: &str, steps: &[Step], expected: &ManageOutcome) {
    let mut line = Line::new(&format!("{name}, cancel and extend, v1 and v2"));
    for api in [Api::V1, Api::V2] {
        for (body, is_done) in [(CANCEL, true), (CANCEL, false), (EXTEND, true), (EXTEND, false)] {
            let (payu, outcome) = changed(api, body, is_done, steps).await;
            assert_eq!(outcome, *expected, "{name}");
            line.at(&payu, 1, 0);
        }
    }
    line.show();
}

async fn each_is_unknown(name: &str, steps: &[Step], why: UnknownReason) {
    each_is(name, steps, &ManageOutcome::Unknown(why)).await;
}

#[tokio::test]
async fn f07_a_change_whose_answer_is_lost_may_have_been_made() {
    let silent = UnknownReason::NoAnswer;
    each_is_unknown("F7 closed", &[Step::Close], silent(NoAnswer::Connection)).await;
    each_is_unknown("F8 reset", &[Step::Reset], silent(NoAnswer::Connection)).await;
    each_is_unknown("F9 stall", &[Step::Stall], silent(NoAnswer::Timeout)).await;
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"status\":0".to_vec();
    let cut = [Step::Write(cut), Step::Close];
    each_is_unknown("F10 cut", &cut, silent(NoAnswer::CutBody)).await;
}

#[tokio::test]
async fn f12_a_change_whose_answer_is_nonsense_may_have_been_made() {
    let reply = |status: &str, body: &str| [Step::Write(answer(status, "", body))];
    each_is_unknown("F12 garbage", &reply("200 OK", "<html>"), UnknownReason::NoEnvelope).await;
    let other = r#"{"status":0,"msg":"Success","code":null,"data":{"merchantRefId":"order-2"}}"#;
    each_is_unknown("F13 another", &reply("200 OK", other), UnknownReason::OtherReference).await;
    for status in [500, 502, 503, 504] {
        let steps = reply(&format!("{status} X"), "<html>");
        each_is_unknown(&format!("F15 {status}"), &steps, UnknownReason::Status(status)).await;
    }
    each_is("F16 429", &reply("429 X", ""), &ManageOutcome::Throttled(None)).await;
}

#[tokio::test]
async fn f02_a_change_that_finds_no_listener_was_not_sent() {
    let mut line = Line::new("F2 refused, cancel and extend");
    let socket = TcpSocket::new_v4().unwrap(); // bound and not listening: the port stays ours
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/payout", socket.local_addr().unwrap());
    let account = account(&merchant(&url, &url));
    for body in [CANCEL, EXTEND] {
        let outcome = change(&account, &wire::parse(body.as_bytes()).unwrap()).await;
        assert_eq!(outcome, ManageOutcome::NotSent(NotSent::Connect));
        line.0.runs += 1;
        line.0.faults += 1;
    }
    line.show();
}
