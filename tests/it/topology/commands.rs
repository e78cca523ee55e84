//! What commands need is there where a merchant takes commands, and nowhere else.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use serde_json::{Value, json};
use smartsend::amqp::Topology;
use smartsend::amqp::topology::names::retry_name;
use smartsend::amqp::topology::{apply, verify};
use smartsend::config::Config;
use smartsend::domain::work::Work;

use super::{by_name, topology};
use crate::support::amqp::settings;
use crate::support::broker::{Node, publish, take_next};

fn with_commands(merchants: &[&str], commanded: &[&str]) -> Topology {
    topology(merchants).with_commands(commanded.iter().copied()).unwrap()
}

fn lines(topology: &Topology) -> Vec<String> {
    topology.names().collect()
}

/// The contract's section 1, word for word.
#[test]
fn the_export_holds_the_contract_of_commands() {
    let topology = with_commands(&["default", "other"], &["default"]);
    let definitions: Value = serde_json::from_str(&topology.export("/")).unwrap();
    let (queues, exchanges) = (by_name(&definitions, "queues"), by_name(&definitions, "exchanges"));
    assert_eq!(queues.len(), 9 + 3, "one more for each delay, and one for the merchant");
    assert_eq!(exchanges.len(), 9 + 3, "one more for each delay, and one for commands");
    let of_intents = &queues["smartsend.intents.default"]["arguments"];
    assert_eq!(&queues["smartsend.commands.default"]["arguments"], of_intents);
    assert_eq!(
        queues["smartsend.commands.retry.2m"]["arguments"],
        json!({
            "x-queue-type": "quorum",
            "x-message-ttl": 120_000,
            "x-dead-letter-exchange": "smartsend.commands",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        })
    );
    assert_eq!(exchanges["smartsend.commands"]["type"], "direct");
    assert_eq!(
        exchanges["smartsend.commands"]["arguments"],
        json!({ "alternate-exchange": "smartsend.dead" })
    );
    assert_eq!(exchanges["smartsend.commands.retry.2m"]["type"], "fanout");
    let binding = definitions["bindings"].as_array().unwrap().iter();
    let mut binding = binding.filter(|it| it["destination"] == "smartsend.commands.default");
    let binding = binding.next().unwrap();
    assert_eq!(
        (binding["source"].as_str(), binding["routing_key"].as_str()),
        (Some("smartsend.commands"), Some("default"))
    );
    let retries: Vec<_> = ["1s", "2m"]
        .iter()
        .flat_map(|it| [format!("smartsend.retry.{it}"), format!("smartsend.commands.retry.{it}")])
        .collect();
    assert!(retries.iter().all(|queue| topology.is_retry_queue(queue)), "{retries:?}");
    let unconsumed: Vec<_> = topology.unconsumed_queues().collect();
    assert!(retries.iter().all(|queue| unconsumed.contains(queue)), "{unconsumed:?}");
    assert!(!topology.is_retry_queue("smartsend.commands.default"));
}

#[test]
fn an_installation_without_commands_has_nothing_of_them() {
    let plain = topology(&["default", "other"]);
    assert_eq!(lines(&with_commands(&["default", "other"], &[])), lines(&plain));
    assert!(!plain.export("/").contains("commands"));
}

#[test]
fn a_merchant_takes_commands_where_its_configuration_says_so() {
    let merchant = |name: &str, commands: u32| {
        format!(
            "[merchants.{name}]\npayout_merchant_id = \"{name}\"\napi = \"v2\"\nclient_id = \"c\"\n\
             client_secret = \"s\"\nrate_per_second = 10\nmax_amount = \"1\"\n\
             commands_per_second = {commands}\n"
        )
    };
    let of = |commands: [u32; 2]| {
        let toml = merchant("one", commands[0]) + &merchant("two", commands[1]);
        Config::parse(&toml, std::iter::empty(), &|_| Ok(String::new())).unwrap()
    };
    let is_of_commands = |line: &&String| line.contains(".commands");
    let all = lines(&Topology::of(&of([0, 3])).unwrap());
    let found: Vec<_> = all.iter().filter(is_of_commands).collect();
    assert_eq!(found.len(), 2 + 2 * 5, "{found:?}");
    assert!(all.contains(&"queue smartsend.commands.two".to_owned()), "{all:?}");
    assert_eq!(lines(&Topology::of(&of([0, 0])).unwrap()).iter().find(is_of_commands), None);
    let config = of([0, 3]);
    let some = |name: &str| Topology::of_merchants(&config, [&config.merchants[name]]).unwrap();
    assert_eq!(lines(&some("one")).iter().find(is_of_commands), None);
    assert!(lines(&some("two")).contains(&"queue smartsend.commands.two".to_owned()));
}

