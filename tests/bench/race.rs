//! The worker and the bare loop over the same intents, in pairs that take turns.

use std::time::Duration;

use smartsend::clock::SystemClock;
use smartsend::ports::Clock;

use crate::bare::Shape;
use crate::ground::{Ground, Limits};
use crate::load;
use crate::process::{Process, Usage};
use crate::table::{median, mib, text};

/// How often results are counted. A count costs the broker some microseconds.
const GLANCE: Duration = Duration::from_millis(20);
/// A run that gets no result for so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the worker has to reach, as a share of the bare loop's. It once came to 0.59 of the speed and
/// 1.54 of the CPU time of a loop like this; falling behind that is what is caught here.
const SPEED_MIN: f64 = 0.5;
const CPU_MAX: f64 = 1.7;
const MEMORY_MAX: f64 = 1.2;
/// And what it may use besides.
const MEMORY_MORE: f64 = 8.0;

/// What all lines of one table share.
pub(crate) struct Course {
    pub(crate) intents: u32,
    pub(crate) pairs: usize,
    /// How long the sandbox takes to answer.
    pub(crate) latency: Duration,
}

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runner {
    Worker,
    Bare(Shape),
}

/// What one run came to.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Intents per second, from the first result to the last.
    speed: f64,
    /// CPU time per intent in microseconds, from the start of the process to the last result.
    user: f64,
    system: f64,
    /// The most memory at once, in MiB.
    memory: f64,
}

/// The runs of one line of a table: the worker's and the bare loop's, pair by pair.
struct Line {
    in_flight: usize,
    shape: Shape,
    worker: Vec<Figures>,
    bare: Vec<Figures>,
}

/// Measures and prints one table, and adds what was missed.
pub(crate) async fn table(
    ground: &Ground,
    course: &Course,
    in_flight: &[usize],
    missed: &mut Vec<String>,
) {
    let latency = course.latency.as_millis();
    let answers = if latency == 0 { "at once".to_owned() } else { format!("after {latency} ms") };
    println!(
        "\nThe sandbox answers {answers}. {} intents a run, medians of {} pairs of runs; ratios are \
         medians of the pairs' own. The bare loop has the worker's allocator, and the channels (c) \
         and threads (t) that made it fastest in a trial.\n",
        course.intents, course.pairs,
    );
    let head = ["in flight", "", "intents/s", "CPU/intent", "(user + system)", "peak memory"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for &in_flight in in_flight {
        let line = Line::measure(ground, course, in_flight).await;
        rows.extend(line.rows());
        missed.extend(line.missed().into_iter().map(|what| {
            format!("with {in_flight} in flight and a sandbox that answers {answers}, {what}")
        }));
    }
    println!("{}", text(&rows));
}

impl Line {
    async fn measure(ground: &Ground, course: &Course, in_flight: usize) -> Self {
        let shape = fastest_shape(ground, course, in_flight).await;
        let mut line = Self { in_flight, shape, worker: Vec::new(), bare: Vec::new() };
        for pair in 0..course.pairs {
            // Who goes first changes from pair to pair.
            let mut turns = [Runner::Worker, Runner::Bare(shape)];
            turns.rotate_left(pair % 2);
            for runner in turns {
                let figures = run(ground, course, in_flight, runner).await;
                match runner {
                    Runner::Worker => line.worker.push(figures),
                    Runner::Bare(_) => line.bare.push(figures),
                }
            }
        }
        line
    }

    fn rows(&self) -> [Vec<String>; 3] {
        let row = |who: &str, figures: &[Figures]| {
            let of = |one: fn(&Figures) -> f64| median(figures.iter().map(one));
            vec![
                self.in_flight.to_string(),
                who.to_owned(),
                format!("{:.0}", of(|f| f.speed)),
                format!("{:.0} us", of(Figures::cpu)),
                format!("({:.0} + {:.0})", of(|f| f.user), of(|f| f.system)),
                format!("{:.1} MiB", of(|f| f.memory)),
            ]
        };
        let ratios = vec![
            self.in_flight.to_string(),
            "ratio".to_owned(),
            format!("{:.2}", self.ratio(|f| f.speed)),
            format!("{:.2}", self.ratio(Figures::cpu)),
            String::new(),
            format!("{:.2}", self.ratio(|f| f.memory)),
        ];
        let Shape { channels, threads } = self.shape;
        let bare = format!("bare loop {channels}c {threads}t");
        [row("worker", &self.worker), row(&bare, &self.bare), ratios]
    }

    fn ratio(&self, of: fn(&Figures) -> f64) -> f64 {
        median(self.worker.iter().zip(&self.bare).map(|(worker, bare)| of(worker) / of(bare)))
    }

    fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let speed = self.ratio(|f| f.speed);
        if speed < SPEED_MIN {
            missed.push(format!(
                "the worker made {speed:.2} of the bare loop's intents per second, not {SPEED_MIN}"
            ));
        }
        let cpu = self.ratio(Figures::cpu);
        if cpu > CPU_MAX {
            missed.push(format!(
                "the worker took {cpu:.2} of the bare loop's CPU time per intent, more than \
                 {CPU_MAX}"
            ));
        }
        let memory = |figures: &[Figures]| median(figures.iter().map(|f| f.memory));
        let (used, allowed) = (memory(&self.worker), memory(&self.bare) * MEMORY_MAX + MEMORY_MORE);
        if used > allowed {
            missed.push(format!(
                "the worker used {used:.1} MiB, more than {MEMORY_MAX} of the bare loop's memory \
                 and {MEMORY_MORE} MiB, which is {allowed:.1} MiB"
            ));
        }
        missed
    }
}

