//! Sees everything that passes between a worker and the world, and says when a point is reached.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use super::point::Point;
use crate::support::amqp_proxy::{Says, Seen, Way, When};
use crate::support::http_proxy::{Ask, Exchange, Stage};

/// A channel of a connection.
type Line = (usize, u16);

/// What was published last on a channel: one carries one unconfirmed publish at a time.
#[derive(Clone, Copy)]
enum Published {
    Event,
    Copy,
    Parked,
    /// Nobody waits for its confirm, so it has no points of its own.
    Checkpoint,
}

/// See the module.
#[derive(Default)]
pub(super) struct Lookout(Mutex<Sights>);

#[derive(Default)]
struct Sights {
    /// The point, and how many times it is still passed before.
    awaited: Option<(Point, u64)>,
    published: HashMap<Line, Published>,
    /// Channels on which the body of a delivery is to come.
    delivering: HashSet<Line>,
    /// The connections that a worker consumes on, and their deliveries that are not acknowledged.
    in_flight: HashMap<usize, u64>,
    /// The creates and changes so far, by path and body.
    sent: HashSet<(String, Vec<u8>)>,
    /// Those of them that were sent once more.
    resent: HashSet<(String, Vec<u8>)>,
}

impl Lookout {
    /// Waits for a point to be reached for the nth time from now on.
    pub(super) fn await_point(&self, point: Point, nth: u64) {
        self.0.lock().unwrap().awaited = Some((point, nth));
    }

    /// Every connection has ended.
    pub(super) fn all_ended(&self) {
        let mut sights = self.0.lock().unwrap();
        let Sights { awaited, published, delivering, in_flight, sent: _, resent: _ } = &mut *sights;
        *awaited = None;
        published.clear();
        delivering.clear();
        in_flight.clear();
    }

    /// How many deliveries a worker has in flight.
    pub(super) fn in_flight(&self) -> u64 {
        self.0.lock().unwrap().in_flight.values().sum()
    }

    /// Takes a frame in. True if it is the awaited one.
    pub(super) fn frame(&self, seen: &Seen<'_>) -> bool {
        self.0.lock().unwrap().frame(seen)
    }

    /// Takes a request in. True if it is the awaited one.
    pub(super) fn exchange(&self, exchange: &Exchange<'_>) -> bool {
        self.0.lock().unwrap().exchange(exchange)
    }
}

impl Sights {
    fn frame(&mut self, seen: &Seen<'_>) -> bool {
        let line = (seen.connection, seen.frame.channel());
        let point = match (seen.way, seen.frame.says(), seen.when) {
            (Way::ToWorker, Says::Deliver { .. }, When::Before) => {
                self.delivering.insert(line);
                None
            }
            (Way::ToWorker, Says::Body, When::After) if self.delivering.remove(&line) => {
                *self.in_flight.entry(seen.connection).or_default() += 1;
                Some(Point::Delivered)
            }
            (Way::ToBroker, Says::Publish { exchange }, When::Before) => {
                let published = Published::to(exchange);
                self.published.insert(line, published);
                published.written()
            }
            (Way::ToWorker, Says::Ack, When::Before) => {
                self.published.get(&line).and_then(|published| published.taken())
            }
            (Way::ToWorker, Says::Ack, When::After) => {
                self.published.get(&line).and_then(|published| published.confirmed())
            }
            (Way::ToBroker, Says::Ack, When::Before) => Some(Point::AckWritten),
            (Way::ToBroker, Says::Ack, When::After) => {
                self.in_flight.entry(seen.connection).and_modify(|count| *count -= 1);
                Some(Point::AckPassed)
            }
            (Way::ToBroker, Says::Qos, When::After) => Some(Point::StillOursAsked),
            (Way::ToBroker, Says::Cancel, When::Before) => Some(Point::CancelWritten),
            (Way::ToWorker, Says::CancelOk, When::Before) => Some(Point::CancelAnswered),
            (Way::ToWorker, Says::CancelOk, When::After) => Some(Point::CancelHeard),
            _ => None,
        };
        point.is_some_and(|point| self.is_awaited(point))
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) -> bool {
        let Exchange { ask, stage, path, body } = exchange;
        let changes_something = matches!(ask, Ask::Create | Ask::Change);
        let which = ((*path).to_owned(), body.to_vec());
        if changes_something && *stage == Stage::Written && !self.sent.insert(which.clone()) {
            self.resent.insert(which.clone());
        }
        let is_resend = changes_something && self.resent.contains(&which);
        let point = match (ask, stage) {
            (Ask::Token, Stage::Written) => Point::TokenWritten,
            (Ask::Token, Stage::Answered) => Point::TokenAnswered,
            (Ask::Token, Stage::Heard) => Point::TokenHeard,
            (Ask::Lookup, Stage::Written) => Point::LookWritten,
            (Ask::Lookup, Stage::Answered) => Point::LookAnswered,
            (Ask::Lookup, Stage::Heard) => Point::LookHeard,
            (Ask::Create | Ask::Change, Stage::Written) if is_resend => Point::ResendWritten,
            (Ask::Create | Ask::Change, Stage::Answered) if is_resend => Point::ResendAnswered,
            (Ask::Create | Ask::Change, Stage::Heard) if is_resend => Point::ResendHeard,
            (Ask::Create, Stage::Written) => Point::CreateWritten,
            (Ask::Create, Stage::Answered) => Point::CreateAnswered,
            (Ask::Create, Stage::Heard) => Point::CreateHeard,
            (Ask::Change, Stage::Written) => Point::ChangeWritten,
            (Ask::Change, Stage::Answered) => Point::ChangeAnswered,
            (Ask::Change, Stage::Heard) => Point::ChangeHeard,
            (Ask::Balance, _) => return false, // nothing depends on it
        };
        self.is_awaited(point)
    }

    fn is_awaited(&mut self, point: Point) -> bool {
        let Some((awaited, left)) = &mut self.awaited else { return false };
        if *awaited != point {
            return false;
        }
        *left -= 1;
        let reached = *left == 0;
        if reached {
            self.awaited = None;
        }
        reached
    }
}

impl Published {
    fn to(exchange: &str) -> Self {
        match exchange {
            "smartsend.results" => Self::Event,
            "smartsend.parked" => Self::Parked,
            "smartsend.checkpoint" => Self::Checkpoint,
            retry if retry.starts_with("smartsend.retry.") => Self::Copy,
            retry if retry.starts_with("smartsend.commands.retry.") => Self::Copy,
            other => panic!("a worker publishes nothing to {other}"),
        }
    }

    fn written(self) -> Option<Point> {
        match self {
            Self::Event => Some(Point::EventWritten),
            Self::Copy => Some(Point::CopyWritten),
            Self::Parked => Some(Point::ParkedWritten),
            Self::Checkpoint => None,
        }
    }

    fn taken(self) -> Option<Point> {
        match self {
            Self::Event => Some(Point::EventTaken),
            Self::Copy => Some(Point::CopyTaken),
            Self::Parked => Some(Point::ParkedTaken),
            Self::Checkpoint => None,
        }
    }

    fn confirmed(self) -> Option<Point> {
        match self {
            Self::Event => Some(Point::EventConfirmed),
            Self::Copy => Some(Point::CopyConfirmed),
            Self::Parked => Some(Point::ParkedConfirmed),
            Self::Checkpoint => None,
        }
    }
}
