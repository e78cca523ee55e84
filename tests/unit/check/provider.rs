//! What an account's answers mean before anything is sent to it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use smartsend::check::provider::findings;
use smartsend::check::report::{Finding, Level};
use smartsend::domain::call::{NoAnswer, NotSent};
use smartsend::domain::classify::lookup::{Lookup, LookupFailure};
use smartsend::domain::customer::Private;
use smartsend::inquiry::{ClockSeen, NothingLearnt, Preflight};
use smartsend::payu::transport_error::TransportError;
use smartsend::payu::wire::{AccountDetail, Granted};
use smartsend::payu::{TokenSeen, Ungranted};
use smartsend::ports::TokenError;

use crate::support::account::merchant;
use crate::support::canary::TOKEN;

fn granted(life: Duration) -> TokenSeen {
    let granted = Granted { bearer: Private::new(TOKEN), life, refresh: None };
    TokenSeen { granted: Ok(granted), date: None }
}

fn detail() -> AccountDetail {
    AccountDetail {
        payout_merchant_id: Some("1111312".to_owned()),
        virtual_account: None,
        balance: "94003".to_owned(),
        transferable: None,
        is_low: Some(false),
    }
}

fn good() -> Preflight {
    Preflight {
        token: granted(Duration::from_hours(2)),
        clock: Some(seen(0)),
        lookup: Some(Lookup::NotFound),
        account: Some(Ok(detail())),
    }
}

/// Our clock is so many seconds ahead.
fn seen(ahead: i64) -> ClockSeen {
    let date: Timestamp = "2026-11-24T09:30:00Z".parse().unwrap();
    let ours = |ms| date + SignedDuration::from_secs(ahead) + SignedDuration::from_millis(ms);
    ClockSeen { date, sent: ours(200), answered: ours(400) }
}

fn of(seen: &Preflight) -> Vec<Finding> {
    findings(&merchant("https://api.example/payout", "https://auth.example/token"), seen)
}

/// Those that are not good.
fn wrong(seen: &Preflight) -> Vec<(String, Level, String)> {
    let wrong = of(seen).into_iter().filter(|finding| finding.level != Level::Ok);
    wrong.map(|it| (it.what, it.level, it.says)).collect()
}

#[test]
fn a_good_account_says_what_it_is() {
    let says: Vec<String> = of(&good()).into_iter().map(|finding| finding.says).collect();
    assert_eq!(
        says,
        [
            "auth.example is reached (DNS, TLS)",
            "a token lives for 2h",
            "this machine's clock agrees with PayU's",
            "a lookup is answered",
            "account 1111312",
            "balance 94003.00 rupees",
        ]
    );
}

#[test]
fn a_clock_is_judged_by_what_the_answer_leaves_open() {
    // The Date is whole seconds, and ours is 0.2 s to 0.4 s after it.
    for (ahead, level) in [
        (0, Level::Ok),
        (5, Level::Ok),
        (6, Level::Warning),
        (-5, Level::Ok),
        (-6, Level::Warning),
        (-86_400, Level::Warning),
    ] {
        let findings = of(&Preflight { clock: Some(seen(ahead)), ..good() });
        let clock = findings.iter().find(|finding| finding.what == "clock").unwrap();
        assert_eq!(clock.level, level, "{ahead}: {}", clock.says);
    }
    let behind = wrong(&Preflight { clock: Some(seen(-61)), ..good() });
    assert_eq!(behind[0].2, "this machine's clock is 60 s behind PayU's");
    let ahead = wrong(&Preflight { clock: Some(seen(61)), ..good() });
    assert_eq!(ahead[0].2, "this machine's clock is 60 s ahead of PayU's");
    assert_eq!(seen(0).ahead(), SignedDuration::ZERO);
}

#[test]
fn a_short_life_a_low_balance_and_another_account_are_reported() {
    for (life, words) in [(299, "lives for 299s only"), (0, "does not say how long it lives")] {
        let token = granted(Duration::from_secs(life));
        let wrong = wrong(&Preflight { token, ..good() });
        assert_eq!((wrong.len(), wrong[0].1), (1, Level::Warning));
        assert!(wrong[0].2.contains(words), "{wrong:?}");
    }
    assert_eq!(wrong(&Preflight { token: granted(Duration::from_mins(5)), ..good() }), []);
    let low = AccountDetail { is_low: Some(true), ..detail() };
    let low = wrong(&Preflight { account: Some(Ok(low)), ..good() });
    assert_eq!((&*low[0].0, low[0].1), ("balance", Level::Warning));
    let other = AccountDetail { payout_merchant_id: Some("7".to_owned()), ..detail() };
    let other = wrong(&Preflight { account: Some(Ok(other)), ..good() });
    assert_eq!((&*other[0].0, other[0].1), ("account", Level::Error));
    assert!(other[0].2.contains("the account 7, and 1111312 is configured"), "{other:?}");
}

#[test]
fn without_a_token_the_rest_is_skipped_and_the_step_that_failed_is_named() {
    let unavailable = TokenError::Unavailable(NotSent::NoToken);
    let not_sent = |why| Some(TransportError::NotSent(why));
    for (broken, why, what, words) in [
        (not_sent(NotSent::Dns), unavailable, "DNS", "has no address: why"),
        (not_sent(NotSent::Connect), unavailable, "connection", "cannot be reached: why"),
        (not_sent(NotSent::ConnectTimeout), unavailable, "connection", "cannot be reached: why"),
        (
            Some(TransportError::NoAnswer(NoAnswer::Timeout)),
            unavailable,
            "token",
            "did not answer: why",
        ),
        (None, TokenError::Refused, "token", "why"),
        (None, TokenError::Throttled(None), "token", "fewer requests"),
        (None, TokenError::Unavailable(NotSent::NoSecret), "token", "why"),
    ] {
        let granted = Err(Ungranted { why, cause: "why".to_owned(), broken });
        let token = TokenSeen { granted, date: None };
        let wrong = wrong(&Preflight { token, clock: None, lookup: None, account: None });
        assert_eq!((&*wrong[0].0, wrong[0].1), (what, Level::Error), "{wrong:?}");
        assert!(wrong[0].2.contains(words), "{wrong:?}");
        let skipped =
            |what: &str| (what.to_owned(), Level::Skipped, "needs the token above".into());
        assert_eq!(wrong[1..], [skipped("lookup"), skipped("account")]);
    }
}

#[test]
fn a_call_that_brought_nothing_says_why_and_what_to_do() {
    let lookup = Some(Lookup::Failed(LookupFailure::Status(500)));
    let failed = of(&Preflight { lookup, account: None, ..good() });
    let failed: Vec<_> = failed.iter().filter(|finding| finding.level != Level::Ok).collect();
    assert_eq!((&*failed[0].what, failed[0].level), ("lookup", Level::Error));
    assert!(failed[0].says.starts_with("PayU answered with HTTP 500"), "{failed:?}");
    assert_eq!(failed[0].cure.as_deref(), Some("`smartsend explain http 500` says more"));
    assert_eq!(failed[1].says, "needs the lookup above");
    let turned_away = wrong(&Preflight { account: Some(Err(NothingLearnt::TurnedAway)), ..good() });
    assert_eq!((&*turned_away[0].0, turned_away[0].1), ("account", Level::Error));
}
