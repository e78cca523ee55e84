//! `smartsend sandbox`: the stand-in for Smart Send as a server of its own.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::sandbox::{Faults, FaultsError, Sandbox, SandboxSettings, StartError};

/// Stands in for PayU Smart Send, with faults on demand and a ledger.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8099")]
    pub listen: SocketAddr,
    /// Decides which requests meet a fault, before the seed in the file of faults
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// A JSON document of faults, as for `PUT /sandbox/faults`
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
}

/// Why the sandbox does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of faults cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file of faults does not hold faults.
    #[error("{}: {source}", path.display())]
    Faults {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FaultsError,
    },
    /// It cannot listen.
    #[error("cannot start on {addr}: {source}")]
    Start {
        /// Where it should listen.
        addr: SocketAddr,
        /// What is in the way.
        source: StartError,
    },
    /// The system gives no signals, or nobody reads the output.
    #[error("cannot go on: {0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// Whether the command is wrong, and not the system.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::File { .. } | Self::Faults { .. } => true,
            Self::Start { .. } | Self::Io(_) => false,
        }
    }
}

/// Serves until SIGTERM or SIGINT; prints the address that it listens on.
pub async fn run(options: Options) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve(options, io::stdout(), stopped).await
}

/// Serves until `stopped`; prints the address that it listens on to `output`.
pub async fn serve(
    options: Options,
    mut output: impl Write,
    stopped: impl Future<Output = ()>,
) -> Result<(), Error> {
    let addr = options.listen;
    let settings = SandboxSettings { faults: faults(options)?, ..SandboxSettings::default() };
    let start = Sandbox::start(addr, settings).await;
    let running = start.map_err(|source| Error::Start { addr, source })?;
    writeln!(output, "listening on {}", running.url())?;
    output.flush()?;
    stopped.await;
    running.stop().await;
    Ok(())
}

fn faults(options: Options) -> Result<Faults, Error> {
    let mut faults = match options.faults {
        Some(path) => read(path)?,
        None => Faults::default(),
    };
    faults.seed = options.seed.unwrap_or(faults.seed);
    Ok(faults)
}

fn read(path: PathBuf) -> Result<Faults, Error> {
    match fs::read(&path) {
        Ok(json) => Faults::parse(&json).map_err(|source| Error::Faults { path, source }),
        Err(source) => Err(Error::File { path, source }),
    }
}
