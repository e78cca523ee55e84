//! No circles between modules: of two that use each other, neither can be read, tested or moved
//! without the other.
//!
//! A module is a file. It uses another one where its code names something in there, by a `use` or by
//! a path; what a parent only declares (`mod x;`) or exports (`pub use x::Y;`) it does not use, and
//! who takes an item from the parent that exports it uses the file that it is in.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::iter::Peekable;
use std::str::Chars;

/// Folders in which files may still use each other.
const OPEN_WITHIN: [&str; 5] = ["app", "cli", "config", "domain", "worker"];

/// A path within the crate; the crate itself is empty.
type Module = Vec<String>;

/// What a file names, as it is written there.
struct Mention {
    path: Vec<String>,
    /// The last part of it, or what it is renamed to.
    name: String,
    is_use: bool,
    is_exported: bool,
}

/// All files of a crate, and what each of them names.
struct Modules(BTreeMap<Module, Vec<Mention>>);

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// `::`
    Colons,
    Other(char),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '/' if rest.peek() == Some(&'/') => {
                rest.by_ref().find(|c| *c == '\n');
            }
            '"' => skip_string(&mut rest),
            '\'' => skip_character(&mut rest),
            ':' if rest.next_if_eq(&':').is_some() => tokens.push(Token::Colons),
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = c.to_string();
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                if word.ends_with('r') && matches!(rest.peek(), Some('"' | '#')) {
                    skip_raw_string(&mut rest);
                } else {
                    tokens.push(Token::Word(word));
                }
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Other(c)),
        }
    }
    tokens
}

fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn skip_raw_string(rest: &mut Peekable<Chars<'_>>) {
    let mut hashes = 0;
    while rest.next_if_eq(&'#').is_some() {
        hashes += 1;
    }
    if rest.next_if_eq(&'"').is_none() {
        return; // r#word
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let mut read = String::new();
    while !read.ends_with(&end) {
        let Some(c) = rest.next() else { return };
        read.push(c);
    }
}

/// A character, or else a lifetime.
fn skip_character(rest: &mut Peekable<Chars<'_>>) {
    let mut ahead = rest.clone();
    let first = ahead.next();
    if first == Some('\\') {
        rest.nth(1);
        rest.find(|c| *c == '\'');
    } else if ahead.next() == Some('\'') {
        rest.nth(1);
    }
}

fn mentions(text: &str) -> Vec<Mention> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        at += 1;
        let Token::Word(word) = token else { continue };
        match word.as_str() {
            "pub" if tokens.get(at) == Some(&Token::Other('(')) => {
                let end = tokens[at..].iter().position(|token| *token == Token::Other(')'));
                at += end.map_or(1, |end| end + 1);
                if tokens.get(at) == Some(&Token::Word("use".to_owned())) {
                    at = tree(&tokens, at + 1, &[], true, &mut found);
                }
            }
            "use" if before != Some(&Token::Colons) => {
                let is_exported = before == Some(&Token::Word("pub".to_owned()));
                at = tree(&tokens, at, &[], is_exported, &mut found);
            }
            _ if before != Some(&Token::Colons) => {
                let mut path = vec![word.clone()];
                while let [Token::Colons, Token::Word(next), ..] = &tokens[at..] {
                    path.push(next.clone());
                    at += 2;
                }
                if path.len() > 1 {
                    let name = path.last().unwrap().clone();
                    found.push(Mention { path, name, is_use: false, is_exported: false });
                }
            }
            _ => {}
        }
    }
    found
}

/// Reads a tree of a `use` that begins at a token, and gives where it ends.
fn tree(
    tokens: &[Token],
    mut at: usize,
    above: &[String],
    is_exported: bool,
    found: &mut Vec<Mention>,
) -> usize {
    let mut path = above.to_vec();
    let mut renamed = None;
    loop {
        match &tokens[at] {
            Token::Word(word) if word == "as" => {
                if let Token::Word(name) = &tokens[at + 1] {
                    renamed = Some(name.clone());
                }
                at += 2;
            }
            Token::Word(word) => {
                path.push(word.clone());
                at += 1;
            }
            Token::Other('{') => {
                at += 1;
                while tokens[at] != Token::Other('}') {
                    at = tree(tokens, at, &path, is_exported, found);
                    at += usize::from(tokens[at] == Token::Other(','));
                }
                return at + 1;
            }
            Token::Colons | Token::Other('*') => at += 1,
            Token::Other(_) => {
                if path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                let name = renamed.or_else(|| path.last().cloned()).unwrap_or_default();
                found.push(Mention { path, name, is_use: true, is_exported });
                return at;
            }
        }
    }
}

impl Modules {
    /// Of files by their names below `src`, such as `amqp/hosts.rs`.
    fn read(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().filter(|(name, _)| name != "main.rs").map(|(name, text)| {
            let path = name.strip_suffix(".rs").unwrap();
            let path = if path == "lib" { "" } else { path };
            let module = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
            (module.collect(), mentions(&text))
        });
        Self(files.collect())
    }

