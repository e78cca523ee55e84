//! An installation with a proxy on every way out of its workers, and a lookout on both.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::lookout::Lookout;
use crate::support::amqp_proxy::AmqpProxy;
use crate::support::brake::Brake;
use crate::support::broker::Node;
use crate::support::http_proxy::HttpProxy;
use crate::support::results::Collector;
use crate::support::scenario::Scenario;

/// See the module.
pub(super) struct Site {
    pub(super) scenario: Scenario,
    pub(super) lookout: Arc<Lookout>,
    pub(super) brake: Brake,
    _amqp: AmqpProxy,
    pub(super) http: HttpProxy,
    pub(super) results: Collector,
}

impl Site {
    pub(super) async fn prepare(declared: impl AsyncFnOnce() -> Scenario) -> Self {
        // One after the other: to declare quorum queues is the broker's hardest work.
        static PREPARING: Mutex<()> = Mutex::const_new(());
        let _preparing = PREPARING.lock().await;
        let mut scenario = declared().await;
        let (lookout, brake) = (Arc::<Lookout>::default(), Brake::default());
        let watching = Arc::clone(&lookout);
        let amqp =
            AmqpProxy::start(scenario.node.address(), &brake, move |seen| watching.frame(seen))
                .await;
        let watching = Arc::clone(&lookout);
        let http = HttpProxy::start(scenario.provider.address(), &brake, move |exchange| {
            watching.exchange(exchange)
        })
        .await;
        scenario.set("broker.urls", &Node::url_at(amqp.port(), &scenario.vhost));
        scenario.set("merchants.default.auth_url", &format!("{}/oauth/token", http.url()));
        scenario.set("merchants.default.api_url", &format!("{}/payout", http.url()));
        let results = scenario.results().await;
        Self { scenario, lookout, brake, _amqp: amqp, http, results }
    }
}
