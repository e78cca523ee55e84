//! The steps of a survey, in order: each leaves what it has seen, and what it has made.

use std::time::Duration;

use jiff::SignedDuration;

use super::called::Called;
use super::caller::{Asked, Caller, Interrupted};
use super::cancel::{cancel, cancel_again};
use super::made::Made;
use super::observed::{
    CancelEnd, Extended, Fresh, LinkHost, Observed, Refusal, Repeat, RepeatEnd, Sight,
};
use super::reading::{host_of, is_other, link_of, shown};
use super::watch::{Found, Watch};
use super::{rate, tokens};
use crate::domain::call::CallResult;
use crate::domain::classify::create::Outcome;
use crate::domain::classify::lookup::Details;
use crate::domain::classify::manage::ManageOutcome;
use crate::domain::command::{Action, Command};
use crate::domain::customer::Private;
use crate::domain::intent::Intent;
use crate::domain::reference::Reference;
use crate::payu::trial::Trial;
use crate::ports::{Clock, TokenError};

/// How much longer the link is to live.
const LONGER: SignedDuration = SignedDuration::from_hours(24);

/// A date that is later than PayU's default of seven days, where no date is shown.
const LATER: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Why the steps ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    Interrupted,
    /// No token came.
    NoToken(TokenError),
    /// The first create made no link.
    NoLink(Called),
}

impl From<Interrupted> for Halt {
    fn from(Interrupted: Interrupted) -> Self {
        Self::Interrupted
    }
}

pub(super) struct Steps<'a, N> {
    pub(super) caller: Caller,
    /// The link that most is found out by.
    pub(super) main: &'a Intent,
    /// One that PayU has to refuse.
    pub(super) refused: &'a Intent,
    /// How long details may take to show something.
    pub(super) wait: Duration,
    pub(super) ceiling: Option<u32>,
    pub(super) observed: Observed,
    pub(super) made: Made,
    pub(super) note: N,
}

/// What the first create gave.
struct First {
    link: Option<Private>,
    answered_at: Duration,
}

impl<'a, N: Fn(&str)> Steps<'a, N> {
    pub(super) async fn run(&mut self) -> Result<(), Halt> {
        (self.note)("asking for tokens");
        let reference = self.reference();
        let granted = tokens::ask(&mut self.caller, reference, &mut self.observed).await?;
        granted.map_err(Halt::NoToken)?;
        (self.note)("a create without a contact, which PayU has to refuse");
        self.ask_refusal().await?;
        (self.note)("a link of one rupee");
        let first = self.create().await?;
        (self.note)("waiting until details shows it");
        let found = self.watch_fresh(&first).await?;
        let details = found.map(|found| found.details);
        (self.note)("a second create with the same reference");
        self.create_second(&first, details.as_ref()).await?;
        (self.note)("a later expiry");
        self.extend(details.as_ref()).await?;
        (self.note)("a cancel");
        let is_cancelled = self.cancel_main().await?;
        if is_cancelled && !self.made.is_double(self.reference()) {
            (self.note)("a create with the reference of the cancelled link");
            self.create_again(&first).await?;
        }
        Ok(())
    }

    /// Cancels what may be left.
    pub(super) async fn clean_up(&mut self) -> Result<(), Interrupted> {
        for reference in self.made.remaining() {
            (self.note)(&format!("cancelling {reference}"));
            // PayU's word is enough here, and a person may wait for the end.
            let cancelled = cancel(&mut self.caller, &reference, Duration::ZERO).await?;
            let (CancelEnd::Shown(way, _) | CancelEnd::Accepted(way, _)) = cancelled.end else {
                continue;
            };
            self.made.close(&reference);
            if self.made.is_double(&reference)
                && cancel_again(&mut self.caller, &reference, way).await?
            {
                self.made.close_both(&reference);
            }
        }
        Ok(())
    }

    /// Looks up at growing pace, if that was asked for.
    pub(super) async fn find_rate(&mut self) -> Result<(), Interrupted> {
        if let Some(ceiling) = self.ceiling {
            (self.note)(&format!("lookups, up to {ceiling} per second"));
            let seen = rate::find(&self.caller, self.reference(), ceiling).await?;
            self.observed.rate = Some(seen);
        }
        Ok(())
    }

