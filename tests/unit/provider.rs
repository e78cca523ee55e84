//! What an account sends, and what it reports of the answer: both sides are asserted, the report
//! and what the server wrote down. What goes wrong on the way is in [`crate::faults`].

mod answers;
mod calls;
mod causes;
mod transport_errors;

use smartsend::config::Merchant;
use smartsend::domain::call::{Answer, CallResult};
use smartsend::domain::reference::Reference;
use smartsend::payu::PayuAccount;
use smartsend::ports::Provider;

use crate::support::account::{create_call, intent, merchant, metrics, token};
use crate::support::clock::ManualClock;
use crate::support::raw_server::RawServer;

const CREATED: &str = r#"{"status":0,"msg":"Success","code":null,"data":{"link":"https://test.payumoney.com/smartPay?id=canary%2Blink%2Fid%3D%3D","linkId":"canary+link/id=="}}"#;

fn account(merchant: &Merchant) -> PayuAccount<ManualClock> {
    PayuAccount::new(merchant, ManualClock::new(), metrics()).unwrap()
}

fn account_at(server: &RawServer) -> PayuAccount<ManualClock> {
    account(&merchant(&server.url("/payout"), &server.url("/oauth/token")))
}

/// One create for the reference `order-1`.
async fn create(account: &PayuAccount<ManualClock>) -> CallResult {
    account.create(&token(), &create_call(&intent("order-1"))).await
}

/// One lookup for the reference `order-1`.
async fn lookup(account: &PayuAccount<ManualClock>) -> CallResult {
    account.lookup(&token(), &Reference::parse("order-1").unwrap()).await
}

fn answered(result: CallResult) -> Answer {
    let CallResult::Answered(answer) = result else {
        panic!("no answer: {result:?}");
    };
    answer
}

fn has_link(result: CallResult) -> bool {
    answered(result).envelope.is_some_and(|envelope| envelope.data.link.is_some())
}
