//! Intents and commands together: links are made, cancelled, extended, claimed and expire while the
//! worker is killed again and again, and both sides have to agree in the end.

mod count;
mod plan;

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use plan::{Act, Plan};

pub(super) use count::Count;

use crate::support::intents::{intent_with, message, publish_to};
use crate::support::provider::Acted;
use crate::support::results::Collector;
use crate::support::scenario::Scenario;

/// Who pays, by which API.
pub(super) type Merchant = (&'static str, &'static str);

/// How the installation is tortured.
#[derive(Clone, Debug)]
pub(super) struct Mixed {
    /// Its name in the table.
    pub(super) name: &'static str,
    pub(super) merchants: &'static [Merchant],
    /// How many intents are published in all; for each ten there are two cancels and one extend.
    pub(super) intents: u64,
    /// How often the worker is killed.
    pub(super) kills: u64,
    /// Decides the moments, which answers are lost, and when a command comes.
    pub(super) seed: u64,
}

/// The calls at once for each merchant, and how many of them are for commands.
const CONCURRENCY: u64 = 12;
const FOR_COMMANDS: u64 = 3;
/// What the account allows is 500 a second, and for commands this.
const COMMANDS_PER_SECOND: u64 = 125;
/// As short as their relations allow.
const TIMES: [(&str, &str); 2] = [("retry.lease", "400ms"), ("in_doubt.quarantine", "3500ms")];
/// Between the moment when the worker is active and its death.
const LIFE_MS: std::ops::RangeInclusive<u64> = 50..=1200;
/// How long everything may take to come to rest, besides 20 ms for each intent.
const REST: Duration = Duration::from_mins(2);

impl Mixed {
    /// As slow as it takes for the work to last over all the kills.
    fn faults_while_killed(&self) -> Value {
        let each = self.intents / self.merchants.len() as u64;
        let latency = (CONCURRENCY - FOR_COMMANDS) * self.kills * 900 / each;
        // A call may take a second.
        self.faults(latency.min(400), [0.1, 0.05])
    }

    /// These shares of answers are lost after the effect, and of commands before it.
    fn faults(&self, latency_ms: u64, [after, before]: [f64; 2]) -> Value {
        let command =
            json!({ "latency_ms": latency_ms / 2, "lost_after": after, "lost_before": before });
        json!({
            "seed": self.seed,
            "latency_ms": latency_ms,
            "latency_jitter_ms": latency_ms / 2,
            "lost_after": after,
            "cancel_faults": command,
            "extend_faults": command,
        })
    }

    /// What a kill can find between an event and the acknowledgement of its command.
    fn changed_max(&self) -> u64 {
        self.kills * FOR_COMMANDS * self.merchants.len() as u64
    }

    /// What a kill can find between a parked copy and the acknowledgement.
    fn parked_again_max(&self) -> u64 {
        self.kills * 2 * CONCURRENCY * self.merchants.len() as u64
    }
}

/// An installation under torture.
struct Ground<'a> {
    run: &'a Mixed,
    plan: Plan,
    scenario: Scenario,
    results: Collector,
    /// Those whose link was not there yet.
    postponed: Vec<Act>,
}

#[expect(clippy::disallowed_methods, reason = "a test shows how long it took")]
pub(super) async fn torture(run: &Mixed) -> Count {
    let begun = Instant::now();
    let mut ground = Ground::prepare(run).await;
    ground.publish_commands(0).await;
    ground.publish_intents(false).await;
    let kills = ground.kill_again_and_again().await;
    let left = ground.come_to_rest().await;
    ground.count(kills, left, begun.elapsed()).await
}

impl<'a> Ground<'a> {
    async fn prepare(run: &'a Mixed) -> Self {
        let names: Vec<_> = run.merchants.iter().map(|(name, _)| *name).collect();
        let faults = run.faults_while_killed();
        let mut scenario = Scenario::with_commands(&names, COMMANDS_PER_SECOND, faults).await;
        for (key, value) in TIMES {
            scenario.set(key, value);
        }
        for (name, api) in run.merchants {
            let key = |setting: &str| format!("merchants.{name}.{setting}");
            scenario.set(&key("api"), api);
            scenario.set(&key("concurrency"), &CONCURRENCY.to_string());
        }
        let results = scenario.results().await;
        Self { run, plan: Plan::draw(run), scenario, results, postponed: Vec::new() }
    }

    async fn publish_intents(&self, late: bool) {
        let payments = self.plan.payments.iter().filter(|payment| payment.is_late == late);
        let messages = payments.map(|payment| {
            let fields = json!({ "amount": payment.amount, "metadata": null });
            let (body, properties) = message(&intent_with(&payment.reference, &fields), 0);
            (payment.merchant, body, properties)
        });
        publish_to(&self.scenario.connection, "smartsend.intents", messages).await;
    }

    /// The commands of one phase.
    async fn publish_commands(&self, phase: u64) {
        self.scenario.publish_commands(&self.plan.commands_of(phase)).await;
    }

    /// What people do in one phase, and what they could not do before.
    async fn act(&mut self, phase: u64) {
        let mut acts = std::mem::take(&mut self.postponed);
        acts.extend(self.plan.acts_of(phase));
        for act in acts {
            let Act { account, reference, action, .. } = &act;
            match self.scenario.provider.try_act(account, reference, action).await {
                Acted::Done | Acted::TooLate => {}
                Acted::NoLink => self.postponed.push(act),
            }
        }
    }

    /// Returns how many of the kills found work to be done.
    async fn kill_again_and_again(&mut self) -> u64 {
        let mut dice = StdRng::seed_from_u64(self.run.seed);
        let mut kills = 0;
        for phase in 1..=self.run.kills {
            let worker = self.scenario.worker();
            for (name, _) in self.run.merchants {
                worker.active(name).await;
            }
            // Not an order but the torture itself: a random moment.
            let life = Duration::from_millis(dice.random_range(LIFE_MS));
            let living = sleep(life);
            self.publish_commands(phase).await;
            self.act(phase).await;
            living.await;
            worker.program.kill().await;
            kills += u64::from(self.scenario.work_left().await > 0);
        }
        kills
    }

    /// Lets a worker do the rest, while answers are lost and people act until the end, and stops it
    /// once there is nothing more to do. Returns the messages that are left at the bound.
    async fn come_to_rest(&mut self) -> u64 {
        let bound = REST + Duration::from_millis(20) * u32::try_from(self.run.intents).unwrap();
        self.scenario.provider.set_faults(self.run.faults(1, [0.02, 0.01])).await;
        // What the last kill left in doubt is sent again only by a process that has seen details show
        // a link, and without anything new there may be none to see.
        self.publish_intents(true).await;
        self.publish_commands(self.plan.last_phase).await;
        let worker = self.scenario.worker();
        let at_rest = timeout(bound, async {
            self.act(self.plan.last_phase).await;
            let mut open = self.plan.open();
            let mut read = 0;
            loop {
                let new = self.results.from(read);
                read += new.len();
                for message in &new {
                    open.remove(&message.answers());
                }
                self.act(self.plan.last_phase + 1).await;
                let is_done = open.is_empty() && self.postponed.is_empty();
                if is_done
                    && self.scenario.work_left().await == 0
                    && self.scenario.work_total().await == 0
                {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        });
        // What is missing at the bound counts as lost, and what is there as left.
        let is_at_rest = at_rest.await.is_ok();
        let left = if is_at_rest { 0 } else { self.scenario.work_total().await };
        worker.stop().await;
        left
    }
}
