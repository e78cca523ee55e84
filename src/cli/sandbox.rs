//! `smartsend sandbox`: the stand-in for Smart Send, as a server.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use super::exit::{Exit, finish};
use crate::sandbox::{Faults, FaultsError, Sandbox, SandboxSettings, StartError};
use crate::signals::StopSignals;

/// What `smartsend sandbox` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8099", value_parser = address)]
    pub listen: SocketAddr,
    /// The seed that decides which requests meet a fault, whatever the file says
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// A JSON document of faults, as for `PUT /sandbox/faults`
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "it must be an IP address and a port, such as 127.0.0.1:8099")
}

/// Why the sandbox does not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxCommandError {
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Faults { path: PathBuf, source: FaultsError },
    #[error("cannot start on {addr}: {source}")]
    Start { addr: SocketAddr, source: StartError },
    /// Signals or stdout are not available.
    #[error("cannot continue: {0}")]
    Io(#[from] io::Error),
}

impl SandboxCommandError {
    fn is_usage(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Faults { .. })
    }
}

/// Serves until SIGTERM or SIGINT; prints the address that it listens on.
pub async fn execute(options: Options) -> Exit {
    let result = match StopSignals::listen() {
        Ok(mut signals) => serve(options, io::stdout(), signals.next()).await,
        Err(error) => Err(error.into()),
    };
    finish(result.map(|()| String::new()), SandboxCommandError::is_usage)
}

/// Serves until `stopped`; prints the address that it listens on to `output`.
pub async fn serve(
    options: Options,
    mut output: impl Write,
    stopped: impl Future<Output = ()>,
) -> Result<(), SandboxCommandError> {
    let addr = options.listen;
    let settings = SandboxSettings { faults: faults(options)?, ..SandboxSettings::default() };
    let start = Sandbox::start(addr, settings).await;
    let running = start.map_err(|source| SandboxCommandError::Start { addr, source })?;
    writeln!(output, "listening on {}", running.url())?;
    output.flush()?;
    stopped.await;
    running.stop().await;
    Ok(())
}

fn faults(options: Options) -> Result<Faults, SandboxCommandError> {
    let mut faults = match options.faults {
        Some(path) => read(path)?,
        None => Faults::default(),
    };
    faults.seed = options.seed.unwrap_or(faults.seed);
    Ok(faults)
}

fn read(path: PathBuf) -> Result<Faults, SandboxCommandError> {
    match fs::read(&path) {
        Ok(json) => {
            Faults::parse(&json).map_err(|source| SandboxCommandError::Faults { path, source })
        }
        Err(source) => Err(SandboxCommandError::File { path, source }),
    }
}
