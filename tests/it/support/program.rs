//! The real binary as a process of its own, that never outlives its test.
//!
//! `setpriv --pdeathsig KILL` sets the parent-death signal and then becomes the program, so the
//! kernel kills it when the test's thread ends, however it ends, and its process id is its own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::canary;

/// A running `smartsend`; dropping it kills it.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it with no environment but this one; what it writes to stderr goes to `log`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        arguments: &[A],
        environment: &[(String, String)],
        log: PathBuf,
    ) -> Self {
        Self::start_by(&[], arguments, environment, log)
    }

    /// The same by another program, which becomes it.
    pub(crate) fn start_by<A: AsRef<OsStr>>(
        starter: &[&str],
        arguments: &[A],
        environment: &[(String, String)],
        log: PathBuf,
    ) -> Self {
        let errors = File::options().create(true).append(true).open(&log).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args(starter)
            .arg(env!("CARGO_BIN_EXE_smartsend"))
            .args(arguments)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .expect("`setpriv` of util-linux must be installed");
        Self { child, log }
    }

    /// Its standard output, once.
    pub(crate) fn output(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it has ended")
    }

    /// What it has written to stderr.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Where it writes it.
    pub(crate) fn log_path(&self) -> &Path {
        &self.log
    }

    /// Sends SIGTERM.
    pub(crate) async fn terminate(&self) {
        self.signal("TERM").await;
    }

    /// Freezes it: it does nothing more, and does not know it (SIGSTOP).
    pub(crate) async fn freeze(&self) {
        self.signal("STOP").await;
    }

    /// Wakes it up (SIGCONT).
    pub(crate) async fn wake(&self) {
        self.signal("CONT").await;
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for its end, up to so long, and returns its exit code.
    pub(crate) async fn exit_code(mut self, within: Duration) -> i32 {
        let status = self.status(within).await;
        status.code().unwrap_or_else(|| {
            panic!("it was ended by signal {:?}:\n{}", status.signal(), self.tail())
        })
    }

    /// Waits for its end, up to so long, by an exit or by a signal.
    pub(crate) async fn status(&mut self, within: Duration) -> ExitStatus {
        let status = timeout(within, self.child.wait()).await;
        status.unwrap_or_else(|_| panic!("it still runs:\n{}", self.tail())).unwrap()
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The end of its log.
    pub(crate) fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Sends a signal by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().await.unwrap();
        assert!(sent.success(), "cannot signal {pid}");
    }
}

/// Whatever it has logged until its end is searched for what must not be shown.
impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended, and then it has logged everything already.
        self.child.start_kill().ok();
        canary::check("the log of the binary", &fs::read(&self.log).unwrap_or_default());
    }
}
