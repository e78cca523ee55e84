//! What PayU shows of a reference, or why that is not known.

use jiff::Timestamp;

use crate::domain::classify::lookup::Details;
use crate::whereabouts::SeenLink;

/// What PayU shows of a reference.
#[derive(Clone, Debug)]
pub enum Seen {
    Link(Box<AtPayu>),
    /// No link, when it was asked then.
    Nothing {
        at: Timestamp,
    },
    /// It is not known.
    Unlearnt(Unlearnt),
}

/// A link that PayU shows.
#[derive(Clone, Debug)]
pub struct AtPayu {
    pub details: Details,
    /// The same in PayU's own words.
    pub link: SeenLink,
}

/// Why it is not known what PayU shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlearnt {
    /// It was not asked any more.
    Stopped,
    /// It was asked, and the answer says nothing: why, in a sentence.
    Unanswered(String),
    /// FILE has no reference to ask about.
    NoReference,
    /// Another row of FILE has the same reference.
    Repeated { first: usize },
    /// It shows a link, and no amount that could be compared.
    NoAmount,
}

impl Unlearnt {
    pub fn why(&self) -> String {
        match self {
            Self::Stopped => "not asked, since asking had ended".to_owned(),
            Self::Unanswered(why) => why.clone(),
            Self::NoReference => "it has no valid reference".to_owned(),
            Self::Repeated { first } => {
                format!("its reference is that of row {first}, and one link is not two payouts")
            }
            Self::NoAmount => {
                "PayU shows a link, but no amount that could be compared: look it up".to_owned()
            }
        }
    }
}
