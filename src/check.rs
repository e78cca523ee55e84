//! `smartsend check`: one look at all that a worker needs, before it goes live.
//!
//! It writes nothing and sends no money: at PayU it asks for a token, for a reference that nobody has
//! used and for the account, and at the broker it declares only what was just found, and publishes
//! only what is never committed. Each thing has a level, and what is wrong says what to do. What
//! cannot be known is not called good: it is `skipped` where something else has to be right first,
//! and `not looked at` where a person has to look.

pub mod broker;
pub mod bundle;
pub mod pages;
pub mod provider;
pub mod report;
mod configuration;

use futures_util::future::join_all;

use crate::amqp::Topology;
use crate::config::{Config, ConfigError, Merchant};
use crate::domain::reference::Reference;
use pages::Pages;
use report::{Finding, Group, Report};

pub struct Check<'a> {
    pub config: &'a Config,
    /// Those whose queues and accounts are looked at.
    pub merchants: Vec<&'a Merchant>,
    /// A queue of downstream's.
    pub results_queue: Option<&'a str>,
}

/// What was found, and what a worker of this machine shows.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub report: Report,
    pub pages: Pages,
}

impl Check<'_> {
    /// Looks at everything at once.
    pub async fn run(&self) -> Checked {
        let reference = unused();
        let accounts = self.merchants.iter().map(|it| provider::look(it, &reference));
        let listen = self.config.ops.listen;
        let (broker, accounts, pages) =
            tokio::join!(self.broker(), join_all(accounts), pages::read(listen));
        let mut report = Report {
            server: None,
            merchants: self.merchants.iter().map(|merchant| merchant.name.clone()).collect(),
            findings: configuration::look(self.config, &self.merchants),
            unseen: Vec::new(),
        };
        match broker {
            Ok(seen) => {
                report.server = seen.server;
                report.findings.extend(seen.findings);
                report.unseen = seen.unseen;
            }
            Err(wrong) => report.findings.push(wrong),
        }
        for (findings, unseen) in accounts {
            report.findings.extend(findings);
            // It is about the machine, and said once.
            if let Some(unseen) = unseen.filter(|unseen| !report.unseen.contains(unseen)) {
                report.unseen.push(unseen);
            }
        }
        report.findings.push(pages.finding(listen));
        Checked { report: report.finished(), pages }
    }

    async fn broker(&self) -> Result<broker::BrokerSeen, Finding> {
        let topology = Topology::of_merchants(self.config, self.merchants.iter().copied());
        let topology = topology.map_err(|error| {
            let cure = "choose a shorter one";
            Finding::error(Group::Configuration, "broker.prefix", error.to_string(), cure)
        })?;
        Ok(broker::look(self.config, &topology, self.results_queue).await)
    }
}

/// What can be said of a configuration that cannot be used.
pub fn misconfigured(error: &ConfigError) -> Report {
    let skipped =
        [(Group::Broker, "broker"), (Group::Provider, "provider"), (Group::Consumers, "consumers")];
    let skipped = skipped.map(|(group, what)| Finding::skipped(group, what, "a configuration"));
    let findings = configuration::refused(error).into_iter().chain(skipped).collect();
    Report { findings, ..Report::default() }.finished()
}

/// A reference that shows a person where it comes from.
#[expect(clippy::expect_used, reason = "it is short, and made of letters, digits and dashes")]
fn unused() -> Reference {
    let random: u64 = rand::random();
    Reference::parse(&format!("smartsend-check-{random:016x}")).expect("a reference")
}
