//! The tables, key by key, in the order of the example file.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Table;

use super::environment::Environment;
use super::errors::Problem;
use super::reader::{Reader, Section};
use super::{
    Broker, Config, Log, LogFormat, Merchant, OnNotFound, Ops, Retry, Shutdown, Unsure, address,
    defaults, duration, kinds, merchant, relations,
};

/// RabbitMQ takes a message's time to live up to 2^32 - 1 ms ("Time-To-Live"); this is below it.
const DELAY_MAX: Duration = Duration::from_hours(1000);

/// From this length on, in bytes, what a message of the TOML parser quotes may be a value.
const QUOTED_LEN_MIN: usize = 4;

/// Reads everything, checks the relations, and gives a configuration or all that is wrong.
pub(super) fn read(
    toml_text: &str,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Config, Vec<Problem>> {
    let table = toml_text.parse::<Table>().map_err(|error| vec![unreadable(toml_text, &error)])?;
    let mut problems = Vec::new();
    let environment = Environment::read(env, &mut problems);
    let mut reader = Reader::new(environment, problems);
    let mut root = reader.root(table);
    let broker = broker(root.section("broker"));
    let merchants = merchants(root.section("merchants"));
    let retry = retry(root.section("retry"));
    let unsure = unsure(root.section("unsure"));
    let ops = ops(root.section("ops"));
    let log = log(root.section("log"));
    let shutdown = shutdown(root.section("shutdown"));
    root.finish();
    relations::check(&mut reader, &merchants);
    let problems = reader.finish();
    if !problems.is_empty() {
        return Err(problems);
    }
    let read = || {
        Some(Config {
            broker: broker?,
            merchants: merchants.into_iter().map(|(n, m)| Some((n, m?))).collect::<Option<_>>()?,
            retry: retry?,
            unsure: unsure?,
            ops: ops?,
            log: log?,
            shutdown: shutdown?,
        })
    };
    read().ok_or_else(|| vec![Problem::new("smartsend", "a setting is wrong and was not told")])
}

/// Where the text stops being TOML. The parser's own report shows the line, which can hold a
/// secret, so it is not used.
fn unreadable(toml_text: &str, error: &toml::de::Error) -> Problem {
    let before = error.span().and_then(|span| toml_text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    // Of the messages too, those about a value quote it; the others quote the few signs that were
    // expected.
    let quoted = error.message().split('`').skip(1).step_by(2);
    let reason = match quoted.map(str::len).max() {
        Some(QUOTED_LEN_MIN..) => {
            "there is a value that cannot be read, such as too large a number"
        }
        Some(_) | None => error.message(),
    };
    Problem::new(format!("line {line}"), format!("it is no TOML: {reason}"))
}

fn broker(mut s: Section<'_>) -> Option<Broker> {
    let urls = s.list("urls", defaults::URLS, &address::broker());
    let prefix = kinds::name(
        64,
        |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'),
        "it must be 1 to 64 of A-Z a-z 0-9 _ - and .",
    );
    let prefix = s.or("prefix", defaults::PREFIX, &prefix);
    let heartbeat = s.duration("heartbeat", defaults::HEARTBEAT);
    let confirm_timeout = s.duration("confirm_timeout", defaults::CONFIRM_TIMEOUT);
    let consumer_timeout = s.duration("consumer_timeout", defaults::CONSUMER_TIMEOUT);
    let ca_file = s.optional("ca_file", &kinds::path());
    let cert_file = s.optional("cert_file", &kinds::path());
    let key_file = s.optional("key_file", &kinds::path());

    if urls.as_ref().is_some_and(Vec::is_empty) {
        s.reader.refuse(s.key("urls"), "it must name at least one broker");
    }
    if let Some(heartbeat) = heartbeat
        && (heartbeat.subsec_nanos() != 0 || heartbeat.as_secs() > u64::from(u16::MAX))
    {
        let value = format!("\"{}\"", duration::shortest(heartbeat));
        let reason = "AMQP counts heartbeats in whole seconds, from 1s to 65535s";
        let problem = Problem::new(s.key("heartbeat"), reason).with_value(Some(value));
        s.reader.problems.push(problem);
    }
    let any_tls = urls.iter().flatten().any(super::BrokerUrl::is_tls);
    for (name, file) in [("ca_file", &ca_file), ("cert_file", &cert_file)] {
        if matches!(file, Ok(Some(_))) && urls.is_some() && !any_tls {
            s.reader.refuse(s.key(name), "it is of use only with an amqps:// address in urls");
        }
    }
    match (&cert_file, &key_file) {
        (Ok(Some(_)), Ok(None)) => {
            s.reader.refuse(s.key("key_file"), "it is missing; cert_file needs its key");
        }
        (Ok(None), Ok(Some(_))) => {
            s.reader.refuse(s.key("cert_file"), "it is missing; key_file needs its certificate");
        }
        _ => {}
    }
    s.finish();
    Some(Broker {
        urls: urls?,
        prefix: prefix?,
        heartbeat: heartbeat?,
        confirm_timeout: confirm_timeout?,
        consumer_timeout: consumer_timeout?,
        ca_file: ca_file.ok()?,
        cert_file: cert_file.ok()?,
        key_file: key_file.ok()?,
    })
}

/// The merchants by name; `None` for one that is wrong.
fn merchants(mut s: Section<'_>) -> BTreeMap<String, Option<Merchant>> {
    let names = s.names();
    if names.is_empty() {
        let reason = "there is no merchant; write a table such as [merchants.default]";
        s.reader.refuse("merchants", reason);
    }
    let merchants = names.into_iter().map(|name| {
        if !is_merchant_name(&name) {
            let reason = "a merchant's name is at most 32 of a-z 0-9 and single _ between them, \
                          and begins with a letter";
            s.reader.refuse(s.key(&name), reason);
        }
        let merchant = merchant::read(s.section(&name), &name);
        (name, merchant)
    });
    merchants.collect()
}

/// `[a-z][a-z0-9]*(_[a-z0-9]+)*`, at most 32.
fn is_merchant_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('_').all(|part| !part.is_empty() && part.chars().all(word))
}

fn retry(mut s: Section<'_>) -> Option<Retry> {
    let hold = s.duration("hold", defaults::HOLD);
    let delays = s.list("delays", defaults::DELAYS, &kinds::duration());
    let max_age = s.duration("max_age", defaults::MAX_AGE);
    for reason in delays.as_deref().map(delays_wrong).into_iter().flatten() {
        s.reader.refuse(s.key("delays"), reason);
    }
    s.finish();
    Some(Retry { hold: hold?, delays: delays?, max_age: max_age? })
}

fn delays_wrong(delays: &[Duration]) -> Vec<String> {
    if delays.is_empty() {
        return vec!["it must hold at least one delay".to_owned()];
    }
    let mut wrong: Vec<String> = Vec::new();
    for (left, right) in delays.iter().zip(delays.iter().skip(1)) {
        let (a, b) = (duration::shortest(*left), duration::shortest(*right));
        if left == right {
            wrong.push(format!("it holds {a} twice, and each delay names a queue of its own"));
        } else if left > right {
            wrong.push(format!("they must ascend, but {b} comes after {a}"));
        }
    }
    if let Some(long) = delays.iter().find(|delay| **delay > DELAY_MAX) {
        let long = duration::shortest(*long);
        wrong.push(format!("{long} is more than 1000h, the most that RabbitMQ is asked to wait"));
    }
    wrong
}

fn unsure(mut s: Section<'_>) -> Option<Unsure> {
    let settle = s.duration("settle", defaults::SETTLE);
    let looks = s.or("looks", &defaults::LOOKS.to_string(), &kinds::whole(1..=100));
    let quarantine = s.duration("quarantine", defaults::QUARANTINE);
    let words = &[("resend", OnNotFound::Resend), ("park", OnNotFound::Park)];
    let on_not_found = s.or("on_not_found", defaults::ON_NOT_FOUND, &kinds::one_of(words));
    let look_first = s.or("look_first", &defaults::LOOK_FIRST.to_string(), &kinds::switch());
    s.finish();
    Some(Unsure {
        settle: settle?,
        looks: looks?,
        quarantine: quarantine?,
        on_not_found: on_not_found?,
        look_first: look_first?,
    })
}

fn ops(mut s: Section<'_>) -> Option<Ops> {
    let listen = s.or("listen", defaults::LISTEN, &kinds::listen());
    s.finish();
    Some(Ops { listen: listen? })
}

fn log(mut s: Section<'_>) -> Option<Log> {
    let words = &[("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
    let format = s.or("format", defaults::FORMAT, &kinds::one_of(words));
    let level = s.or("level", defaults::LEVEL, &kinds::filter());
    s.finish();
    Some(Log { format: format?, level: level? })
}

fn shutdown(mut s: Section<'_>) -> Option<Shutdown> {
    let drain = s.duration("drain", defaults::DRAIN);
    s.finish();
    Some(Shutdown { drain: drain? })
}
