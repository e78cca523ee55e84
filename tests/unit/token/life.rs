//! How long a token is good for.

use std::time::Duration;

use jiff::SignedDuration;
use smartsend::ports::Provider;

use crate::support::raw_server::{RawServer, Step, answer};

use super::{Endpoint, UNAVAILABLE, granted};

#[tokio::test]
async fn a_token_is_renewed_a_minute_early_or_when_a_fifth_of_its_life_is_left() {
    for (life_s, good_for_s) in [(7199, 7139), (300, 240), (100, 80), (5, 4)] {
        let endpoint = Endpoint::answering(move |number, _| granted(number, life_s));
        endpoint.new_token().await.unwrap();
        endpoint.clock.advance(Duration::from_millis(good_for_s * 1000 - 1));
        assert!(endpoint.account.token().is_some(), "{life_s}");
        endpoint.clock.advance(Duration::from_millis(1));
        assert!(endpoint.account.token().is_none(), "{life_s}");
        assert_eq!(endpoint.new_token().await.unwrap().issue, 2, "{life_s}");
    }
}

#[tokio::test]
async fn a_life_without_end_overflows_nothing() {
    let endpoint = Endpoint::answering(|number, _| granted(number, u64::MAX));
    endpoint.new_token().await.unwrap();
    endpoint.clock.advance(Duration::from_hours(1_000_000));
    assert!(endpoint.account.token().is_some());
}

#[tokio::test]
async fn the_wall_clock_may_jump() {
    let endpoint = Endpoint::answering(|number, _| granted(number, 7199));
    endpoint.new_token().await.unwrap();
    for hours in [3, -6] {
        endpoint.clock.0.send_modify(|moment| moment.wall += SignedDuration::from_hours(hours));
        assert!(endpoint.account.token().is_some());
    }
    endpoint.clock.advance(Duration::from_hours(2));
    assert!(endpoint.account.token().is_none());
}

#[tokio::test]
async fn one_caller_renews_early_while_the_others_go_on_with_the_old_token() {
    let endpoint = Endpoint::new(
        RawServer::scripted(|connection| match connection {
            0 => vec![Step::ReadRequest, Step::Write(granted(0, 100)), Step::Stall],
            _ => vec![],
        }),
        |_| {},
    );
    endpoint.new_token().await.unwrap();
    endpoint.clock.advance(Duration::from_secs(90));
    assert!(endpoint.account.token().is_none());

    let renewal = endpoint.account.new_token(|| async {
        let others = endpoint.account.token().expect("the old one still lives");
        assert_eq!(others.issue, 1);
        endpoint.clock.advance(Duration::from_secs(10));
        assert!(endpoint.account.token().is_none(), "it is dead now, whoever renews");
    });
    assert_eq!(renewal.await.unwrap_err(), UNAVAILABLE);
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_is_used_to_its_end() {
    let endpoint = Endpoint::answering(|number, _| match number {
        0 => granted(0, 100),
        _ => answer("503 Service Unavailable", "", ""),
    });
    endpoint.new_token().await.unwrap();
    endpoint.clock.advance(Duration::from_secs(85));
    assert_eq!(endpoint.new_token().await.unwrap().issue, 1);
    assert_eq!(endpoint.requests(), 2);
    assert!(endpoint.account.token().is_some(), "no second try at once");
    endpoint.clock.advance(Duration::from_secs(5));
    assert!(endpoint.account.token().is_none(), "but one later");
    endpoint.clock.advance(Duration::from_secs(10));
    assert_eq!(endpoint.new_token().await.unwrap_err(), UNAVAILABLE);
}
