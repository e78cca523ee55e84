//! One seed: a world, its faults, and its end.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smartsend::domain::work::Work;
use smartsend::ports::Ports;
use smartsend::worker::Worker;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::commands;
use super::drawn::{self, SILENCE_MAX};
use super::faults::{self, OUTAGES, WRONG_MAX, Weather, trouble};
use super::intents::{self, Sort};
use super::kinds::{self, Kind, Trouble};
use super::oracle::Oracle;
use super::rows::{self, OUTAGE_BEGINS, Rows};
use super::tally::Tally;
use super::trace::Trace;
use super::upstream;
use crate::support::model::{Chance, Cure, Life, Process, Scene, Settings, Step};

pub(super) const MERCHANT: &str = "default";

/// Within so long after the last fault everything has come to an end.
const BOUND: Duration = Duration::from_mins(10);
/// And as much for each copy that is left of an intent.
const BOUND_EACH: Duration = Duration::from_mins(1);
/// A command without a link asks and sends nothing. Where there is no other one, nothing that it
/// waits through counts for so long after an outage.
const HALF_OPEN_MAX: Duration = Duration::from_hours(1);

/// The outcome of a run.
pub(super) struct Played {
    pub(super) tally: Tally,
    pub(super) trace: Trace,
    /// The first promise that was broken, if one was.
    pub(super) broken: Option<String>,
}

/// What the faults need of a world.
pub(super) struct World {
    pub(super) scene: Scene,
    pub(super) has_deadlines: bool,
    pub(super) kind: &'static Kind,
    pub(super) source: Source,
    settings: Settings,
    oracle: Arc<Mutex<Oracle>>,
    /// Ends at the first promise that is broken.
    broken: CancellationToken,
}

/// Where the intents come from.
pub(super) enum Source {
    /// A broker, to which upstream publishes.
    Broker {
        /// The settings of the commands, and what is drawn for them, if there are any.
        commands: Option<Box<(Settings, Chance)>>,
    },
    /// A file.
    Rows(Rows),
}

/// Plays a seed.
pub(super) fn play(seed: u64) -> Played {
    play_without(seed, None)
}

/// Plays a seed with workers that do without a cure.
pub(super) fn play_without(seed: u64, without: Option<Cure>) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(run(seed, without))
}

async fn run(seed: u64, without: Option<Cure>) -> Played {
    let kind = Kind::of(seed);
    let scene = Scene::new(seed);
    let mut settings = drawn::settings(&scene.chance, kind);
    let api = kinds::api_of(seed);
    settings.policy.account.api = api;
    let late = drawn::provider(&scene, kind);
    scene.smart_send.set(|state| state.without = without);
    let mut intents = intents::draw(&scene, kind);
    let is_file = rows::are_played_by(seed);
    if is_file {
        rows::adapt(kind, &mut intents);
    }
    // The strict setting starts as many as it can remember in a quarantine, and no more.
    settings.capacity = settings.capacity.max(intents.len() / 3);
    if intents.len() > intents::FEW_MAX {
        settings.limits.concurrency = settings.limits.concurrency.max(8);
        settings.prefetch = settings.prefetch.max(16);
        settings.places = settings.places.max(8);
    }
    let commands = commands::chance(seed).map(|chance| {
        let drawn = commands::draw(&chance, &scene, (kind, api), &mut intents);
        (commands::settings(&chance, kind, &settings, without), chance, drawn)
    });
    let (commands, drawn) = commands
        .map_or((None, Vec::new()), |(settings, chance, drawn)| (Some((settings, chance)), drawn));
    let broken = CancellationToken::new();
    let both = (&settings, commands.as_ref().map(|(settings, _)| settings));
    let shows_after_max = late + scene.smart_send.lag();
    let mut oracle = Oracle::new(kind, &scene, both, shows_after_max, (&intents, &drawn));
    let has_deadlines = intents.iter().any(|intent| intent.sort == Sort::Deadline);
    let (source, published) = if is_file {
        oracle.watches_rows();
        let rows = Rows::new(&scene, &settings.policy.account, &intents, without);
        (Source::Rows(rows), Vec::new())
    } else {
        (Source::Broker { commands: commands.map(Box::new) }, intents)
    };
    let oracle = Arc::new(Mutex::new(oracle));
    watch(&scene, &oracle, &broken);
    let world = Arc::new(World { scene, has_deadlines, kind, source, settings, oracle, broken });
    let published = tokio::spawn(upstream::publish(world.scene.clone(), published, drawn));
    tokio::select! {
        biased;
        () = world.broken.cancelled() => {}
        () = world.live(published, late) => {}
    }
    world.judged()
}

fn watch(scene: &Scene, oracle: &Arc<Mutex<Oracle>>, broken: &CancellationToken) {
    let (oracle, broken) = (Arc::clone(oracle), broken.clone());
    scene.journal.watch(Box::new(move |at, step| {
        let mut oracle = oracle.lock().unwrap();
        oracle.see(at, step);
        if oracle.is_broken() {
            broken.cancel();
        }
    }));
}

