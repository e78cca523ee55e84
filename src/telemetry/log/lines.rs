//! One line for each event, with the fields of all spans around it.
//!
//! The formatters of `tracing_subscriber` show spans as a list of objects, in which no log search
//! finds an intent. Here they are flat, like the event's own fields. Of two fields with the same
//! name the innermost wins.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFormat;

/// Writes each event as a line.
pub(super) struct Lines<W> {
    pub(super) format: LogFormat,
    pub(super) writer: W,
}

/// A span's fields, each value as JSON.
struct Fields(Vec<(&'static str, String)>);

/// Passes each field on with its value as JSON.
struct EachField<F>(F);

/// A line under construction.
struct Line {
    format: LogFormat,
    text: String,
    names: Vec<&'static str>,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields(Vec::with_capacity(attributes.metadata().fields().len()));
        attributes.record(&mut EachField(|name, value| fields.0.push((name, value))));
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(Fields(fields)) = extensions.get_mut() else { return };
        values.record(&mut EachField(|name, value| {
            fields.retain(|(known, _)| *known != name);
            fields.push((name, value));
        }));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut line = Line::begin(self.format, metadata);
        event.record(&mut EachField(|name, value: String| line.add(name, &value)));
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Fields(fields)) = span.extensions().get() {
                for (name, value) in fields {
                    line.add(name, value);
                }
            }
        }
        let text = line.end(metadata);
        // A log that cannot be written is no reason to stop paying.
        self.writer.make_writer_for(metadata).write_all(text.as_bytes()).ok();
    }
}

impl Line {
    fn begin(format: LogFormat, metadata: &Metadata<'_>) -> Self {
        let mut text = String::with_capacity(512);
        let (level, target) = (metadata.level(), metadata.target());
        match format {
            LogFormat::Json => {
                text.push_str("{\"timestamp\":\"");
                push_time(&mut text);
                write!(text, "\",\"level\":\"{level}\"").ok();
            }
            LogFormat::Pretty => {
                push_time(&mut text);
                write!(text, " {level:>5} {target}:").ok();
            }
        }
        Self { format, text, names: Vec::with_capacity(16) }
    }

    /// Adds a field, unless there is one with its name.
    fn add(&mut self, name: &'static str, value: &str) {
        if self.names.contains(&name) {
            return;
        }
        self.names.push(name);
        let parts = match (self.format, name) {
            (LogFormat::Json, name) => [",\"", name, "\":", value],
            // As JSON it has no line breaks and no control characters.
            (LogFormat::Pretty, "message") => [" ", unquoted(value), "", ""],
            (LogFormat::Pretty, name) => [" ", name, "=", value],
        };
        self.text.extend(parts);
    }

    fn end(mut self, metadata: &Metadata<'_>) -> String {
        if let LogFormat::Json = self.format {
            self.text.extend([",\"target\":\"", metadata.target(), "\"}"]);
        }
        self.text.push('\n');
        self.text
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn push_time(text: &mut String) {
    SystemTime.format_time(&mut Writer::new(text)).ok();
}

impl<F: FnMut(&'static str, String)> EachField<F> {
    fn pass_on(&mut self, field: &Field, value: &impl Serialize) {
        // Serializing fails only for a map whose keys are not strings.
        (self.0)(field.name(), serde_json::to_string(value).unwrap_or_default());
    }
}

impl<F: FnMut(&'static str, String)> Visit for EachField<F> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.pass_on(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.pass_on(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.pass_on(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.pass_on(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.pass_on(field, &value);
    }
}
