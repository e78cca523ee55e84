//! Makes a plan: finds what is meant, and looks every one of it up.
//!
//! The messages are back on their queue before the first lookup: a second for each would otherwise
//! keep them longer than RabbitMQ lets a consumer hold anything.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::decision::{Judgement, judge, refusal};
use super::message::{Id, Parked};
use super::plan::{Entry, Plan};
use super::selection::{Absent, Selection};
use crate::actor::Actor;
use crate::amqp::{Extent, ParkedQueue, ParkedQueueError, Topology};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::classify::lookup::Lookup;
use crate::domain::record::Record;
use crate::domain::reference::Reference;
use crate::inquiry::{Inquiry, InquiryError};
use crate::ports::Clock;

/// What a plan is to hold.
pub struct Request<'a> {
    pub selection: Selection,
    /// At most so many that are looked up, and so many that are refused anyway.
    pub limit: usize,
    /// Whether a third replay is allowed.
    pub again: bool,
    pub actor: &'a Actor,
    pub stop: CancellationToken,
}

/// A plan, and what it does not have.
pub struct Planned {
    pub plan: Plan,
    pub extent: Extent,
    /// What was named, and is not parked or not what was asked for.
    pub absent: Absent,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    #[error(transparent)]
    Queue(#[from] ParkedQueueError),
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
}

/// One that is to be looked up.
struct Candidate {
    parked: Parked,
    record: Option<Record>,
}

#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    refused: Vec<Entry>,
    left_out: u32,
    ids: BTreeSet<Id>,
    references: BTreeSet<(String, &'static str, Option<Reference>)>,
}

/// Finds what is meant and looks it up. `note` informs the person who waits.
pub async fn plan(
    config: &Config,
    topology: &Topology,
    request: Request<'_>,
    note: impl Fn(&str),
) -> Result<Planned, PlanningError> {
    let clock = SystemClock::start();
    let queue = ParkedQueue::open(&config.broker, topology, clock)?;
    let mut pass = queue.pass().await?;
    let (mut found, mut absent) = (Found::default(), request.selection.named());
    let now = clock.now().wall;
    while let Some(delivery) = pass.next().await? {
        let parked = Parked::read(&delivery.message, config);
        if request.selection.takes(&parked, now) == Some(true) {
            absent.see(&parked);
            let merchant = config.merchants.get(parked.merchant());
            let refused = refusal(&parked, &delivery.message, merchant, request.again);
            let record = Record::from_headers(&delivery.message.headers).ok();
            found.add(Candidate { parked, record }, refused, request.limit);
        }
    }
    let extent = pass.extent();
    pass.end().await;
    queue.close().await;
    let mut entries = looked_up(config, found.candidates, (&request.stop, clock), note).await?;
    entries.extend(found.refused);
    let names = (&*config.broker.prefix, request.actor.user());
    let found = (entries, found.left_out);
    let plan = Plan::new(names, clock.now().wall, request.again, found);
    Ok(Planned { plan, extent, absent })
}

impl Found {
    fn add(
        &mut self,
        candidate: Candidate,
        refused: Option<std::borrow::Cow<'static, str>>,
        limit: usize,
    ) {
        let parked = &candidate.parked;
        let kind = parked.content.work().noun();
        let reference = parked.content.reference().cloned();
        let name = (parked.merchant().to_owned(), kind, reference);
        let is_twin =
            refused.is_none() && (self.ids.contains(&parked.id) || self.references.contains(&name));
        let refused = refused.or_else(|| {
            is_twin.then_some("another copy of it is in this plan: one is enough".into())
        });
        match refused {
            Some(why) if self.refused.len() < limit => {
                self.refused.push(Entry::new(parked, Judgement::refuse(why)));
            }
            None if self.candidates.len() < limit => {
                self.ids.insert(parked.id.clone());
                self.references.insert(name);
                self.candidates.push(candidate);
            }
            Some(_) | None => self.left_out = self.left_out.saturating_add(1),
        }
    }
}

/// Looks them up, merchant by merchant, and gives them back in the order of the queue.
async fn looked_up(
    config: &Config,
    candidates: Vec<Candidate>,
    (stop, clock): (&CancellationToken, SystemClock),
    note: impl Fn(&str),
) -> Result<Vec<Entry>, PlanningError> {
    let mut of_merchants: BTreeMap<String, Vec<(usize, Candidate)>> = BTreeMap::new();
    for (place, candidate) in candidates.into_iter().enumerate() {
        let merchant = candidate.parked.merchant().to_owned();
        of_merchants.entry(merchant).or_default().push((place, candidate));
    }
    let mut entries = BTreeMap::new();
    for (name, candidates) in of_merchants {
        let Some(merchant) = config.merchants.get(&name) else { continue };
        let inquiry = Inquiry::begin(merchant).await?;
        note(&format!(
            "looking up {} references of {name}, at most one a second, outside of the worker's \
             limiter ({})",
            candidates.len(),
            inquiry.lock_file().display()
        ));
        let mut ended = None;
        for (place, Candidate { parked, record }) in candidates {
            let judgement = match (&ended, parked.content.reference()) {
                (Some(why), _) => Judgement::undecided(*why),
                (None, None) => Judgement::refuse("it cannot be read"),
                (None, Some(reference)) => {
                    let shown = stop.run_until_cancelled(inquiry.details(reference)).await;
                    let lookup = shown.map(|shown| shown.lookup);
                    ended = end_of(lookup.as_ref());
                    judged(&parked, record.as_ref(), lookup.as_ref(), (merchant, clock))
                }
            };
            entries.insert(place, Entry::new(&parked, judgement));
        }
    }
    Ok(entries.into_values().collect())
}

fn judged(
    parked: &Parked,
    record: Option<&Record>,
    lookup: Option<&Lookup>,
    (merchant, clock): (&Merchant, SystemClock),
) -> Judgement {
    match lookup {
        Some(lookup) => judge(&parked.content, record, lookup, merchant, clock.now().wall),
        None => Judgement::undecided(STOPPED),
    }
}

const STOPPED: &str = "it was not looked up, because this was stopped";

/// Why PayU is not asked about this merchant any more.
fn end_of(lookup: Option<&Lookup>) -> Option<&'static str> {
    match lookup {
        None => Some(STOPPED),
        Some(Lookup::Throttled(_) | Lookup::NoToken(_)) => {
            Some("it was not looked up, because PayU had asked for fewer requests or gave no token")
        }
        Some(Lookup::Found(_) | Lookup::NotFound | Lookup::Failed(_) | Lookup::Denied(_)) => None,
    }
}
