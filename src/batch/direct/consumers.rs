//! Whether a worker pays from the same account by way of RabbitMQ.

use crate::amqp::Inspection;
use crate::amqp::topology::names::work_queue;
use crate::config::{Config, Merchant};
use crate::domain::work::Work;

/// Why no batch may run beside what there is.
#[derive(Debug, thiserror::Error)]
pub enum ConsumedError {
    #[error(
        "consumers of {queue}: {consumers}, so a worker pays from the account of the merchant \
         {merchant}, and both would exceed its rate; submit the file to it with `smartsend submit`, \
         or stop it; nothing was sent"
    )]
    Consumed { consumers: u32, queue: String, merchant: String },
    #[error(
        "RabbitMQ does not say whether a worker pays from the account of the merchant {merchant} \
         ({reason}); if you know that none does, use --no-broker-check; nothing was sent"
    )]
    Unknown { merchant: String, reason: String },
}

/// Refuses if the merchant's intents have a consumer. A broker that the configuration names has to
/// answer; if it names none, the one of the default address may not exist.
pub async fn refuse_if_consumed(config: &Config, merchant: &Merchant) -> Result<(), ConsumedError> {
    let queue = work_queue(&config.broker.prefix, Work::Intents, &merchant.name);
    let mut reason = "it was not asked".to_owned();
    let each = match Inspection::of_each(&config.broker).await {
        Ok(each) => each,
        Err(error) => {
            reason = error.to_string();
            Vec::new()
        }
    };
    let mut consumers = None;
    for connection in each {
        match connection {
            Ok(connection) => {
                match connection.queue(&queue).await {
                    Ok(count) => consumers = Some(count.map_or(0, |count| count.consumers)),
                    Err(words) => reason = words,
                }
                connection.close().await;
            }
            Err(error) => reason = error.to_string(),
        }
    }
    let merchant = merchant.name.clone();
    match consumers {
        Some(0) => Ok(()),
        Some(consumers) => Err(ConsumedError::Consumed { consumers, queue, merchant }),
        None if config.broker.is_named => Err(ConsumedError::Unknown { merchant, reason }),
        None => Ok(()),
    }
}
