//! A configuration that can be used, for a broker that nobody runs.

pub(crate) const CONFIGURATION: &str = r#"
[broker]
urls = ["amqp://guest:guest@127.0.0.1:1/%2f"]
[merchants.default]
payout_merchant_id = "1111312"
api = "v1"
client_id = "client"
client_secret = "secret"
rate_per_second = 10
max_amount = "1000.00"
"#;
