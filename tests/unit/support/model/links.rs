//! The links that the provider has made, and how they change.

use std::time::Duration;

use jiff::Timestamp;
use smartsend::domain::call::{CallResult, Data, Envelope};
use smartsend::domain::command::Command;
use smartsend::domain::customer::Private;
use smartsend::domain::intent::Intent;
use smartsend::domain::reference::Reference;

use super::acts::{accepted, answer, refusal};
use super::journal::Step;
use super::link_life::{Change, LinkLife};
use super::smart_send::{SmartSend, State};

/// A link that was made.
#[derive(Clone, Debug)]
pub(crate) struct MadeLink {
    pub(crate) reference: Reference,
    pub(crate) url: String,
    pub(crate) life: LinkLife,
    intent: Intent,
}

/// How a reference's link will change by itself, without a command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    /// When it expires, unless its intent says so.
    pub(crate) expires: Option<Timestamp>,
    /// How long after it was made what will be tried.
    pub(crate) changes: Vec<(Duration, Change)>,
    /// How long after each command's request has left the customer claims it, if at all.
    pub(crate) rushes: Option<Duration>,
    /// How a payment ends, and when.
    pub(crate) payment: Option<(Duration, Change)>,
}

impl SmartSend {
    /// A link that someone else has made.
    pub(crate) fn has_link(&self, intent: &Intent) {
        let at = self.elapsed();
        self.lock().add_link(intent, at);
    }

    /// The links for a reference.
    pub(crate) fn links(&self, reference: &str) -> Vec<MadeLink> {
        let state = self.lock();
        state.links.iter().filter(|link| link.reference.as_str() == reference).cloned().collect()
    }

    /// Makes a link, or refuses a second one.
    pub(super) fn make(&self, intent: &Intent, request: usize) -> CallResult {
        let at = self.elapsed();
        let mut state = self.lock();
        let reference = &intent.reference;
        if state.rejected.is_some_and(|end| reference.as_str().ends_with(end)) {
            return refusal(1106);
        }
        let taken = state.links.iter().any(|link| link.reference == *reference);
        if taken && !state.naive {
            return refusal(1103);
        }
        let url = state.add_link(intent, at);
        let expires = state.expiry_of(intent);
        self.note(&Step::CreatedLink { request, reference, url: &url, expires });
        if let Some(fate) = state.fates.get(reference.as_str()) {
            for (after, change) in &fate.changes {
                self.befall(reference.clone(), *after, *change);
            }
        }
        accepted(Data { link: Some(Private::new(url)), ..Data::default() })
    }

    /// Carries a command out, or says why not.
    pub(super) fn manage(&self, command: &Command, request: usize) -> CallResult {
        let at = self.elapsed();
        let mut state = self.lock();
        let careless = state.careless;
        let Some(link) = state.link_of(&command.reference) else { return refusal(1112) };
        match link.life.carry_out(command.action, at, careless) {
            Ok(change) => {
                link.life.add(at, change);
                let (request, reference) = (Some(request), &command.reference);
                self.note(&Step::Changed { request, reference, change });
                accepted(Data::default())
            }
            Err(code) => refusal(code),
        }
    }

    /// The customer claims a link, if that is possible.
    pub(crate) fn claim(&self, reference: &str) {
        self.becomes(&Reference::parse(reference).unwrap(), Change::Claimed);
    }

    /// How a link has changed.
    pub(crate) fn changes(&self, reference: &str) -> Vec<Change> {
        let now = self.elapsed();
        self.links(reference).iter().flat_map(|link| link.life.changes(now)).collect()
    }

    /// The customer of a link may be about to claim it as a command for it arrives.
    pub(super) fn rush(&self, state: &State, reference: &Reference) {
        let fate = state.fates.get(reference.as_str());
        if let Some(after) = fate.and_then(|fate| fate.rushes) {
            self.befall(reference.clone(), after, Change::Claimed);
        }
    }

    fn befall(&self, reference: Reference, after: Duration, change: Change) {
        let smart_send = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            smart_send.becomes(&reference, change);
        });
    }

    fn becomes(&self, reference: &Reference, change: Change) {
        let at = self.elapsed();
        let mut state = self.lock();
        let Some(link) = state.link_of(reference).filter(|link| link.life.allows(change, at))
        else {
            return;
        };
        link.life.add(at, change);
        self.note(&Step::Changed { request: None, reference, change });
        let payment = state.fates.get(reference.as_str()).and_then(|fate| fate.payment);
        if let (Change::Claimed, Some((after, what))) = (change, payment) {
            self.befall(reference.clone(), after, what);
        }
    }

    /// What details shows.
    pub(super) fn details(&self, reference: &Reference) -> CallResult {
        let now = self.elapsed();
        let state = self.lock();
        let seen = |link: &&MadeLink| {
            let made_at = link.life.made_at;
            let is_indexed = state.frozen_at.is_none_or(|frozen| made_at <= frozen);
            let is_shown = made_at + state.lag <= now && !state.blind && is_indexed;
            link.reference == *reference && is_shown
        };
        let Some(link) = state.links.iter().find(seen) else {
            let texts = vec![Private::new("Smart Send Record not found")];
            return answer(
                200,
                Envelope { status: 1, codes: vec![], texts, data: Data::default() },
            );
        };
        let shown_at = now.saturating_sub(state.lag);
        let (status, payment) = link.life.words(shown_at, state.live_word);
        let contact = &link.intent.contact;
        if state.blur.as_ref().is_some_and(|(chance, share)| chance.percent(*share)) {
            // A link without a customer: nothing to compare it by.
            return accepted(Data {
                reference: Some(reference.to_string()),
                link: Some(Private::new(link.url.clone())),
                link_status: Some(status.to_owned()),
                payment_status: payment.map(ToOwned::to_owned),
                ..Data::default()
            });
        }
        let mut data = Data {
            reference: Some(reference.to_string()),
            link: Some(Private::new(link.url.clone())),
            link_status: Some(status.to_owned()),
            payment_status: payment.map(ToOwned::to_owned),
            expiry: link.life.expiry(shown_at),
            amount: Some(link.intent.amount.to_string()),
            mobile: contact.mobile().map(|mobile| Private::new(mobile.expose())),
            email: contact.email().map(|email| Private::new(email.expose())),
            ..Data::default()
        };
        if let Some(print) = state.prints {
            print(&mut data);
        }
        accepted(data)
    }
}

impl State {
    fn link_of(&mut self, reference: &Reference) -> Option<&mut MadeLink> {
        self.links.iter_mut().find(|link| link.reference == *reference)
    }

    fn expiry_of(&self, intent: &Intent) -> Option<Timestamp> {
        let fate = || self.fates.get(intent.reference.as_str())?.expires;
        intent.expiry.or_else(fate)
    }

    fn add_link(&mut self, intent: &Intent, at: Duration) -> String {
        let number = self.links.len();
        let url = format!("https://payumoney.com/smartPay?id={}-{number}", intent.reference);
        let link = MadeLink {
            reference: intent.reference.clone(),
            url: url.clone(),
            life: LinkLife::new(at, self.expiry_of(intent)),
            intent: intent.clone(),
        };
        self.links.push(link);
        url
    }
}
