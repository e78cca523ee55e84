//! `POST /oauth/token`: both grants and the refresh of PayU's "Authentication" pages.
//!
//! Samples with an `expires_in` far below 7200 look like a server that issues a living token
//! once more, with the life that remains (Doorkeeper's `reuse_access_token`). A client that
//! believes in full lives then calls with dead tokens; so that is the default here.

use std::collections::HashMap;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::Answer;
use super::cuttable_stream::Cut;
use super::faults::Faults;
use super::ledger::{Arrival, Kind, Name};
use super::visit::Visit;
use super::{Party, Settings, Shared};

pub(super) const PATH: &str = "/oauth/token";
const SCOPE: &str = "create_payout_transactions";
const SECOND_US: u64 = 1_000_000;

/// Who holds a token.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Owner {
    client: Name,
    /// The user of the password grant.
    user: Option<Name>,
}

struct Token {
    owner: Owner,
    expires_at_us: u64,
}

#[derive(Clone)]
struct Issued {
    text: String,
    created_at_us: u64,
    refresh: Option<String>,
}

/// The tokens that are alive.
#[derive(Default)]
pub(super) struct Tokens {
    live: HashMap<String, Token>,
    newest: HashMap<Owner, Issued>,
    refresh: HashMap<String, Owner>,
}

/// What a client asked with.
struct Form(HashMap<String, String>);

/// An OAuth error: its name, and what PayU prints beside it.
struct Refusal(&'static str, String);

#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: &'static str,
    created_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_uuid: Option<String>,
}

/// Answers `POST /oauth/token`.
pub(super) async fn token(
    State(shared): State<Shared>,
    Extension(cut): Extension<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Form::read(&headers, &body);
    let client = form.0.get("client_id").map(|id| id.as_str().into());
    let arrival = Arrival { kind: Kind::Token, merchant: None, reference: None, client };
    let visit = Visit::arrive(&shared, arrival, PATH, Party::Nobody);
    visit.serve(cut, move |visit| issue(visit, &form)).await
}

impl Tokens {
    /// The client of a token that is alive.
    pub(super) fn client(&self, bearer: &str, now_us: u64) -> Option<Name> {
        let token = self.live.get(bearer)?;
        (token.expires_at_us > now_us).then(|| token.owner.client.clone())
    }

    /// Ends a token before its time.
    pub(super) fn revoke(&mut self, bearer: &str) {
        self.live.remove(bearer);
        self.newest.retain(|_, issued| issued.text != bearer);
    }

    fn issue(&mut self, owner: Owner, faults: &Faults, now_us: u64) -> (Issued, u64) {
        self.live.retain(|_, token| token.expires_at_us > now_us);
        if let Some(issued) = self.newest.get(&owner).filter(|_| faults.token_reuse) {
            let expiry = self.live.get(&issued.text).map(|token| token.expires_at_us);
            let left_s = expiry.unwrap_or_default().saturating_sub(now_us) / SECOND_US;
            if left_s > 0 {
                return (issued.clone(), left_s);
            }
        }
        let known = self.newest.get(&owner).and_then(|issued| issued.refresh.clone());
        let refresh = owner.user.as_ref().map(|_| known.unwrap_or_else(random_hex));
        if let Some(refresh) = &refresh {
            self.refresh.insert(refresh.clone(), owner.clone());
        }
        let issued = Issued { text: random_hex(), created_at_us: now_us, refresh };
        let life_us = faults.token_life_s.saturating_mul(SECOND_US);
        let expires_at_us = now_us.saturating_add(life_us);
        self.live.insert(issued.text.clone(), Token { owner: owner.clone(), expires_at_us });
        self.newest.insert(owner, issued.clone());
        (issued, faults.token_life_s)
    }

    fn rotate(&mut self, refresh: &str) {
        if let Some(owner) = self.refresh.remove(refresh) {
            self.newest.remove(&owner);
        }
    }
}

