//! Smart Send on raw sockets: it does what it is asked, keeps a ledger, and answers as a script
//! says: not at all, half, late, or with something else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::canary::{EMAIL, MOBILE, REFRESH_TOKEN, TOKEN};
use super::raw_server::{RawServer, Seen, Step, answer};

/// Which request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Token,
    Create,
    Lookup,
    /// A cancel or an extend.
    Change,
    /// What the account holds.
    Account,
}

/// A request, as a script sees it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) kind: Kind,
    /// Nothing for a token or an account.
    pub(crate) reference: String,
    /// How many of its kind came for this reference before, with a token that was good.
    pub(crate) nth: usize,
    amount: String,
    /// Of an extend.
    expiry: Option<String>,
    /// Whether a token is asked for by the password grant.
    has_password: bool,
}

/// What is done with a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// What it asks for.
    Serve,
    /// What it asks for, and then these steps instead of the answer.
    MakeThen(Vec<Step>),
    /// These steps, and nothing else.
    Only(Vec<Step>),
    /// These steps, and what it asks for so much later.
    Late(Duration, Vec<Step>),
    /// Every token that was given out is worthless from here on, that of this request too.
    Revoke,
}

/// One link.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Link {
    pub(crate) reference: String,
    pub(crate) amount: String,
    pub(crate) url: String,
    /// `smartSendStatus`.
    pub(crate) status: &'static str,
    /// What an extend has set.
    pub(crate) expiry: Option<String>,
}

/// What it remembers.
#[derive(Default)]
struct Ledger {
    links: Vec<Link>,
    asked: Vec<(Kind, String, Instant)>,
    counts: HashMap<(Kind, String), usize>,
    tokens: u64,
    oldest_good: u64,
    naive: bool,
    late_effects: usize,
}

/// See the module.
pub(crate) struct Payu {
    server: RawServer,
    ledger: Arc<Mutex<Ledger>>,
}

impl Payu {
    /// Serves everything.
    pub(crate) fn good() -> Self {
        Self::scripted(|_| Act::Serve)
    }

    /// Does with each request what the script says.
    pub(crate) fn scripted(script: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        let ledger = Arc::<Mutex<Ledger>>::default();
        let own = Arc::clone(&ledger);
        let server = RawServer::deciding(move |_, seen| {
            let (asked, is_let_in) = own.lock().unwrap().note(seen);
            let unauthorized = || vec![Step::Write(answer("401 Unauthorized", "", UNAUTHORIZED))];
            match if is_let_in { script(&asked) } else { Act::Only(unauthorized()) } {
                Act::Revoke => {
                    own.lock().unwrap().revoke();
                    unauthorized()
                }
                Act::Serve => vec![Step::Write(own.lock().unwrap().serve(&asked))],
                Act::MakeThen(steps) => {
                    own.lock().unwrap().serve(&asked);
                    steps
                }
                Act::Only(steps) => steps,
                Act::Late(delay, steps) => {
                    let own = Arc::clone(&own);
                    std::thread::spawn(move || {
                        super::raw_server::wait(delay);
                        let mut ledger = own.lock().unwrap();
                        ledger.serve(&asked);
                        ledger.late_effects += 1;
                    });
                    steps
                }
            }
        });
        Self { server, ledger }
    }

    /// A second create for a reference makes a second link.
    pub(crate) fn naive(self) -> Self {
        self.ledger().naive = true;
        self
    }

    /// How many requests have had their effect late by now.
    pub(crate) fn late_effects(&self) -> usize {
        self.ledger().late_effects
    }

    /// A link that someone else has made.
    pub(crate) fn has_link(&self, reference: &str, amount: &str) {
        self.ledger().make(reference, amount);
    }

    /// Where it is.
    pub(crate) fn server(&self) -> &RawServer {
        &self.server
    }

    /// The links of a reference.
    pub(crate) fn links(&self, reference: &str) -> Vec<Link> {
        let links = &self.ledger().links;
        links.iter().filter(|link| link.reference == reference).cloned().collect()
    }

    /// All links, and how many references have more than one.
    pub(crate) fn all_links(&self) -> (usize, usize) {
        let ledger = self.ledger();
        let mut counts = HashMap::<&str, usize>::new();
        for link in &ledger.links {
            *counts.entry(&link.reference).or_default() += 1;
        }
        (ledger.links.len(), counts.values().filter(|count| **count > 1).count())
    }

    /// When the requests of a kind for a reference came.
    pub(crate) fn asked(&self, kind: Kind, reference: &str) -> Vec<Instant> {
        let ledger = self.ledger();
        let own = ledger.asked.iter().filter(|(k, r, _)| *k == kind && r == reference);
        own.map(|(_, _, at)| *at).collect()
    }

    /// How many requests of a kind came.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.ledger().asked.iter().filter(|(other, ..)| *other == kind).count()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }
}

const UNAUTHORIZED: &str = r#"{"timestamp":"2024-01-30T09:03:39.698+0000","status":401,"error":"Unauthorized","message":"Access is denied","path":"/payout/smartPay"}"#;

