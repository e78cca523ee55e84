//! Plays one intent through deliveries that are answered, cut short, handed back and returned at
//! random, beside a ledger of what has truly left. What it holds the decisions to are the promises.

use std::cell::Cell;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// What has truly happened, whatever the record says.
#[derive(Default)]
struct Ledger {
    /// Creates that may have left, but for those that were turned away.
    left: u32,
    /// Those that were.
    turned_away: u32,
    /// Whether a delivery was cut short before the last create.
    cut: bool,
    /// The last create's outcome, if it was the first ever.
    first: Option<Outcome>,
    /// The last create's outcome.
    last: Option<Outcome>,
    /// Not-found looks since the last create that may have left.
    not_found: u32,
    /// Waits since then; for a new intent, since its first not-found look after the deadline.
    waited: Duration,
    /// Whether details has shown a link during what the record can know.
    shown: bool,
    /// The last lookup.
    look: Option<Lookup>,
    /// The last create's outcome, if nothing came after it.
    created: Option<Outcome>,
}

/// How often each end was reached, so that the explorer cannot pass by going nowhere.
#[derive(Debug, Default)]
struct Ends {
    resends: Cell<u32>,
    deadlines: Cell<u32>,
    duplicates: Cell<u32>,
    rejections: Cell<u32>,
    conflicts: Cell<u32>,
    recovered: Cell<u32>,
    parked: Cell<u32>,
}

impl Ledger {
    fn is_in_doubt(&self) -> bool {
        self.left > 0 || self.cut
    }
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

fn outcomes() -> [Outcome; 14] {
    [
        unknown(),
        Outcome::Unknown(UnknownReason::Status(502)),
        unknown(),
        Outcome::NotSent(NotSent::Connect),
        Outcome::NoToken(NoToken::Refused),
        Outcome::StaleToken,
        Outcome::Throttled(None),
        Outcome::Denied(Denial::Forbidden),
        Outcome::Duplicate(Some(1103)),
        Outcome::Duplicate(None),
        Outcome::Refused(Some(1128)),
        Outcome::Rejected(1101),
        Outcome::Created(link()),
        Outcome::ForeignLink,
    ]
}

fn lookups() -> [Lookup; 17] {
    [
        Lookup::NotFound,
        Lookup::NotFound,
        Lookup::NotFound,
        Lookup::NotFound,
        Lookup::NotFound,
        Lookup::NotFound,
        Lookup::NotFound,
        Lookup::NotFound,
        Lookup::NotFound,
        Lookup::NotFound,
        Lookup::NotFound,
        failed_look(),
        Lookup::Throttled(None),
        found_vague(),
        found_conflict(),
        found_other(),
        Lookup::Found(found()),
    ]
}

fn pick<T: Clone>(choices: &[T], choice: u16) -> T {
    choices[usize::from(choice) % choices.len()].clone()
}

struct Explorer<'a> {
    play: Play<'a>,
    intent: &'a Intent,
    policy: &'a Policy,
    published: Headers,
    ledger: Ledger,
    ends: &'a Ends,
}

impl<'a> Explorer<'a> {
    fn new(intent: &'a Intent, policy: &'a Policy, ends: &'a Ends) -> Self {
        let play = Play::first(intent, policy);
        let (published, ledger) = (Headers::new(), Ledger::default());
        Self { play, intent, policy, published, ledger, ends }
    }

    fn deliver(&mut self, redelivered: bool) -> Next {
        let delivery_count = u64::from(redelivered);
        let now = self.play.around.now;
        let arrival = DeliveryInfo { redelivered, delivery_count, now, ..arrival(&self.published) };
        let around = self.play.around;
        self.play = Play::open(self.intent, self.policy, &arrival);
        self.play.around = around;
        self.play.next()
    }

    /// The process is killed: the copy comes again as it was published last.
    fn cut(&mut self) -> Next {
        self.ledger = Ledger {
            cut: true,
            shown: false,
            look: None,
            created: None,
            ..std::mem::take(&mut self.ledger)
        };
        self.deliver(true)
    }

    fn publish(&mut self, record: &Record) -> Next {
        self.published = record.to_headers(None);
        self.deliver(false)
    }

