//! Nodes that one test has at a time, of each chosen version in turn.

use std::collections::HashMap;
use std::io::Write as _;

use tokio::sync::{Mutex, MutexGuard};

use crate::support::broker::Node;
use crate::support::broker::version::Version;

type Nodes = Vec<&'static Node>;
type Spares = HashMap<(&'static str, usize), Nodes>;

/// The nodes that no test has now. Whoever has a lease holds this lock.
static SPARES: Mutex<Option<Spares>> = Mutex::const_new(None);

/// The right to do with some nodes whatever a test likes, as long as it leaves them well.
pub(super) struct Lease {
    pub(super) version: &'static Version,
    pub(super) nodes: Nodes,
    spares: MutexGuard<'static, Option<Spares>>,
    is_well: bool,
}

/// Runs a test on one node of each version.
pub(super) async fn on_a_node(test: impl AsyncFn(Lease)) {
    on(1, test).await;
}

/// Runs a test on a cluster of three of each version.
pub(super) async fn on_a_cluster(test: impl AsyncFn(Lease)) {
    on(3, test).await;
}

async fn on(count: usize, test: impl AsyncFn(Lease)) {
    for version in Version::chosen() {
        Box::pin(test(Lease::take(version, count).await)).await;
    }
}

impl Lease {
    async fn take(version: &'static Version, count: usize) -> Self {
        let mut spares = SPARES.lock().await;
        let known = spares.get_or_insert_default().remove(&(&*version.full, count));
        let nodes = match known {
            Some(nodes) => nodes,
            None => tokio::task::spawn_blocking(move || boot(version, count)).await.unwrap(),
        };
        Self { version, nodes, spares, is_well: false }
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
            let key = (&*self.version.full, nodes.len());
            self.spares.get_or_insert_default().insert(key, nodes);
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
