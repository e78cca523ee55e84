//! The topology as RabbitMQ's definitions file, for `rabbitmqctl import_definitions` and for
//! `load_definitions` (RabbitMQ "Schema Definition Export and Import").

use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Map, Value, json};

use super::table::Topology;
use crate::amqp::hosts::Hosts;
use crate::amqp::tls::BrokerConfigError;
use crate::config;

impl Topology {
    /// The definitions for the virtual host that a configuration names. Connects to nothing.
    pub fn export_for(&self, broker: &config::Broker) -> Result<String, BrokerConfigError> {
        Ok(self.export(Hosts::read(broker)?.vhost()))
    }

    /// The definitions for a virtual host, as JSON text. Users, permissions and the virtual host
    /// itself are the operator's and are not in it.
    pub fn export(&self, vhost: &str) -> String {
        let exchanges = self.exchanges.iter().map(|exchange| {
            json!({
                "name": exchange.name,
                "vhost": vhost,
                "type": exchange.kind,
                "durable": true,
                "auto_delete": false,
                "internal": false,
                "arguments": arguments(&exchange.arguments),
            })
        });
        let queues = self.queues.iter().map(|queue| {
            json!({
                "name": queue.name,
                "vhost": vhost,
                "durable": true,
                "auto_delete": false,
                "arguments": arguments(&queue.arguments),
            })
        });
        let bindings = self.queues.iter().map(|queue| {
            json!({
                "source": queue.exchange,
                "vhost": vhost,
                "destination": queue.name,
                "destination_type": "queue",
                "routing_key": queue.routing_key,
                "arguments": {},
            })
        });
        let definitions = json!({
            "exchanges": exchanges.collect::<Vec<_>>(),
            "queues": queues.collect::<Vec<_>>(),
            "bindings": bindings.collect::<Vec<_>>(),
        });
        format!("{definitions:#}\n")
    }
}

fn arguments(table: &FieldTable) -> Map<String, Value> {
    table.into_iter().map(|(name, value)| (name.to_string(), json(value))).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the table holds no other type")]
fn json(argument: &AMQPValue) -> Value {
    match argument {
        AMQPValue::LongString(text) => json!(text.to_string()),
        AMQPValue::LongLongInt(number) => json!(number),
        AMQPValue::Boolean(flag) => json!(flag),
        _ => Value::Null,
    }
}
