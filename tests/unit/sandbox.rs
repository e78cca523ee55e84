//! The sandbox over real HTTP: PayU's shapes, the faults, and what the ledger then holds.

mod accounts;
mod bulk;
mod cancels;
mod desk;
mod documented;
mod extensions;
mod faulty;
mod knobs;
mod ledger;
mod life;
mod magic;
mod serve;
mod statuses;
mod tokens;
mod v2;

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use smartsend::sandbox::{Faults, RequestKind, Sandbox, SandboxSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MERCHANT: &str = "1111111";
const CLIENT: &str = "client-1";
const PATIENCE: Duration = Duration::from_secs(20);

/// A sandbox, and a client that holds a token.
struct Stage {
    sandbox: Sandbox,
    http: reqwest::Client,
    token: String,
}

impl Stage {
    async fn new() -> Self {
        Self::with(SandboxSettings::default()).await
    }

    async fn faulty(document: &Value) -> Self {
        let stage = Self::new().await;
        stage.set_faults(document);
        stage
    }

    async fn with(settings: SandboxSettings) -> Self {
        let sandbox = Sandbox::start("127.0.0.1:0", settings).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let mut stage = Self { sandbox, http, token: String::new() };
        stage.renew().await;
        stage
    }

    async fn renew(&mut self) {
        let body = self.ask_token(&credentials(CLIENT)).await.1;
        body["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    fn set_faults(&self, document: &Value) {
        let faults = Faults::parse(document.to_string().as_bytes()).unwrap();
        self.sandbox.set_faults(faults).unwrap();
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.url())
    }

    async fn ask_token(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let request = self.http.post(self.url("/oauth/token")).form(form);
        read(request.send().await.unwrap()).await
    }

    fn create_request(&self, body: &str) -> RequestBuilder {
        let request = self.http.post(self.url("/payout/smartPay")).bearer_auth(&self.token);
        let request = request.header("payoutMerchantId", MERCHANT);
        request.header("content-type", "application/json").body(body.to_owned())
    }

    fn create_v2_request(&self, body: &Value) -> RequestBuilder {
        let request = self.http.post(self.url("/payout/v2/smartSend/link"));
        request
            .bearer_auth(&self.token)
            .header("pid", MERCHANT)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    async fn create_v2(&self, body: &Value) -> (StatusCode, Value) {
        read(self.create_v2_request(body).send().await.unwrap()).await
    }

    async fn create(&self, body: &Value) -> (StatusCode, Value) {
        read(self.create_request(&body.to_string()).send().await.unwrap()).await
    }

    async fn try_create(&self, reference: &str) -> reqwest::Result<Response> {
        self.create_request(&order(reference).to_string()).send().await
    }

    fn lookup_request(&self, reference: &str) -> RequestBuilder {
        let query = [("payoutMerchantId", MERCHANT), ("merchantRefId", reference)];
        let url = self.url("/payout/merchant/smartSend/details");
        self.http.get(url).query(&query).bearer_auth(&self.token)
    }

    async fn lookup(&self, reference: &str) -> (StatusCode, Value) {
        read(self.lookup_request(reference).send().await.unwrap()).await
    }

    /// Asks as V1 does, and V2's status call too.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> (StatusCode, Value) {
        let request = self.http.get(self.url(path)).query(query).bearer_auth(&self.token);
        read(request.header("payoutMerchantId", MERCHANT).send().await.unwrap()).await
    }

    fn cancel_request(&self, reference: &str) -> RequestBuilder {
        let request = self.http.post(self.url("/payout/smartPay/cancel")).bearer_auth(&self.token);
        let request = request.query(&[("merchantRefId", reference)]);
        request.header("payoutMerchantId", MERCHANT).header("content-type", "application/json")
    }

    async fn cancel(&self, reference: &str) -> (StatusCode, Value) {
        read(self.cancel_request(reference).send().await.unwrap()).await
    }

    fn extend_request(&self, reference: &str, date: &str) -> RequestBuilder {
        let request = self.http.put(self.url("/payout/v2/smartSend/extendExpiry"));
        let request = request.query(&[("merchantRefId", reference), ("expiryDate", date)]);
        let form = "application/x-www-form-urlencoded";
        request.bearer_auth(&self.token).header("pid", MERCHANT).header("content-type", form)
    }

    async fn extend(&self, reference: &str, date: &str) -> (StatusCode, Value) {
        read(self.extend_request(reference, date).send().await.unwrap()).await
    }

    /// What people do to a link.
    async fn desk(&self, reference: &str, action: &str) -> (StatusCode, Value) {
        let order = json!({"merchant": MERCHANT, "reference": reference, "action": action});
        self.order_at_desk(&order.to_string()).await
    }

    async fn order_at_desk(&self, body: &str) -> (StatusCode, Value) {
        let request = self.http.post(self.url("/sandbox/desk")).body(body.to_owned());
        read(request.send().await.unwrap()).await
    }

    /// `smartSendStatus` and `txnStatus` as details show them.
    async fn shown(&self, reference: &str) -> [Value; 2] {
        let data = self.lookup(reference).await.1["data"].clone();
        ["smartSendStatus", "txnStatus"].map(|key| data[key].clone())
    }

    /// Sends a create on a connection of its own, which it gives back unread.
    async fn send_raw(&self, reference: &str) -> TcpStream {
        let body = order(reference).to_string();
        let request = format!(
            "POST /payout/smartPay HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {}\r\n\
             payoutMerchantId: {MERCHANT}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        let mut stream = TcpStream::connect(self.sandbox.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// How many links a reference has.
    fn links(&self, reference: &str) -> usize {
        let links = self.sandbox.ledger().links;
        links.iter().filter(|link| *link.reference == *reference).count()
    }

    /// How often a link was announced to the payee of a reference.
    fn messages(&self, reference: &str) -> u32 {
        let messages = self.sandbox.ledger().messages;
        messages
            .iter()
            .filter(|entry| *entry.reference == *reference)
            .map(|entry| entry.messages)
            .sum()
    }

    /// The ledger's last request, as it stands in its JSON.
    fn last(&self) -> Value {
        serde_json::to_value(self.sandbox.ledger().requests.last().unwrap()).unwrap()
    }

    /// Waits until so many creates have arrived.
    async fn created(&self, count: u64) {
        let wait = async {
            while self.sandbox.summary().requests[&RequestKind::Create] < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }

    /// Waits until a reference has a link.
    async fn linked(&self, reference: &str) {
        let wait = async {
            while self.links(reference) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }
}

fn credentials(client: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", "sandbox-secret"),
        ("scope", "create_payout_transactions"),
    ]
}

/// PayU's sample of a V1 create, with a reference of its own.
fn order(reference: &str) -> Value {
    json!({
        "amount": 1.00,
        "merchantRefId": reference,
        "custEmail": "test@gmail.com",
        "custName": "test",
        "custMobile": "9999999999",
        "description": "smart pay test1",
    })
}

/// The same with one field changed, or without it.
fn order_with(reference: &str, field: &str, value: Value) -> Value {
    let mut order = order(reference);
    order[field] = value;
    order
}

async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// Reads until the connection ends, and says how it ended.
async fn drain(mut stream: TcpStream) -> std::io::Result<String> {
    let mut text = String::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await.unwrap();
    ended.map(|_| text)
}

/// `2023-12-19T06:10:37.000+0000`, and not RFC 3339.
fn is_payu_date(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    shape == "9999-99-99T99:99:99.999+9999" && text.ends_with("+0000")
}