    fn may_create(&self, kind: CreateKind) {
        let ledger = &self.ledger;
        assert!(!ledger.shown, "a link was shown");
        match kind {
            CreateKind::First => assert_eq!((ledger.left, ledger.cut), (0, false), "not the first"),
            CreateKind::Resend => {
                count(&self.ends.resends);
                assert!(ledger.not_found >= self.policy.lookups, "too few lookups");
                assert!(ledger.waited >= QUARANTINE, "too early");
                assert!(self.play.around.readback.is_given, "details may be blind");
                let only_turned_away = ledger.left == 0 && !ledger.cut;
                assert!(self.policy.in_doubt == InDoubtPolicy::Resend || only_turned_away);
                assert!(self.play.case.record().is_in_doubt());
            }
        }
        assert!(!is_past_deadline(self.intent, &self.play), "past the deadline");
    }

    fn answer_create(&mut self, kind: CreateKind, choice: u16) -> Next {
        let outcome = match pick(&outcomes(), choice) {
            Outcome::StaleToken if !self.may_renew_token() => Outcome::Denied(Denial::Unauthorized),
            outcome => outcome,
        };
        let turned_away =
            matches!(outcome, Outcome::StaleToken | Outcome::Throttled(_) | Outcome::Denied(_));
        let never_left = matches!(outcome, Outcome::NotSent(_) | Outcome::NoToken(_));
        if kind == CreateKind::First {
            (self.ledger.not_found, self.ledger.waited) = (0, Duration::ZERO);
        }
        if turned_away {
            self.ledger.turned_away += 1;
            self.ledger.first = None;
            if self.policy.is_strict() {
                (self.ledger.not_found, self.ledger.waited) = (0, Duration::ZERO);
            }
        } else if !never_left {
            let is_first = !self.ledger.is_in_doubt() && self.ledger.turned_away == 0;
            self.ledger.first = is_first.then(|| outcome.clone());
            self.ledger.last = Some(outcome.clone());
            self.ledger.left += 1;
            (self.ledger.not_found, self.ledger.waited) = (0, Duration::ZERO);
        }
        self.ledger.look = None;
        self.ledger.created = Some(outcome.clone());
        self.play.create(outcome)
    }

    fn may_renew_token(&self) -> bool {
        matches!(&self.play.decision, Some(Decision::Attempt(call)) if call.may_renew_token())
    }

    fn answer_look(&mut self, choice: u16) -> Next {
        let look = pick(&lookups(), choice);
        if look == Lookup::NotFound {
            self.ledger.not_found += 1;
        }
        self.ledger.shown |= look == found_vague();
        self.ledger.created = None;
        self.ledger.look = Some(look.clone());
        self.play.lookup(look)
    }

    fn wait(&mut self, wait: Duration) {
        let turned_away = self.policy.is_strict() && self.ledger.turned_away > 0;
        if self.ledger.is_in_doubt() || turned_away || self.ledger.not_found > 0 {
            self.ledger.waited += wait;
        }
    }

    fn step(&mut self, decision: Next, choice: u16) -> Next {
        let way = choice % 32;
        match decision {
            Next::Create(kind) => {
                self.may_create(kind);
                if way == 0 {
                    self.ledger.left += 1;
                    self.ledger.first = None;
                    self.ledger.last = None;
                    (self.ledger.not_found, self.ledger.waited) = (0, Duration::ZERO);
                    return self.cut();
                }
                self.answer_create(kind, choice / 32)
            }
            Next::Lookup | Next::Wait(_) if way == 0 => self.cut(),
            Next::Wait(_) if way == 1 => {
                let record = self.play.handed_back();
                self.publish(&record)
            }
            Next::Wait(wait) if way == 2 => {
                let back = self.play.interrupted(Interrupted::NoPlace(wait));
                assert_eq!(back, Next::Return(self.policy.delays.within(wait).duration()));
                self.step(back, choice)
            }
            Next::Wait(wait) => {
                self.wait(wait);
                self.play.wait(wait)
            }
            Next::Lookup => self.answer_look(choice / 32),
            Next::TryAgain(_) => self.play.next(),
            Next::Return(delay) => {
                self.wait(delay);
                self.play.around.now += delay;
                let record = self.play.returned(delay);
                self.publish(&record)
            }
            Next::HandBack(delay) => {
                self.play.around.now += delay;
                let record = self.play.handed_back();
                self.publish(&record)
            }
            settled @ Next::Settle(_) => settled,
            other => panic!("{other:?}"),
        }
    }

