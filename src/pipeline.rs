//! One delivery, from intent to settlement.
//!
//! [`handle`] reads as the line does: *delivery, intent, decision, call, outcome, event,
//! settlement*. It sequences, in one `match`, what the core decides, and decides nothing itself.
//! A delivery is acknowledged only after the broker confirmed what replaces it: its event, its
//! copy on a retry queue, or its copy on the parked queue.

mod back;
mod call;
mod desk;
mod exits;
mod hand;
mod memory;
mod messages;
mod probe;
mod proof;
mod publish;
mod settle;

use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::domain::decide::{
    Case, Decision, DeliveryInfo, InDoubtPolicy, Input, Opened, Surroundings,
};
use crate::domain::intent::Intent;
use crate::domain::intent::wire;
use crate::domain::reference::Reference;
use crate::domain::verdict::Verdict;
use crate::ports::{Clock, Delivery, Outbox, Provider};
use crate::telemetry::events;
use back::Back;
use call::Created;
pub use desk::Desk;
pub use exits::{Exit, Exits, ShutExits};
use hand::{Halt, Hand};
pub use memory::{Alone, CAPACITY, Entered, Memory, Running};
pub use proof::Proof;
pub use settle::Settlement;

/// How long an intent waits that would be parked while the provider is down. There may be many of
/// them, and each comes back with a lookup.
const IN_DOUBT_WAIT: Duration = Duration::from_mins(10);

/// Brings one delivery to its settlement. `lost` ends when its channel has.
pub async fn handle<D: Delivery, P: Provider, O: Outbox, C: Clock>(
    delivery: D,
    lost: CancellationToken,
    desk: &Desk<P, O, C>,
) -> Settlement {
    let hand = Hand { delivery, lost };
    let intent = match wire::parse(&hand.delivered().body, desk.policy.account.api) {
        Ok(intent) => intent,
        Err(invalid) => {
            invalid.valid.reference.as_ref().map(events::intent_read);
            return desk.settle_invalid(hand, *invalid).await;
        }
    };
    events::intent_read(&intent.reference);
    // Two deliveries with one reference never run at the same time: the second waits, and then
    // finds the first in the memory.
    let running = match desk.alone.try_run(&intent.reference) {
        Some(running) => Ok(running),
        None => Box::pin(desk.wait_for_the_other(&hand, &intent.reference)).await, // seldom
    };
    let _running = match running {
        Ok(running) => running,
        Err(halt) => {
            let end = match (desk.open(&hand, &intent), halt) {
                (Opened::Settle(case, verdict), _) => End::Verdict(case, verdict),
                (opened, Halt::TooOld) => End::Back(opened.case(), Back::GiveWay),
                (opened, _) => halted(opened.case(), halt),
            };
            return desk.settle(hand, &intent, end).await;
        }
    };
    let end = run(&hand, &intent, desk).await;
    desk.settle(hand, &intent, end).await
}

/// How a delivery's stay in hand ends.
enum End<'a> {
    /// With a verdict.
    Verdict(Case<'a>, Verdict),
    /// It goes back to the broker.
    Back(Case<'a>, Back),
    /// Not ours any more.
    Lost,
}

async fn run<'a, D: Delivery, P: Provider, O: Outbox, C: Clock>(
    hand: &Hand<D>,
    intent: &'a Intent,
    desk: &'a Desk<P, O, C>,
) -> End<'a> {
    let mut case = match desk.open(hand, intent) {
        Opened::Case(case) => case,
        Opened::Renew(case) => return End::Back(case, Back::AsItIs("came back too often")),
        Opened::Settle(case, verdict) => return End::Verdict(case, verdict),
    };
    let mut input = Input::Nothing;
    let mut in_doubt = None;
    loop {
        if case.record().is_in_doubt() {
            in_doubt.get_or_insert_with(|| desk.metrics.in_doubt());
        }
        let decision = case.after(input, desk.view(&case));
        if let Err(halt) = desk.wait_out_hold_off(hand, &case, &decision).await {
            return halted(case, halt);
        }
        let step = match decision {
            Decision::Create(call) => desk.create(hand, &case, call).await.map(Created::input),
            Decision::Lookup => desk.lookup(hand, intent, &case).await.map(Input::Lookup),
            Decision::TryAgain(wait) => {
                hand.wait(desk, desk.clock.part_of(wait)).await.1.map(|()| Input::Nothing)
            }
            Decision::Wait(wait) => match desk.room_for(hand, wait) {
                Some(_room) => {
                    let _held = desk.metrics.held();
                    let (waited, ended) = hand.wait(desk, wait).await;
                    case.waited(waited);
                    ended.map(|()| Input::Nothing)
                }
                None => return End::Back(case, Back::Return(desk.policy.delays.within(wait))),
            },
            Decision::Return(_) if desk.turns.is_closed() => return halted(case, Halt::GateClosed),
            Decision::Return(delay) => return End::Back(case, Back::Return(delay)),
            Decision::Settle(verdict) => {
                return match desk.until_an_answer(&verdict) {
                    Some(wait) => End::Back(case, Back::Return(desk.policy.delays.within(wait))),
                    None => End::Verdict(case, verdict),
                };
            }
        };
        input = match step {
            Ok(input) => input,
            Err(halt) => return halted(case, halt),
        };
    }
}

