//! The rules for single values. No reason quotes its value, which may be a misplaced secret.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

use super::address::{self, BrokerUrl};
use super::duration::{self, Heartbeat, shortest};
use super::schema::{CancelAs, GrantType, LogFormat};
use crate::domain::account::Api;
use crate::domain::amount::Amount;
use crate::domain::decide::InDoubtPolicy;
use crate::domain::retry_delays::RetryDelays;

/// RabbitMQ takes a message's time to live up to 2^32 - 1 ms ("Time-To-Live"); this is below it.
const DELAY_MAX: Duration = Duration::from_hours(1000);
/// Per second; far above what an account gets.
const RATE_MAX: u32 = 100_000;
/// Codes that must never fail an intent: 1103, 1115 and 1125 say that a link exists, and 1100 that
/// the merchant is refused (PayU, "Error codes").
const NEVER_REJECTS: [i64; 4] = [1100, 1103, 1115, 1125];

/// A type that is written as a string.
pub(super) trait Text: Sized {
    fn parse(text: &str) -> Result<Self, String>;
}

pub(super) fn text<'de, D: Deserializer<'de>, T: Text>(value: D) -> Result<T, D::Error> {
    T::parse(&String::deserialize(value)?).map_err(Error::custom)
}

fn list<'de, D: Deserializer<'de>, T: Text>(value: D) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(value)?;
    texts.iter().map(|text| T::parse(text)).collect::<Result<_, _>>().map_err(Error::custom)
}

/// A whole number from 1 to `MAX`.
pub(super) fn up_to<'de, D, const MAX: u32>(value: D) -> Result<NonZeroU32, D::Error>
where
    D: Deserializer<'de>,
{
    let number = u32::try_from(i64::deserialize(value)?).ok().filter(|number| *number <= MAX);
    let reason = || Error::custom(format!("it must be a whole number from 1 to {MAX}"));
    number.and_then(NonZeroU32::new).ok_or_else(reason)
}

pub(super) fn rate<'de, D: Deserializer<'de>>(value: D) -> Result<Option<NonZeroU32>, D::Error> {
    up_to::<D, RATE_MAX>(value).map(Some)
}

/// The commands' part of the rate; `None` for 0.
pub(super) fn commands<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<NonZeroU32>, D::Error> {
    let number = u32::try_from(i64::deserialize(value)?).ok().filter(|number| *number <= RATE_MAX);
    let reason = || Error::custom(format!("it must be a whole number from 0 to {RATE_MAX}"));
    number.map(NonZeroU32::new).ok_or_else(reason)
}

pub(super) fn prefix<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    made_of(value, 64, allowed, "it must be 1 to 64 of A-Z a-z 0-9 _ - and .")
}

pub(super) fn account_id<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    made_of(value, 64, allowed, "it must be 1 to 64 of A-Z a-z 0-9 _ and -").map(Some)
}

pub(super) fn client_id<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let allowed = |c: char| !c.is_control() && c != '\u{fffd}';
    made_of(value, 256, allowed, "it must be 1 to 256 characters, and no control characters")
        .map(Some)
}

fn made_of<'de, D: Deserializer<'de>>(
    value: D,
    len_max: usize,
    allowed: fn(char) -> bool,
    reason: &str,
) -> Result<String, D::Error> {
    let text = String::deserialize(value)?;
    let fits = !text.is_empty() && text.len() <= len_max && text.chars().all(allowed);
    if fits { Ok(text) } else { Err(Error::custom(reason)) }
}

pub(super) fn urls<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<BrokerUrl>, D::Error> {
    let urls: Vec<BrokerUrl> = list(value)?;
    if urls.is_empty() { Err(Error::custom("it must name at least one broker")) } else { Ok(urls) }
}

pub(super) fn link_hosts<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<String>::deserialize(value)?;
    hosts
        .iter()
        .map(|host| address::link_host(host))
        .collect::<Result<_, _>>()
        .map_err(Error::custom)
}

