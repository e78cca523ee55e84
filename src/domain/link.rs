//! The claim link itself: whoever holds it can claim the money.

use url::Url;

use super::customer::Private;

/// A link on a host that the merchant allows. Only [`LinkHosts::admit`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    text: Private,
    own_id: Option<Private>,
}

impl Link {
    /// The link, only for the event.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The link's text, for the event that takes it over.
    pub fn into_text(self) -> Private {
        self.text
    }

    /// The value of the link's own `id` parameter, as PayU's V1 links carry it.
    ///
    /// Create calls a link by its base64 id and details calls the same link by a UUID. What the
    /// link itself holds is the same both times, and so is the event that repeats it.
    pub fn own_id(&self) -> Option<Private> {
        self.own_id.clone()
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
            Self::Only(hosts) => plain_host(text.expose())
                .filter(|host| url.host_str() == Some(host))
                .is_some_and(|actual| hosts.iter().any(|host| is_on(&actual, host))),
        };
        admitted.then(|| Link { text: text.clone(), own_id: own_id_of(&url) })
    }
}

fn own_id_of(url: &Url) -> Option<Private> {
    let (_, id) = url.query_pairs().find(|(name, _)| name == "id")?;
    // Base64 holds "+" and no blank; a bare "+" in a query reads as a blank.
    Some(Private::new(id.replace(' ', "+")))
}

/// The host of an https link without user information, in lower case.
///
/// The customer's program parses the text again, and programs differ on `https://payu.in\@evil.in`,
/// on blanks and on escapes in a host. So a link is admitted only if this reading and the URL
/// Standard's agree on it.
fn plain_host(text: &str) -> Option<String> {
    let text = text.strip_prefix("https://")?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let authority = text.split(['/', '?', '#']).next()?;
    let host = authority.split_once(':').map_or(authority, |(host, _)| host);
    Some(host.to_ascii_lowercase())
}

fn is_on(actual: &str, host: &str) -> bool {
    actual == host || actual.strip_suffix(host).is_some_and(|before| before.ends_with('.'))
}