/// A refusal of a reference that has a link.
pub(crate) const DUPLICATE: &str = r#"{"status":1,"msg":"Fail","code":1103,"data":null}"#;

/// A refusal to change a link that is not there.
const NO_LINK: &str = r#"{"status":1,"msg":"Fail","code":1112,"data":null}"#;

/// How details says that it shows no link.
pub(crate) const NOT_FOUND: &str = r#"{"status":1,"msg":"Smart Send Record not found. Kindly fetch details after some time","code":null,"data":{"merchantRefId":null,"link":null,"amount":null}}"#;

/// Whether a request has a token that is good; one that we never gave is good too.
fn is_good(seen: &Seen, oldest_good: u64) -> bool {
    let number = seen.head.split(&format!("{TOKEN}-")).nth(1);
    let number = number.map(|rest| rest.lines().next().unwrap().parse::<u64>().unwrap());
    number.is_none_or(|number| number >= oldest_good)
}

impl Ledger {
    #[expect(clippy::disallowed_methods, reason = "a test shows when a request came")]
    fn note(&mut self, seen: &Seen) -> (Asked, bool) {
        let line = seen.head.lines().next().unwrap();
        let body: Value = serde_json::from_str(&seen.body).unwrap_or_default();
        let in_query = |name: &str| {
            let rest = line.split(&format!("{name}=")).nth(1)?;
            Some(rest.split([' ', '&']).next().unwrap().replace("%3A", ":"))
        };
        let (kind, reference) = if line.contains("/oauth/token") {
            (Kind::Token, String::new())
        } else if line.contains("/merchant/getAccountDetail") {
            (Kind::Account, String::new())
        } else if line.contains("/smartPay/cancel?") || line.contains("/extendExpiry?") {
            (Kind::Change, in_query("merchantRefId").unwrap())
        } else if line.starts_with("POST") {
            (Kind::Create, body["merchantRefId"].as_str().unwrap().to_owned())
        } else {
            (Kind::Lookup, in_query("merchantRefId").unwrap())
        };
        let expiry = in_query("expiryDate");
        let count = self.counts.entry((kind, reference.clone())).or_default();
        let nth = *count;
        let is_let_in = kind == Kind::Token || is_good(seen, self.oldest_good);
        *count += usize::from(is_let_in);
        self.asked.push((kind, reference.clone(), Instant::now()));
        let has_password = seen.body.contains("grant_type=password");
        // A number by V1 and a text by V2.
        let amount = body["amount"].to_string().replace('"', "");
        (Asked { kind, reference, nth, amount, expiry, has_password }, is_let_in)
    }

    fn revoke(&mut self) {
        self.oldest_good = self.tokens + 1;
    }

    fn serve(&mut self, asked: &Asked) -> Vec<u8> {
        let body = match asked.kind {
            Kind::Token => {
                self.tokens += 1;
                let token = format!("{TOKEN}-{}", self.tokens);
                let refresh = asked.has_password.then_some(REFRESH_TOKEN);
                json!({ "access_token": token, "token_type": "Bearer", "expires_in": 7199,
                    "refresh_token": refresh })
            }
            Kind::Create => {
                let taken = self.links.iter().any(|link| link.reference == asked.reference);
                if taken && !self.naive {
                    return answer("200 OK", "", DUPLICATE);
                }
                let url = self.make(&asked.reference, &asked.amount);
                json!({ "status": 0, "msg": "Success", "code": null, "data": { "link": url } })
            }
            Kind::Lookup => {
                let own = self.links.iter().find(|link| link.reference == asked.reference);
                let Some(Link { reference, amount, url, status, expiry }) = own else {
                    return answer("200 OK", "", NOT_FOUND);
                };
                json!({ "status": 0, "msg": "Success", "code": null, "data": {
                    "merchantRefId": reference, "amount": amount, "link": url,
                    "custMobile": MOBILE, "custEmail": EMAIL, "smartSendStatus": status,
                    "expiryDate": expiry,
                } })
            }
            Kind::Change => {
                let own = self.links.iter_mut().find(|link| link.reference == asked.reference);
                let Some(link) = own else {
                    return answer("200 OK", "", NO_LINK);
                };
                match &asked.expiry {
                    Some(_) => link.expiry.clone_from(&asked.expiry),
                    None => link.status = "CANCELLED",
                }
                json!({ "status": 0, "msg": "Success", "code": null, "data": null })
            }
            Kind::Account => json!({ "status": 0, "msg": "Success", "code": null, "data": {
                "payoutMerchantId": 1_111_310, "balance": 94003.5, "lowBalance": false,
            } }),
        };
        answer("200 OK", "", &body.to_string())
    }

    fn make(&mut self, reference: &str, amount: &str) -> String {
        let number = self.links.len();
        let url = format!("https://test.payumoney.com/smartPay?id={reference}-{number}");
        let (reference, amount) = (reference.to_owned(), amount.to_owned());
        let (status, expiry) = ("ACTIVE", None);
        self.links.push(Link { reference, amount, url: url.clone(), status, expiry });
        url
    }
}
