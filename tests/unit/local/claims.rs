//! What a claim, a publish and the end of a delivery leave on the disk.

use futures_util::FutureExt;
use smartsend::domain::event::ReceivedResult;
use smartsend::local::Standing;
use smartsend::ports::Checkpoint;

use super::*;

fn is_created(standing: &Standing) -> bool {
    matches!(standing, Standing::Ended(ReceivedResult::Created(_)))
}

#[tokio::test]
async fn a_row_is_claimed_on_the_disk_before_it_is_delivered() {
    let ground = Ground::with_rows(3);
    let mut bench = ground.work(2);
    let first = bench.next().await;
    assert_eq!(reference_of(&first), "a1");
    assert!(!first.delivered().redelivered);

    // Two were claimed together, though the second was not handed out.
    let cut = ground.cut();
    let store = cut.open();
    let standings: Vec<_> = report(&store).into_iter().map(|row| row.standing).collect();
    assert_eq!(standings, [Standing::InDoubt, Standing::InDoubt, Standing::Unsent]);
    let mut next = Bench::start(store, &ManualClock::new(), 3);
    for (reference, redelivered) in [("a1", true), ("a2", true), ("a3", false)] {
        let delivery = next.next().await;
        assert_eq!(reference_of(&delivery), reference);
        assert_eq!(delivery.delivered().redelivered, redelivered, "{reference}");
        assert_eq!(delivery.delivered().delivery_count, u64::from(redelivered));
        assert!(delivery.delivered().own);
        next.publish(&event(reference, EventKind::Created)).await;
    }
}

#[tokio::test]
async fn a_result_is_on_the_disk_before_it_is_reported() {
    let ground = Ground::with_rows(2);
    let mut bench = ground.work(1);
    let delivery = bench.next().await;
    bench.publish(&event("a1", EventKind::Created)).await;
    // Killed before the acknowledgement.
    assert!(is_created(&report(&ground.cut().open())[0].standing));
    delivery.acknowledge().await.unwrap();
    let ended = bench.ended.recv().await.unwrap();
    assert_eq!((ended.number, ended.reference.as_str()), (1, "a1"));
    assert!(is_created(&ended.standing));

    let delivery = bench.next().await;
    bench.publish(&event("a2", EventKind::Unresolved)).await;
    let between = report(&ground.cut().open());
    bench.publish(&Outgoing::Parked(copy("a2"))).await;
    delivery.acknowledge().await.unwrap();
    let rows = report(&bench.close().await);
    assert_eq!(between[1], rows[1]);
    assert!(matches!(rows[1].standing, Standing::Ended(ReceivedResult::Unresolved(_))));
}

#[tokio::test]
async fn a_copy_takes_the_row_s_place_before_its_delivery_ends() {
    let ground = Ground::with_rows(1);
    let mut bench = ground.work(1);
    let delivery = bench.next().await;
    bench.publish(&retry("a1", Duration::from_secs(5))).await;
    let cut = ground.cut();
    drop(delivery);
    let closed = bench.close().await;
    for store in [cut.open(), closed] {
        assert_eq!(report(&store)[0].standing, Standing::Unsent, "its record is new");
        let clock = ManualClock::new();
        let mut next = Bench::start(store, &clock, 1);
        clock.advance(Duration::from_secs(6));
        let delivery = next.next().await;
        assert!(!delivery.delivered().redelivered);
        assert_eq!(delivery.delivered().headers, copy("a1").headers);
    }
}

#[tokio::test]
async fn however_a_delivery_ends_without_a_publish_its_row_comes_back_as_redelivered() {
    let ground = Ground::with_rows(1);
    let mut bench = ground.work(1);
    for time in 0..5 {
        let delivery = bench.next().await;
        assert_eq!(delivery.delivered().delivery_count, time);
        match time {
            0 => drop(delivery),
            1 => delivery.requeue().await.unwrap(),
            2 => delivery.reject().await.unwrap(),
            3 => delivery.abandon("a test"),
            _ => delivery.acknowledge().await.unwrap(),
        }
    }
    bench.end_next(EventKind::Created).await;
    assert!(!bench.close().await.is_open().unwrap());
}

#[tokio::test]
async fn a_row_that_waits_goes_on_after_its_delay_and_not_before() {
    let ground = Ground::with_rows(2);
    let mut bench = ground.work(1);
    let first = bench.next().await;
    bench.publish(&retry("a1", Duration::from_secs(5))).await;
    first.acknowledge().await.unwrap();
    bench.clock.advance(Duration::from_millis(4999));
    assert_eq!(bench.end_next(EventKind::Created).await, "a2");
    bench.clock.advance(Duration::from_millis(2));
    assert_eq!(bench.end_next(EventKind::Created).await, "a1");
}

#[tokio::test]
async fn a_wait_begins_again_with_the_next_process_whatever_its_clocks_show() {
    let ground = Ground::with_rows(2);
    let mut bench = ground.work(1);
    let first = bench.next().await;
    bench.publish(&retry("a1", Duration::from_secs(5))).await;
    first.acknowledge().await.unwrap();
    let store = bench.close().await;
    let clock = ManualClock::new();
    clock.advance(Duration::from_hours(24));
    let mut next = Bench::start(store, &clock, 1);
    assert_eq!(next.end_next(EventKind::Created).await, "a2");
    clock.advance(Duration::from_millis(5001));
    assert_eq!(next.end_next(EventKind::Created).await, "a1");
}

