//! The metrics by their exact names, what they mean, and the buckets of the histograms.
//!
//! The default of the exporter is a summary, which cannot be added up over replicas. So every
//! histogram has buckets, and they are chosen where the decisions are: around the timeouts.

use std::sync::OnceLock;

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

/// From a link at once to an intent that waited its whole `max_age`, in seconds.
const AGE_SECONDS: &[f64] = &[
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0,
    86400.0,
];

/// Around `connect_timeout` (3 s) and `timeout` (20 s), in seconds.
const CALL_SECONDS: &[f64] =
    &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0];

/// From a turn at once to a wait of the whole `hold`, in seconds.
const WAIT_SECONDS: &[f64] =
    &[0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// The metrics could not be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot start the metrics: {0}")]
pub struct MetricsUnavailable(String);

/// Takes the metrics of this process. Called again, it gives the same handle.
pub fn install() -> Result<PrometheusHandle, MetricsUnavailable> {
    static INSTALLED: OnceLock<Result<PrometheusHandle, MetricsUnavailable>> = OnceLock::new();
    let install = || {
        let recorder = recorder().map_err(|error| MetricsUnavailable(error.to_string()))?;
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder)
            .map_err(|error| MetricsUnavailable(error.to_string()))?;
        describe();
        Ok(handle)
    };
    INSTALLED.get_or_init(install).clone()
}

/// A recorder with our buckets, that nothing writes to yet.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let age = Matcher::Full("smartsend_intent_age_seconds".to_owned());
    let call = Matcher::Full("smartsend_call_seconds".to_owned());
    let wait = Matcher::Full("smartsend_limiter_wait_seconds".to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(age, AGE_SECONDS)?
        .set_buckets_for_metric(call, CALL_SECONDS)?
        .set_buckets_for_metric(wait, WAIT_SECONDS)?;
    Ok(builder.build_recorder())
}

/// Tells the recorder in force what each metric means.
pub fn describe() {
    describe_counter!(
        "smartsend_intents_total",
        "Intents that came to an end, by what became of them"
    );
    describe_histogram!(
        "smartsend_intent_age_seconds",
        "Time from the publish of an intent to its result, in seconds"
    );
    describe_counter!("smartsend_calls_total", "HTTP calls to the provider, by call and outcome");
    describe_histogram!(
        "smartsend_call_seconds",
        "How long a call to the provider took, in seconds"
    );
    describe_counter!("smartsend_looks_total", "Lookup-ups of a reference, by what they found");
    describe_histogram!(
        "smartsend_limiter_wait_seconds",
        "How long a call waited for its turn, in seconds"
    );
    describe_gauge!(
        "smartsend_gate_state",
        "1 for the state that the merchant's gate is in, else 0"
    );
    describe_gauge!("smartsend_in_flight", "Calls in flight now");
    describe_counter!("smartsend_publishes_total", "Publishes to the broker, by kind and result");
    describe_counter!(
        "smartsend_handed_back_total",
        "Deliveries that went back to the broker with their record"
    );
    describe_counter!("smartsend_parked_total", "Intents parked for a person, by reason");
    describe_gauge!("smartsend_parked_messages", "Messages in the parked queue now");
    describe_gauge!("smartsend_broker_connected", "1 while the connection to the broker is up");
}