pub(super) fn reject_codes<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<i64>, D::Error> {
    let codes = Vec::<i64>::deserialize(value)?;
    if codes.iter().any(|code| NEVER_REJECTS.contains(code)) {
        return Err(Error::custom(
            "this code does not mean that the intent failed: 1100 refuses the merchant, 1103, 1115 \
             and 1125 say that a link exists already",
        ));
    }
    Ok(codes)
}

pub(super) fn delays<'de, D: Deserializer<'de>>(value: D) -> Result<RetryDelays, D::Error> {
    let delays: Vec<Duration> = list(value)?;
    if let Some(long) = delays.iter().find(|delay| **delay > DELAY_MAX) {
        let long = shortest(*long);
        let reason = format!("{long} is more than 1000h, the longest delay of a retry queue");
        return Err(Error::custom(reason));
    }
    RetryDelays::new(&delays).ok_or_else(|| {
        let mut pairs = delays.iter().zip(delays.iter().skip(1));
        let Some((left, right)) = pairs.find(|(left, right)| left >= right) else {
            return Error::custom("it must hold at least one delay");
        };
        let (a, b) = (shortest(*left), shortest(*right));
        Error::custom(if left == right {
            format!("it holds {a} twice, and each delay has a queue of its own")
        } else {
            format!("they must ascend, but {b} comes after {a}")
        })
    })
}

/// A `tracing` filter.
///
/// It is stricter than `tracing`, which takes a misspelt level such as `inof` for a target and
/// silences everything else. And at `debug` and `trace` other crates print what goes over the wire,
/// secrets included.
pub(super) fn filter<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let text = String::deserialize(value)?;
    for directive in text.split(',') {
        let (target, level) = directive.split_once('=').unwrap_or(("smartsend", directive));
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if !LEVELS.contains(&level) || target.is_empty() || !target.chars().all(word) {
            let levels = LEVELS.join(", ");
            return Err(Error::custom(format!(
                "it must be one of {levels}, or a list such as info,smartsend::amqp=debug"
            )));
        }
        let ours = target == "smartsend" || target.starts_with("smartsend::");
        if !ours && matches!(level, "debug" | "trace") {
            return Err(Error::custom(format!(
                "{target} prints secrets at {level}; only smartsend's own targets may go below info"
            )));
        }
    }
    Ok(text)
}

impl<T: Text> Text for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        T::parse(text).map(Some)
    }
}

impl Text for Duration {
    fn parse(text: &str) -> Result<Self, String> {
        duration::parse(text).map_err(str::to_owned)
    }
}

impl Text for Heartbeat {
    fn parse(text: &str) -> Result<Self, String> {
        let reason = "AMQP counts heartbeats in whole seconds, from 1s to 65535s";
        Self::new(duration::parse(text)?).ok_or_else(|| reason.to_owned())
    }
}

impl Text for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("it must name a file".to_owned()) } else { Ok(text.into()) }
    }
}

impl Text for SocketAddr {
    fn parse(text: &str) -> Result<Self, String> {
        let reason = "it must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080";
        text.parse().map_err(|_| reason.to_owned())
    }
}

impl Text for Amount {
    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|reason| format!("it {reason}"))
    }
}

impl Text for Api {
    fn parse(text: &str) -> Result<Self, String> {
        word(text, &[("v2", Self::V2), ("v1", Self::V1)])
    }
}

impl Text for GrantType {
    fn parse(text: &str) -> Result<Self, String> {
        let words = [("client_credentials", Self::ClientCredentials), ("password", Self::Password)];
        word(text, &words)
    }
}

impl Text for InDoubtPolicy {
    fn parse(text: &str) -> Result<Self, String> {
        word(text, &[("resend", Self::Resend), ("park", Self::Park), ("strict", Self::Strict)])
    }
}

impl Text for CancelAs {
    fn parse(text: &str) -> Result<Self, String> {
        word(text, &[("query", Self::Query), ("form", Self::Form)])
    }
}

impl Text for LogFormat {
    fn parse(text: &str) -> Result<Self, String> {
        word(text, &[("json", Self::Json), ("pretty", Self::Pretty)])
    }
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        format!("it must be one of {}", words.join(", "))
    })
}