    /// Where a path begins that is written in a module, and what of it is left; `None` if it is
    /// another crate's.
    fn start(&self, module: &Module, path: &[String]) -> Option<(Module, Vec<String>)> {
        let mut from = module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                from.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    from.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                let child = [module.as_slice(), &[child.to_owned()]].concat();
                self.0.contains_key(&child).then_some(())?;
            }
        }
        Some((from, rest.to_vec()))
    }

    /// The file that a path leads to, by way of what its modules export.
    fn target(&self, mut from: Module, mut rest: Vec<String>, hops: usize) -> Module {
        while let Some(next) = rest.first() {
            let child = [from.as_slice(), std::slice::from_ref(next)].concat();
            if !self.0.contains_key(&child) {
                break;
            }
            from = child;
            rest.remove(0);
        }
        let (Some(name), true) = (rest.first(), hops > 0) else { return from };
        let mentions = self.0.get(&from).into_iter().flatten();
        let import =
            mentions.filter(|mention| mention.is_use).find(|mention| mention.name == *name);
        match import.and_then(|import| self.start(&from, &import.path)) {
            Some((start, path)) => {
                self.target(start, [path.as_slice(), &rest[1..]].concat(), hops - 1)
            }
            None => from,
        }
    }

    fn used_by(&self, module: &Module) -> BTreeSet<Module> {
        let mut used = BTreeSet::new();
        for mention in &self.0[module] {
            let Some((start, path)) = self.start(module, &mention.path) else { continue };
            let target = self.target(start, path, 8);
            let is_below = target.starts_with(module);
            if !(target.is_empty() || target == *module || mention.is_exported && is_below) {
                used.insert(target);
            }
        }
        used
    }

    /// The shortest circle through each module, once: who is in it, and how.
    fn circles(&self) -> Vec<(BTreeSet<Module>, String)> {
        let modules = self.0.keys().filter(|module| !module.is_empty());
        let uses: HashMap<_, _> =
            modules.clone().map(|module| (module, self.used_by(module))).collect();
        let mut circles = BTreeMap::new();
        for module in modules {
            let mut ways = VecDeque::from([vec![module]]);
            let mut seen = BTreeSet::new();
            while let Some(way) = ways.pop_front() {
                let last = way[way.len() - 1];
                if way.len() > 1 && last == module {
                    let members: BTreeSet<_> = way.iter().map(|module| (*module).clone()).collect();
                    let names: Vec<_> = way.iter().map(|module| module.join("::")).collect();
                    circles.entry(members).or_insert_with(|| names.join(" uses "));
                    break;
                }
                let next = uses.get(last).into_iter().flatten().filter(|next| seen.insert(*next));
                ways.extend(next.map(|next| [way.as_slice(), &[next]].concat()));
            }
        }
        circles.into_iter().collect()
    }
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Modules::read(files).circles().into_iter().map(|(_, circle)| circle).collect()
}

#[test]
fn circles_are_found() {
    let beside = [("a.rs", "use crate::b::{self, B};"), ("b.rs", "fn b() -> crate::a::A {}")];
    assert_eq!(circles_of(&beside), ["a uses b uses a"]);
    let parent = [("a.rs", "mod b;\nfn f() { b::g(); }\nstruct A;"), ("a/b.rs", "use super::A;")];
    assert_eq!(circles_of(&parent), ["a uses a::b uses a"]);
    let exported = [
        ("a.rs", "mod b;\nmod c;\npub(crate) use b::B;\npub use c::C as D;"),
        ("a/b.rs", "use super::D;"),
        ("a/c.rs", "impl From<super::B> for C {}"),
    ];
    assert_eq!(circles_of(&exported), ["a::b uses a::c uses a::b"]);
}

#[test]
fn what_is_declared_exported_or_only_spoken_of_is_not_used() {
    let files = [
        ("a.rs", "pub mod b;\npub use b::B; // b::f\nstruct A { text: &'static str }"),
        ("a/b.rs", "//! [`crate::c`]\nuse super::A;\npub(in crate::a) fn f() { \"crate::c::C\" }"),
        ("c.rs", "use crate::a::{A, B};\nconst C: char = '\"'; // crate::d"),
    ];
    assert_eq!(circles_of(&files), Vec::<String>::new());
}

#[test]
fn no_modules_use_each_other() {
    let files = super::files_below("src", ".rs").into_iter();
    let files = files.map(|(name, text)| (name.strip_prefix("src/").unwrap().to_owned(), text));
    let modules = Modules::read(files);
    let circles = modules.circles().into_iter().filter(|(members, _)| {
        let folders: BTreeSet<_> = members.iter().map(|module| &*module[0]).collect();
        !(folders.len() == 1 && OPEN_WITHIN.iter().any(|open| folders.contains(open)))
    });
    let circles: Vec<_> = circles.map(|(_, circle)| circle).collect();
    assert!(circles.is_empty(), "these modules use each other: {circles:#?}");
}
