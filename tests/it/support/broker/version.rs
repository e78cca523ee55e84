//! The versions of RabbitMQ that are here.
//!
//! One is this system's own. Others are what newer Debians package, each in a Debian of its own
//! below the user's cache, where `tests/tools/brokers.sh` puts them. Entering one is a `chroot` in a
//! mount namespace that ends with the process, so nothing stays mounted, and the folder for
//! temporary files is the same inside and outside.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where Debian keeps the scripts. Those in `/usr/sbin` change to the user `rabbitmq`.
pub(super) const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

/// Enters the root in its first argument; a shell started by `unshare --mount` runs it.
const ENTER: &str = r#"
set -e
ROOT=$1; TMP=$2; shift 2
mount -t proc proc "$ROOT/proc"
mount --bind /dev "$ROOT/dev"
mkdir -p "$ROOT$TMP"
mount --bind "$TMP" "$ROOT$TMP"
exec chroot "$ROOT" "$@"
"#;

/// An installed version.
#[derive(Debug)]
pub(crate) struct Version {
    /// All of it, such as `4.0.5`.
    pub(crate) full: String,
    /// Where it is, if it is not this system's own.
    root: Option<PathBuf>,
}

impl Version {
    /// This system's own.
    pub(crate) fn installed() -> &'static Self {
        static INSTALLED: OnceLock<Version> = OnceLock::new();
        INSTALLED.get_or_init(|| {
            let full = full_below(Path::new("/")).unwrap_or_else(|| {
                panic!(
                    "these tests need a real RabbitMQ: `apt-get install rabbitmq-server` (its \
                     scripts are looked for in {SCRIPTS})"
                )
            });
            Self { full, root: None }
        })
    }

    /// Those that `SMARTSEND_TEST_BROKERS` names, such as `3.10,4.0,4.3`, in that order; this
    /// system's own if it names none. Panics if one is not here.
    pub(crate) fn chosen() -> &'static [&'static Self] {
        static CHOSEN: OnceLock<Vec<&'static Version>> = OnceLock::new();
        CHOSEN.get_or_init(|| {
            let wanted = std::env::var_os("SMARTSEND_TEST_BROKERS").unwrap_or_default();
            let wanted = wanted.into_string().unwrap();
            let names = wanted.split(',').map(str::trim).filter(|name| !name.is_empty());
            let found = |name| Self::find(name).unwrap_or_else(|why| panic!("{why}"));
            let chosen: Vec<_> = names.map(found).collect();
            if chosen.is_empty() { vec![Self::installed()] } else { chosen }
        })
    }

    /// The one of this name, such as `4.0`, or what is to be done to have it.
    pub(crate) fn find(name: &str) -> Result<&'static Self, String> {
        let is_it = |full: &str| full.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        if full_below(Path::new("/")).is_some_and(|full| is_it(&full)) {
            return Ok(Self::installed());
        }
        let root = cache().join("smartsend/brokers").join(name);
        let full = full_below(&root).filter(|full| is_it(full)).ok_or_else(|| {
            format!(
                "RabbitMQ {name} is not here: install it with `tests/tools/brokers.sh {name}`, or \
                 choose others with SMARTSEND_TEST_BROKERS (looked for in {SCRIPTS} and {})",
                root.display()
            )
        })?;
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return Err(format!(
                "RabbitMQ {name} is in a Debian of its own; entering it takes root"
            ));
        }
        Ok(Box::leak(Box::new(Self { full, root: Some(root) })))
    }

    /// Whether it is this version or a newer one.
    pub(super) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.full.split('.').map(|part| part.parse().unwrap_or_default());
        let mut next = || -> u32 { parts.next().unwrap_or_default() };
        (next(), next()) >= (major, minor)
    }

    /// A command of this version's, without arguments.
    pub(super) fn command(&self, program: &str) -> Command {
        let Some(root) = &self.root else {
            return Command::new(program);
        };
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "bash", "-c", ENTER, "enter"]);
        command.arg(root).arg(std::env::temp_dir()).arg(program);
        command
    }
}

/// The version that is installed below this root.
fn full_below(root: &Path) -> Option<String> {
    let versions = fs::read_dir(root.join("usr/lib/rabbitmq/lib")).ok()?;
    let mut names = versions.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.find_map(|name| name.strip_prefix("rabbitmq_server-").map(str::to_owned))
}

fn cache() -> PathBuf {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("XDG_CACHE_HOME").unwrap_or_else(|| folder("HOME").unwrap().join(".cache"))
}
