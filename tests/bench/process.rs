//! A process under measurement, and what Linux says it has used.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::sleep;

/// Ticks of `/proc` in a second: `USER_HZ`, 100 in every Linux that there is for userland.
const TICKS_PER_SECOND: u64 = 100;

/// How often the memory of a process that ends by itself is looked at: after its end it has none.
const GLANCE: Duration = Duration::from_millis(50);

/// A process whose log goes to a file. It is killed when this is dropped.
pub(crate) struct Process(Child);

/// What a process has used since it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// CPU time in user mode.
    pub(crate) user: Duration,
    /// CPU time in the kernel.
    pub(crate) system: Duration,
    /// The most memory that was resident at once, in bytes.
    pub(crate) peak: u64,
    /// The memory that is resident now, in bytes.
    pub(crate) resident: u64,
}

/// How a process has ended by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The most memory that was resident at once, in bytes.
    pub(crate) peak: u64,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let log = File::create(log).expect("the benchmark's folder must be writable");
        command.stdin(Stdio::null()).stderr(log);
        Self(command.spawn().expect("the executable was built by cargo"))
    }

    /// Its standard output, once.
    pub(crate) fn output(&mut self) -> impl Read {
        self.0.stdout.take().expect("it was started with a pipe, and nobody else asks")
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Usage {
        let pid = self.0.id();
        let read = |file: &str| {
            fs::read_to_string(format!("/proc/{pid}/{file}")).expect("the process runs on Linux")
        };
        // proc(5): the command's name, in parentheses, may hold spaces; `state` follows it, and
        // `utime` and `stime` are the eleventh and twelfth after that.
        let stat = read("stat");
        let (_, after_name) = stat.rsplit_once(')').expect("proc(5) says so");
        let mut ticks = after_name.split_whitespace().skip(11).map(|field| field.parse().unwrap());
        let mut time =
            || Duration::from_millis(ticks.next().unwrap_or(0) * 1000 / TICKS_PER_SECOND);
        let (user, system) = (time(), time());
        let status = read("status");
        let memory = |name: &str| memory(&status, name).expect("proc(5) says so");
        Usage { user, system, peak: memory("VmHWM:"), resident: memory("VmRSS:") }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn wait(mut self) -> Ended {
        let path = format!("/proc/{}/status", self.0.id());
        let mut peak = 0;
        loop {
            let status = fs::read_to_string(&path).expect("nobody has waited for it yet");
            peak = memory(&status, "VmHWM:").unwrap_or(peak);
            if let Some(status) = self.0.try_wait().unwrap() {
                return Ended { status, peak };
            }
            sleep(GLANCE).await;
        }
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        assert!(asked.expect("kill must be installed").success(), "it must run until now");
        self.0.wait().unwrap();
    }
}

/// An amount of memory in `/proc/PID/status`, in bytes; none of a process that has ended.
fn memory(status: &str, name: &str) -> Option<u64> {
    let found = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = found.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
