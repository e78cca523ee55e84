//! Files of intents: read, checked and shown before anything is sent.

mod bad_rows;
mod command;
mod csv;
mod json_lines;
mod repeats;
mod workbook;
mod xlsx;

use std::path::PathBuf;

use serde_json::Value;
use smartsend::batch::{Batch, BatchError, Input};
use smartsend::config::{Config, Merchant};
use tempfile::TempDir;

const TOML: &str = r#"
[broker]
urls = ["amqp://guest:guest@127.0.0.1:1/%2f"]
[merchants.default]
payout_merchant_id = "1111312"
api = "v1"
api_url = "http://127.0.0.1:1/payout"
auth_url = "http://127.0.0.1:1/token"
client_id = "client"
client_secret = "secret"
rate_per_second = 10
max_amount = "200000.00"
sandbox = true
"#;

const HEADER: &str = "merchantRefId,amount,description,custMobile\n";

/// A file in a folder of its own, and the merchant that pays it.
struct Paid {
    dir: TempDir,
    input: Input,
    merchant: Merchant,
}

impl Paid {
    fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let config = Config::parse(TOML, std::iter::empty(), &|_| Ok(String::new())).unwrap();
        Self { dir, input: Input::at(path), merchant: config.merchants["default"].clone() }
    }

    fn csv(content: impl AsRef<[u8]>) -> Self {
        Self::new("pay.csv", content)
    }

    fn mapped(mut self, mapping: &[&str]) -> Self {
        self.input.mapping = mapping.iter().map(|mapped| mapped.parse().unwrap()).collect();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn batch(&self) -> Batch<'_> {
        self.tried().unwrap_or_else(|error| panic!("{error}"))
    }

    fn tried(&self) -> Result<Batch<'_>, BatchError> {
        Batch::read(&self.input, &self.merchant)
    }

    /// Why there are no rows, without the file's name.
    fn refusal(&self) -> String {
        let error = self.tried().err().expect("the file is refused").to_string();
        let name = format!("{}: ", self.input.path.display());
        error.strip_prefix(&name).unwrap_or(&error).replace("\nnothing was sent", "")
    }

    fn errors(&self) -> Vec<String> {
        self.batch().errors()
    }

    /// What would be sent, and in which rows it is.
    fn sent(&self) -> Vec<(usize, Value)> {
        let rows = self.batch().rows().map(Result::unwrap).collect::<Vec<_>>();
        let good = rows.into_iter().filter_map(|row| Some((row.number, row.result.ok()?.body)));
        good.map(|(number, body)| (number, serde_json::from_slice(&body).unwrap())).collect()
    }

    /// One field of everything that would be sent.
    fn field(&self, name: &str) -> Vec<String> {
        let text = |value: &Value| value[name].as_str().unwrap_or_default().to_owned();
        self.sent().iter().map(|(_, body)| text(body)).collect()
    }
}
