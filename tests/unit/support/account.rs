//! A merchant, an intent, and an account to send it with.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use smartsend::admission::rate_limiter::Rate;
use smartsend::admission::{DividedLimits, Limits};
use smartsend::config::{CancelAs, Grant, InDoubt, Merchant, Secret};
use smartsend::domain::account::{Account, Api};
use smartsend::domain::amount::Amount;
use smartsend::domain::classify::ClassifyRules;
use smartsend::domain::classify::link_status::{LinkStatus, Payment};
use smartsend::domain::classify::lookup::{Details, DetailsLink, Lookup};
use smartsend::domain::command::{Action, Command};
use smartsend::domain::customer::{Contact, Email, Mobile, Private};
use smartsend::domain::decide::{
    CommandCase, CreateCall, Decision, DeliveryInfo, InDoubtPolicy, Input, IntentCase, LastAnswers,
    ManageCall, Policy, Requests, Surroundings,
};
use smartsend::domain::intent::Intent;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::publisher_guard::PublisherGuard;
use smartsend::domain::readback::Readback;
use smartsend::domain::record::headers::Headers;
use smartsend::domain::reference::Reference;
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::domain::spending::SpendLimits;
use smartsend::ports::Token;
use smartsend::telemetry::metrics::{MerchantMetrics, Metrics};
use url::Url;

use super::canary;

/// A sandbox merchant with an API and a token endpoint, and short timeouts.
pub(crate) fn merchant(api_url: &str, auth_url: &str) -> Merchant {
    Merchant {
        name: "default".to_owned(),
        account: Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 },
        api_url: Url::parse(api_url).unwrap(),
        auth_url: Url::parse(auth_url).unwrap(),
        grant: Grant::ClientCredentials {
            client_id: "client".to_owned(),
            client_secret: secret(canary::CLIENT_SECRET),
        },
        limits: DividedLimits::undivided(Limits {
            rate: Rate { per_second: at_least_one(10), burst: at_least_one(2) },
            concurrency: 16,
            max_retry_after: Duration::from_mins(15),
        }),
        concurrency: at_least_one(16),
        connect_timeout: Duration::from_millis(500),
        timeout: Duration::from_secs(1),
        cancel_as: CancelAs::Query,
        max_amount: Amount::parse("200000.00").unwrap(),
        spend_limits: SpendLimits::default(),
        publisher_guard: PublisherGuard::default(),
        in_doubt: InDoubt {
            first_lookup: Duration::from_secs(5),
            lookups: at_least_one(3),
            quarantine: Duration::from_mins(5),
            policy: InDoubtPolicy::Resend,
        },
        rules: ClassifyRules { rejects: Vec::new(), link_hosts: LinkHosts::Any },
        sandbox: true,
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// What a merchant's account counts with, where nobody reads it.
pub(crate) fn metrics() -> Arc<MerchantMetrics> {
    Metrics::new().merchant("default")
}

/// A secret that is written in the configuration.
pub(crate) fn secret(text: &str) -> Secret {
    Secret::Value(SecretString::from(text))
}

/// An intent of 100.50 for Asha Rao.
pub(crate) fn intent(reference: &str) -> Intent {
    Intent {
        reference: Reference::parse(reference).unwrap(),
        amount: Amount::parse("100.5").unwrap(),
        description: Private::new(canary::DESCRIPTION),
        name: Some(Private::new(canary::NAME)),
        contact: Contact::Both(
            Mobile::parse(&format!("+91{}", canary::MOBILE)).unwrap(),
            Email::parse("Asha@example.com").unwrap(),
        ),
        expiry: None,
        disable_approval: None,
        deadline: None,
        metadata: BTreeMap::new(),
    }
}

/// The create call for an intent that was never sent. Only a decision makes one.
pub(crate) fn create_call(intent: &Intent) -> CreateCall<'_> {
    static POLICY: LazyLock<Policy> = LazyLock::new(policy);
    let headers = BTreeMap::new();
    let mut case = IntentCase::open(intent, &POLICY, arrival(&headers));
    let decision = case.decide(Input::Start, &around());
    let Decision::Attempt(call) = decision else { panic!("a new intent is created: {decision:?}") };
    call
}

/// The call for a command that was never sent; of an extend, once its link was looked up.
pub(crate) fn manage_call(command: &Command) -> ManageCall<'_> {
    static POLICY: LazyLock<Policy> = LazyLock::new(policy);
    let headers = BTreeMap::new();
    let mut case = CommandCase::open(command, &POLICY, arrival(&headers));
    let input = match command.action {
        Action::Cancel => Input::Start,
        Action::Extend(_) => Input::Lookup(Lookup::Found(Details {
            status: LinkStatus::Live,
            payment: Payment::None,
            link: DetailsLink::Absent,
            link_id: None,
            expiry: None,
            amount: None,
            mobile: None,
            email: None,
        })),
    };
    let decision = case.decide(input, &around());
    let Decision::Attempt(call) = decision else { panic!("it is attempted: {decision:?}") };
    call
}

fn arrival<V>(headers: &Headers) -> DeliveryInfo<'_, V> {
    DeliveryInfo {
        headers,
        own: false,
        redelivered: false,
        delivery_count: 0,
        recent: false,
        verdict: None,
        now: Timestamp::UNIX_EPOCH,
    }
}

fn around() -> Surroundings {
    Surroundings {
        now: Timestamp::UNIX_EPOCH,
        age: Duration::ZERO,
        requests: Requests::Flow,
        clocks_agree: true,
        readback: Readback::default(),
        last_answers: LastAnswers::default(),
        no_create_for: Duration::ZERO,
    }
}

fn policy() -> Policy {
    let account = Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 };
    Policy {
        account,
        rules: ClassifyRules { rejects: Vec::new(), link_hosts: LinkHosts::Any },
        max_amount: Amount::parse("200000.00").unwrap(),
        delays: RetryDelays::new(&[Duration::from_secs(1)]).unwrap(),
        lease: Duration::from_mins(1),
        max_age: Duration::from_hours(24),
        first_lookup: Duration::from_secs(5),
        lookups: 3,
        quarantine: Duration::from_mins(5),
        in_doubt: InDoubtPolicy::Resend,
    }
}

/// A token, as if it had been issued.
pub(crate) fn token() -> Token {
    Token { issue: 1, bearer: Private::new(canary::TOKEN) }
}
