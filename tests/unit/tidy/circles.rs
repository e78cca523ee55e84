//! Which module imports from which.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, files_below};

/// The modules that each module imports from.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_module_imports_from_one_that_imports_it() {
    for folder in ["src/sandbox", "src/http"] {
        let mut imports = imports(folder);
        // What imports from none that is left is in no circle.
        loop {
            let left: BTreeSet<String> = imports.keys().cloned().collect();
            imports.retain(|_, from| from.iter().any(|module| left.contains(module)));
            if imports.len() == left.len() {
                break;
            }
        }
        assert!(imports.is_empty(), "{folder} has a circle among {imports:#?}");
    }
}

#[test]
fn a_path_is_found_in_every_form_of_import() {
    let text = "pub use self::a::{B, c::{self, D}};\nlet x = super::e::f(y::self_);\nuse std::G;";
    let found = paths(text);
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["self::a::B", "self::a::c::self", "self::a::c::D", "super::e::f"]);
}

fn imports(folder: &str) -> Imports {
    let mut files = files_below("src", ".rs");
    files.retain(|(name, _)| {
        name.starts_with(&format!("{folder}/")) || *name == format!("{folder}.rs")
    });
    let modules: BTreeSet<String> = files.iter().map(|(name, _)| module_of(name)).collect();
    let mut imports = Imports::new();
    for (name, text) in &files {
        let module = module_of(name);
        let text = code(text).collect::<Vec<_>>().join("\n");
        let targets = paths(&text).into_iter().filter_map(|path| target(&module, &path, &modules));
        imports.insert(module.clone(), targets.filter(|target| *target != module).collect());
    }
    imports
}

/// `src/sandbox/ledger.rs` is `crate::sandbox::ledger`.
fn module_of(file: &str) -> String {
    file.replace("src/", "crate/").trim_end_matches(".rs").replace('/', "::")
}

/// The module that a path leads to, if it is one of `modules`.
fn target(module: &str, path: &[String], modules: &BTreeSet<String>) -> Option<String> {
    let mut absolute: Vec<&str> =
        if path[0] == "crate" { vec![] } else { module.split("::").collect() };
    for name in path {
        match name.as_str() {
            "self" => {}
            "super" => drop(absolute.pop()),
            name => absolute.push(name),
        }
    }
    while !absolute.is_empty() {
        let candidate = absolute.join("::");
        if modules.contains(&candidate) {
            return Some(candidate);
        }
        absolute.pop();
    }
    None
}

/// Every path that begins with `crate`, `self` or `super`, with its braces opened.
fn paths(text: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_:".contains(c);
    let mut spaced = String::new();
    for c in text.replace("::", " :: ").chars() {
        if is_part(c) {
            spaced.push(c);
        } else {
            spaced.extend([' ', c, ' ']);
        }
    }
    let tokens: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_root = ["crate", "self", "super"].contains(&&*tokens[at]);
        // `a::self` is the middle of a path, and `pub(in crate::a)` is no import.
        let is_inner = at > 0 && ["::", "in"].contains(&&*tokens[at - 1]);
        if is_root && !is_inner && tokens.get(at + 1).is_some_and(|next| next == "::") {
            open(&tokens, &mut at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads the path or the braces at `at`.
fn open(tokens: &[String], at: &mut usize, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = prefix.to_vec();
    while *at < tokens.len() {
        if tokens[*at] == "{" {
            *at += 1;
            while tokens[*at] != "}" {
                open(tokens, at, &path, found);
                *at += usize::from(tokens[*at] == ",");
            }
            *at += 1;
            return;
        }
        path.push(tokens[*at].clone());
        *at += 1;
        if tokens.get(*at).is_none_or(|next| next != "::") {
            found.push(path);
            return;
        }
        *at += 1;
    }
}