    fn judge(&self, verdict: &Verdict) {
        let Ledger { left, cut, not_found, waited, look, created, .. } = &self.ledger;
        match verdict {
            Verdict::Created { source: LinkSource::Lookup(_), .. } => {
                count(&self.ends.recovered);
                assert_eq!(*look, Some(Lookup::Found(found())));
            }
            Verdict::Created { source: LinkSource::Create, .. } => {
                assert_eq!(*created, Some(Outcome::Created(link())));
            }
            Verdict::Failed(Failure::Rejected(code)) => {
                count(&self.ends.rejections);
                assert!(!self.ledger.shown, "a link was shown");
                assert_eq!(*look, Some(Lookup::NotFound));
                assert_eq!(self.ledger.last, Some(Outcome::Rejected(*code)));
                if self.ledger.first.is_none() {
                    assert!(self.play.around.readback.is_given);
                    assert!(*not_found >= self.policy.lookups && *waited >= QUARANTINE);
                }
            }
            Verdict::Rejected(Rejection::DuplicateReference) => {
                count(&self.ends.duplicates);
                assert!(matches!(self.ledger.first, Some(Outcome::Duplicate(_))) && *left == 1);
                assert_eq!(*look, Some(found_other()));
            }
            Verdict::Rejected(Rejection::Rejected(code)) => {
                count(&self.ends.conflicts);
                assert_eq!((&self.ledger.first, *left), (&Some(Outcome::Rejected(*code)), 1));
                assert!(matches!(look, Some(Lookup::Found(_))));
            }
            Verdict::Failed(Failure::DeadlinePassed) => {
                count(&self.ends.deadlines);
                assert!(!self.ledger.shown, "a link was shown");
                assert_eq!((*left, *cut), (0, false), "it may have been sent");
                assert!(is_past_deadline(self.intent, &self.play));
                assert!(self.play.around.readback.is_given && *not_found >= self.policy.lookups);
                assert!(*waited >= QUARANTINE + CLOCK_SKEW);
            }
            Verdict::Unresolved(_) => count(&self.ends.parked),
        }
    }
}

fn is_past_deadline(intent: &Intent, play: &Play<'_>) -> bool {
    intent.deadline.is_some_and(|deadline| play.around.now > deadline)
}

#[test]
fn whatever_happens_nothing_is_created_in_doubt_and_nothing_is_failed_by_a_guess() {
    let steps = proptest::collection::vec(any::<u16>(), 1..150);
    let settings = (0_usize..3, 1_u32..5, prop::option::of(0_u64..300));
    let ends = Ends::default();
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(steps, settings), |(steps, (in_doubt, lookups, deadline))| {
            let choices = [InDoubtPolicy::Resend, InDoubtPolicy::Park, InDoubtPolicy::Strict];
            let policy = Policy { in_doubt: choices[in_doubt], lookups, ..policy() };
            let intent = deadline.map_or_else(intent, |it| due_in(Duration::from_secs(it)));
            let mut explorer = Explorer::new(&intent, &policy, &ends);
            let mut decision = explorer.play.next();
            for choice in steps {
                // The world changes between decisions, and not behind one.
                if matches!(decision, Next::Settle(_)) {
                    break;
                }
                let last = (choice % 3 == 0).then_some(explorer.play.around.now);
                explorer.play.around.last_answers = LastAnswers { attempt: last, lookup: last };
                if !matches!(decision, Next::Create(_)) {
                    explorer.play.around.readback =
                        if choice % 11 == 0 { Readback::default() } else { shown() };
                }
                match choice % 97 {
                    0 => explorer.play.around.now += Duration::from_mins(20),
                    1 => explorer.play.around.now -= Duration::from_mins(20),
                    _ => {}
                }
                // A clock that jumped may have made a create overdue; the send asks once more.
                let overdue = is_past_deadline(&intent, &explorer.play);
                decision = match decision {
                    Next::Create(_) if overdue => explorer.play.next(),
                    other => other,
                };
                decision = explorer.step(decision, choice);
            }
            if let Next::Settle(verdict) = decision {
                explorer.judge(&verdict);
            }
            Ok(())
        })
        .unwrap();
    let Ends { resends, deadlines, duplicates, rejections, conflicts, recovered, parked } = &ends;
    for reached in [resends, deadlines, duplicates, rejections, conflicts, recovered, parked] {
        assert!(reached.get() > 5, "the explorer goes nowhere: {ends:?}");
    }
}
