//! F22: a proxy in the environment.

use std::ffi::OsStr;

use smartsend::domain::classify::create::Outcome;

use super::{account_at, create};
use crate::support::child;
use crate::support::payu::{Kind, Payu};
use crate::support::raw_server::{RawServer, answer};

const PROXIES: [&str; 5] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"];

#[tokio::test]
async fn f22_a_proxy_in_the_environment_is_ignored_by_the_client() {
    const TEST: &str = "faults::proxy::f22_a_proxy_in_the_environment_is_ignored_by_the_client";
    if !child::is_child() {
        let proxy = RawServer::answering(|_, _| answer("200 OK", "", "by the proxy"));
        let url = proxy.url("");
        let url = OsStr::new(&url);
        let mut environment: Vec<_> = PROXIES.map(|name| (name, url)).into();
        environment.extend(["NO_PROXY", "no_proxy"].map(|name| (name, OsStr::new(""))));
        child::run(TEST, &environment).await;
        assert_eq!(proxy.log().seen.len(), 1, "only the careless client went through the proxy");
        return;
    }
    let payu = Payu::good();
    assert!(matches!(create(&account_at(payu.server())).await, Outcome::Created(_)));
    assert_eq!((payu.count(Kind::Create), payu.links("order-1").len()), (1, 1));
    // A client with reqwest's defaults shows that the environment would have been heeded.
    let careless = reqwest::get(payu.server().url("/")).await.unwrap();
    assert_eq!(careless.text().await.unwrap(), "by the proxy");
}
