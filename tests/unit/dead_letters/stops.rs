//! A stop: what is in flight is settled, and what cannot be is left and counted.

use std::time::Duration;

use super::{EXAMPLE, World, seconds};

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stop_settles_the_one_in_flight_and_takes_no_other() {
    let world = World::new();
    let (_, stopping, running) = world.start();
    world.close("event");
    world.put("default", "a", EXAMPLE);
    seconds(7).await; // it was put back, and waits to be tried again
    let put_back = world.see(|state| state.put_back);
    world.put("default", "b", EXAMPLE);
    stopping.cancel();
    assert_eq!(running.await.unwrap(), 0);
    world.see(|state| {
        assert_eq!((state.put_back, state.abandoned), (put_back + 1, 0));
        assert_eq!(state.ready.len(), 2);
    });
    assert_eq!(world.ids(), Vec::<String>::new());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stop_that_gets_no_answer_leaves_the_one_in_flight() {
    let world = World::new();
    let (_, stopping, running) = world.start();
    world.set(|state| state.silent = true);
    world.put("default", "a", EXAMPLE);
    seconds(1).await;
    stopping.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(31), running).await;
    assert_eq!(stopped.expect("it stops after `drain`").unwrap(), 1);
    world.see(|state| assert_eq!((state.abandoned, state.acknowledged), (1, 0)));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_comes_when_the_stop_has_begun_counts_as_left_too() {
    let world = World::new();
    world.put("default", "a", EXAMPLE);
    world.set(|state| {
        state.silent = true;
        state.on_its_way = std::mem::take(&mut state.ready);
    });
    let (_, stopping, running) = world.start();
    seconds(1).await;
    stopping.cancel();
    assert_eq!(running.await.unwrap(), 1);
    world.see(|state| assert_eq!((state.abandoned, state.acknowledged), (1, 0)));
}
