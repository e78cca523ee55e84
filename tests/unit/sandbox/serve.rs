//! The subcommand.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::Value;
use smartsend::cli::sandbox::{Options, serve};
use tokio::sync::{mpsc, oneshot};

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
    Options { listen: "127.0.0.1:0".parse().unwrap(), seed: Some(42), faults }
}

#[tokio::test]
async fn the_sandbox_prints_its_address_serves_and_stops() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("faults.json");
    fs::write(&file, r#"{"seed": 3, "lost_after": 0.1}"#).unwrap();
    let (output, mut printed) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap() };
    let server = tokio::spawn(serve(options(Some(file)), Output(output), stopped));
    let mut line = String::new();
    while !line.ends_with('\n') {
        line.push_str(&String::from_utf8(printed.recv().await.unwrap()).unwrap());
    }
    let url = line.strip_prefix("listening on ").unwrap().trim_end().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{url}/sandbox/faults")).send().await.unwrap();
    let faults: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!((&faults["seed"], &faults["lost_after"]), (&42.into(), &0.1.into()));
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert!(client.get(url).send().await.unwrap_err().is_connect());
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
