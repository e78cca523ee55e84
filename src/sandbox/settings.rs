//! The clients, users and merchants that the sandbox knows.

use super::faults::Faults;

#[derive(Clone)]
pub struct SandboxSettings {
    /// If there are none, any client with `client_secret` is accepted.
    pub clients: Vec<OAuthClient>,
    /// The secret of any client.
    pub client_secret: String,
    /// The password of any user.
    pub password: String,
    /// The payout merchant ids; if there are none, any is accepted.
    pub merchants: Vec<String>,
    /// The faults to begin with.
    pub faults: Faults,
}

/// A client that may ask for tokens.
#[derive(Clone)]
pub struct OAuthClient {
    pub id: String,
    pub secret: String,
    /// The only payout merchant id that its tokens are good for; all if there is none.
    pub merchant: Option<String>,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            clients: Vec::new(),
            client_secret: "sandbox-secret".to_owned(),
            password: "sandbox-password".to_owned(),
            merchants: Vec::new(),
            faults: Faults::default(),
        }
    }
}

impl SandboxSettings {
    pub(super) fn accepts_client(&self, id: &str, secret: &str) -> bool {
        if self.clients.is_empty() {
            return secret == self.client_secret;
        }
        self.clients.iter().any(|client| client.id == id && client.secret == secret)
    }

    pub(super) fn knows_client(&self, id: &str) -> bool {
        self.clients.is_empty() || self.clients.iter().any(|client| client.id == id)
    }

    pub(super) fn knows_merchant(&self, id: &str) -> bool {
        self.merchants.is_empty() || self.merchants.iter().any(|merchant| merchant == id)
    }

    /// Whether the tokens of a client are good for a merchant.
    pub(super) fn is_client_of(&self, client: &str, merchant: Option<&str>) -> bool {
        let client = self.clients.iter().find(|known| known.id == client);
        let only = client.and_then(|client| client.merchant.as_deref());
        only.is_none_or(|only| merchant == Some(only))
    }
}
