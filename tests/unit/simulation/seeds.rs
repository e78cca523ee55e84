//! Which seeds are played, over two threads, and how a failure is reported.

use std::io::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::trace::Trace;

/// What is played when nobody says otherwise.
const SEEDS: Range<u64> = 0..400;
/// CI has two cores.
const THREADS: usize = 2;

/// `SMARTSEND_SEEDS=20..300`, or [`SEEDS`].
pub(super) fn seeds() -> Range<u64> {
    #[expect(clippy::disallowed_methods, reason = "the seeds to play are given by the environment")]
    let Ok(text) = std::env::var("SMARTSEND_SEEDS") else { return SEEDS };
    let range = text.split_once("..").and_then(|(start, end)| {
        let range = start.parse().ok()?..end.parse().ok()?;
        (!range.is_empty()).then_some(range)
    });
    range.unwrap_or_else(|| panic!("SMARTSEND_SEEDS={text} is not a range such as 0..2000"))
}

/// Plays each seed, and returns the results in the order of the seeds.
pub(super) fn each<T: Send>(
    seeds: impl IntoIterator<Item = u64>,
    play: impl Fn(u64) -> T + Sync,
) -> Vec<T> {
    let seeds: Vec<u64> = seeds.into_iter().collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(seeds.len())));
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            match catch_unwind(AssertUnwindSafe(|| play(*seed))) {
                Ok(played) => done.lock().unwrap().push((*seed, played)),
                Err(panic) => {
                    print(&format!("a panic; again: {}", again(*seed)));
                    resume_unwind(panic);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_unstable_by_key(|(seed, _)| *seed);
    done.into_iter().map(|(_, played)| played).collect()
}

/// Says what was broken, how that came about, and how it is played again.
pub(super) fn report_failure(seed: u64, broken: &str, trace: &Trace) {
    let lines = trace.lines().join("\n");
    let hash = trace.hash();
    print(&format!("{lines}\nseed {seed}, trace {hash:016x}: {broken}\nagain: {}", again(seed)));
}

fn again(seed: u64) -> String {
    format!("SMARTSEND_SEEDS={seed}..{} cargo test --test unit -- simulation::every", seed + 1)
}

/// Straight to stderr, where the test harness does not hide it.
fn print(text: &str) {
    writeln!(std::io::stderr().lock(), "simulation: {text}").unwrap();
}
