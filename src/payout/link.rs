//! The claim link itself: whoever holds it can claim the money.

use url::Url;

use super::customer::Private;

/// A link on a host that the merchant allows. Only [`LinkHosts::admit`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Link(Private);

impl Link {
    /// The link, for the event and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The value of the link's own `id` parameter, as PayU's V1 links carry it.
    ///
    /// Create calls a link by its base64 id and details calls the same link by a UUID. What the
    /// link itself holds is the same both times, and so is the event that repeats it.
    pub fn own_id(&self) -> Option<Private> {
        let url = Url::parse(self.expose()).ok()?;
        let (_, id) = url.query_pairs().find(|(name, _)| name == "id")?;
        Some(Private::new(id.into_owned()))
    }
}

/// The hosts that a merchant's links may be on: a link elsewhere is phishing, or a mistake that
/// looks like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkHosts {
    /// Hosts that are equal, or end with "." and the entry; https, and no user information.
    Only(Vec<String>),
    /// Any http or https link: for the sandbox alone.
    Any,
}

impl LinkHosts {
    /// The link, if it is on an allowed host.
    pub fn admit(&self, text: &Private) -> Option<Link> {
        let url = Url::parse(text.expose()).ok()?;
        let admitted = match self {
            Self::Any => matches!(url.scheme(), "http" | "https"),
            Self::Only(hosts) => is_plain_https(&url) && hosts.iter().any(|host| is_on(&url, host)),
        };
        admitted.then(|| Link(text.clone()))
    }
}

fn is_plain_https(url: &Url) -> bool {
    url.scheme() == "https" && url.username().is_empty() && url.password().is_none()
}

fn is_on(url: &Url, host: &str) -> bool {
    let Some(actual) = url.host_str() else {
        return false;
    };
    actual == host || actual.strip_suffix(host).is_some_and(|before| before.ends_with('.'))
}