/// Runs the bare loop once in each shape.
async fn fastest_shape(ground: &Ground, course: &Course, in_flight: usize) -> Shape {
    let [mut fastest, ..] = Shape::TRIED;
    let mut speed = 0.0;
    for shape in Shape::TRIED {
        let figures = run(ground, course, in_flight, Runner::Bare(shape)).await;
        if figures.speed > speed {
            (fastest, speed) = (shape, figures.speed);
        }
    }
    fastest
}

async fn run(ground: &Ground, course: &Course, in_flight: usize, runner: Runner) -> Figures {
    ground.clear().await;
    load::fill(ground, course.intents).await;
    let mut process = match runner {
        Runner::Worker => ground.worker(Limits::only_in_flight(in_flight)),
        Runner::Bare(shape) => ground.bare(in_flight, shape),
    };
    let speed = watch(ground, course.intents, &mut process, runner).await;
    let figures = Figures::of(process.usage(), speed, course.intents);
    // The last acknowledgement follows the last result at once.
    tokio::time::sleep(GLANCE).await;
    process.stop();
    assert_eq!(ground.links().await, course.intents, "each intent has its link");
    assert_eq!(ground.results().await, course.intents, "each intent has its result");
    assert_eq!(ground.intents().await, 0, "each intent is acknowledged");
    eprintln!(
        "{runner:?} {in_flight}: {:.0}/s, {:.0} + {:.0} us, {:.1} MiB",
        figures.speed, figures.user, figures.system, figures.memory
    );
    figures
}

/// Sees results come until they are all there. Returns how many came in a second.
async fn watch(ground: &Ground, intents: u32, process: &mut Process, runner: Runner) -> f64 {
    let clock = SystemClock::start();
    let mut first = None;
    let (mut seen, mut seen_at) = (0, Duration::ZERO);
    loop {
        let (results, now) = (ground.results().await, clock.now().steady);
        if results > seen {
            (seen, seen_at) = (results, now);
            let (first_seen, first_at) = *first.get_or_insert((seen, seen_at));
            if seen >= intents {
                let took = seen_at.saturating_sub(first_at).as_secs_f64();
                return f64::from(seen - first_seen) / took;
            }
        }
        assert!(
            now.saturating_sub(seen_at) < PATIENCE && !process.has_ended(),
            "{runner:?} came to a stop after {seen} results:\n{}\n{}",
            ground.log("worker.log"),
            ground.log("bare.log"),
        );
        tokio::time::sleep(GLANCE).await;
    }
}

impl Figures {
    fn of(usage: Usage, speed: f64, intents: u32) -> Self {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(intents);
        Self { speed, user: each(usage.user), system: each(usage.system), memory: mib(usage.peak) }
    }

    fn cpu(&self) -> f64 {
        self.user + self.system
    }
}
