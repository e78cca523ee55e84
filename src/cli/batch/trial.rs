//! A sandbox for one run, and a configuration that leads to it.

use std::io::ErrorKind;
use std::iter;

use super::super::exit::CommandError;
use crate::config::Config;
use crate::domain::account::Api;
use crate::sandbox::{Sandbox, SandboxSettings};

/// A running sandbox; it stops when this is dropped.
pub(super) struct Trial {
    pub(super) config: Config,
    _sandbox: Sandbox,
}

impl Trial {
    /// Starts it on a free port of this machine. It speaks the API of the only merchant that is
    /// configured, since that decides which columns a file has; else v2.
    pub(super) async fn start(configured: Option<&Config>) -> Result<Self, CommandError> {
        let settings = SandboxSettings::default();
        let secret = settings.client_secret.clone();
        let started = Sandbox::start("127.0.0.1:0", settings).await;
        let sandbox = started.map_err(|error| {
            CommandError::Failed(format!("cannot start a sandbox: {error}; nothing was sent"))
        })?;
        let mut merchants = configured.into_iter().flat_map(|config| config.merchants.values());
        let api = match (merchants.next(), merchants.next()) {
            (Some(only), None) => only.account.api,
            _ => Api::V2,
        };
        let text = configuration(&sandbox.url(), &secret, api);
        // Its secret is in it, so no file is read.
        let config = Config::parse(&text, iter::empty(), &|_| Err(ErrorKind::NotFound.into()));
        let config = config.map_err(CommandError::usage)?;
        Ok(Self { config, _sandbox: sandbox })
    }
}

/// Nothing that is seen of a sandbox on the same machine takes long, so the times are short: what a
/// stop leaves in doubt is known a few seconds after the next start.
fn configuration(url: &str, secret: &str, api: Api) -> String {
    format!(
        r#"
[broker]
heartbeat = "1s"
[merchants.sandbox]
payout_merchant_id = "sandbox"
api = "{api}"
api_url = "{url}/payout"
auth_url = "{url}/oauth/token"
client_id = "anyone"
client_secret = "{secret}"
rate_per_second = 1000
burst = 50
concurrency = 64
timeout = "2s"
connect_timeout = "1s"
max_amount = "1000000.00"
sandbox = true
[retry]
lease = "2s"
delays = ["1s", "5s"]
max_age = "1h"
[in_doubt]
first_lookup = "1s"
quarantine = "8s"
"#,
        api = api.as_str()
    )
}
