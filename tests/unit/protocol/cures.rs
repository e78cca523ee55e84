//! Cures that are taken out of the real decisions without a change to them: the question is
//! falsified, or its answer overridden. Those that lie in a policy are in `asked`, and those that
//! lie in what the worker does in `worker`, `broker` and `action`.

use smartsend::domain::decide::Start;

use super::asked::{Asked, Heard, Oracle, Question, Sight};
use super::known::{End, Kind, Known, Next, skew};
use super::setting::LOOKS;

impl Oracle {
    /// With this cure out, the real decisions are asked a falsified question.
    pub(super) fn falsified(&self, mut question: Question) -> Question {
        let lookups = matches!(question.asked, Asked::Lookup(_));
        match (self.setting.without, &mut question.asked, &mut question.known) {
            (Some(4 | 6), Asked::Open { redelivered, .. }, _) => *redelivered = false,
            (Some(10), _, Some(known)) => known.account = question.account,
            (Some(16), _, Some(known)) if lookups && !known.is_new() => known.kind = Kind::Unknown,
            (Some(22), _, _) => question.held_off = 0,
            (Some(25), _, Some(known)) if known.is_new() && known.lookups > 0 => {
                known.quarantined += skew();
            }
            _ => {}
        }
        question
    }

    /// With this cure out, another decision is taken, or another record kept.
    pub(super) fn overridden(
        &self,
        question: Question,
        mut known: Known,
        mut next: Next,
    ) -> (Known, Next) {
        let Question { asked, clock, lowered, .. } = question;
        let opens = matches!(asked, Asked::Open { .. });
        match self.setting.without {
            Some(1)
                if matches!(known.kind, Kind::Duplicate | Kind::Refused)
                    && next == Next::Settle(End::Unsettled) =>
            {
                next = Next::Settle(End::Failed);
            }
            Some(5)
                if known.is_new()
                    && self.start(clock, 0) == Start::Overdue
                    && next == Next::Lookup =>
            {
                let quarantined = self.setting.quarantine + skew();
                let known = Some(Known { lookups: LOOKS, quarantined, ..known });
                return self.decide(Question {
                    known,
                    asked: Asked::Lookup(Sight::NotFound),
                    ..question
                });
            }
            Some(9) if opens && lowered => next = Next::Settle(End::Failed),
            Some(13) if opens && self.setting.max_age == Some(known.waited) => {
                next = Next::Settle(End::Unsettled);
            }
            Some(7) => {
                if let Next::Copy { known, .. } = &mut next {
                    *known = Known::first(known.account);
                }
            }
            Some(21) => {
                if let Next::Copy { known, delay } = &mut next
                    && known.is_new()
                {
                    let quarantined = known.quarantined + *delay;
                    known.quarantined = quarantined.min(self.setting.quarantine + skew());
                }
            }
            Some(24) if known.is_new() && next == Next::Settle(End::Parked) => {
                next = Next::Settle(End::Failed);
            }
            Some(25) if known.is_new() && known.lookups > 0 => {
                if question.known.is_some_and(|known| known.lookups > 0) {
                    known.quarantined = known.quarantined.saturating_sub(skew());
                } else if let Next::Wait(wait) = &mut next {
                    *wait -= skew();
                }
            }
            Some(29) if matches!(asked, Asked::Create(Heard::Throttled)) => {
                let before = question.known.unwrap_or_else(|| Known::first(known.account));
                known = before;
                if let Next::Copy { known, .. } = &mut next {
                    *known = before;
                }
            }
            Some(26) => {
                let before = question.known.map_or(Kind::New, |known| known.kind);
                let refused = matches!(asked, Asked::Create(Heard::Duplicate | Heard::Odd));
                if refused && before != Kind::New {
                    known.kind = before;
                }
            }
            _ => {}
        }
        (known, next)
    }
}
