//! The topology as RabbitMQ's definitions file, for `rabbitmqctl import_definitions` and for
//! `load_definitions` (RabbitMQ "Schema Definition Export and Import").

use serde_json::{Value, json};

use crate::amqp::hosts::{BrokerConfigError, Hosts};
use crate::config;

use super::table::{Argument, Kind, Topology};

impl Topology {
    /// The definitions for the virtual host that a configuration names. Connects to nothing.
    pub fn export_for(&self, broker: &config::Broker) -> Result<String, BrokerConfigError> {
        Ok(self.export(Hosts::read(broker)?.vhost()))
    }

    /// The definitions for a virtual host, as JSON text. Users, permissions and the virtual host
    /// itself are the operator's and are not in it.
    pub fn export(&self, vhost: &str) -> String {
        let exchanges = self.exchanges.iter().map(|exchange| {
            let arguments = match &exchange.alternate {
                Some(alternate) => json!({ "alternate-exchange": alternate }),
                None => json!({}),
            };
            json!({
                "name": exchange.name,
                "vhost": vhost,
                "type": match exchange.kind {
                    Kind::Direct => "direct",
                    Kind::Fanout => "fanout",
                    Kind::Topic => "topic",
                },
                "durable": true,
                "auto_delete": false,
                "internal": false,
                "arguments": arguments,
            })
        });
        let queues = self.queues.iter().map(|queue| {
            json!({
                "name": queue.name,
                "vhost": vhost,
                "durable": true,
                "auto_delete": false,
                "arguments": queue
                    .arguments
                    .iter()
                    .map(|(name, argument)| ((*name).to_owned(), argument.into()))
                    .collect::<serde_json::Map<String, Value>>(),
            })
        });
        let bindings = self.bindings.iter().map(|binding| {
            json!({
                "source": binding.exchange,
                "vhost": vhost,
                "destination": binding.queue,
                "destination_type": "queue",
                "routing_key": binding.routing_key,
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

impl From<&Argument> for Value {
    fn from(argument: &Argument) -> Self {
        match argument {
            Argument::Text(text) => json!(text),
            Argument::Number(number) => json!(number),
            Argument::Flag(flag) => json!(flag),
        }
    }
}
