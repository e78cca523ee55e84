//! Pays what is in the store, and follows it.

use std::time::Duration;

use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::load::{Direct, DirectError, TakenIn};
use super::report::{LiveReport, each};
use super::summary::{DirectEnd, DirectSummary};
use crate::app::local::LocalWorker;
use crate::batch::progress::Progress;
use crate::batch::results_file::ReportRow;
use crate::batch::status::{Counts, Share};
use crate::clock::SystemClock;
use crate::config::duration::shortest;
use crate::config::{Config, Merchant};
use crate::domain::amount::{Amount, Total};
use crate::local::{Store, StoreError};
use crate::ports::Clock;
use crate::telemetry::status::Status;

/// How often the bar is moved, and the worker asked what keeps it from its work.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often that is shown.
const SHOW_EVERY: Duration = Duration::from_secs(30);
/// After how long without a row that ends a person asks why.
const STALL: Duration = Duration::from_secs(5);

/// What ends a run before its work is done.
#[derive(Clone, Debug, Default)]
pub struct Stops {
    /// Nothing new is started; what is under way comes to its end.
    pub gently: CancellationToken,
    /// What is under way is left too, for the next run to look up.
    pub at_once: CancellationToken,
}

impl Stops {
    fn is_asked_for(&self) -> bool {
        self.gently.is_cancelled() || self.at_once.is_cancelled()
    }
}

impl Direct<'_> {
    /// Pays the open rows, until all have ended or it is stopped, and writes the results.
    pub async fn pay(self, stops: &Stops) -> Result<DirectSummary, DirectError> {
        let clock = SystemClock::start();
        let begun = clock.now();
        let Self { config, batch, store, results, taken: TakenIn { open, already, .. }, _lock } =
            self;
        batch.refuse_if_changed().map_err(DirectError::Changed)?;
        let mut report = LiveReport::begin(&results, &store)?;
        let results = report.path().to_owned();
        let (store, failure) = if open.rows == 0 {
            (store, None)
        } else {
            let follower = Follower::new(&open, clock, batch.merchant.in_doubt.quarantine);
            follower.follow((config, batch.merchant), store, &mut report, stops).await?
        };
        let path = store.path().to_owned();
        let mut counts = Counts::default();
        let counted = each(&batch, &store, |row| {
            counts.add(row.status, row.amount);
            Ok(())
        });
        counted.map_err(|source| DirectError::Uncounted { source, store: path.clone() })?;
        let results = match report.finish(&batch, &store) {
            Ok(()) => Ok(results),
            Err(source) => Err(DirectError::Report { path: results, source, store: path.clone() }),
        };
        let end = match failure {
            Some(error) => DirectEnd::Failed(error),
            None if stops.is_asked_for() => DirectEnd::Interrupted,
            None => DirectEnd::Finished,
        };
        let elapsed = clock.now().since(begun);
        Ok(DirectSummary { end, counts, already, elapsed, results, store: path })
    }
}

/// What a person sees while it runs.
struct Follower {
    progress: Progress,
    clock: SystemClock,
    all: usize,
    ended: usize,
    rupees: Total,
    /// When a row ended last.
    ended_at: Duration,
    quarantine: Duration,
    shown_at: Option<Duration>,
}

impl Follower {
    fn new(open: &Share, clock: SystemClock, quarantine: Duration) -> Self {
        Self {
            progress: Progress::start("paying", open.rows, 0),
            clock,
            all: open.rows,
            ended: 0,
            rupees: Total::default(),
            ended_at: clock.now().steady,
            quarantine,
            shown_at: None,
        }
    }

    /// Runs a worker over the store, and gives that back; and why nothing more could be written to
    /// it, if so.
    async fn follow(
        mut self,
        (config, merchant): (&Config, &Merchant),
        store: Store,
        report: &mut LiveReport,
        stops: &Stops,
    ) -> Result<(Store, Option<StoreError>), DirectError> {
        let path = store.path().to_owned();
        let stopping = stops.gently.child_token();
        let started = LocalWorker::new((config, merchant), store, self.clock, &stopping);
        let LocalWorker { worker, status, mut ended, session } =
            started.map_err(DirectError::Start)?;
        let lost = session.lost();
        let mut working = Box::pin(worker.run());
        let mut look = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = &mut working => break,
                Some(row) = ended.recv() => {
                    report.add(&ReportRow::from(&row));
                    if self.is_last(row.amount) {
                        stopping.cancel();
                    }
                }
                () = lost.cancelled(), if !stopping.is_cancelled() => stopping.cancel(),
                () = stops.at_once.cancelled() => break,
                _ = look.tick() => self.look(&status),
            }
        }
        self.progress.set_with_rupees(self.ended, self.rupees);
        self.progress.end();
        session.close().await.map_err(|source| DirectError::Lost { path, source })
    }

    /// Counts a row that has ended, and says whether it was the last.
    fn is_last(&mut self, amount: Amount) -> bool {
        self.ended = self.ended.saturating_add(1);
        self.ended_at = self.clock.now().steady;
        self.rupees = self.rupees.plus(amount);
        self.ended >= self.all
    }

    fn look(&mut self, status: &Status) {
        self.progress.set_with_rupees(self.ended, self.rupees);
        let now = self.clock.now().steady;
        if self.shown_at.is_some_and(|at| now.saturating_sub(at) < SHOW_EVERY) {
            return;
        }
        let mut reasons = status.reasons();
        if reasons.is_empty() && now.saturating_sub(self.ended_at) >= STALL {
            reasons.extend(waits_for_lookups(status.in_doubt(), self.quarantine));
        }
        if !reasons.is_empty() {
            self.shown_at = Some(now);
        }
        for reason in reasons {
            self.progress.note(&reason);
        }
    }
}

/// Why nothing ends though nothing is wrong, if that is why.
pub fn waits_for_lookups(in_doubt: i64, quarantine: Duration) -> Option<String> {
    (in_doubt > 0).then(|| {
        format!(
            "{in_doubt} may have been sent, by this run or an earlier one: PayU is asked about each \
             for {} before anything else is done with it, so this may take that long",
            shortest(quarantine)
        )
    })
}