#[test]
fn a_queue_of_commands_needs_nothing_of_the_intents_queues() {
    let delays = [1, 120].map(Duration::from_secs);
    let own = Topology::of_commands("smartsend", ["default"], &delays).unwrap();
    let queues: Vec<_> = own.queues().collect();
    assert_eq!(
        queues,
        [
            "smartsend.parked",
            "smartsend.dead",
            "smartsend.discarded",
            "smartsend.commands.retry.1s",
            "smartsend.commands.retry.2m",
            "smartsend.commands.default",
        ]
    );
    let all = lines(&with_commands(&["default"], &["default"]));
    assert!(lines(&own).iter().all(|line| all.contains(line)), "{:?}", lines(&own));
    let named = retry_name("p", Work::Commands, Duration::from_mins(2));
    assert_eq!(named, "p.commands.retry.2m");
}

#[tokio::test]
async fn what_commands_need_is_declared_and_found_missing_by_its_name() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let settings = settings(&[&node.amqp_url(&vhost)]);
    apply(&settings, &topology(&["default"])).await.unwrap();
    let topology = with_commands(&["default"], &["default"]);
    let expected = [
        "exchange smartsend.commands",
        "exchange smartsend.commands.retry.1s",
        "exchange smartsend.commands.retry.2m",
        "queue smartsend.commands.retry.1s",
        "queue smartsend.commands.retry.2m",
        "queue smartsend.commands.default",
    ];
    assert_eq!(verify(&settings, &topology).await.unwrap(), expected);
    for _ in 0..2 {
        apply(&settings, &topology).await.unwrap();
        assert_eq!(verify(&settings, &topology).await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_command_comes_back_to_its_own_queue_and_one_without_a_queue_blocks_nobody() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let topology = with_commands(&["default", "other"], &["default"]);
    apply(&settings(&[&node.amqp_url(&vhost)]), &topology).await.unwrap();
    let connection = node.connect(&vhost).await;
    let plain = BasicProperties::default;
    let retry = "smartsend.commands.retry.1s";
    for (exchange, key, body) in [
        (retry, "nobody", &b"stray"[..]),
        (retry, "default", b"kept"),
        // Takes intents, and no commands.
        ("smartsend.commands", "other", b"unknown"),
    ] {
        assert!(publish(&connection, exchange, key, body, plain()).await);
    }
    let kept = take_next(&connection, "smartsend.commands.default").await;
    assert_eq!((kept.body.as_slice(), kept.routing_key.as_str()), (&b"kept"[..], "default"));
    for (body, key) in [(&b"unknown"[..], "other"), (b"stray", "nobody")] {
        let put_aside = take_next(&connection, "smartsend.dead").await;
        assert_eq!((put_aside.body.as_slice(), put_aside.routing_key.as_str()), (body, key));
        // What distinguishes them from intents: they came by this exchange.
        assert_eq!(put_aside.exchange, "smartsend.commands");
    }
    for merchant in ["default", "other"] {
        let queue = format!("smartsend.intents.{merchant}");
        assert_eq!(node.queue_depth(&vhost, &queue).await, 0, "{queue}");
    }
}

#[tokio::test]
async fn a_commands_queue_with_other_arguments_is_named() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let channel = node.connect(&vhost).await.create_channel().await.unwrap();
    let options = QueueDeclareOptions::durable();
    let name = "smartsend.commands.default";
    channel.queue_declare(name.into(), options, FieldTable::default()).await.unwrap();
    let topology = with_commands(&["default"], &["default"]);
    let refused = apply(&settings(&[&node.amqp_url(&vhost)]), &topology).await.unwrap_err();
    let says = refused.to_string();
    assert!(says.contains(&format!("queue {name} exists with another x-")), "{says}");
}
