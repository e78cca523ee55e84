//! What a worker of this machine says of itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Client, redirect};
use serde_json::{Value, json};

use super::report::{Finding, Group};

const GROUP: Group = Group::Consumers;
/// A worker answers within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The largest page that is read.
const PAGE_MAX: usize = 4 * 1024 * 1024;

/// Its pages; none where nothing answers.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// Its HTTP status and text.
    pub readyz: Option<(u16, String)>,
    pub status: Option<Value>,
    pub metrics: Option<String>,
}

/// Reads the pages at this address.
pub(super) async fn read(listen: SocketAddr) -> Pages {
    let client =
        Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(TIMEOUT).build();
    let Ok(client) = client else { return Pages::default() };
    let address = reachable(listen);
    let page = |path| page(&client, format!("http://{address}{path}"));
    let Some((_, status)) = page("/status").await else { return Pages::default() };
    // Whatever else listens there is none of our business.
    let status: Option<Value> = serde_json::from_str(&status).ok();
    let Some(status) = status.filter(|it| it["merchants"].is_object() && it["ready"].is_boolean())
    else {
        return Pages::default();
    };
    let (readyz, metrics) = tokio::join!(page("/readyz"), page("/metrics"));
    Pages { readyz, status: Some(status), metrics: metrics.map(|(_, text)| text) }
}

/// Where a worker that listens on every address is reached.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn page(client: &Client, url: String) -> Option<(u16, String)> {
    let mut response = client.get(url).send().await.ok()?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > PAGE_MAX {
            return None;
        }
    }
    Some((status, String::from_utf8(body).ok()?))
}

impl Pages {
    pub(super) fn finding(&self, listen: SocketAddr) -> Finding {
        match &self.readyz {
            None => Finding::ok(GROUP, "worker", format!("no worker answers at {listen}")),
            Some((200, _)) => {
                Finding::ok(GROUP, "worker", format!("the worker at {listen} is ready"))
            }
            Some((_, text)) => {
                let reasons: Vec<&str> = text.lines().take(3).collect();
                let says = format!("the worker at {listen} is not ready: {}", reasons.join("; "));
                let cure = format!("http://{listen}/readyz has every reason");
                Finding::warning(GROUP, "worker", says, cure)
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        let readyz = self.readyz.as_ref();
        json!({
            "readyz": readyz.map(|(status, text)| json!({ "status": status, "text": text })),
            "status": self.status,
            "metrics": self.metrics,
        })
    }
}
