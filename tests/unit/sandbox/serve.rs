//! The subcommand.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use smartsend::cli::sandbox::{Options, serve};
use smartsend::sandbox::{DESK_ACTIONS, SandboxSettings};
use tokio::sync::{mpsc, oneshot};

use crate::support::canary;

/// Passes on what is printed.
struct Output(mpsc::UnboundedSender<Vec<u8>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.send(Vec::new()).map_err(io::Error::other)
    }
}

fn options(faults: Option<PathBuf>) -> Options {
    // An address of its own: nobody else can listen on its port once it has stopped.
    Options { listen: "127.0.0.54:0".parse().unwrap(), seed: Some(42), faults }
}

#[tokio::test]
async fn the_sandbox_prints_what_a_client_has_to_know_serves_and_stops() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("faults.json");
    fs::write(&file, r#"{"seed": 3, "lost_after": 0.1}"#).unwrap();
    let (output, mut printed) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap() };
    let server = tokio::spawn(serve(options(Some(file)), Output(output), stopped));
    let mut text = String::new();
    while let Some(part) = printed.recv().await.filter(|part| !part.is_empty()) {
        text.push_str(&String::from_utf8(part).unwrap());
    }
    let (line, rest) = text.split_once('\n').unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let answer = client.get(format!("{url}/sandbox/faults")).send().await.unwrap();
    let faults: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!((&faults["seed"], &faults["lost_after"]), (&42.into(), &0.1.into()));
    let said: Vec<&str> = rest.split([' ', '\n', ',', '"', '.']).collect();
    let SandboxSettings { client_secret, password, .. } = SandboxSettings::default();
    let names = faults.as_object().unwrap().keys();
    let settings = faults.as_object().unwrap().values().filter_map(Value::as_object);
    let names = names.chain(settings.flat_map(|settings| settings.keys()));
    let actions = DESK_ACTIONS.map(str::to_owned);
    let names = names.chain(&actions);
    for word in names.chain([&client_secret, &password, &"client_id".to_owned()]) {
        assert!(said.contains(&word.as_str()), "{word} is not in {rest}");
    }
    assert!(rest.lines().all(|line| line.chars().count() <= 100), "{rest}");
    the_printed_credentials_are_taken(&client, &url, rest).await;
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert!(client.get(url).send().await.unwrap_err().is_connect());
}

async fn the_printed_credentials_are_taken(client: &reqwest::Client, url: &str, printed: &str) {
    let of = |key: &str| {
        let line = printed.lines().find(|line| line.trim_start().starts_with(key)).unwrap();
        line.split('"').nth(1).unwrap()
    };
    assert_eq!(of("api_url"), format!("{url}/payout"));
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "create_payout_transactions"),
        ("client_id", of("client_id")),
        ("client_secret", of("client_secret")),
    ];
    let answer = client.post(of("auth_url")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[test]
fn an_address_that_others_reach_is_warned_of() {
    let mut printed = Vec::new();
    for address in ["0.0.0.0:0", "127.0.0.1:0", "[::1]:0"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_smartsend"))
            .args(["sandbox", "--listen", address])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It listens, or has said why it cannot.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        let output = canary::checked(child.wait_with_output().unwrap());
        printed.push(String::from_utf8(output.stderr).unwrap());
    }
    assert!(
        printed[0].starts_with("warning: 0.0.0.0:0 can be reached from other machines"),
        "{printed:?}"
    );
    assert!(printed[1..].iter().all(|text| !text.contains("warning")), "{printed:?}");
}

#[tokio::test]
async fn a_wrong_start_names_the_file_or_the_address() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("faults.json");
    let start = |faults| serve(options(faults), Vec::new(), async {});
    let error = start(Some(file.clone())).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read {}: ", file.display())), "{error}");
    fs::write(&file, r#"{"lost": 1}"#).unwrap();
    let error = start(Some(file.clone())).await.unwrap_err().to_string();
    assert!(error.contains("faults.json") && error.contains("lost"), "{error}");
    fs::write(&file, r#"{"lost_after": 2}"#).unwrap();
    let error = start(Some(file)).await.unwrap_err().to_string();
    assert!(error.contains("from 0 to 1"), "{error}");
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = taken.local_addr().unwrap();
    let error = serve(Options { listen, ..options(None) }, Vec::new(), async {}).await;
    assert!(error.unwrap_err().to_string().contains(&listen.to_string()));
}
