//! What the broker shows to a login that only looks.

pub mod consumers;
mod rights;

use crate::amqp::topology::Audit;
use crate::amqp::{ConnectError, Inspection, Server, Topology, TopologyError, written};
use crate::config::{Config, duration};

use super::report::{Finding, Group, Unseen, some_of};

const GROUP: Group = Group::Broker;
/// The oldest that this was tried with.
const OLDEST: (u32, u32) = (3, 10);

pub(super) struct BrokerSeen {
    pub(super) server: Option<Server>,
    pub(super) findings: Vec<Finding>,
    pub(super) unseen: Vec<Unseen>,
}

/// Looks at all that a topology needs, and at a queue of results that somebody has named.
pub(super) async fn look(
    config: &Config,
    topology: &Topology,
    results_queue: Option<&str>,
) -> BrokerSeen {
    let each = match Inspection::of_each(&config.broker).await {
        Ok(each) => each,
        Err(error) => {
            let cure = "make it a file that this user can read";
            let wrong = Finding::error(Group::Configuration, "TLS files", error.to_string(), cure);
            let findings = [vec![wrong], nothing_seen("the files above")].concat();
            return BrokerSeen { server: None, findings, unseen: unseen(config, "VHOST") };
        }
    };
    let (mut open, mut findings) = (Vec::new(), Vec::new());
    let is_any_open = each.iter().any(Result::is_ok);
    for connection in each {
        match connection {
            Ok(connection) => open.push(connection),
            Err(error) => findings.push(not_connected(&error, is_any_open)),
        }
    }
    findings.extend(in_the_clear(config));
    let mut seen = match open.first() {
        None => {
            findings.extend(nothing_seen("the connection above"));
            BrokerSeen { server: None, findings, unseen: unseen(config, "VHOST") }
        }
        Some(first) => {
            findings.extend(open.iter().map(connected));
            findings.extend(first.server().and_then(version));
            let server = first.server().cloned();
            let mut unseen = unseen(config, first.vhost());
            let (found, hidden) = inspect(first, topology, results_queue).await;
            findings.extend(found);
            unseen.extend(hidden);
            BrokerSeen { server, findings, unseen }
        }
    };
    seen.unseen.sort_by_key(|it| it.what);
    for connection in open {
        connection.close().await;
    }
    seen
}

async fn inspect(
    connection: &Inspection,
    topology: &Topology,
    results_queue: Option<&str>,
) -> (Vec<Finding>, Vec<Unseen>) {
    let audit = match connection.audit(topology).await {
        Ok(audit) => audit,
        Err(error) => {
            let cure = "run it again; if it stays, look at RabbitMQ's log";
            let lost = Finding::error(GROUP, "topology", error.to_string(), cure);
            let skipped = nothing_seen("the topology above");
            return ([vec![lost], skipped].concat(), Vec::new());
        }
    };
    let mut findings = topology_findings(topology, &audit);
    let missing = |exchange: &&str| audit.missing.contains(&format!("exchange {exchange}"));
    let exchanges: Vec<&str> = written(topology).filter(|it| !missing(it)).collect();
    findings.extend(rights::findings(connection, &exchanges).await);
    if let Some(name) = results_queue {
        findings.push(results(connection, name).await);
    }
    findings.extend(consumers::findings(topology, &audit));
    let hidden = (!audit.uncompared.is_empty()).then(|| Unseen {
        what: "arguments",
        how: format!(
            "this login may not declare {}, so they could not be compared; run `smartsend check` \
             once with a login in broker.urls that may",
            some_of(&audit.uncompared)
        ),
    });
    (findings, hidden.into_iter().collect())
}

/// What only a connection shows.
fn nothing_seen(needs: &str) -> Vec<Finding> {
    let skipped = |what| Finding::skipped(GROUP, what, needs);
    let consumers = Finding::skipped(Group::Consumers, "consumers", "a connection to the broker");
    vec![skipped("topology"), skipped("rights"), skipped("alarms"), consumers]
}

fn connected(connection: &Inspection) -> Finding {
    let server = match connection.server() {
        Some(Server { product, version }) => format!("{product} {version}"),
        None => "a broker of unknown version".to_owned(),
    };
    let (host, vhost) = (connection.host(), connection.vhost());
    let login = connection.login().unwrap_or_default();
    Finding::ok(GROUP, "connection", format!("{server} at {host}, vhost {vhost}, login {login}"))
}

/// A broker that is down while another one answers is what several are for.
fn not_connected(error: &ConnectError, has_other: bool) -> Finding {
    let cure = if error.is_refused() {
        "check user, password and virtual host in broker.urls: `rabbitmqctl list_users`, \
         `rabbitmqctl list_vhosts`, `rabbitmqctl list_permissions -p VHOST`"
    } else {
        "check that RabbitMQ runs, that this machine reaches it, and broker.urls"
    };
    if has_other {
        Finding::warning(GROUP, "connection", error.to_string(), cure)
    } else {
        Finding::error(GROUP, "connection", error.to_string(), cure)
    }
}

