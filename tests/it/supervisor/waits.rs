//! How long a broker is waited for that is away, hangs, or does not want us.

use std::time::Duration;

use smartsend::amqp::topology::verify;
use tokio::time::timeout;

use super::{SOON, disconnected, topology};
use crate::support::amqp::{settings, start, start_by};
use crate::support::amqp_proxy::AmqpProxy;
use crate::support::brake::Mode;
use crate::support::broker::Node;
use crate::support::clock::ManualClock;
use crate::support::waiting::until;

const HOURS: Duration = Duration::from_hours(5);

/// Waits until a proxy has seen two more rounds: the wait after them is one that the clock of now
/// has decided.
async fn two_rounds(proxy: &AmqpProxy) {
    let before = proxy.accepted();
    until("two more rounds", SOON, async || proxy.accepted() >= before + 2).await;
}

#[tokio::test]
async fn a_broker_that_was_away_for_hours_is_used_within_two_seconds() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let proxy = AmqpProxy::plain(node.address(), Mode::Down).await;
    let clock = ManualClock::new();
    let running = start_by(&settings(&[&Node::url_at(proxy.port(), &vhost)]), clock.clone());
    two_rounds(&proxy).await;
    clock.advance(HOURS);
    two_rounds(&proxy).await;
    proxy.set(Mode::Up);
    timeout(Duration::from_secs(2), running.broker.session()).await.expect("it is back");
}

/// Asking again cannot help soon, and each time costs the broker a log line.
#[tokio::test]
async fn a_broker_that_refuses_the_login_is_asked_seldom() {
    let node = Node::shared();
    let proxy = AmqpProxy::plain(node.address(), Mode::Up).await;
    let url = Node::url_at(proxy.port(), "/").replace("guest:guest", "guest:wrong");
    let clock = ManualClock::new();
    let running = start_by(&settings(&[&url]), clock.clone());
    two_rounds(&proxy).await;
    clock.advance(HOURS);
    two_rounds(&proxy).await;
    let before = proxy.accepted();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let tries = proxy.accepted() - before;
    assert!(tries <= 2, "{tries} connections in 3 seconds");
    assert!(disconnected(&running.broker.state().borrow()));
}

#[tokio::test]
async fn a_host_that_hangs_does_not_hold_up_the_next_one() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let hanging = AmqpProxy::plain(node.address(), Mode::Frozen).await;
    let settings = settings(&[&Node::url_at(hanging.port(), &vhost), &node.amqp_url(&vhost)]);
    let running = start(&settings);
    let soon = Duration::from_secs(2);
    timeout(soon, running.broker.session()).await.expect("the next one is used");
    let verified = timeout(soon, verify(&settings, &topology())).await;
    assert!(!verified.expect("the next one is asked").unwrap().is_empty());
}
