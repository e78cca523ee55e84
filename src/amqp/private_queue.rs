//! A queue that only one connection sees, and that ends with it.

use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};

/// Declares it. The broker chooses its name.
pub(super) async fn declare(channel: &Channel) -> lapin::Result<ShortString> {
    // A queue that is neither durable nor exclusive is refused by RabbitMQ 4.3 ("Deprecated
    // Features", transient_nonexcl_queues); this one is exclusive.
    let options = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let empty = FieldTable::default();
    let declared = channel.queue_declare(ShortString::default(), options, empty).await?;
    Ok(declared.name().clone())
}

/// Consumes it. An acknowledgement would say nothing: the queue ends with the connection in any case.
pub(super) async fn consume(
    channel: &Channel,
    queue: ShortString,
    tag: &str,
) -> lapin::Result<Consumer> {
    let options =
        BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue, tag.into(), options, FieldTable::default()).await
}
