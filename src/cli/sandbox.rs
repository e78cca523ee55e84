//! `smartsend sandbox`: the stand-in for Smart Send, as a server.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::exit::{CommandError, Exit, complain};
use crate::sandbox::{DESK_ACTIONS, Faults, MAGIC_AMOUNTS, Sandbox, SandboxSettings};
use crate::signals::StopSignals;

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = after_help())]
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

fn after_help() -> String {
    let amounts = MAGIC_AMOUNTS.map(|magic| format!("  {magic}\n")).concat();
    format!(
        "\
Examples:
  smartsend sandbox
  smartsend sandbox --listen 127.0.0.1:0 --faults faults.json
  curl 127.0.0.1:8099/sandbox/ledger
  curl -X PUT 127.0.0.1:8099/sandbox/faults -d '{{\"lost_after\": 0.1}}'
  curl 127.0.0.1:8099/sandbox/desk \\
    -d '{{\"merchant\": \"1111312\", \"reference\": \"order-8841-r1\", \"action\": \"claim\"}}'

With {{\"magic_amounts\": true}} among the faults, this happens to a link for one of these amounts:
{amounts}
Exit codes: 0 stopped by a signal; 1 failed, as where the address is taken; 2 wrong usage, or a file
of faults that cannot be used."
    )
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "it must be an IP address and a port, such as 127.0.0.1:8099")
}

/// Serves until SIGTERM, SIGINT or SIGHUP; prints what a client has to know.
pub async fn execute(options: Options) -> Result<Exit, CommandError> {
    let mut signals = StopSignals::listen()
        .map_err(|error| CommandError::Failed(format!("cannot listen for signals: {error}")))?;
    if !options.listen.ip().is_loopback() {
        complain(&format_args!(
            "warning: {} can be reached from other machines; whoever reaches it can change the \
             faults, and read every customer that was sent to it",
            options.listen
        ));
    }
    serve(options, io::stdout(), signals.next()).await?;
    Ok(Exit::Done)
}

/// Serves until `stopped`; prints what a client has to know to `output`.
pub async fn serve(
    options: Options,
    mut output: impl Write,
    stopped: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    let mut faults = match options.faults {
        Some(path) => read(&path)?,
        None => Faults::default(),
    };
    faults.seed = options.seed.unwrap_or(faults.seed);
    let settings = SandboxSettings { faults, ..SandboxSettings::default() };
    let (secret, password) = (settings.client_secret.clone(), settings.password.clone());
    let start = Sandbox::start(options.listen, settings).await;
    let running = start.map_err(|error| {
        CommandError::Failed(format!("cannot start on {}: {error}", options.listen))
    })?;
    let welcome = welcome(&running.url(), &secret, &password);
    let printed = output.write_all(welcome.as_bytes()).and_then(|()| output.flush());
    printed.map_err(|error| CommandError::Failed(format!("cannot print the address: {error}")))?;
    stopped.await;
    running.stop().await;
    Ok(())
}

/// The address first, for programs that read one line.
fn welcome(url: &str, secret: &str, password: &str) -> String {
    let list = |name: &str, words: &[String]| {
        let line = format!("{name}: {}", words.join(", "));
        textwrap::fill(&line, textwrap::Options::new(100).subsequent_indent("  "))
    };
    let faults = list("faults", &Faults::names());
    let command_faults =
        list("cancel_faults, extend_faults and bulk_faults", &Faults::command_names());
    let actions = list("actions", &DESK_ACTIONS.map(str::to_owned));
    format!(
        "listening on {url}\n\n\
         For smartsend.toml:\n  \
           api_url = \"{url}/payout\"\n  \
           auth_url = \"{url}/oauth/token\"\n  \
           client_id = \"anyone\"                 # every client_id is accepted\n  \
           client_secret = \"{secret}\"\n  \
           sandbox = true\n\
         With grant = \"password\" every username, and the password {password}.\n\n\
         What goes wrong is set by --faults FILE or PUT /sandbox/faults, a JSON object, where life.speed\n\
         is written {{\"life\": {{\"speed\": 60}}}}.\n\
         {faults}\n\
         {command_faults}\n\n\
         What payees, approvers and banks do is asked for by POST /sandbox/desk, a JSON object with\n\
         merchant, reference, action and, if it is to be another one, txn_status.\n\
         {actions}\n"
    )
}

fn read(path: &Path) -> Result<Faults, CommandError> {
    let file = path.display();
    let json = fs::read(path)
        .map_err(|error| CommandError::Usage(format!("cannot read {file}: {error}")))?;
    Faults::parse(&json).map_err(|error| CommandError::Usage(format!("{file}: {error}")))
}
