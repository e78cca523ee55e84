//! F14: the idle race. A server closes right after its answer, while the next request is on its
//! way: the client that helps by sending it again makes a second link.

use smartsend::domain::call::NotSent;
use smartsend::domain::classify::create::Outcome;

use super::{LOST, Line, account_at, create_of};
use crate::support::payu::{Act, Kind, Payu};
use crate::support::proof::size;
use crate::support::raw_server::{Log, Step, answer};

/// `SMARTSEND_WIRE_IDLE` sets how often; the long form of the proof has 10,000.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_a_connection_that_closes_while_idle_never_doubles_a_request() {
    let rounds = size("SMARTSEND_WIRE_IDLE", 500);
    let created = r#"{"status":0,"data":{"link":"https://test.payumoney.com/smartPay?id=x"}}"#;
    // Its answer says nothing of the end, so the client keeps the connection.
    let end = vec![Step::Write(answer("200 OK", "", created)), Step::Close];
    let payu = Payu::scripted(move |_| Act::MakeThen(end.clone())).naive();
    let account = account_at(payu.server());
    let (mut answered, mut unstarted) = (0, Vec::new());
    for number in 0..rounds {
        let reference = format!("order-{number}");
        let outcome = create_of(&account, &reference).await;
        let made = payu.links(&reference).len();
        let may_be_made = if let Outcome::Created(_) = outcome {
            1..=1
        } else if outcome == Outcome::NotSent(NotSent::Unstarted) {
            0..=0
        } else {
            assert_eq!(outcome, LOST);
            0..=1
        };
        assert!(may_be_made.contains(&made), "{outcome:?}, and {made} links");
        answered += u64::from(matches!(outcome, Outcome::Created(_)));
        if outcome == Outcome::NotSent(NotSent::Unstarted) {
            unstarted.push(reference);
        }
    }
    assert!(answered > 0);
    // What was never answered must not have come later either.
    let all_ended = |log: &Log| log.closed == log.opened;
    payu.server().wait_for("the end of all connections", all_ended).await;
    for reference in unstarted {
        assert!(payu.links(&reference).is_empty(), "{reference} had never started");
    }
    let (links, doubles) = payu.all_links();
    assert_eq!((doubles, payu.count(Kind::Create)), (0, links), "a request arrived twice");
    let mut line = Line::new("F14 idle race");
    let rounds = usize::try_from(rounds).unwrap();
    line.at(&payu, rounds, rounds);
    line.show();
}
