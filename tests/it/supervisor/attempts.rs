//! What attempts to connect leave behind.

use std::net::TcpListener;

use smartsend::amqp::topology;

use super::topology;
use crate::support::amqp::settings;
use crate::support::child;

const WARM: usize = 100;
const ATTEMPTS: usize = 1000;

/// What this process holds of the machine's memory, in KiB (proc(5), `VmRSS`).
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// lapin keeps some 10 kB for ever of a connection whose socket it could not open: a broker that is
/// away for a night would cost hundreds of megabytes.
#[tokio::test]
async fn a_thousand_attempts_that_nobody_answers_leave_no_memory_behind() {
    const TEST: &str =
        "supervisor::attempts::a_thousand_attempts_that_nobody_answers_leave_no_memory_behind";
    if !child::is_child() {
        return child::run(TEST, &[]).await; // alone, so that the memory is ours
    }
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let settings = settings(&[&format!("amqp://guest:guest@127.0.0.1:{port}/%2f")]);
    let (topology, mut warm) = (topology(), 0);
    for attempt in 1..=ATTEMPTS {
        let refused = topology::apply(&settings, &topology).await.unwrap_err();
        assert!(refused.to_string().contains("refused"), "{refused}");
        if attempt == WARM {
            warm = resident_kib();
        }
    }
    let growth = resident_kib().saturating_sub(warm);
    assert!(growth < 2048, "{growth} KiB for {} attempts", ATTEMPTS - WARM);
}
