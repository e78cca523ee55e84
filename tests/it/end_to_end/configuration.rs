//! Configurations that cannot be right.

use serde_json::json;

use crate::support::scenario::Scenario;

#[tokio::test]
async fn a_wrong_configuration_ends_the_start_with_every_error() {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.set("retry.lease", "1x");
    scenario.set("merchants.default.rate_per_second", "0");
    scenario.set("merchants.default.api_url", "http://example.com/payout");
    scenario.set("in_doubt.quarantine", "1s");
    scenario.set("broker.no_such_key", "1");
    let output = scenario.command(&["run"]).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(output.stdout.is_empty());
    for key in [
        "retry.lease",
        "merchants.default.rate_per_second",
        "merchants.default.api_url",
        "merchants.default.timeout",
        "broker.no_such_key",
    ] {
        assert!(errors.contains(key), "{key} is not reported:\n{errors}");
    }
    assert!(!errors.contains("sandbox-secret"), "{errors}");
}

#[tokio::test]
async fn a_place_for_the_pages_that_is_taken_ends_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.set("ops.listen", &address);
    let output = scenario.command(&["run"]).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("ops.listen") && errors.contains(&address), "{errors}");
}
