//! The tokens that the sandbox has issued.
//!
//! PayU's samples with an `expires_in` far below 7200 look like a server that issues a live token
//! again, with the life that remains (Doorkeeper's `reuse_access_token`). A client that counts on
//! full lives then calls with dead tokens; so that is the default here.

use std::collections::HashMap;
use std::sync::Arc;

use super::faults::Faults;

const SECOND_US: u64 = 1_000_000;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct TokenOwner {
    pub(super) client: Arc<str>,
    /// The user of the password grant.
    pub(super) user: Option<Arc<str>>,
}

#[derive(Clone)]
pub(super) struct IssuedToken {
    pub(super) text: String,
    pub(super) created_at_us: u64,
    pub(super) refresh: Option<String>,
    expires_at_us: u64,
}

#[derive(Default)]
pub(super) struct TokenStore {
    /// The owner of each token, and when the token expires.
    live: HashMap<String, (TokenOwner, u64)>,
    newest: HashMap<TokenOwner, IssuedToken>,
    refresh: HashMap<String, TokenOwner>,
}

impl TokenStore {
    /// The client of a live token.
    pub(super) fn client(&self, bearer: &str, now_us: u64) -> Option<Arc<str>> {
        let (owner, expires_at_us) = self.live.get(bearer)?;
        (*expires_at_us > now_us).then(|| owner.client.clone())
    }

    /// Ends a token before its time.
    pub(super) fn revoke(&mut self, bearer: &str) {
        self.live.remove(bearer);
        self.newest.retain(|_, issued| issued.text != bearer);
    }

    /// A token, and how many seconds it has left.
    pub(super) fn issue(
        &mut self,
        owner: TokenOwner,
        faults: &Faults,
        now_us: u64,
    ) -> (IssuedToken, u64) {
        self.live.retain(|_, (_, expires_at_us)| *expires_at_us > now_us);
        let newest = self.newest.get(&owner);
        if let Some(issued) = newest.filter(|_| faults.token_reuse) {
            let left_s = issued.expires_at_us.saturating_sub(now_us) / SECOND_US;
            if left_s > 0 {
                return (issued.clone(), left_s);
            }
        }
        if faults.token_ends_others {
            self.live.retain(|_, (other, _)| *other != owner);
        }
        let known = newest.and_then(|issued| issued.refresh.clone());
        let refresh = owner.user.as_ref().map(|_| known.unwrap_or_else(random_hex));
        if let Some(refresh) = &refresh {
            self.refresh.insert(refresh.clone(), owner.clone());
        }
        let life_us = faults.token_life_s.saturating_mul(SECOND_US);
        let expires_at_us = now_us.saturating_add(life_us);
        let text = random_hex();
        let issued = IssuedToken { text, created_at_us: now_us, refresh, expires_at_us };
        self.live.insert(issued.text.clone(), (owner.clone(), expires_at_us));
        self.newest.insert(owner, issued.clone());
        (issued, faults.token_life_s)
    }

    /// The owner of a refresh token, which ends if refresh tokens rotate.
    pub(super) fn refresh(
        &mut self,
        refresh: &str,
        client: &str,
        faults: &Faults,
    ) -> Option<TokenOwner> {
        let owner = self.refresh.get(refresh).filter(|owner| *owner.client == *client).cloned()?;
        if faults.refresh_rotates {
            self.refresh.remove(refresh);
            self.newest.remove(&owner);
        }
        Some(owner)
    }
}

/// 64 hexadecimal digits, as in PayU's samples.
fn random_hex() -> String {
    let (high, low): (u128, u128) = (rand::random(), rand::random());
    format!("{high:032x}{low:032x}")
}
