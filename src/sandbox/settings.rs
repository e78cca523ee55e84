//! Whom the sandbox knows: clients, users and merchants.

use super::faults::Faults;

/// Whom the sandbox knows, and how it behaves at first.
#[derive(Clone)]
pub struct Settings {
    /// The clients; any client with `client_secret` if there are none.
    pub clients: Vec<Client>,
    /// The secret of any client.
    pub client_secret: String,
    /// The password of any user.
    pub password: String,
    /// The payout merchant ids; any if there are none.
    pub merchants: Vec<String>,
    /// The faults to begin with.
    pub faults: Faults,
}

/// A client that may ask for tokens.
#[derive(Clone)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its `client_secret`.
    pub secret: String,
    /// The only payout merchant id that its tokens are good for; all if there is none.
    pub merchant: Option<String>,
}

impl Default for Settings {
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

impl Settings {
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

    /// Whether a client's token is good for a merchant.
    pub(super) fn serves(&self, client: &str, merchant: Option<&str>) -> bool {
        let bound = self.clients.iter().find(|known| known.id == client);
        let bound = bound.and_then(|known| known.merchant.as_deref());
        bound.is_none_or(|bound| merchant == Some(bound))
    }
}
