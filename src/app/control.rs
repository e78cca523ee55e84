//! Hears the orders of operators, and passes them on to the merchants.

use std::sync::Arc;
use std::time::Duration;

use uuid::Builder;

use super::Live;
use crate::amqp::Broker;
use crate::amqp::control::Orders;
use crate::domain::work::Work;
use crate::telemetry::status::{Component, Status};
use crate::worker::MerchantContext;

/// How long until orders are listened for again, after that failed.
const LISTEN_WAIT: Duration = Duration::from_secs(5);

/// Obeys orders as long as it is polled.
pub(super) async fn obey(
    broker: Broker,
    prefix: String,
    merchants: Vec<Arc<MerchantContext<Live>>>,
    status: Status,
) {
    let process = Builder::from_random_bytes(rand::random()).into_uuid().to_string();
    let merchants: Vec<_> = merchants.into_iter().filter(|it| it.work() == Work::Intents).collect();
    loop {
        match Orders::open(&broker.session().await, &prefix).await {
            Ok(orders) => {
                status.clear(Component::Control);
                listen(orders, &process, &broker, &prefix, &merchants).await;
            }
            Err(error) => {
                let sentence = format!("{error}; `smartsend pause` would not be heard here");
                status.raise(Component::Control, sentence);
            }
        }
        tokio::time::sleep(LISTEN_WAIT).await;
    }
}

async fn listen(
    mut orders: Orders,
    process: &str,
    broker: &Broker,
    prefix: &str,
    merchants: &[Arc<MerchantContext<Live>>],
) {
    // An order that came while nobody listened here is in the checkpoint.
    for merchant in merchants {
        if let Ok(Some(checkpoint)) = broker.checkpoint(prefix, merchant.merchant()).await {
            merchant.restore_pause(&checkpoint);
        }
    }
    while let Some(ordered) = orders.next().await {
        let named = merchants.iter().find(|it| it.merchant() == ordered.order.merchant);
        if let Some(merchant) = named {
            let reply = merchant.obey(process, ordered.order.action.clone()).await;
            orders.answer(&ordered, &reply).await;
        }
    }
}
