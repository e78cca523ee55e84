//! What attempts to connect leave behind.

use smartsend::amqp::topology;
use tokio::net::TcpSocket;

use super::topology;
use crate::support::amqp::settings;
use crate::support::broker::Node;
use crate::support::child;
use crate::support::proc::status;

const WARM: usize = 100;
const ATTEMPTS: usize = 1000;

/// lapin keeps some 10 kB for ever of a connection whose socket it could not open: a broker that is
/// away for a night would cost hundreds of megabytes.
#[tokio::test]
async fn a_thousand_attempts_that_nobody_answers_leave_no_memory_behind() {
    const TEST: &str =
        "supervisor::attempts::a_thousand_attempts_that_nobody_answers_leave_no_memory_behind";
    if !child::is_child() {
        return child::run(TEST, &[]).await; // alone, so that the memory is ours
    }
    let socket = TcpSocket::new_v4().unwrap(); // bound and not listening: the port stays ours
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let settings = settings(&[&Node::url_at(port, "/")]);
    let (topology, mut warm) = (topology(), 0);
    for attempt in 1..=ATTEMPTS {
        let refused = topology::apply(&settings, &topology).await.unwrap_err();
        assert!(refused.to_string().contains("refused"), "{refused}");
        if attempt == WARM {
            warm = status("self", "VmRSS");
        }
    }
    let growth = status("self", "VmRSS").saturating_sub(warm);
    assert!(growth < 2048, "{growth} KiB for {} attempts", ATTEMPTS - WARM);
}
