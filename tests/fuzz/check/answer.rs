//! Provider answers: whatever comes back, nothing is called a link that is not one of ours.
//!
//! An input is one letter for the call (`c` create, `l` look, `t` token), three digits for the
//! HTTP status, and the body.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use url::Url;

use smartsend::domain::call::{Answer, CallResult, Envelope, RetryAfter};
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::lookup::{DetailsLink, Lookup};
use smartsend::domain::classify::{ClassifyRules, CreatedLink};
use smartsend::domain::link::{Link, LinkHosts};
use smartsend::domain::reference::Reference;
use smartsend::payu::wire::{TokenAnswer, envelope, token_answer};

const HOSTS: [&str; 2] = ["payumoney.com", "payu.in"];
const REFERENCE: &str = "order-1";
/// A code that PayU lists as one that may depend on the day, and this merchant as a "no".
const REJECTS: i64 = 1104;

/// Checks one answer.
pub(crate) fn check(data: &[u8]) {
    let Some((call, rest)) = data.split_first() else { return };
    let Some((status, body)) = rest.split_at_checked(3) else { return };
    let Some(status) = str::from_utf8(status).ok().and_then(|digits| digits.parse().ok()) else {
        return;
    };
    match call {
        b'c' => check_create(status, body),
        b'l' => check_look(status, body),
        b't' => check_token(body),
        _ => {}
    }
}

fn answered(status: u16, envelope: Option<Envelope>) -> CallResult {
    let retry_after = Some(RetryAfter::In(std::time::Duration::from_secs(7)));
    CallResult::Answered(Answer { status, retry_after, envelope })
}

fn rules() -> ClassifyRules {
    let link_hosts = LinkHosts::Only(HOSTS.map(str::to_owned).to_vec());
    ClassifyRules { rejects: vec![REJECTS], link_hosts }
}

fn check_create(status: u16, body: &[u8]) {
    let reference = Reference::parse(REFERENCE).unwrap();
    let json = Json::read(body);
    let outcome = Outcome::classify(answered(status, envelope(body)), &reference, &rules());
    let is_2xx = (200..=299).contains(&status);
    let is_of_another = json.as_ref().is_some_and(names_another);
    match &outcome {
        Outcome::Created(made) => {
            let json = json.as_ref().expect("a link from what is not JSON");
            assert!(is_2xx && succeeds(json) && !is_of_another, "a link by {status}");
            check_link(&made.link, json);
            check_hidden(made, &format!("{outcome:?}"));
        }
        Outcome::ForeignLink => {
            assert!(is_2xx && json.as_ref().is_some_and(succeeds) && !is_of_another);
        }
        Outcome::Rejected(_) | Outcome::Duplicate(_) | Outcome::Refused(_) => {
            let json = json.as_ref().expect("a refusal from what is not JSON");
            assert!(is_2xx || (400..=499).contains(&status), "a refusal by {status}");
            assert!(fails(json) && !is_of_another, "a refusal that is not one");
        }
        Outcome::Throttled(_) | Outcome::Denied(_) => {
            let by_status = matches!(status, 401 | 403 | 429);
            assert!(by_status || json.as_ref().is_some_and(fails), "unprocessed by {status}");
        }
        Outcome::Unknown(_) => assert!(!matches!(status, 401 | 403 | 429)),
        Outcome::NotSent(_) | Outcome::NoToken(_) | Outcome::StaleToken => {
            panic!("an answer came, and nothing was sent")
        }
    }
    if let Outcome::Rejected(code) = outcome {
        // The certain "no" has to stand in the answer.
        let text = String::from_utf8_lossy(body);
        let trimmed = code.to_string();
        let may_be_spelled = text.contains(['\\', '.', 'e', 'E']);
        assert!(text.contains(&trimmed) || may_be_spelled, "{code} is not in {text}");
    }
}