impl World {
    pub(super) fn fault(&self, what: fmt::Arguments<'_>) {
        self.scene.journal.note(&Step::Fault(what));
    }

    pub(super) fn note(&self, what: fmt::Arguments<'_>) {
        self.scene.journal.note(&Step::Noted(what));
    }

    /// Faults, and then none.
    async fn live(self: &Arc<Self>, published: JoinHandle<()>, late: Duration) {
        match self.kind.trouble {
            Trouble::Everything | Trouble::OneCopy | Trouble::Truthful => self.suffer(late).await,
            Trouble::Outage => {}
        }
        let mut last = self.begin(Life::long());
        if self.kind.trouble == Trouble::Outage {
            last = self.outage(last).await;
        }
        self.scene.smart_send.calm();
        self.scene.broker.calm();
        published.await.unwrap();
        last = self.begin_again_with_all(last).await;
        self.note(format_args!("nothing goes wrong any more"));
        // Copies of one intent go one after the other, and each may look for a whole quarantine.
        let copies = u32::try_from(self.unsettled()).unwrap();
        let mut bound = BOUND + self.settings.policy.max_age + BOUND_EACH * copies;
        if matches!(self.source, Source::Broker { commands: Some(_) }) {
            bound += HALF_OPEN_MAX;
        }
        let ended = tokio::time::timeout(bound, self.emptied()).await;
        if ended.is_err() {
            return self.break_promise("it does not come to an end");
        }
        last.process.stopping.cancel();
        if last.running.await.unwrap() != 0 {
            return self.break_promise("a stop leaves something in flight");
        }
        // What is still on its way has its effect, too late for anyone to look.
        tokio::time::sleep(late + Duration::from_secs(1)).await;
    }

    /// Messages that have not come to their end.
    fn unsettled(&self) -> usize {
        match &self.source {
            Source::Broker { .. } => self.scene.broker.unsettled(),
            Source::Rows(rows) => rows.file.unsettled(),
        }
    }

    /// Ends when there are none.
    async fn emptied(&self) {
        match &self.source {
            Source::Broker { .. } => self.scene.broker.emptied().await,
            Source::Rows(rows) => rows.file.emptied().await,
        }
    }

    /// A process that has a file learns only at its start which rows are in it.
    async fn begin_again_with_all(&self, mut last: Begun) -> Begun {
        let Source::Rows(rows) = &self.source else { return last };
        let whole_at = rows.whole_at();
        if whole_at <= last.at {
            return last;
        }
        tokio::time::sleep(whole_at.saturating_sub(self.scene.clock.elapsed())).await;
        last.process.stopping.cancel();
        (&mut last.running).await.unwrap();
        self.end(last).await;
        self.begin(Life::long())
    }

    /// One or two processes that live and die, in bad weather.
    async fn suffer(self: &Arc<Self>, late: Duration) {
        let chance = self.scene.chance.clone();
        let badness = chance.one_of(&[0, 1, 1, 2, 3]);
        // Over a naive provider a create that is sent again after a false answer makes two links.
        let weather = Weather {
            badness,
            late,
            belies: !self.kind.has_exception(),
            refuses: !self.kind.has_only_good_intents(),
        };
        self.scene.smart_send.weather(chance.clone(), move |called, chance| {
            faults::weather(called, chance, weather)
        });
        self.scene.broker.weather(chance.clone(), chance.one_of(&[0, 0, 2, 8]));
        let replicas = match self.source {
            Source::Broker { .. } => 1 + chance.below(2),
            Source::Rows(_) => 1, // the store is locked
        };
        let mut slots = Vec::new();
        for _ in 0..replicas {
            let (world, lives) = (Arc::clone(self), 1 + chance.below(4));
            slots.push(tokio::spawn(async move {
                for _ in 0..lives {
                    world.live_and_die().await;
                }
            }));
        }
        for slot in slots {
            slot.await.unwrap();
        }
        tokio::time::sleep(WRONG_MAX).await; // whoever begins now sees the right time
    }

    /// One process, until it is killed, or has stopped.
    async fn live_and_die(&self) {
        let chance = &self.scene.chance;
        let life = match chance.below(10) {
            0..4 => Life::of(1 + chance.below(40)),
            4..6 => Life::of(1 + chance.below(200)),
            _ => Life::long(),
        };
        let mut begun = self.begin(life);
        let process = &begun.process;
        // Under the strict setting nothing is created for half a minute.
        let longest = if self.settings.policy.is_strict() { 140 } else { 70 };
        let patience = self.scene.clock.elapsed() + chance.up_to(Duration::from_secs(longest));
        while self.scene.clock.elapsed() < patience {
            tokio::select! {
                biased;
                () = process.life.ended() => break,
                () = tokio::time::sleep(chance.up_to(Duration::from_secs(15))) => {}
            }
            tokio::select! {
                biased;
                () = process.life.ended() => break,
                () = trouble(self, process) => {}
            }
        }
        if chance.percent(30) {
            self.note(format_args!("p{} is asked to stop", process.number));
            process.stopping.cancel();
            let patience = Duration::from_secs(20);
            tokio::time::timeout(patience, &mut begun.running).await.ok();
        }
        self.kill(begun).await;
    }

