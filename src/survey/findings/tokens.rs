//! What follows from tokens.

use std::time::Duration;

use crate::survey::finding::Finding;
use crate::survey::observed::{Refresh, SecondToken};
use crate::survey::question::Question;

/// A token with a shorter life is a request of the rate that is worth counting.
const SHORT: Duration = Duration::from_mins(5);

pub(super) fn life(life: Duration) -> Finding {
    let (seen, setting) = if life.is_zero() {
        (
            "no life is given".to_owned(),
            "a token for each call: rate_per_second has to bear twice the calls",
        )
    } else if life < SHORT {
        (seconds(life), "the tokens count in rate_per_second")
    } else {
        (seconds(life), "none: the worker renews it in time")
    };
    Finding::found(Question::TokenLife, seen, setting)
}

pub(super) fn refresh(refresh: Refresh) -> Finding {
    let (seen, setting) = match refresh {
        Refresh::Without => ("no refresh token came", "none: the grant is repeated"),
        Refresh::Refused => (
            "a refresh token came, and was refused",
            "none: the grant follows, at the cost of a request",
        ),
        Refresh::Granted { is_same, rotates } => {
            let seen = match (is_same, rotates) {
                (true, false) => "yes: the same token and the same refresh token",
                (true, true) => "yes: the same token, another refresh token",
                (false, false) => "yes: another token, the same refresh token",
                (false, true) => "yes: another token and another refresh token",
            };
            (seen, "none: the worker refreshes")
        }
    };
    Finding::found(Question::Refresh, seen, setting)
}

pub(super) fn second(second: SecondToken) -> Finding {
    let (seen, setting) = match second {
        SecondToken::Same(left) => (
            format!("no: the live one is given again, with {} left", seconds(left)),
            "none: tools may ask beside the worker",
        ),
        SecondToken::Both => (
            "no: another one, and both are accepted".to_owned(),
            "none: tools may ask beside the worker",
        ),
        SecondToken::EndsFirst => (
            "yes: the first one gets HTTP 401 from then on".to_owned(),
            "no tool (lookup, survey) and no other program beside the worker with this client_id: \
             each ends the worker's token",
        ),
    };
    Finding::found(Question::SecondToken, seen, setting)
}

fn seconds(life: Duration) -> String {
    format!("{} s", life.as_secs())
}