/// A password that crosses a network in the clear.
fn in_the_clear(config: &Config) -> Option<Finding> {
    let is_remote = |host: &str| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        name != "localhost" && !name.starts_with("127.")
    };
    let mut urls = config.broker.urls.iter().filter(|url| !url.is_tls());
    let host = urls.find(|url| is_remote(&url.host_port()))?.host_port();
    let says = format!("password, links and customers' contacts go to {host} without TLS");
    Some(Finding::warning(
        GROUP,
        "TLS",
        says,
        "write amqps:// in broker.urls, or trust the network",
    ))
}

fn version(server: &Server) -> Option<Finding> {
    let Server { product, version } = server;
    if product != "RabbitMQ" {
        let says = format!("{product} is not RabbitMQ, and was never tried");
        return Some(Finding::warning(GROUP, "version", says, "use RabbitMQ 3.10 or newer"));
    }
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let number = (parts.next().flatten(), parts.next().flatten());
    match number {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => None,
        _ => {
            let says = format!("RabbitMQ {version} was never tried");
            Some(Finding::warning(GROUP, "version", says, "use RabbitMQ 3.10 or newer"))
        }
    }
}

fn topology_findings(topology: &Topology, audit: &Audit) -> Vec<Finding> {
    let all = topology.names().count();
    let mut findings = Vec::new();
    if !audit.missing.is_empty() {
        findings.push(Finding::error(
            GROUP,
            "topology",
            format!("missing: {}", some_of(&audit.missing)),
            "run `smartsend topology apply`, or import what `smartsend topology export` prints",
        ));
    }
    let wrong = |error: &TopologyError| match error {
        TopologyError::Differs { what, argument, text } => Finding::error(
            GROUP,
            "topology",
            format!("{what} exists with another {argument}: {text}"),
            "AMQP cannot change it: delete it once it is empty and run `smartsend topology apply`, \
             or choose another broker.prefix",
        ),
        TopologyError::Config(_)
        | TopologyError::Connect(_)
        | TopologyError::TooLong
        | TopologyError::Forbidden { .. }
        | TopologyError::Refused { .. } => {
            Finding::error(GROUP, "topology", error.to_string(), "look at RabbitMQ's log")
        }
    };
    findings.extend(audit.wrong.iter().map(wrong));
    if findings.is_empty() {
        let compared = all - audit.uncompared.len();
        let says = if compared == all {
            format!("all {all} exchanges and queues are there, with their arguments")
        } else {
            format!("all {all} exchanges and queues are there, {compared} with their arguments")
        };
        findings.push(Finding::ok(GROUP, "topology", says));
    }
    findings
}

async fn results(connection: &Inspection, name: &str) -> Finding {
    match connection.queue(name).await {
        Ok(Some(count)) => {
            let says = format!(
                "queue {name} is there: {} results wait, {} consume",
                count.ready, count.consumers
            );
            Finding::ok(GROUP, "results", says)
        }
        Ok(None) => Finding::error(
            GROUP,
            "results",
            format!("there is no queue {name}"),
            format!("`smartsend topology apply --results-queue {name}` declares and binds it"),
        ),
        Err(text) => Finding::warning(
            GROUP,
            "results",
            format!("what queue {name} holds is unknown: {text}"),
            "look at RabbitMQ's log",
        ),
    }
}

/// What AMQP does not show.
fn unseen(config: &Config, vhost: &str) -> Vec<Unseen> {
    let prefix = &config.broker.prefix;
    let timeout = duration::shortest(config.broker.consumer_timeout);
    vec![
        Unseen {
            what: "whether results are bound",
            how: format!(
                "`rabbitmqctl list_bindings -p {vhost}` has to show {prefix}.results with a queue; \
                 while there is none a worker starts nothing, and its /readyz says so"
            ),
        },
        Unseen {
            what: "policies that could lose intents",
            how: format!(
                "`rabbitmqctl list_policies -p {vhost}` and `rabbitmqctl list_operator_policies -p \
                 {vhost}`: none of {prefix}.* may set a maximum length, a message TTL or an expiry"
            ),
        },
        Unseen {
            what: "consumer_timeout",
            how: format!(
                "`rabbitmqctl environment` shows it in milliseconds: broker.consumer_timeout says \
                 {timeout}"
            ),
        },
        Unseen {
            what: "rights to consume",
            how: format!(
                "`rabbitmqctl list_permissions -p {vhost}`: the worker's login reads {prefix}.*, \
                 and upstream's may only write to {prefix}.intents and {prefix}.commands"
            ),
        },
    ]
}