fn issue(visit: &Visit, form: &Form) -> Answer {
    match grant(&visit.shared, &visit.plan.faults, form) {
        Ok(answer) => answer,
        Err(Refusal(error, error_description)) => {
            // RFC 6749, 5.2: 401 for a client that is not known, else 400.
            let is_client = error == "invalid_client";
            let status = if is_client { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
            Answer::json(
                status,
                &HashMap::from([
                    ("error", error.to_owned()),
                    ("error_description", error_description),
                ]),
            )
        }
    }
}

fn grant(shared: &Shared, faults: &Faults, form: &Form) -> Result<Answer, Refusal> {
    let settings = &shared.settings;
    let now_us = shared.clock.now_us();
    let grant_type = form.need("grant_type")?;
    let owner = match grant_type {
        "client_credentials" => by_client(settings, form)?,
        "password" => by_password(settings, form)?,
        "refresh_token" => by_refresh(shared, faults, form)?,
        _ => {
            let text = "The authorization grant type is not supported by the authorization server.";
            return Err(Refusal("unsupported_grant_type", text.to_owned()));
        }
    };
    let user_uuid = owner.user.as_deref().map(user_uuid);
    let (issued, expires_in) = shared.tokens().issue(owner, faults, now_us);
    let body = TokenBody {
        access_token: &issued.text,
        token_type: "Bearer",
        expires_in,
        refresh_token: issued.refresh.as_deref(),
        scope: SCOPE,
        created_at: issued.created_at_us / SECOND_US, // seconds, whatever PayU's table says
        user_uuid,
    };
    Ok(Answer::json(StatusCode::OK, &body))
}

fn by_client(settings: &Settings, form: &Form) -> Result<Owner, Refusal> {
    let (client, secret) = (form.need("client_id")?, form.need("client_secret")?);
    if form.need("scope")? != SCOPE {
        let text = "The requested scope is invalid, unknown, or malformed.";
        return Err(Refusal("invalid_scope", text.to_owned()));
    }
    if !settings.accepts_client(client, secret) {
        return Err(unknown_client());
    }
    Ok(Owner { client: client.into(), user: None })
}

fn by_password(settings: &Settings, form: &Form) -> Result<Owner, Refusal> {
    let (client, user) = (form.need("client_id")?, form.need("username")?);
    let password = form.need("password")?;
    if !settings.knows_client(client) {
        return Err(unknown_client());
    }
    if password != settings.password {
        return Err(invalid_grant());
    }
    Ok(Owner { client: client.into(), user: Some(user.into()) })
}

fn by_refresh(shared: &Shared, faults: &Faults, form: &Form) -> Result<Owner, Refusal> {
    let (client, refresh) = (form.need("client_id")?, form.need("refresh_token")?);
    if !shared.settings.knows_client(client) {
        return Err(unknown_client());
    }
    let mut tokens = shared.tokens();
    let owner = tokens.refresh.get(refresh).filter(|owner| owner.client == *client).cloned();
    let owner = owner.ok_or_else(invalid_grant)?;
    if faults.refresh_rotates {
        tokens.rotate(refresh);
    }
    Ok(owner)
}

fn unknown_client() -> Refusal {
    let text = "Client authentication failed due to unknown client, no client authentication \
                included, or unsupported authentication method.";
    Refusal("invalid_client", text.to_owned())
}

fn invalid_grant() -> Refusal {
    let text = "The provided authorization grant is invalid, expired, revoked, does not match \
                the redirection URI used in the authorization request, or was issued to another \
                client.";
    Refusal("invalid_grant", text.to_owned())
}

impl Form {
    /// A body of another type is not read, and so every field is missing.
    fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form =
            kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let body = if is_form { body } else { &[] };
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    fn need(&self, field: &str) -> Result<&str, Refusal> {
        let value = self.0.get(field).map(String::as_str).filter(|value| !value.is_empty());
        value.ok_or_else(|| {
            Refusal("invalid_request", format!("Missing required parameter: {field}."))
        })
    }
}

/// 64 hexadecimal digits, as in PayU's samples.
fn random_hex() -> String {
    let (high, low): (u128, u128) = (rand::random(), rand::random());
    format!("{high:032x}{low:032x}")
}

/// Hexadecimal groups, the same for the same user; not a UUID, as in PayU's samples.
fn user_uuid(user: &str) -> String {
    let digits = Uuid::new_v5(&Uuid::NAMESPACE_URL, user.as_bytes()).to_string();
    let tail: String = digits.chars().skip(24).collect();
    format!("11e8-5a8f-{tail}")
}
