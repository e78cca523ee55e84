//! What is published and done when, drawn from the seed.

use std::collections::HashSet;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Mixed;
use crate::support::commands::{Action, Command};

/// An intent.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) merchant: &'static str,
    pub(super) reference: String,
    pub(super) amount: String,
    /// Whether it comes after the last kill.
    pub(super) is_late: bool,
}

/// What somebody does to a link at the desk.
#[derive(Clone, Debug)]
pub(super) struct Act {
    phase: u64,
    /// The payout merchant id.
    pub(super) account: String,
    pub(super) reference: String,
    pub(super) action: &'static str,
}

/// Everything. Phase 0 is before the intents, then there is one for each life of a worker.
pub(super) struct Plan {
    pub(super) payments: Vec<Payment>,
    pub(super) last_phase: u64,
    commands: Vec<(u64, Command)>,
    acts: Vec<Act>,
}

/// 2100-01-01, later than any link ends by itself.
const FAR: i64 = 4_102_444_800;
const DAY: i64 = 86_400;

impl Plan {
    pub(super) fn draw(run: &Mixed) -> Self {
        let dice = StdRng::seed_from_u64(run.seed ^ 0x5eed);
        let mut drawing =
            Drawing { dice, last_phase: run.kills + 1, commands: Vec::new(), acts: Vec::new() };
        let payments = (0..run.intents).map(|number| drawing.payment(run, number)).collect();
        let Drawing { last_phase, commands, acts, .. } = drawing;
        Self { payments, last_phase, commands, acts }
    }

    /// The commands that are published in a phase.
    pub(super) fn commands_of(&self, phase: u64) -> Vec<Command> {
        let own = self.commands.iter().filter(|(when, _)| *when == phase);
        own.map(|(_, command)| command.clone()).collect()
    }

    /// What is done at the desk in a phase.
    pub(super) fn acts_of(&self, phase: u64) -> Vec<Act> {
        self.acts.iter().filter(|act| act.phase == phase).cloned().collect()
    }

    pub(super) fn all_commands(&self) -> Vec<Command> {
        self.commands.iter().map(|(_, command)| command.clone()).collect()
    }

    /// What has to come to an end: intents by their references, and commands by their ids.
    pub(super) fn open(&self) -> HashSet<String> {
        let references = self.payments.iter().map(|payment| payment.reference.clone());
        references.chain(self.commands.iter().map(|(_, command)| command.id.clone())).collect()
    }
}

struct Drawing {
    dice: StdRng,
    last_phase: u64,
    commands: Vec<(u64, Command)>,
    acts: Vec<Act>,
}

impl Drawing {
    /// Of ten intents two are cancelled and one is extended, and one of these is claimed too, and
    /// one that nobody changes. Every twentieth command is given twice, some are extended and
    /// cancelled, and some links are paid, or expire.
    fn payment(&mut self, run: &Mixed, number: u64) -> Payment {
        let place = usize::try_from(number).unwrap() % run.merchants.len();
        let payment = Payment {
            merchant: run.merchants[place].0,
            reference: format!("m-{}-{number}", run.seed),
            amount: format!("{}.{:02}", number % 900 + 1, number % 100),
            is_late: number >= run.intents * 9 / 10,
        };
        // The lots are drawn anew for each merchant's ten, or they would all fall on one of them.
        let lot = number / run.merchants.len() as u64 % 10;
        let round = number / 10;
        let account = format!("111131{place}");
        if lot < 2 {
            self.command(&payment, "cancel", Action::Cancel);
        }
        if lot == 2 || lot == 1 && round.is_multiple_of(5) {
            let to = Timestamp::from_second(FAR + DAY * self.dice.random_range(0..1000)).unwrap();
            self.command(&payment, "extend", Action::Extend(to));
        }
        if lot < 3 && round % 20 == 7 {
            let again = self.commands.last().unwrap().1.action;
            let other = match again {
                Action::Extend(to) => {
                    let days = self.dice.random_range(-500..500);
                    Action::Extend(Timestamp::from_second(to.as_second() + DAY * days).unwrap())
                }
                Action::Cancel => Action::Cancel,
            };
            self.command(&payment, "again", other);
        }
        let act = match (lot, round % 4) {
            (0 | 5, _) | (2, 0) => Some("claim"),
            (1, 2) | (2, 1) | (6, 0) => Some("expire"),
            (7, 0) => Some("cancel"),
            _ => None,
        };
        if let Some(action) = act {
            let phase = self.dice.random_range(1..=self.last_phase);
            let reference = payment.reference.clone();
            let act = Act { phase, account, reference, action };
            if action == "claim" && round.is_multiple_of(3) {
                let phase = self.last_phase;
                self.acts.push(act.clone());
                self.acts.push(Act { phase, action: "pay", ..act });
            } else {
                self.acts.push(act);
            }
        }
        payment
    }

    /// One in four comes before its intent.
    fn command(&mut self, payment: &Payment, what: &str, action: Action) {
        let phase = if self.dice.random_range(0..4) == 0 {
            0
        } else {
            self.dice.random_range(1..=self.last_phase)
        };
        let command = Command {
            merchant: payment.merchant.to_owned(),
            reference: payment.reference.clone(),
            id: format!("{what}-{}", payment.reference),
            action,
        };
        self.commands.push((phase, command));
    }
}