/// Only a delivery that has lost its channel is let go; any other goes back with its record.
fn halted(case: Case<'_>, halt: Halt) -> End<'_> {
    match halt {
        Halt::Lost => End::Lost,
        Halt::Stopping | Halt::GateClosed | Halt::TooOld | Halt::NoRoom => {
            End::Back(case, Back::AsItIs(halt.word()))
        }
    }
}

impl Created {
    fn input(self) -> Input {
        match self {
            Self::Outcome(outcome) => Input::Create(outcome),
            Self::Overdue => Input::Nothing,
        }
    }
}

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    /// Waits for the other delivery with this reference, and no longer than anything is held that
    /// was not started: the other one may stay for a whole quarantine, and those that wait would
    /// take the prefetch's places from everyone else.
    async fn wait_for_the_other<D: Delivery>(
        &self,
        hand: &Hand<D>,
        reference: &Reference,
    ) -> Result<Running<'_>, Halt> {
        let patience = self.hold.saturating_sub(hand.age(self.clock.now()));
        hand.unless_halted(self, patience, self.alone.run(reference)).await
    }

    fn open<'a, D: Delivery>(&'a self, hand: &Hand<D>, intent: &'a Intent) -> Opened<'a> {
        let now = self.clock.now();
        let delivered = hand.delivered();
        let opened = Case::open(
            intent,
            &self.policy,
            &DeliveryInfo {
                headers: &delivered.headers,
                own: delivered.own,
                redelivered: delivered.redelivered,
                delivery_count: delivered.delivery_count,
                recent: self.memory.holds(&intent.reference, now.steady),
                now: now.wall,
            },
        );
        // What may have been sent by another process is remembered like what this one sent.
        if let Opened::Case(case) = &opened
            && case.record().is_in_doubt()
        {
            self.memory.enter(&intent.reference, now.steady);
        }
        opened
    }

    fn view(&self, case: &Case<'_>) -> Surroundings {
        Surroundings {
            now: self.clock.now().wall,
            readback: self.proof.is_given(),
            closed_for: self.turns.closed_since(case.record().first_seen),
        }
    }

    /// Under the strict setting, waits until what another process sent has had time to show; the
    /// look that licenses a first create starts after that too.
    async fn wait_out_hold_off<D: Delivery>(
        &self,
        hand: &Hand<D>,
        case: &Case<'_>,
        decision: &Decision<'_>,
    ) -> Result<(), Halt> {
        let leads_to_create = match decision {
            Decision::Create(_) | Decision::Lookup => !case.record().is_in_doubt(),
            Decision::Wait(_)
            | Decision::TryAgain(_)
            | Decision::Return(_)
            | Decision::Settle(_) => false,
        };
        let now = self.clock.now();
        let left = self.held_off(now);
        if !leads_to_create || left.is_zero() {
            return Ok(());
        }
        let patience = self.hold.saturating_sub(hand.age(now));
        hand.wait(self, left.min(patience)).await.1?;
        if left > patience { Err(Halt::TooOld) } else { Ok(()) }
    }

    /// How long an intent waits that would be parked for want of an answer, if one may yet come:
    /// the provider comes back, or details shows the first link to a process that has just begun.
    fn until_an_answer(&self, verdict: &Verdict) -> Option<Duration> {
        if !verdict.is_for_want_of_an_answer() {
            return None;
        }
        if self.turns.was_down_lately() {
            return Some(IN_DOUBT_WAIT);
        }
        let would_resend = self.policy.in_doubt == InDoubtPolicy::Resend;
        let may_come = would_resend && self.proof.may_come(self.clock.now().steady);
        may_come.then_some(self.policy.quarantine)
    }

    /// Room to wait in hand. A copy on a retry queue comes back behind the whole backlog, so what
    /// fits is held here; what would outstay the broker's patience does not.
    fn room_for<D: Delivery>(&self, hand: &Hand<D>, wait: Duration) -> Option<SemaphorePermit<'_>> {
        let age = hand.age(self.clock.now());
        if age.saturating_add(wait) > self.in_hand_max {
            return None;
        }
        self.room.try_acquire().ok()
    }
}