    fn reference(&self) -> &'a Reference {
        &self.main.reference
    }

    /// Where details did not show the link, it shows nothing that is done to it either.
    fn wait(&self) -> Duration {
        let sight = self.observed.fresh.as_ref().map(|fresh| &fresh.sight);
        if matches!(sight, Some(Sight::Unseen(_))) { Duration::ZERO } else { self.wait }
    }

    async fn ask_refusal(&mut self) -> Result<(), Interrupted> {
        let intent = self.refused;
        let asked = self.send(Trial::CreateForNobody(intent), &intent.reference).await?;
        let called = Called::of(&asked.tried);
        let outcome = self.outcome(asked.tried.result, &intent.reference);
        let (made_link, is_read) = match &outcome {
            Outcome::Created(_) | Outcome::ForeignLink => (true, false),
            Outcome::Rejected(_) | Outcome::Refused(_) | Outcome::Duplicate(_) => (false, true),
            Outcome::Unknown(_) => (false, false),
            // It says nothing of what a refusal looks like.
            Outcome::NotSent(_)
            | Outcome::NoToken(_)
            | Outcome::StaleToken
            | Outcome::Throttled(_)
            | Outcome::Denied(_) => return Ok(()),
        };
        if made_link {
            self.made.link(&intent.reference);
        }
        self.observed.refusal = Some(Refusal { called, made_link, is_read });
        Ok(())
    }

    async fn create(&mut self) -> Result<First, Halt> {
        let asked = self.send(Trial::Create(self.main), self.reference()).await?;
        let called = Called::of(&asked.tried);
        let link = link_of(&asked.tried.result);
        let answered_at = asked.answered_at;
        let outcome = self.outcome(asked.tried.result, self.reference());
        let is_allowed = matches!(outcome, Outcome::Created(_));
        if !is_allowed && outcome != Outcome::ForeignLink {
            return Err(Halt::NoLink(called));
        }
        self.made.link(self.reference());
        let host = link.as_ref().and_then(host_of);
        self.observed.link_host = Some(LinkHost { host, is_allowed });
        Ok(First { link, answered_at })
    }

    async fn watch_fresh(&mut self, first: &First) -> Result<Option<Found>, Interrupted> {
        let reference = self.reference();
        let watch = Watch { reference, since: first.answered_at, limit: self.wait };
        let (sight, found) = watch.until(&mut self.caller, |_| true).await?;
        let shown = found.as_ref().map(|found| shown(found, self.main));
        self.observed.fresh = Some(Fresh { sight, shown });
        Ok(found)
    }

    async fn create_second(
        &mut self,
        first: &First,
        before: Option<&Details>,
    ) -> Result<(), Interrupted> {
        let reference = self.reference();
        let asked = self.send(Trial::Create(self.main), reference).await?;
        let called = Called::of(&asked.tried);
        let link = link_of(&asked.tried.result);
        let outcome = self.outcome(asked.tried.result.clone(), reference);
        let mut may_have_made = matches!(outcome, Outcome::Unknown(_));
        let mut end = self.repeated(asked.tried.result, link.as_ref(), first);
        if let (RepeatEnd::RefusedUnseen | RepeatEnd::Unclear, Some(before)) = (end, before) {
            let is_other = self.shows_other(before, asked.answered_at).await?;
            may_have_made &= is_other.is_none();
            end = match (is_other, end) {
                (Some(true), _) => RepeatEnd::OtherLink,
                (Some(false), RepeatEnd::RefusedUnseen) => RepeatEnd::Refused,
                (Some(false) | None, end) => end,
            };
        }
        if end == RepeatEnd::OtherLink {
            self.made.double(reference);
        } else if may_have_made {
            self.made.doubt(reference);
        }
        self.observed.second = Some(Repeat { called, end });
        Ok(())
    }

    /// Whether details shows another link than before. A second link would show as late as the first
    /// one did.
    async fn shows_other(
        &mut self,
        before: &Details,
        since: Duration,
    ) -> Result<Option<bool>, Interrupted> {
        let late = match self.observed.fresh.as_ref().map(|fresh| &fresh.sight) {
            Some(Sight::Seen(late)) => late.by,
            Some(Sight::Unseen(_) | Sight::Unanswered(_)) | None => Duration::ZERO,
        };
        self.caller.sleep(late).await?;
        let watch = Watch { reference: self.reference(), since, limit: self.wait };
        let (_, after) = watch.until(&mut self.caller, |_| true).await?;
        Ok(after.and_then(|after| is_other(before, &after.details)))
    }

    async fn extend(&mut self, details: Option<&Details>) -> Result<(), Interrupted> {
        let now = self.caller.clock().now().wall;
        let expiry = details.and_then(|details| details.expiry);
        let expiry =
            expiry.map_or_else(|| now.checked_add(LATER), |expiry| expiry.checked_add(LONGER));
        let Ok(expiry) = expiry else { return Ok(()) };
        let reference = self.reference();
        let command = Command { reference: reference.clone(), action: Action::Extend(expiry) };
        let asked = self.caller.ask(Trial::Change(&command)).await?;
        let called = Called::of(&asked.tried);
        let outcome = ManageOutcome::classify(asked.tried.result, reference);
        let is_accepted = outcome == ManageOutcome::Done;
        let limit = if is_accepted { self.wait() } else { Duration::ZERO };
        let watch = Watch { reference, since: asked.answered_at, limit };
        let is_new = |details: &Details| {
            details.expiry.is_some_and(|shown| shown.as_second() == expiry.as_second())
        };
        let (sight, _) = watch.until(&mut self.caller, is_new).await?;
        self.observed.extended = Some(Extended { called, is_accepted, sight });
        Ok(())
    }

    /// Whether the link is cancelled, as far as PayU shows.
    async fn cancel_main(&mut self) -> Result<bool, Interrupted> {
        let (reference, wait) = (self.reference(), self.wait());
        let cancelled = cancel(&mut self.caller, reference, wait).await?;
        let is_cancelled = cancelled.end != CancelEnd::Not;
        if is_cancelled {
            self.made.close(reference);
        }
        self.observed.cancelled = Some(cancelled);
        Ok(is_cancelled)
    }

    async fn create_again(&mut self, first: &First) -> Result<(), Interrupted> {
        let reference = self.reference();
        let asked = self.send(Trial::Create(self.main), reference).await?;
        let called = Called::of(&asked.tried);
        let link = link_of(&asked.tried.result);
        let end = self.repeated(asked.tried.result, link.as_ref(), first);
        match end {
            RepeatEnd::Refused | RepeatEnd::RefusedUnseen | RepeatEnd::SameLink => {
                self.made.close(reference);
            }
            RepeatEnd::OtherLink => self.made.link(reference),
            RepeatEnd::Unclear => {}
        }
        self.observed.again = Some(Repeat { called, end });
        Ok(())
    }

    /// Sends a create, and enters that it may have made a link, unless it made none for certain.
    async fn send(
        &mut self,
        trial: Trial<'_>,
        reference: &Reference,
    ) -> Result<Asked, Interrupted> {
        let was_open = self.made.remaining().contains(reference);
        self.made.begin(reference);
        let asked = self.caller.ask(trial).await?;
        let made_nothing = match self.outcome(asked.tried.result.clone(), reference) {
            Outcome::Created(_)
            | Outcome::ForeignLink
            | Outcome::Duplicate(_)
            | Outcome::Unknown(_) => false,
            Outcome::Rejected(_)
            | Outcome::Refused(_)
            | Outcome::NotSent(_)
            | Outcome::NoToken(_)
            | Outcome::StaleToken
            | Outcome::Throttled(_)
            | Outcome::Denied(_) => true,
        };
        if made_nothing && !was_open {
            self.made.close(reference);
        }
        Ok(asked)
    }

    fn outcome(&self, result: CallResult, reference: &Reference) -> Outcome {
        Outcome::classify(result, reference, &self.caller.rules)
    }

    /// What a create with a reference that was used before came to, by its answer alone.
    fn repeated(&self, result: CallResult, link: Option<&Private>, first: &First) -> RepeatEnd {
        match self.outcome(result, self.reference()) {
            Outcome::Created(_) | Outcome::ForeignLink if link == first.link.as_ref() => {
                RepeatEnd::SameLink
            }
            Outcome::Created(_) | Outcome::ForeignLink => RepeatEnd::OtherLink,
            Outcome::Duplicate(_) | Outcome::Refused(_) | Outcome::Rejected(_) => {
                RepeatEnd::RefusedUnseen
            }
            Outcome::NotSent(_)
            | Outcome::NoToken(_)
            | Outcome::StaleToken
            | Outcome::Throttled(_)
            | Outcome::Denied(_)
            | Outcome::Unknown(_) => RepeatEnd::Unclear,
        }
    }
}
