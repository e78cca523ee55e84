//! What is logged, and what is not.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use smartsend::config::{Log, LogFormat};
use smartsend::observe::board::Board;
use smartsend::observe::log;
use smartsend::observe::log::gather::Gather;
use tracing_subscriber::fmt::MakeWriter;

/// Log lines, kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// What is logged meanwhile.
fn logged(format: LogFormat, level: &str, act: impl FnOnce()) -> String {
    let lines = Lines::default();
    let log = Log { format, level: level.to_owned() };
    tracing::subscriber::with_default(log::lines(&log, lines.clone()).unwrap(), act);
    lines.text()
}

#[test]
fn the_board_logs_a_change_once() {
    let text = logged(LogFormat::Json, "info", || {
        let board = Board::default();
        board.clear(("broker", ""));
        board.raise(("broker", ""), "no broker answers at mq:5672");
        board.raise(("broker", ""), "no broker answers at mq2:5672");
        assert_eq!(board.reasons(), ["no broker answers at mq2:5672"]);
        board.clear(("broker", ""));
        board.clear(("broker", ""));
        assert!(board.is_ready());
    });
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0]["level"], "WARN");
    assert_eq!(lines[0]["message"], "Not ready: no broker answers at mq:5672");
    assert_eq!((&lines[0]["part"], &lines[0]["name"]), (&json!("broker"), &json!("")));
    assert_eq!(lines[1]["level"], "INFO");
    assert_eq!(lines[1]["message"], "No longer so: no broker answers at mq2:5672");
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
    let text = logged(LogFormat::Pretty, "trace", speak);
    assert!(text.contains("ours, traced") && text.contains("theirs, warned"), "{text}");
    assert!(!text.contains("with a login"), "{text}");
    let text = logged(LogFormat::Pretty, "error", speak);
    assert!(text.contains("theirs, an error"), "{text}");
    assert!(!text.contains("ours, traced") && !text.contains("theirs, warned"), "{text}");
    let text = logged(LogFormat::Pretty, "off,smartsend::amqp=trace", speak);
    assert!(text.contains("ours, traced") && !text.contains("theirs"), "{text}");
    assert_eq!(logged(LogFormat::Json, "off", speak), "");
}

#[test]
fn lapin_is_quiet_unless_it_is_named() {
    let speak = || tracing::error!(target: "lapin::channels", "the end of a connection");
    assert_eq!(logged(LogFormat::Pretty, "info", speak), "");
    let text = logged(LogFormat::Pretty, "info,lapin=error", speak);
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
fn lines_that_come_fast_are_gathered_and_none_is_lost() {
    let writes = Writes::default();
    let gather = Gather::new(writes.clone()).unwrap();
    let config = Log { format: LogFormat::Pretty, level: "info".to_owned() };
    let lines = log::lines(&config, gather.clone()).unwrap();
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
    gather.flush();
    let writes = writes.0.lock().unwrap();
    assert_eq!(writes.concat().lines().count(), 1002);
    assert!(writes.len() < 200, "{} writes", writes.len());
}