fn check_look(status: u16, body: &[u8]) {
    let reference = Reference::parse(REFERENCE).unwrap();
    let json = Json::read(body);
    let look = Lookup::classify(answered(status, envelope(body)), &reference, &rules());
    let decides = (200..=299).contains(&status) || status == 404;
    match &look {
        Lookup::Found(details) => {
            let json = json.as_ref().expect("a link from what is not JSON");
            assert!(decides && succeeds(json) && !names_another(json), "found by {status}");
            if let DetailsLink::Here(made) = &details.link {
                check_link(&made.link, json);
                check_hidden(made, &format!("{look:?}"));
            }
        }
        Lookup::NotFound => {
            let json = json.as_ref().expect("not found, from what is not JSON");
            assert!(decides && fails(json) && !names_another(json), "no link by {status}");
            let link = json.of_data("link").unwrap_or_default();
            assert!(link.trim().is_empty(), "not found, beside the link");
        }
        Lookup::Throttled(_) => {
            assert!(status == 429 || (decides && json.as_ref().is_some_and(fails)), "{status}");
        }
        Lookup::Denied(_) => assert_eq!(status, 401),
        Lookup::NoToken(_) => panic!("an answer came, and nothing was sent"),
        Lookup::Failed(_) => {}
    }
}

fn check_token(body: &[u8]) {
    let answer = token_answer(body);
    let shown = format!("{answer:?}");
    match answer {
        TokenAnswer::Granted(granted) => {
            let json = Json::read(body).expect("a token from what is not JSON");
            assert_eq!(json.of_top("error").unwrap_or_default(), "", "a token and an error");
            let bearer = granted.bearer.expose();
            // It goes into a header as it is (RFC 6750, 2.1).
            assert!(!bearer.is_empty() && bearer.bytes().all(|b| b.is_ascii_graphic()));
            assert!(bearer.len() < 12 || !shown.contains(bearer), "the token is shown");
        }
        TokenAnswer::Refused => {
            let json = Json::read(body).expect("refused by what is not JSON");
            assert!(json.of_top("error").is_some_and(|error| error.contains('_')));
        }
        TokenAnswer::Unreadable => {}
    }
}

/// A link is the one of the answer, and leads to an allowed host in the eyes of any program.
fn check_link(link: &Link, json: &Json<'_>) {
    let link = link.expose();
    assert_eq!(json.of_data("link").as_deref(), Some(link));
    let url = Url::parse(link).unwrap();
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none(), "{link}");
    let host = url.host_str().unwrap();
    let is_on = |of: &str| host == of || host.ends_with(&format!(".{of}"));
    assert!(HOSTS.into_iter().any(is_on), "{link}");
    // As a program reads it that knows nothing but the first slash.
    let naive = link.split('/').nth(2).unwrap_or_default().to_ascii_lowercase();
    let naive = naive.split([':', '?', '#']).next().unwrap_or_default().to_owned();
    assert_eq!(naive, host, "{link} leads elsewhere, by another reading");
    assert!(!link.contains(char::is_whitespace), "{link:?}");
}

/// Nothing that is printed shows the link or its id.
fn check_hidden(made: &CreatedLink, shown: &str) {
    assert!(!shown.contains(made.link.expose()), "the link is shown");
    let id = made.link_id.as_ref().map_or("", |id| id.expose());
    assert!(id.len() < 12 || !shown.contains(id), "the link's id is shown");
}

/// The members of a JSON object and of its `data`, as they were written.
struct Json<'a> {
    top: BTreeMap<String, &'a RawValue>,
    data: BTreeMap<String, &'a RawValue>,
}

impl<'a> Json<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let top: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
        let data = top.get("data").and_then(|data| serde_json::from_str(data.get()).ok());
        Some(Self { top, data: data.unwrap_or_default() })
    }

    fn of_top(&self, name: &str) -> Option<String> {
        text(self.top.get(name)?)
    }

    fn of_data(&self, name: &str) -> Option<String> {
        text(self.data.get(name)?)
    }
}

/// The text of a string or a number.
fn text(raw: &RawValue) -> Option<String> {
    match raw.get() {
        string if string.starts_with('"') => serde_json::from_str(string).ok(),
        number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            Some(number.to_owned())
        }
        _ => None,
    }
}

/// By its value, in whichever notation: `-0` is 0.
fn succeeds(json: &Json<'_>) -> bool {
    status(json).is_some_and(|status| status.abs().to_bits() == 0)
}

fn fails(json: &Json<'_>) -> bool {
    status(json).is_some_and(|status| status.to_bits() == 1.0_f64.to_bits())
}

fn status(json: &Json<'_>) -> Option<f64> {
    json.of_top("status")?.trim().parse().ok()
}

fn names_another(json: &Json<'_>) -> bool {
    json.of_data("merchantRefId").is_some_and(|it| !it.trim().is_empty() && it != REFERENCE)
}
