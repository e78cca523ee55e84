//! What is logged, and what is not.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use smartsend::config::{Log, LogFormat};
use smartsend::domain::reference::Reference;
use smartsend::ports::Properties;
use smartsend::telemetry::log::batched_writer::BatchedWriter;
use smartsend::telemetry::metrics::{CallKind, Metrics};
use smartsend::telemetry::{events, log};

use crate::support::canary;
use crate::support::log_lines::Lines;

/// What is logged meanwhile.
fn logged_as(format: LogFormat, level: &str, act: impl FnOnce()) -> String {
    let lines = Lines::default();
    let log = Log { format, level: level.to_owned() };
    tracing::subscriber::with_default(log::lines(&log, lines.clone()).unwrap(), act);
    lines.text()
}

/// What is logged meanwhile, as JSON.
pub(super) fn logged(level: &str, act: impl FnOnce()) -> String {
    logged_as(LogFormat::Json, level, act)
}

fn line(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

/// As much of a delivery as its span takes.
fn properties(traceparent: &str) -> Properties {
    let traceparent = Some(traceparent.to_owned());
    Properties { message_id: Some("m-1".to_owned()), traceparent, ..Properties::default() }
}

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_line_has_the_ids_of_its_delivery_and_its_call_flat() {
    let metrics = Metrics::new().merchant("default");
    let speak = || {
        let delivery = events::delivery_span("default", &properties(TRACEPARENT));
        delivery.in_scope(|| {
            events::intent_read(&Reference::parse("order-1").unwrap());
            let call = events::call_span(&metrics, CallKind::Create);
            call.in_scope(|| tracing::warn!(target: "smartsend", call = "mine", n = 7, "a\nb"));
        });
    };
    // Also where only warnings are shown.
    for level in ["info", "warn"] {
        let line = line(&logged(level, speak));
        let expected = json!({
            "timestamp": line["timestamp"], "level": "WARN", "message": "a\nb", "n": 7,
            "call": "mine", "merchant": "default", "intent.id": "m-1",
            "intent.reference": "order-1", "traceparent": TRACEPARENT, "target": "smartsend",
        });
        assert_eq!(line, expected, "the event's own field counts, and none is there twice");
    }
    let text = logged_as(LogFormat::Pretty, "info", speak);
    let rest = " WARN smartsend: a\\nb call=\"mine\" n=7 merchant=\"default\" intent.id=\"m-1\"";
    assert!(text.contains(rest) && text.contains(" intent.reference=\"order-1\""), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_line_of_the_merchant_has_no_ids_of_the_delivery_that_it_happens_in() {
    let metrics = Metrics::new().merchant("default");
    let text = logged("info", || {
        events::delivery_span("default", &properties(TRACEPARENT)).in_scope(|| {
            events::token_renewed(&metrics, Duration::ZERO, Duration::from_mins(5));
        });
    });
    let line = line(&text);
    assert_eq!((&line["message"], &line["life_s"]), (&json!("token renewed"), &json!(300)));
    assert_eq!((&line["merchant"], &line["intent.id"]), (&json!("default"), &Value::Null));
}

#[test]
fn a_traceparent_of_another_form_is_not_logged() {
    for odd in [canary::NAME, "", TRACEPARENT.trim_end_matches('1'), &TRACEPARENT.replace('c', "x")]
    {
        let text = logged("info", || {
            events::delivery_span("default", &properties(odd))
                .in_scope(|| tracing::info!(target: "smartsend", "here"));
        });
        assert_eq!(line(&text)["traceparent"], Value::Null, "{text}");
    }
}

#[test]
fn a_level_is_for_our_own_lines_and_other_crates_keep_quiet() {
    let speak = || {
        tracing::trace!(target: "smartsend::amqp", "ours, traced");
        tracing::info!(target: "hyper::proto", "theirs, with a login");
        tracing::warn!(target: "hyper::proto", "theirs, warned");
        tracing::error!(target: "hyper::proto", "theirs, an error");
        tracing::error!(target: "lapin::channels", "the end of a connection");
    };
    let text = logged_as(LogFormat::Pretty, "trace", speak);
    assert!(text.contains("ours, traced") && text.contains("theirs, warned"), "{text}");
    assert!(!text.contains("with a login"), "{text}");
    let text = logged_as(LogFormat::Pretty, "error", speak);
    assert!(text.contains("theirs, an error"), "{text}");
    assert!(!text.contains("ours, traced") && !text.contains("theirs, warned"), "{text}");
    let text = logged_as(LogFormat::Pretty, "off,smartsend::amqp=trace", speak);
    assert!(text.contains("ours, traced") && !text.contains("theirs"), "{text}");
    assert_eq!(logged_as(LogFormat::Json, "off", speak), "");
}

#[test]
fn lapin_is_quiet_unless_it_is_named() {
    let speak = || tracing::error!(target: "lapin::channels", "the end of a connection");
    assert_eq!(logged_as(LogFormat::Pretty, "info", speak), "");
    let text = logged_as(LogFormat::Pretty, "info,lapin=error", speak);
    assert!(text.contains("the end of a connection"), "{text}");
}

/// What was written, write by write.
#[derive(Clone, Default)]
struct Writes(Arc<Mutex<Vec<String>>>);

impl Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_come_fast_are_written_in_batches_and_none_is_lost() {
    let writes = Writes::default();
    let batched = BatchedWriter::new(writes.clone()).unwrap();
    let config = Log { format: LogFormat::Pretty, level: "info".to_owned() };
    let lines = log::lines(&config, batched.clone()).unwrap();
    tracing::subscriber::with_default(lines, || {
        tracing::info!(target: "smartsend", "alone");
        assert_eq!(writes.0.lock().unwrap().len(), 1, "a line that comes alone goes at once");
        for number in 0..1000 {
            tracing::info!(target: "smartsend", number, "one of many");
        }
        tracing::warn!(target: "smartsend", "a warning");
        let last = writes.0.lock().unwrap().last().unwrap().clone();
        assert!(last.contains("a warning"), "a warning goes at once, with all that came before");
    });
    batched.close();
    let writes = writes.0.lock().unwrap();
    assert_eq!(writes.concat().lines().count(), 1002);
    assert!(writes.len() < 200, "{} writes", writes.len());
}
