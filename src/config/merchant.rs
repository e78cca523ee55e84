//! `[merchants.<name>]`: the account that pays, and its credentials.

use secrecy::SecretString;
use toml::Value;

use super::errors::Problem;
use super::kinds::{self, Kind};
use super::reader::{Found, Section};
use super::{Grant, Merchant, Secret, address, defaults};
use crate::domain::account::{Account, Api};
use crate::domain::amount::Amount;

/// Codes that must never fail an intent: 1103, 1115 and 1125 say that a link exists, and 1100 that
/// the merchant is refused (PayU, "Error codes").
const NEVER_REJECTS: [i64; 4] = [1100, 1103, 1115, 1125];

#[derive(Clone, Copy, PartialEq, Eq)]
enum GrantName {
    ClientCredentials,
    Password,
}

pub(super) fn read(mut s: Section<'_>, name: &str) -> Option<Merchant> {
    let id = s.required("payout_merchant_id", "PayU's id, in quotes", &account());
    let api = s.required("api", "api = \"v1\"", &api());
    let api_url = s.or("api_url", defaults::API_URL, &address::provider());
    let auth_url = s.or("auth_url", defaults::AUTH_URL, &address::provider());
    let grant = grant(&mut s);
    let rate = s.required("rate_per_second", "the rate, such as 10", &kinds::whole(1..=100_000));
    let burst = s.or("burst", &defaults::BURST.to_string(), &kinds::whole(1..=100_000));
    let calls = defaults::CONCURRENCY.to_string();
    let concurrency = s.or("concurrency", &calls, &kinds::whole(1..=10_000));
    let connect_timeout = s.duration("connect_timeout", defaults::CONNECT_TIMEOUT);
    let timeout = s.duration("timeout", defaults::TIMEOUT);
    let max_pause = s.duration("max_pause", defaults::MAX_PAUSE);
    let max_amount = s.required("max_amount", "an amount such as \"200000.00\"", &amount());
    let rejects = s.list("rejects", defaults::REJECTS, &kinds::code(reject));
    let link_hosts = s.list("link_hosts", defaults::LINK_HOSTS, &address::link_host());
    let sandbox = s.or("sandbox", &defaults::SANDBOX.to_string(), &kinds::switch());

    s.reader.accounts.extend(id.clone().map(|id| (name.to_owned(), id)));
    burst_fits(&mut s, rate, burst);
    if let Some(sandbox) = sandbox {
        url_fits(&mut s, "api_url", api_url.as_ref(), sandbox);
        url_fits(&mut s, "auth_url", auth_url.as_ref(), sandbox);
        hosts_fit(&mut s, link_hosts.as_deref(), sandbox);
    }
    s.finish();
    Some(Merchant {
        name: name.to_owned(),
        account: Account { payout_merchant_id: id?, api: api? },
        api_url: api_url?,
        auth_url: auth_url?,
        grant: grant?,
        rate_per_second: rate?,
        burst: burst?,
        concurrency: concurrency?,
        connect_timeout: connect_timeout?,
        timeout: timeout?,
        max_pause: max_pause?,
        max_amount: max_amount?,
        rejects: rejects?,
        link_hosts: link_hosts?,
        sandbox: sandbox?,
    })
}

fn account() -> Kind<String> {
    kinds::name(
        64,
        |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'),
        "it must be 1 to 64 of A-Z a-z 0-9 _ and -",
    )
}

fn amount() -> Kind<Amount> {
    Kind::text(|text| Amount::parse(text).map_err(|reason| format!("it {reason}")))
}

fn api() -> Kind<Api> {
    Kind::text(|text| match Api::parse(text) {
        Some(Api::V1) => Ok(Api::V1),
        Some(Api::V2) => {
            Err("this version of smartsend makes links with \"v1\" only; write \"v1\"".to_owned())
        }
        None => Err("it must be \"v1\"".to_owned()),
    })
}

fn reject(code: i64) -> Result<i64, String> {
    if NEVER_REJECTS.contains(&code) {
        return Err("this code does not mean that the intent failed: 1100 refuses the merchant, \
                    1103, 1115 and 1125 say that a link exists already"
            .to_owned());
    }
    Ok(code)
}

/// A burst above a second's worth is another rate in disguise.
fn burst_fits(s: &mut Section<'_>, rate: Option<u32>, burst: Option<u32>) {
    let (Some(rate), Some(burst)) = (rate, burst) else {
        return;
    };
    let most = rate.max(defaults::BURST);
    if burst > most {
        let reason = format!(
            "it must be at most rate_per_second, or {}, but {burst} is more than {most}",
            defaults::BURST
        );
        let problem = Problem::new(s.key("burst"), reason).with_value(Some(burst.to_string()));
        s.reader.problems.push(problem);
    }
}

