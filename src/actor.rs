//! Who acts, and why: the operating-system user and that person's words, on the messages and in a
//! line of the log.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;

use jiff::Timestamp;

use crate::domain::record::headers::{ACTED_AT, ACTOR, Headers, NOTE, Value, written};

/// The longest reason, in characters.
const NOTE_LEN_MAX: usize = 250;
/// What Linux shows of a process that nobody has logged in for.
const NO_LOGIN: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub struct Actor {
    user: String,
    note: Option<String>,
}

impl Actor {
    /// The user of this process, and the reason that was given.
    pub fn of_process(note: Option<&str>) -> Self {
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse().ok();
        let user = fs::metadata("/proc/self").ok().map(|process| process.uid());
        let login = number("/proc/self/loginuid").filter(|login| *login != NO_LOGIN);
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::new(name_of(user, login, &users), note)
    }

    pub fn new(user: String, note: Option<&str>) -> Self {
        Self { user, note: note.map(str::to_owned) }
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The headers of what is published, by the part after the prefix.
    pub fn headers(&self) -> Headers {
        let text = |text: &str| Value::Text(text.to_owned());
        let note = self.note.as_deref().map(|note| (NOTE.to_owned(), text(note)));
        note.into_iter().chain([(ACTOR.to_owned(), text(&self.user))]).collect()
    }

    /// The same of what was on the parked queue.
    pub fn headers_at(&self, now: Timestamp) -> Headers {
        let mut headers = self.headers();
        headers.insert(ACTED_AT.to_owned(), Value::Text(written(now)));
        headers
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.note {
            Some(note) => write!(f, "by {}: {note}", self.user),
            None => write!(f, "by {}", self.user),
        }
    }
}

/// Reads a reason: 1 to 250 characters on one line.
pub fn parse_note(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("must say why");
    }
    if text.chars().count() > NOTE_LEN_MAX {
        return Err("must have at most 250 characters");
    }
    if text.contains(char::is_control) {
        return Err("must be one line without control characters");
    }
    Ok(text.to_owned())
}

/// The user by name. Whoever has become another one since logging in, as by sudo, is named too.
pub fn name_of(user: Option<u32>, login: Option<u32>, users: &str) -> String {
    let name = |id: u32| {
        let lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let mut named = lines.filter(|fields| fields.get(2) == Some(&&*id.to_string()));
        let name = named.next().and_then(|fields| fields.first().map(|name| (*name).to_owned()));
        name.unwrap_or_else(|| format!("uid {id}"))
    };
    match (user, login) {
        (Some(user), Some(login)) if user != login => format!("{} as {}", name(login), name(user)),
        (Some(user), _) => name(user),
        (None, Some(login)) => name(login),
        (None, None) => "unknown".to_owned(),
    }
}
