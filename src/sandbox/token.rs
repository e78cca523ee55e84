//! `POST /oauth/token`: both grants and the refresh of PayU's "Authentication" pages.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::faults::Faults;
use super::ledger::NewRequest;
use super::parameters::Parameters;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::settings::SandboxSettings;
use super::state::{Caller, SandboxState};
use super::token_store::TokenOwner;

pub(super) const PATH: &str = "/oauth/token";
const SCOPE: &str = "create_payout_transactions";

/// RFC 6749, 5.2.
#[derive(Serialize)]
struct OAuthError {
    error: &'static str,
    error_description: String,
}

#[derive(Serialize)]
struct TokenResponse<'a> {
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

pub(super) async fn token(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Parameters::of_form(&headers, &body);
    let client = form.get("client_id").map(Into::into);
    let request = NewRequest { kind: RequestKind::Token, merchant: None, reference: None, client };
    let exchange = HttpExchange::begin(&state, request, PATH, Caller::Anyone);
    exchange.run(connection, move |exchange| issue(exchange, &form)).await
}

fn issue(exchange: &HttpExchange, form: &Parameters) -> PayuResponse {
    let issued = grant(&exchange.state, &exchange.injector.faults, form);
    issued.unwrap_or_else(|error| {
        let is_client = error.error == "invalid_client";
        let status = if is_client { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        PayuResponse::json(status, &error)
    })
}

fn grant(
    state: &SandboxState,
    faults: &Faults,
    form: &Parameters,
) -> Result<PayuResponse, OAuthError> {
    let settings = &state.settings;
    let owner = match need(form, "grant_type")? {
        "client_credentials" => by_client(settings, form)?,
        "password" => by_password(settings, form)?,
        "refresh_token" => by_refresh(state, faults, form)?,
        _ => {
            let text = "The authorization grant type is not supported by the authorization server.";
            return Err(OAuthError::new("unsupported_grant_type", text));
        }
    };
    let user_uuid = owner.user.as_deref().map(user_uuid);
    let (issued, expires_in) = state.tokens().issue(owner, faults, state.clock.now_us());
    let body = TokenResponse {
        access_token: &issued.text,
        token_type: "Bearer",
        expires_in,
        refresh_token: issued.refresh.as_deref(),
        scope: SCOPE,
        // Seconds as in PayU's samples, though its table says milliseconds.
        created_at: issued.created_at_us / 1_000_000,
        user_uuid,
    };
    Ok(PayuResponse::json(StatusCode::OK, &body))
}

fn by_client(settings: &SandboxSettings, form: &Parameters) -> Result<TokenOwner, OAuthError> {
    let (client, secret) = (need(form, "client_id")?, need(form, "client_secret")?);
    if need(form, "scope")? != SCOPE {
        let text = "The requested scope is invalid, unknown, or malformed.";
        return Err(OAuthError::new("invalid_scope", text));
    }
    if !settings.accepts_client(client, secret) {
        return Err(OAuthError::unknown_client());
    }
    Ok(TokenOwner { client: client.into(), user: None })
}

fn by_password(settings: &SandboxSettings, form: &Parameters) -> Result<TokenOwner, OAuthError> {
    let (client, user) = (need(form, "client_id")?, need(form, "username")?);
    let password = need(form, "password")?;
    if !settings.knows_client(client) {
        return Err(OAuthError::unknown_client());
    }
    if password != settings.password {
        return Err(OAuthError::invalid_grant());
    }
    Ok(TokenOwner { client: client.into(), user: Some(user.into()) })
}

fn by_refresh(
    state: &SandboxState,
    faults: &Faults,
    form: &Parameters,
) -> Result<TokenOwner, OAuthError> {
    let (client, refresh) = (need(form, "client_id")?, need(form, "refresh_token")?);
    if !state.settings.knows_client(client) {
        return Err(OAuthError::unknown_client());
    }
    let owner = state.tokens().refresh(refresh, client, faults);
    owner.ok_or_else(OAuthError::invalid_grant)
}

impl OAuthError {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, error_description: description.into() }
    }

    fn unknown_client() -> Self {
        let text = "Client authentication failed due to unknown client, no client authentication \
                    included, or unsupported authentication method.";
        Self::new("invalid_client", text)
    }

    fn invalid_grant() -> Self {
        let text = "The provided authorization grant is invalid, expired, revoked, does not match \
                    the redirection URI used in the authorization request, or was issued to \
                    another client.";
        Self::new("invalid_grant", text)
    }
}

fn need<'a>(form: &'a Parameters, field: &str) -> Result<&'a str, OAuthError> {
    form.get(field).filter(|value| !value.is_empty()).ok_or_else(|| {
        OAuthError::new("invalid_request", format!("Missing required parameter: {field}."))
    })
}

/// Hexadecimal groups, the same for the same user; not a UUID, as in PayU's samples.
pub(super) fn user_uuid(user: &str) -> String {
    let digits = Uuid::new_v5(&Uuid::NAMESPACE_URL, user.as_bytes()).to_string();
    let tail: String = digits.chars().skip(24).collect();
    format!("11e8-5a8f-{tail}")
}
