//! Nothing is left behind by the hundredth fault that was not there after the third.

use super::ground::{Ground, kill, start};
use super::lease::on_a_node;
use crate::support::proc::status;
use crate::support::proof::size;
use crate::support::waiting::{SOON, until};
use crate::support::worker::Worker;

/// How many faults of each kind come before the count that the later ones are compared with.
const WARM: u64 = 3;

/// How many intents are there at least when a fault comes: some seconds of work.
const LOAD: u64 = 400;

/// The channels of all three connections: to publish on, one for each of the 16 deliveries that may be
/// in flight, for the checkpoint, and for what RabbitMQ puts aside; to consume on, one for the
/// merchant, for what RabbitMQ puts aside, and for pauses; and on each connection one to look at
/// queues on.
const CHANNELS_MAX: usize = 16 + 2 + 3 + 3;

/// What a worker holds of the machine, and of the broker.
#[derive(Clone, Debug)]
struct Held {
    /// By connection, consumers, confirm mode and name.
    channels: Vec<String>,
    threads: u64,
    files: usize,
    resident_kib: u64,
}

impl Held {
    fn is_more_than(&self, warm: &Self) -> bool {
        // As many channels as publishes were under way at once, which differs. The allocator may
        // keep a little more memory; what lapin sets aside for one connection is 8 MiB.
        let memory = warm.resident_kib + warm.resident_kib / 10 + 4096;
        self.channels.len() > CHANNELS_MAX
            || self.threads > warm.threads
            || self.files > warm.files
            || self.resident_kib > memory
    }
}

#[tokio::test]
async fn faults_leave_no_connection_channel_thread_file_or_memory_behind() {
    let rounds = size("SMARTSEND_BROKER_ROUNDS", 9).max(WARM + 1);
    on_a_node(async |lease| {
        let mut ground = Ground::under_load(lease, "faults in rounds", LOAD).await;
        let worker = ground.scenario.ready_worker().await;
        let mut warm = None;
        for round in 1..=rounds {
            ground.keep_busy(&worker, LOAD).await;
            fault(&mut ground, &worker, round).await;
            if round == WARM {
                ground.slow(false).await;
                ground.rests().await;
                warm = Some(held(&ground, &worker).await);
            }
        }
        ground.slow(false).await;
        ground.rests().await;
        let (warm, mut last) = (warm.unwrap(), held(&ground, &worker).await);
        // A lookup at a queue may be under way, on a connection that lives no longer.
        for _ in 0..10 {
            if !last.is_more_than(&warm) {
                break;
            }
            last = held(&ground, &worker).await;
        }
        assert!(!last.is_more_than(&warm), "{warm:?}, and after {rounds} faults {last:?}");
        ground.finish(worker).await;
    })
    .await;
}

async fn fault(ground: &mut Ground, worker: &Worker, round: u64) {
    let node = ground.node();
    match round % 3 {
        1 => node.close_connections(&ground.scenario.vhost).await,
        2 => {
            kill(node).await;
            worker.unready("not connected to RabbitMQ").await;
            start(node).await;
        }
        _ => {
            node.memory_alarm(true).await;
            worker.unready("short of memory or disk").await;
            node.memory_alarm(false).await;
        }
    }
    worker.ready().await;
    ground.fault();
}

/// What it holds once it rests.
async fn held(ground: &Ground, worker: &Worker) -> Held {
    let (node, vhost) = (ground.node(), &ground.scenario.vhost);
    let mut ours = Vec::new();
    until("three connections of the worker's, and no more", SOON, async || {
        let list = node.ctl(&["list_connections", "vhost", "pid", "client_properties"]).await;
        let lines =
            list.lines().filter(|line| line.starts_with(vhost) && line.contains("smartsend/"));
        ours = lines.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect();
        ours.len() == 3 // to publish, to consume, and for what RabbitMQ puts aside
    })
    .await;
    let columns = ["list_channels", "connection", "consumer_count", "confirm", "name"];
    let channels = node.ctl(&columns).await;
    let is_ours = |line: &&str| ours.iter().any(|pid| line.contains(pid));
    let process = worker.program.pid().to_string();
    Held {
        channels: channels.lines().filter(is_ours).map(str::to_owned).collect(),
        threads: status(&process, "Threads"),
        files: std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count(),
        resident_kib: status(&process, "VmRSS"),
    }
}
