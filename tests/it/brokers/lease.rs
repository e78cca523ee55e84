//! Nodes that one test has at a time, of each chosen version or of the first.
//!
//! A test of what a version could do in its own way runs on all of them, and on all at once: it waits
//! more than it works. The others run on the first, such as those of a cluster, which take a minute
//! each; `deploy/proof.sh` runs them on each version.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, LazyLock};

use futures_util::future::join_all;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::support::broker::Node;
use crate::support::broker::version::Version;

type Nodes = Vec<&'static Node>;
/// The nodes of a version, so many of them, while no test has them. Whoever has a lease holds the
/// lock.
type Spare = Arc<Mutex<Option<Nodes>>>;
type Spares = HashMap<(&'static str, usize), Spare>;

static SPARES: LazyLock<std::sync::Mutex<Spares>> = LazyLock::new(Default::default);

/// The right to do with some nodes whatever a test likes, as long as it leaves them well.
pub(super) struct Lease {
    pub(super) version: &'static Version,
    pub(super) nodes: Nodes,
    spare: OwnedMutexGuard<Option<Nodes>>,
    is_well: bool,
}

/// Runs a test on one node of each version.
pub(super) async fn on_each_version(test: impl AsyncFn(Lease)) {
    let tests = Version::chosen().iter().map(|version| on(version, 1, &test));
    join_all(tests).await;
}

/// Runs a test on one node of the first version.
pub(super) async fn on_a_node(test: impl AsyncFn(Lease)) {
    on(Version::chosen()[0], 1, &test).await;
}

/// Runs a test on a cluster of three of the first version.
pub(super) async fn on_a_cluster(test: impl AsyncFn(Lease)) {
    on(Version::chosen()[0], 3, &test).await;
}

async fn on(version: &'static Version, count: usize, test: &impl AsyncFn(Lease)) {
    Box::pin(test(Lease::take(version, count).await)).await;
}

impl Lease {
    async fn take(version: &'static Version, count: usize) -> Self {
        let spare = Arc::clone(SPARES.lock().unwrap().entry((&version.full, count)).or_default());
        let mut spare = spare.lock_owned().await;
        let nodes = match spare.take() {
            Some(nodes) => nodes,
            None => tokio::task::spawn_blocking(move || boot(version, count)).await.unwrap(),
        };
        Self { version, nodes, spare, is_well: false }
    }

    /// Ends it, for the next test.
    pub(super) fn give_back(mut self) {
        self.is_well = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        if self.is_well {
            *self.spare = Some(nodes);
        } else {
            nodes.into_iter().for_each(Node::end); // nobody knows what a failed test has left
        }
    }
}

fn boot(version: &'static Version, count: usize) -> Nodes {
    let nodes = if count == 1 { vec![Node::of(version)] } else { Node::cluster(version) };
    let shown = format!("brokers: RabbitMQ {} runs, {count} of it", version.full);
    writeln!(std::io::stderr().lock(), "{shown}").unwrap();
    nodes.into_iter().map(|node| &*Box::leak(Box::new(node))).collect()
}
