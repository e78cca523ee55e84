//! A folder in which `smartsend batch` pays: a configuration without a broker, and files.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::canary::{DESCRIPTION, MOBILE, SANDBOX_SECRET};
use super::program::Program;

/// See the module.
pub(crate) struct Payments {
    folder: TempDir,
}

/// A line of the report.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) row: u64,
    pub(crate) reference: String,
    pub(crate) outcome: String,
    pub(crate) link: String,
}

impl Payments {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Writes the configuration of a merchant whose provider is there. `settings` are more of the
    /// merchant's, and then tables of their own.
    pub(crate) fn configure(&self, url: &str, settings: &str) {
        let configuration = format!(
            "[broker]\nheartbeat = \"1s\"\nconfirm_timeout = \"1s\"\n\
             [shutdown]\ndrain = \"10s\"\n\
             [merchants.default]\npayout_merchant_id = \"1111312\"\n\
             api_url = \"{url}/payout\"\nauth_url = \"{url}/oauth/token\"\n\
             client_id = \"test\"\nclient_secret = \"{SANDBOX_SECRET}\"\n\
             connect_timeout = \"500ms\"\ntimeout = \"1s\"\n\
             max_amount = \"1000\"\nsandbox = true\n{settings}"
        );
        fs::write(self.path("smartsend.toml"), configuration).unwrap();
    }

    /// Writes a file with these references, of which many pay one customer the same amount.
    pub(crate) fn write(&self, name: &str, references: impl IntoIterator<Item = String>) {
        let mut file = "merchantRefId,amount,description,custName,custMobile\n".to_owned();
        for (number, reference) in (1..).zip(references) {
            let paise = number % 100;
            file.extend([&*format!("{reference},10.{paise:02},{DESCRIPTION},Asha,{MOBILE}"), "\n"]);
        }
        fs::write(self.path(name), file).unwrap();
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn arguments(&self, file: &str) -> [OsString; 7] {
        let [config, file] = ["smartsend.toml", file].map(|name| self.path(name).into_os_string());
        let word = OsString::from;
        [
            word("--config"),
            config,
            word("batch"),
            file,
            word("--yes"),
            word("--allow-repeats"),
            word("--no-broker-check"),
        ]
    }

    /// Starts a batch; its locks are in the folder too.
    pub(crate) fn start(&self, file: &str) -> Program {
        self.start_with(file, &[])
    }

    /// The same with more options.
    pub(crate) fn start_with(&self, file: &str, options: &[&str]) -> Program {
        let locks = ("TMPDIR".to_owned(), self.folder().display().to_string());
        let options = options.iter().map(OsString::from);
        let arguments: Vec<_> = self.arguments(file).into_iter().chain(options).collect();
        Program::start(&arguments, &[locks], self.path("batch.log"))
    }

    /// The lines of a report.
    pub(crate) fn report(&self, name: &str) -> Vec<Line> {
        let mut report = csv::Reader::from_path(self.path(name)).unwrap();
        let lines = report.records().map(|record| {
            let record = record.unwrap();
            let [row, reference, _, outcome, link, _] = record.iter().collect::<Vec<_>>()[..]
            else {
                panic!("a line of another width")
            };
            let [reference, outcome, link] = [reference, outcome, link].map(str::to_owned);
            Line { row: row.parse().unwrap(), reference, outcome, link }
        });
        lines.collect()
    }
}
