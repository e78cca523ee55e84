//! Which hosts are PayU's for tests.

use url::Url;

use crate::config::Merchant;

/// The hosts that PayU's pages give for its test environment; whatever is none of them may move
/// real money.
const TEST_HOSTS: [&str; 6] = [
    "uatoneapi.payu.in",
    "testoneapi.payu.in",
    "staging.payu.in",
    "test.payumoney.com",
    "uat-accounts.payu.in",
    "test-accounts.payu.in",
];

/// The addresses of a merchant that are neither PayU's for tests nor the sandbox.
pub fn production_hosts(merchant: &Merchant) -> Vec<String> {
    if merchant.sandbox {
        return Vec::new();
    }
    let hosts = [&merchant.api_url, &merchant.auth_url].map(Url::host_str);
    let hosts = hosts.into_iter().flatten().filter(|host| !TEST_HOSTS.contains(host));
    hosts.map(str::to_owned).collect()
}