#[tokio::test]
async fn whoever_stops_waiting_for_a_delivery_loses_none() {
    let ground = Ground::with_rows(50);
    let mut bench = ground.work(3);
    let mut came = Vec::new();
    while came.len() < 50 {
        let Some(delivery) = bench.inbox.next().now_or_never() else {
            tokio::task::yield_now().await;
            continue;
        };
        let delivery = delivery.unwrap();
        assert!(!delivery.delivered().redelivered);
        came.push(reference_of(&delivery));
        bench.publish(&event(came.last().unwrap(), EventKind::Created)).await;
    }
    assert_eq!(came, (1..=50).map(name).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cancelled_inbox_still_gives_out_what_was_claimed_for_it() {
    let ground = Ground::with_rows(3);
    let mut bench = ground.work(2);
    let first = bench.next().await;
    bench.inbox.cancel().await;
    let second = bench.next().await;
    assert!(bench.inbox.next().await.is_none());
    assert_eq!([reference_of(&first), reference_of(&second)], ["a1", "a2"]);
    drop((first, second));
    // Those of the next one are in its file's order, after what came back.
    bench.inbox = bench.queue.open().await.unwrap();
    for reference in ["a1", "a2", "a3"] {
        assert_eq!(bench.end_next(EventKind::Created).await, reference);
    }
}

#[tokio::test]
async fn what_was_claimed_for_an_inbox_that_is_gone_comes_back() {
    let ground = Ground::with_rows(1);
    let mut bench = ground.work(1);
    assert!(bench.inbox.next().now_or_never().is_none(), "it is asked for, and not here yet");
    bench.inbox = bench.queue.open().await.unwrap();
    assert_eq!(bench.end_next(EventKind::Created).await, "a1");
}

#[tokio::test]
async fn no_more_are_out_than_the_prefetch() {
    let ground = Ground::with_rows(3);
    let mut bench = ground.work(2);
    let (first, second) = (bench.next().await, bench.next().await);
    // The file answers in order: a claim that went out before this would be done.
    bench.publish(&Outgoing::Checkpoint { merchant: MERCHANT.to_owned(), body: "{}".into() }).await;
    assert!(bench.inbox.next().now_or_never().is_none());
    let standings = report(&ground.cut().open());
    assert_eq!(standings[2].standing, Standing::Unsent);
    drop((first, second));
}

#[tokio::test]
async fn what_no_row_in_flight_stands_for_is_not_published() {
    let ground = Ground::with_rows(2);
    let mut bench = ground.work(1);
    let delivery = bench.next().await;
    for stray in [
        event("a2", EventKind::Created),
        event("b1", EventKind::Created),
        retry("a2", Duration::from_secs(1)),
        Outgoing::Parked(copy("a2")),
        Outgoing::DeadLetter(copy("a1")),
    ] {
        assert_eq!(bench.outbox.publish(&stray).await, Err(PublishError::Unroutable), "{stray:?}");
    }
    drop(delivery);
    assert_eq!(report(&bench.close().await)[1].standing, Standing::Unsent);
}

#[tokio::test]
async fn the_last_checkpoint_is_there_for_the_next_process() {
    let ground = Ground::with_rows(1);
    let bench = ground.work(1);
    assert_eq!(bench.queue.checkpoint().await.unwrap(), None);
    for body in ["{\"n\":1}", "{\"n\":2}"] {
        let merchant = MERCHANT.to_owned();
        bench.publish(&Outgoing::Checkpoint { merchant, body: body.into() }).await;
    }
    let next = ground.cut().work(1);
    let expected = Checkpoint { body: "{\"n\":2}".into(), own: true };
    assert_eq!(next.queue.checkpoint().await.unwrap(), Some(expected));
}

#[tokio::test]
async fn after_a_failed_write_nothing_more_is_claimed_and_what_was_sent_is_in_doubt() {
    let ground = Ground::with_rows(2);
    let store = ground.open();
    drop(store);
    let connection = rusqlite::Connection::open(ground.path()).unwrap();
    let full = "CREATE TRIGGER full BEFORE UPDATE OF event ON intents
                BEGIN SELECT RAISE(ABORT, 'no room'); END";
    connection.execute_batch(full).unwrap();
    drop(connection);
    let mut bench = ground.work(1);
    let delivery = bench.next().await;
    let published = bench.outbox.publish(&event("a1", EventKind::Created)).await;
    assert_eq!(published, Err(PublishError::Unconfirmed));
    assert!(timeout(SOON, bench.inbox.next()).await.unwrap().is_none());
    assert!(bench.inbox.lost().is_cancelled());
    assert!(!delivery.still_ours().await);
    assert!(delivery.acknowledge().await.is_err());
    assert!(bench.queue.open().await.is_err());
    let (store, failure) = bench.session.close().await.unwrap();
    assert!(failure.unwrap().to_string().contains("no room"));
    let standings: Vec<_> = report(&store).into_iter().map(|row| row.standing).collect();
    assert_eq!(standings, [Standing::InDoubt, Standing::Unsent]);
}
