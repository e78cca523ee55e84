//! What the token endpoint answers (RFC 6749, 5.1 and 5.2; PayU's page "Generate Token").

use std::time::Duration;

use serde::Deserialize;

use crate::domain::customer::Private;

use super::{Raw, object, text};

#[derive(Debug, PartialEq)]
pub enum TokenAnswer {
    Granted(Granted),
    /// The endpoint refuses the credentials, the client or the grant.
    Refused,
    Unreadable,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    pub bearer: Private,
    /// How long it lives from now; zero if the endpoint does not say, so that it serves those who
    /// already wait for it and no one later.
    pub life: Duration,
    /// The refresh token; only the password grant has one.
    pub refresh: Option<Private>,
}

#[derive(Deserialize)]
struct Body {
    access_token: Raw,
    token_type: Raw,
    expires_in: Raw,
    /// PayU's table of fields spells it so; its samples do not.
    expire_in: Raw,
    refresh_token: Raw,
    error: Raw,
}

pub fn token_answer(body: &[u8]) -> TokenAnswer {
    let Some(body) = str::from_utf8(body).ok().and_then(object::<Body>) else {
        return TokenAnswer::Unreadable;
    };
    if let Some(error) = text(body.error) {
        return if is_refusal(&error) { TokenAnswer::Refused } else { TokenAnswer::Unreadable };
    }
    let bearer = text(body.access_token).filter(|token| fits_header(token));
    let is_bearer = text(body.token_type).is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    match bearer {
        Some(bearer) if is_bearer => TokenAnswer::Granted(Granted {
            bearer: Private::new(bearer),
            // `created_at` is left alone: PayU's text says milliseconds and its samples seconds,
            // and an existing token that is returned again has only `expires_in` left, not its
            // whole life.
            life: text(body.expires_in.or(body.expire_in)).map_or(Duration::ZERO, |s| seconds(&s)),
            refresh: text(body.refresh_token).map(Private::new),
        }),
        Some(_) | None => TokenAnswer::Unreadable,
    }
}

/// The errors of RFC 6749, 5.2, that the same request would get again.
fn is_refusal(error: &str) -> bool {
    matches!(
        error,
        "invalid_client"
            | "invalid_grant"
            | "invalid_request"
            | "invalid_scope"
            | "unauthorized_client"
            | "unsupported_grant_type"
    )
}

/// RFC 6750, 2.1 allows only visible ASCII; anything else would break the header that it goes in.
fn fits_header(token: &str) -> bool {
    token.bytes().all(|b| b.is_ascii_graphic())
}

/// The whole seconds of `6351` or `6351.0`; zero for anything negative or not a number.
fn seconds(text: &str) -> Duration {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.trim().parse().map_or(Duration::ZERO, Duration::from_secs)
}
