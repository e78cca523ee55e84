//! Addresses: of brokers, of the provider, and of links.
//!
//! An address can say more than where something is: a password, a second heartbeat, another virtual
//! host than was meant. Anything that would silently be ignored or misread is refused.

use std::fmt;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::values::Text;

/// The keys that hold addresses.
pub(super) const KEYS: [&str; 3] = ["urls", "api_url", "auth_url"];

/// An `amqp://` or `amqps://` address. Its `Debug` shows host, port and virtual host only.
#[derive(Clone)]
pub struct BrokerUrl(Url);

impl BrokerUrl {
    /// Reads `amqp://user:password@host:port/vhost`, or `amqps`.
    ///
    /// The reasons never show the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = address(text)?;
        if !matches!(url.scheme(), "amqp" | "amqps") {
            return Err("a broker's address begins with amqp:// or amqps://".to_owned());
        }
        // lapin's parser falls back to `localhost` if there is no name.
        match url.host() {
            None | Some(Host::Domain("")) => return Err("it names no host".to_owned()),
            Some(Host::Ipv6(_)) => {
                return Err("write a host name for an IPv6 address, in /etc/hosts if need be: \
                            the client cannot read one in brackets"
                    .to_owned());
            }
            Some(Host::Domain(_) | Host::Ipv4(_)) => {}
        }
        // A password with a bare `/` in it looks like a host, a port and a virtual host.
        if has_late_at(text) {
            return Err("a / ? or # in the password is written %2f %3f %23, and a @ in a virtual \
                        host's name %40"
                .to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it must end with the virtual host; heartbeat and the like have keys of \
                        their own in [broker]"
                .to_owned());
        }
        let vhost = url.path().strip_prefix('/');
        if vhost == Some("") {
            return Err("its last / names a virtual host with an empty name; leave it out, or \
                        write /%2f for the virtual host /"
                .to_owned());
        }
        if vhost.is_some_and(|vhost| vhost.contains('/')) {
            return Err("a / in a virtual host's name is written %2f".to_owned());
        }
        let parts = [url.username(), url.password().unwrap_or_default(), url.path()];
        if !parts.into_iter().all(is_encoded_utf8) {
            return Err("user, password and virtual host must be UTF-8, percent-encoded".to_owned());
        }
        Ok(Self(url))
    }

    /// The whole address, with the password: only for the client's parser.
    pub fn as_uri(&self) -> &str {
        self.0.as_str()
    }

    /// `host:port`, as logs and `/status` show it.
    pub fn host_port(&self) -> String {
        let default = if self.is_tls() { 5671 } else { 5672 };
        let port = self.0.port().unwrap_or(default);
        format!("{}:{port}", self.0.host_str().unwrap_or_default())
    }

    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "amqps"
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.0.scheme(), self.host_port(), self.0.path())
    }
}

impl Text for BrokerUrl {
    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl Text for Url {
    fn parse(text: &str) -> Result<Self, String> {
        let url = address(text)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("it must begin with https://".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must contain no user and no password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it must contain no query (?) and no fragment (#)".to_owned());
        }
        Ok(url)
    }
}

/// A host that links may be on, in lower case.
pub(super) fn link_host(text: &str) -> Result<String, &'static str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !text.split('.').all(|label| !label.is_empty() && label.chars().all(word)) {
        return Err("it must be a host's name alone, such as payu.in");
    }
    // Every host below an entry is allowed too, and PayU does not own `in`.
    if !text.contains('.') {
        return Err("it must have a dot: every host that ends with it is allowed");
    }
    Ok(text.to_ascii_lowercase())
}

fn address(text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|error| format!("it is not an address ({error})"))
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

/// Whether an `@` comes after the host and port, so that what looks like them may be a login.
fn has_late_at(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split_once(['/', '?', '#']).is_some_and(|(_, after)| after.contains('@'))
}

/// Scheme, host and port: what is left of an address without anything that may be secret.
pub(super) fn bare(text: &str) -> Option<String> {
    if has_late_at(text) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}/…", url.scheme()))
}

/// Whether every `%` begins an escape (RFC 3986, 2.1), and all of them together are UTF-8.
fn is_encoded_utf8(text: &str) -> bool {
    let is_escape = |rest: &str| {
        rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    text.split('%').skip(1).all(is_escape) && percent_decode_str(text).decode_utf8().is_ok()
}
