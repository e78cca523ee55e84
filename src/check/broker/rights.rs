//! The rights to publish, and whether anyone may at the moment.

use crate::amqp::{Inspection, Writing};
use crate::check::report::{Finding, Group, some_of};

const GROUP: Group = Group::Broker;

/// What came of trying each of these exchanges, which exist.
pub(super) async fn findings(connection: &Inspection, exchanges: &[&str]) -> Vec<Finding> {
    let (mut refused, mut unknown) = (Vec::new(), None);
    for exchange in exchanges {
        match connection.may_write(exchange).await {
            Writing::Allowed => {}
            Writing::Refused => refused.push((*exchange).to_owned()),
            Writing::Blocked => return blocked(),
            Writing::Unknown(text) => {
                unknown = Some(text);
                break;
            }
        }
    }
    let mut findings = Vec::new();
    if !refused.is_empty() {
        findings.push(Finding::error(
            GROUP,
            "rights",
            format!("this login may not write to {}", some_of(&refused)),
            format!(
                "`rabbitmqctl set_permissions -p {}` for the worker's login",
                connection.vhost()
            ),
        ));
    }
    if let Some(text) = unknown {
        let says = format!("whether this login may publish is unknown: {text}");
        findings.push(Finding::warning(GROUP, "rights", says, "look at RabbitMQ's log"));
        findings.push(Finding::skipped(GROUP, "alarms", "the answer above"));
        return findings;
    }
    if exchanges.is_empty() {
        return vec![
            Finding::skipped(GROUP, "rights", "the exchanges above"),
            Finding::skipped(GROUP, "alarms", "the exchanges above"),
        ];
    }
    if refused.is_empty() {
        let says = format!("it may publish to all {} that are the worker's", exchanges.len());
        findings.push(Finding::ok(GROUP, "rights", says));
    }
    if refused.len() < exchanges.len() {
        findings.push(Finding::ok(GROUP, "alarms", "no alarm"));
    } else {
        findings.push(Finding::skipped(GROUP, "alarms", "a right to write"));
    }
    findings
}

fn blocked() -> Vec<Finding> {
    vec![
        Finding::error(
            GROUP,
            "alarms",
            "RabbitMQ accepts no messages: it is short of memory or disk",
            "`rabbitmq-diagnostics alarms` names the node; free memory or disk there",
        ),
        Finding::skipped(GROUP, "rights", "a broker without an alarm"),
    ]
}
