//! Asks a worker, by its health pages.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::redirect;
use url::Url;

use super::facts::WorkerFacts;
use crate::domain::reference::Reference;
use crate::telemetry::status::ReferenceStatus;

/// How long a worker has for its answer: it is on this machine, or on a near one.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Where the worker of this configuration listens, as seen from this machine; `None` if only its log
/// says where.
pub fn listener(listen: SocketAddr) -> Option<Url> {
    let loopback = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    let address = SocketAddr::new(loopback, listen.port());
    if listen.port() == 0 { None } else { Url::parse(&format!("http://{address}")).ok() }
}

/// Asks one worker what it does with a reference.
pub(super) async fn ask(url: &Url, reference: &Reference) -> WorkerFacts {
    let said = request(url, reference).await;
    WorkerFacts { url: url.as_str().trim_end_matches('/').to_owned(), said }
}

async fn request(url: &Url, reference: &Reference) -> Result<ReferenceStatus, String> {
    let mut page = url.clone();
    let segments = page.path_segments_mut();
    let mut segments = segments.map_err(|()| "it is not the address of a server".to_owned())?;
    segments.pop_if_empty().extend(["status", reference.as_str()]);
    drop(segments);
    let client = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none());
    let client = client.timeout(PATIENCE).build().map_err(|error| why(&error))?;
    let answer = client.get(page).send().await.map_err(|error| why(&error))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("it answered with HTTP {}, as no worker does", status.as_u16()));
    }
    let body = answer.bytes().await.map_err(|error| why(&error))?;
    let said: ReferenceStatus = serde_json::from_slice(&body)
        .map_err(|_| "its answer is not that of a worker of this version".to_owned())?;
    if said.merchant_ref_id == reference.as_str() {
        Ok(said)
    } else {
        Err("it answered about another reference".to_owned())
    }
}

/// The cause, without the address.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("it did not answer within {PATIENCE:?}");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