    /// It is killed, or dead already. The broker sees its socket close at once; of a machine that
    /// is gone it only misses the heartbeats.
    async fn kill(&self, begun: Begun) {
        let (chance, process) = (&self.scene.chance, &begun.process);
        self.fault(format_args!("p{} is dead", process.number));
        process.life.end();
        process.thaw();
        if let Source::Rows(_) = self.source {
            return self.end(begun).await;
        }
        begun.running.abort();
        if chance.percent(30) {
            tokio::time::sleep(chance.up_to(SILENCE_MAX)).await;
        }
        process.cut();
    }

    /// The end of a process that has a file, or has had one.
    async fn end(&self, Begun { process, running, .. }: Begun) {
        if let Source::Rows(rows) = &self.source {
            rows.file.kill(process.number).await;
        }
        running.abort();
    }

    fn begin(&self, life: Life) -> Begun {
        let chance = &self.scene.chance;
        let process = self.scene.process_ahead(life, drawn::ahead(chance));
        let settings = drawn::of_process(chance, self.kind, &self.settings);
        let commands = match &self.source {
            Source::Broker { commands } => commands,
            Source::Rows(rows) => return self.begin_rows(process, &settings, rows),
        };
        let at = self.scene.clock.elapsed();
        let worker = process.worker(MERCHANT, &settings);
        self.watch_admission(&process, Work::Intents, &worker);
        let Some((settings, chance)) = commands.as_deref() else {
            return Begun { process, running: tokio::spawn(worker.run()), at };
        };
        let of_commands = process.worker(MERCHANT, settings);
        self.watch_admission(&process, Work::Commands, &of_commands);
        // Whoever comes first to a queue is its active consumer: it may be another one for each.
        let delay = chance.up_to(Duration::from_millis(chance.one_of(&[0, 1500])));
        let of_commands = async move {
            tokio::time::sleep(delay).await;
            of_commands.run().await
        };
        let both = async move {
            let (intents, commands) = tokio::join!(worker.run(), of_commands);
            intents + commands
        };
        Begun { process, running: tokio::spawn(both), at }
    }

    fn begin_rows(&self, process: Process, settings: &Settings, rows: &Rows) -> Begun {
        let Scene { smart_send, clock, .. } = &self.scene;
        let at = clock.elapsed();
        let (queue, outbox) = rows.file.open(&process, &rows.by(at), settings.prefetch);
        let provider = process.account(MERCHANT, smart_send, settings.work);
        let way = (MERCHANT, provider, smart_send.timeout());
        let worker = process.worker_over(way, (queue, outbox), settings);
        self.watch_admission(&process, Work::Intents, &worker);
        Begun { process, running: tokio::spawn(worker.run()), at }
    }

    fn watch_admission<P: Ports>(&self, process: &Process, work: Work, worker: &Worker<P>) {
        let (process, journal) = (process.number, self.scene.journal.clone());
        let scheduler = worker.context().scheduler().clone();
        tokio::spawn(async move {
            loop {
                let (state, changed) = scheduler.watch();
                journal.note(&Step::Admission { process, work, state });
                changed.await;
            }
        });
    }

    /// The provider is gone for long.
    async fn outage(&self, last: Begun) -> Begun {
        let chance = &self.scene.chance;
        // By then the first intent has its link, and details has shown it.
        tokio::time::sleep(OUTAGE_BEGINS).await;
        let outage = chance.one_of(&OUTAGES);
        // Hours now and then: they take long to play.
        let longest = if chance.percent(5) { 180 } else { 5 };
        let duration = chance.up_to(Duration::from_mins(longest));
        self.note(format_args!("the provider is gone for {duration:?}: {outage:?}"));
        self.scene.smart_send.weather(chance.clone(), move |_, chance| outage.act(chance));
        let last = self.begin_again_with_all(last).await;
        tokio::time::sleep(duration).await;
        last
    }

    fn break_promise(&self, which: &str) {
        self.oracle.lock().unwrap().break_promise(which.to_owned());
    }

    fn judged(&self) -> Played {
        let mut oracle = self.oracle.lock().unwrap();
        oracle.judge();
        oracle.played()
    }
}

/// A process at work.
struct Begun {
    process: Process,
    running: JoinHandle<usize>,
    /// When it has begun.
    at: Duration,
}