fn url_fits(s: &mut Section<'_>, name: &str, url: Option<&url::Url>, sandbox: bool) {
    let Some(url) = url else { return };
    let reason = if sandbox && !address::is_loopback(url) {
        "with sandbox = true it must lead to this machine, such as http://127.0.0.1:8090/payout"
    } else if !sandbox && url.scheme() != "https" {
        "it must begin with https://; only sandbox = true allows http"
    } else {
        return;
    };
    let problem = Problem::new(s.key(name), reason).with_value(Some(format!("\"{url}\"")));
    s.reader.problems.push(problem);
}

fn hosts_fit(s: &mut Section<'_>, hosts: Option<&[String]>, sandbox: bool) {
    if !sandbox && hosts.is_some_and(<[String]>::is_empty) {
        let reason = "it must name at least one host, or no link could be sent out";
        s.reader.refuse(s.key("link_hosts"), reason);
    }
}

fn grant(s: &mut Section<'_>) -> Option<Grant> {
    let words =
        &[("client_credentials", GrantName::ClientCredentials), ("password", GrantName::Password)];
    let name = s.or("grant", defaults::GRANT, &kinds::one_of(words));
    let id = kinds::name(
        256,
        |c| !c.is_control() && c != '\u{fffd}',
        "it must be 1 to 256 characters, and no control characters",
    );
    let client_id = s.required("client_id", "the id that PayU gave for this account", &id);
    match name {
        Some(GrantName::ClientCredentials) => {
            let client_secret = secret(s, "client_secret");
            for other in ["username", "password"] {
                s.refuse(other, "it belongs to grant = \"password\"; leave it out");
            }
            Some(Grant::ClientCredentials { client_id: client_id?, client_secret: client_secret? })
        }
        Some(GrantName::Password) => {
            let (username, password) = (secret(s, "username"), secret(s, "password"));
            s.refuse("client_secret", "it belongs to grant = \"client_credentials\"; leave it out");
            Some(Grant::Password {
                client_id: client_id?,
                username: username?,
                password: password?,
            })
        }
        // Which ones are wanted is not known, and that was told.
        None => {
            for name in ["client_secret", "username", "password"] {
                s.discard(name);
            }
            None
        }
    }
}

/// Reads a secret: itself, `{ env = "…" }` or `{ file = "…" }`. No reason ever shows it.
fn secret(s: &mut Section<'_>, name: &str) -> Option<Secret> {
    let key = s.key(name);
    let variables = &mut s.reader.environment.ours;
    let parts = ["env", "file"].map(|part| (part, variables.remove(&format!("{key}.{part}"))));
    let parts: Vec<_> = parts.into_iter().filter_map(|(p, v)| Some((p, v?))).collect();
    let whole = s.take(name);
    let secret = match (whole, parts.as_slice()) {
        (Some(Found::Variable(variable)), []) => value(&variable.text, &variable.name),
        (Some(Found::Variable(_)), _) | (_, [_, _, ..]) => {
            Err("the environment gives it twice; keep one of the variables".to_owned())
        }
        (_, [(part, variable)]) => named(s, part, &variable.text),
        (Some(Found::File(Value::String(text))), []) => value(&text, "the text in the file"),
        (Some(Found::File(Value::Table(table))), []) => {
            let mut entries = table.iter();
            match (entries.next(), entries.next()) {
                (Some((part, Value::String(text))), None) => named(s, part, text),
                _ => Err(FORMS.to_owned()),
            }
        }
        (Some(Found::File(_)), []) => Err(FORMS.to_owned()),
        (None, []) => Err(format!("it is missing; {FORMS}")),
    };
    secret.map_err(|reason| s.reader.refuse(key, reason)).ok()
}

const FORMS: &str =
    "it must be { env = \"VARIABLE\" }, { file = \"PATH\" } or the secret itself, in quotes";

fn named(s: &Section<'_>, part: &str, text: &str) -> Result<Secret, String> {
    match part {
        "file" if text.is_empty() => Err("the file's name is empty".to_owned()),
        "file" => Ok(Secret::File(text.into())),
        "env" => match s.reader.environment.all.get(text) {
            Some(secret) => value(secret, text),
            None => Err(format!("the environment variable {text} is not set")),
        },
        _ => Err(FORMS.to_owned()),
    }
}

fn value(text: &str, source: &str) -> Result<Secret, String> {
    if text.is_empty() {
        return Err(format!("{source} is empty"));
    }
    if text.contains('\u{fffd}') {
        return Err(format!("{source} is not UTF-8"));
    }
    if text.contains(|c: char| c.is_control()) {
        return Err(format!("{source} holds a line break or another control character"));
    }
    Ok(Secret::Value(SecretString::from(text)))
}
