//! The kinds of values: how each is written in TOML, read from its text, and shown in an error.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::duration;

/// What a value is in TOML. In the environment everything is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Integer,
    Boolean,
}

/// Reads a text, or says what is wrong with it.
type Parse<T> = Box<dyn Fn(&str) -> Result<T, String>>;

/// How values of one kind are read.
pub(super) struct Kind<T> {
    pub(super) form: Form,
    pub(super) parse: Parse<T>,
    /// What of a wrong value an error may show.
    pub(super) show: fn(&str) -> Option<String>,
}

impl Form {
    /// The text of a TOML value, or what it should have been.
    pub(super) fn text(self, value: &toml::Value) -> Result<String, &'static str> {
        match (self, value) {
            (Self::Text, toml::Value::String(text)) => Ok(text.clone()),
            (Self::Integer, toml::Value::Integer(number)) => Ok(number.to_string()),
            (Self::Boolean, toml::Value::Boolean(switch)) => Ok(switch.to_string()),
            (Self::Text, _) => Err("it must be a text in quotes"),
            (Self::Integer, _) => Err("it must be a whole number, without quotes"),
            (Self::Boolean, _) => Err("it must be true or false, without quotes"),
        }
    }
}

impl<T> Kind<T> {
    fn new(form: Form, parse: impl Fn(&str) -> Result<T, String> + 'static) -> Self {
        Self { form, parse: Box::new(parse), show: |text| Some(text.to_owned()) }
    }

    /// A value that is written as a text.
    pub(super) fn text(parse: impl Fn(&str) -> Result<T, String> + 'static) -> Self {
        Self::new(Form::Text, parse)
    }

    /// The same, of which an error shows only what `show` lets through.
    pub(super) fn shown_by(self, show: fn(&str) -> Option<String>) -> Self {
        Self { show, ..self }
    }

    /// A wrong value as an error shows it: texts in quotes, tables and lists not at all, because
    /// anything may be in them.
    pub(super) fn shown(&self, value: &toml::Value) -> Option<String> {
        match value {
            toml::Value::String(text) => (self.show)(text).map(|text| format!("{text:?}")),
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => {
                (self.show)(&value.to_string())
            }
            toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
        }
    }

    /// A wrong text as an error shows it.
    pub(super) fn shown_text(&self, text: &str) -> Option<String> {
        let shown = (self.show)(text)?;
        Some(if self.form == Form::Text { format!("{shown:?}") } else { shown })
    }
}

/// A duration.
pub(super) fn duration() -> Kind<Duration> {
    Kind::text(|text| duration::parse(text).map_err(str::to_owned))
}

/// A whole number in a range.
pub(super) fn whole(range: RangeInclusive<u32>) -> Kind<u32> {
    Kind::new(Form::Integer, move |text| {
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            format!("it must be a whole number from {} to {}", range.start(), range.end())
        })
    })
}

/// A provider's code.
pub(super) fn code(check: fn(i64) -> Result<i64, String>) -> Kind<i64> {
    Kind::new(Form::Integer, move |text| {
        text.parse().map_err(|_| "a code is a whole number".to_owned()).and_then(check)
    })
}

/// True or false.
pub(super) fn switch() -> Kind<bool> {
    Kind::new(Form::Boolean, |text| text.parse().map_err(|_| "it must be true or false".to_owned()))
}

/// One of a few words.
pub(super) fn one_of<T: Copy + 'static>(words: &'static [(&'static str, T)]) -> Kind<T> {
    Kind::text(move |text| {
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            format!("it must be {}", words.join(" or "))
        })
    })
}

/// A file's path.
pub(super) fn path() -> Kind<PathBuf> {
    Kind::text(|text| {
        if text.is_empty() { Err("it must name a file".to_owned()) } else { Ok(text.into()) }
    })
}

/// An address to listen on.
pub(super) fn listen() -> Kind<SocketAddr> {
    Kind::text(|text| {
        text.parse().map_err(|_| {
            "it must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned()
        })
    })
}

/// A name made of some characters, with a limit to its length.
pub(super) fn name(max: usize, allowed: fn(char) -> bool, reason: &'static str) -> Kind<String> {
    Kind::text(move |text| {
        let fits = !text.is_empty() && text.len() <= max && text.chars().all(allowed);
        if fits { Ok(text.to_owned()) } else { Err(reason.to_owned()) }
    })
}

/// A `tracing` filter.
///
/// It is stricter than `tracing`, where a misspelt level such as `inof` is taken for a target and
/// silences everything else. And other crates print at `debug` and `trace` what goes over the wire,
/// which holds secrets.
pub(super) fn filter() -> Kind<String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    Kind::text(|text| {
        for directive in text.split(',') {
            let (target, level) = directive.split_once('=').unwrap_or(("smartsend", directive));
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            if !LEVELS.contains(&level) || target.is_empty() || !target.chars().all(word) {
                return Err(format!(
                    "it must be one of {}, or a list such as info,smartsend::amqp=debug",
                    LEVELS.join(", ")
                ));
            }
            let ours = target == "smartsend" || target.starts_with("smartsend::");
            if !ours && matches!(level, "debug" | "trace") {
                return Err(format!(
                    "{target} prints secrets at {level}; only smartsend's own targets may go \
                     below info"
                ));
            }
        }
        Ok(text.to_owned())
    })
}
