//! Plays commands at random against a link that is made late, claimed, expires, and shows late what
//! was done to it, with answers that are lost, refused or wrong, and workers that are killed.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use smartsend::domain::call::{NoAnswer, NotSent};
use smartsend::domain::classify::UnknownReason;

use super::*;

/// The truth about one link, on simulated seconds.
struct World {
    rng: StdRng,
    now: u64,
    made_at: u64,
    claimed_at: Option<u64>,
    cancelled_at: Option<u64>,
    expiry: Timestamp,
    extended_at: u64,
    /// How late details shows a change; less than the quarantine.
    lag: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let made_at = *[0, 0, 30, 3_000].choose(&mut rng).unwrap();
        let claimed_at = rng.random_bool(0.3).then(|| made_at + rng.random_range(0..600));
        let lag = *[0, 0, 3, 200].choose(&mut rng).unwrap();
        let expiry = at("2026-12-01T00:00:00Z");
        let (cancelled_at, extended_at) = (None, 0);
        Self { rng, now: 0, made_at, claimed_at, cancelled_at, expiry, extended_at, lag }
    }

    fn is_claimed(&self, by: u64) -> bool {
        let first = |at: u64| self.cancelled_at.is_none_or(|cancelled| at <= cancelled);
        self.claimed_at.is_some_and(|at| at <= by && first(at))
    }

    /// Carries a call out, if that is possible, and answers.
    fn call(&mut self, action: Action) -> ManageOutcome {
        let fate = self.rng.random_range(0..10);
        if fate == 0 {
            return ManageOutcome::NotSent(NotSent::Connect);
        }
        if fate == 1 {
            return ManageOutcome::Unknown(UnknownReason::NoAnswer(NoAnswer::Timeout));
        }
        if fate == 2 {
            return ManageOutcome::Throttled(None); // and yet nothing was done, this time
        }
        let answer = self.carry_out(action);
        match fate {
            3 => ManageOutcome::Unknown(UnknownReason::NoAnswer(NoAnswer::Timeout)),
            4 => ManageOutcome::Throttled(None),
            5 => ManageOutcome::Refused(Some(1119)),
            _ => answer,
        }
    }

    fn carry_out(&mut self, action: Action) -> ManageOutcome {
        if self.now < self.made_at {
            return ManageOutcome::Refused(Some(1112));
        }
        if self.is_claimed(self.now) || self.cancelled_at.is_some() {
            return ManageOutcome::Refused(Some(1110));
        }
        match action {
            Action::Cancel => self.cancelled_at = Some(self.now),
            Action::Extend(expiry) if expiry > self.expiry => {
                (self.expiry, self.extended_at) = (expiry, self.now);
            }
            Action::Extend(_) => {}
        }
        ManageOutcome::Done
    }

    /// What details shows.
    fn show(&mut self) -> Lookup {
        if self.rng.random_bool(0.1) {
            return silence();
        }
        let Some(seen) = self.now.checked_sub(self.lag) else { return Lookup::NotFound };
        if seen < self.made_at {
            return Lookup::NotFound;
        }
        let status = if self.is_claimed(seen) {
            LinkStatus::Claimed
        } else if self.cancelled_at.is_some_and(|at| at <= seen) {
            LinkStatus::Cancelled
        } else {
            LinkStatus::Live
        };
        let is_shown = self.extended_at <= seen;
        let expiry = if is_shown { self.expiry } else { at("2026-12-01T00:00:00Z") };
        Lookup::Found(Details { expiry: Some(expiry), ..details(status, Payment::None) })
    }

    fn pass(&mut self, time: Duration) {
        self.now += time.as_secs().max(1);
    }
}

fn play(seed: u64) {
    let mut world = World::new(seed);
    let command = if seed.is_multiple_of(2) { cancel() } else { extend() };
    let policy = policy();
    let mut play = Play::first(&command, &policy);
    let mut next = play.next();
    for _ in 0..5_000 {
        world.pass(Duration::ZERO);
        if world.rng.random_bool(0.02) && !matches!(next, Next::Return(_) | Next::HandBack) {
            let record = play.case.record().clone(); // the worker is killed
            play.deliver(&record, true);
            next = play.next();
            continue;
        }
        next = match next {
            Next::Attempt { .. } => play.attempted(world.call(command.action)),
            Next::Lookup => play.lookup(world.show()),
            Next::Wait(wait) => {
                world.pass(wait);
                play.wait(wait)
            }
            Next::Pause => play.next(),
            Next::Return(delay) => {
                world.pass(delay);
                play.come_back();
                play.next()
            }
            Next::HandBack => {
                play.come_back();
                play.next()
            }
            Next::Cancelled
            | Next::Extended
            | Next::Failed(_)
            | Next::Unresolved(_)
            | Next::Abandon => return judge(seed, &world, &next),
        };
    }
    panic!("seed {seed}: it goes on for ever");
}

/// An event says what is true, and stays true.
fn judge(seed: u64, world: &World, end: &Next) {
    let is_cancelled = world.cancelled_at.is_some();
    let is_claimed = world.is_claimed(u64::MAX);
    if *end == Next::Cancelled {
        assert!(is_cancelled && !is_claimed, "seed {seed}");
    } else if *end == Next::Extended {
        assert_eq!(world.expiry, until(), "seed {seed}");
    } else if *end == Next::Failed(CommandFailure::Claimed) {
        assert!(is_claimed, "seed {seed}");
    } else {
        panic!("seed {seed}: {end:?}");
    }
}

#[test]
fn an_event_says_what_has_become_of_the_link() {
    for seed in 0..20_000 {
        play(seed);
    }
}
