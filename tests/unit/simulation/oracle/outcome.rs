//! The judgement at the end of a run, and its counts.

use super::Oracle;
use super::commands::{self, KnownCommand};
use super::intents::Known;
use crate::simulation::run::Played;
use crate::simulation::tally::Tally;

impl Oracle {
    /// The last judgement: each message has ended, whatever came before, and what was said of each
    /// link ends in what is true of it.
    pub(in crate::simulation) fn judge(&mut self) {
        if self.is_broken() {
            return;
        }
        let intents = self.intents.iter().filter(|it| !it.has_ended()).map(|it| &it.copies.id);
        let commands = self.commands.iter().filter(|it| !it.has_ended()).map(|it| &it.copies.id);
        if let Some(lost) = intents.chain(commands).next() {
            self.broken = Some(format!("{lost} has no end"));
            return;
        }
        // An effect that comes after every lookup cannot be announced.
        if self.links.is_bounded {
            let mut judged = self.commands.iter().map(|command| {
                let reference = &command.reference;
                commands::judge(reference, &self.commands, self.links.get(reference), self.now)
            });
            self.broken = judged.find_map(Result::err);
        }
    }

    pub(in crate::simulation) fn played(&mut self) -> Played {
        let count = |is: fn(&Known) -> bool| self.intents.iter().filter(|one| is(one)).count();
        let of_commands = |is: fn(&KnownCommand) -> bool| {
            self.commands.iter().filter(|one| is(one)).count() as u64
        };
        let doubled = count(|intent| intent.links.len() > 1) as u64;
        let has_exception = self.kind.has_exception() && !self.is_broken();
        let tally = Tally {
            intents: self.intents.len() as u64,
            commands: self.commands.len() as u64,
            faults: self.faults,
            links: self.intents.iter().map(|intent| intent.links.len() as u64).sum(),
            doubles: if has_exception { 0 } else { doubled },
            excused: if has_exception { doubled } else { 0 },
            lost: count(|one| !one.has_ended()) as u64 + of_commands(|one| !one.has_ended()),
            wrong_failed: count(|one| one.failed.is_some() && !one.links.is_empty()) as u64,
            unresolved: count(Known::is_with_a_person) as u64
                + of_commands(KnownCommand::is_with_a_person),
            ends: commands::ends(&self.commands),
        };
        let (trace, broken) = (std::mem::take(&mut self.trace), self.broken.take());
        Played { tally, trace, broken }
    }
}
