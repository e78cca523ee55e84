//! The faults of the transport, F1 to F26: what the call then counts as, and what the server's
//! ledger then holds.
//!
//! | | fault | | fault |
//! |---|---|---|---|
//! | F1 | the name has no address | F14 | idle race: closed right after an answer |
//! | F2 | the connection is refused | F15 | 500, 502, 503, 504, made and not made |
//! | F3 | a black hole | F16 | 429 with every kind of `Retry-After` |
//! | F4 | TLS: expired, wrong host, unknown CA, cut, client certificate | F17 | redirects |
//! | F5 | accepted and closed | F18 | interim answers, and a flood of them |
//! | F6 | closed after the request line | F19 | slow drip, huge body, gzip bomb, 10,000 headers |
//! | F7 | closed after the whole request | F20 | 409 after an unknown |
//! | F8 | F5 to F7 with RST | F21 | a lookup that is answered with nonsense |
//! | F9 | a stall after the whole request | F22 | a proxy in the environment |
//! | F10 | cut within the answer | F23 | the caller drops the call |
//! | F11 | `content-length` above the body | F24 | an effect that comes late |
//! | F12 | 200 with garbage | F25 | the token dies within a burst |
//! | F13 | 200 about another reference or amount | F26 | clock jumps, and a suspended process |
//!
//! Every line goes through the real HTTP client and real sockets. Where the way on matters, it goes
//! through the whole worker too ([`whole`]) or, in the test target `it`, the real binary: to one link
//! and the right event.

mod answers;
mod bulk;
mod changes;
mod connect;
mod cut;
mod idle;
mod proxy;
mod tls;
mod whole;
mod works;

use std::fs;
use std::path::Path;

use smartsend::config::Merchant;
use smartsend::domain::account::Api;
use smartsend::domain::call::{NoAnswer, NotSent};
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::lookup::{Lookup, LookupFailure};
use smartsend::domain::classify::{ClassifyRules, UnknownReason};
use smartsend::domain::link::LinkHosts;
use smartsend::domain::reference::Reference;
use smartsend::payu::PayuAccount;
use smartsend::ports::Provider;

use crate::support::account::{create_call, intent, merchant, metrics, token};
use crate::support::clock::ManualClock;
use crate::support::matrix::Line;
use crate::support::payu::{Kind, Payu};
use crate::support::raw_server::{RawServer, Step};

/// What a lost connection makes of a create.
const LOST: Outcome = Outcome::Unknown(UnknownReason::NoAnswer(NoAnswer::Connection));
/// What a timeout makes of it.
const TIMED_OUT: Outcome = Outcome::Unknown(UnknownReason::NoAnswer(NoAnswer::Timeout));
/// What a cut body makes of it.
const CUT: Outcome = Outcome::Unknown(UnknownReason::NoAnswer(NoAnswer::CutBody));

#[test]
fn every_line_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/unit/faults");
    let files = fs::read_dir(root).unwrap().map(|file| file.unwrap().path());
    let mut all: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    all += include_str!("../it/binary_faults.rs");
    for number in 1..=26 {
        assert!(all.contains(&format!("async fn f{number:02}_")), "F{number} has no test");
    }
}

fn account(merchant: &Merchant) -> PayuAccount<ManualClock> {
    PayuAccount::new(merchant, ManualClock::new(), metrics()).unwrap()
}

fn account_at(server: &RawServer) -> PayuAccount<ManualClock> {
    account_of(server, Api::V2)
}

fn account_of(server: &RawServer, api: Api) -> PayuAccount<ManualClock> {
    let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
    merchant.account.api = api;
    account(&merchant)
}

/// A strict merchant's terms.
fn rules() -> ClassifyRules {
    let hosts = vec!["payumoney.com".to_owned()];
    ClassifyRules { rejects: Vec::new(), link_hosts: LinkHosts::Only(hosts) }
}

/// What one create counts as.
async fn create_of(account: &PayuAccount<ManualClock>, reference: &str) -> Outcome {
    let intent = intent(reference);
    let result = account.create(&token(), &create_call(&intent)).await;
    Outcome::classify(result, &intent.reference, &rules())
}

/// The same for `order-1`.
async fn create(account: &PayuAccount<ManualClock>) -> Outcome {
    create_of(account, "order-1").await
}

/// What one lookup for `order-1` counts as.
async fn lookup(account: &PayuAccount<ManualClock>) -> Lookup {
    let reference = Reference::parse("order-1").unwrap();
    Lookup::classify(account.lookup(&token(), &reference).await, &reference, &rules())
}

/// What a call shows whose connection ends while the request is handed to it. Which of them it is
/// depends on who is faster, and only hyper can know.
fn ended_at_once(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NotSent(NotSent::Connect | NotSent::Unstarted)) || *outcome == LOST
}

fn look_not_sent(why: NotSent) -> Lookup {
    Lookup::Failed(LookupFailure::NotSent(why))
}

fn look_silent(why: NoAnswer) -> Lookup {
    Lookup::Failed(LookupFailure::NoAnswer(why))
}

impl Line {
    /// One more fault, at a server that cannot have made anything.
    fn unmade(&mut self) {
        self.0.runs += 1;
        self.0.faults += 1;
        self.0.intents += 1;
    }
}

/// One create at a server that answers it so, by both APIs, and whether or not it makes the link:
/// what it counts as, each time. One request came each time.
async fn created_by(line: &mut Line, steps: &[Step]) -> Outcome {
    use crate::support::payu::Act;
    let mut outcomes = Vec::new();
    for (api, made) in [(Api::V1, true), (Api::V1, false), (Api::V2, true), (Api::V2, false)] {
        let steps = steps.to_vec();
        let payu = Payu::scripted(move |_| {
            if made { Act::MakeThen(steps.clone()) } else { Act::Only(steps.clone()) }
        });
        outcomes.push(create(&account_of(payu.server(), api)).await);
        let log = payu.server().log();
        assert_eq!((log.opened, payu.count(Kind::Create)), (1, 1), "a request was sent again");
        assert_eq!(payu.links("order-1").len(), usize::from(made));
        line.at(&payu, 1, 1);
    }
    let first = outcomes.remove(0);
    assert_eq!(outcomes, [(); 3].map(|()| first.clone()), "what is not seen makes no difference");
    first
}
