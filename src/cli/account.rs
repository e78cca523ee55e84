//! `smartsend account`: what PayU says of the account itself.

use super::ask;
use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use crate::config::Config;
use crate::domain::customer::Mobile;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
It shows the balance; whether PayU calls it low, which means that it is not enough for the next
payout; the amount set aside for future payouts, which PayU calls transferable; and the last digits
of the virtual account that money is paid into. PayU says nowhere that a link reserves money: where
the balance is too small, what customers claim waits or fails.

It asks PayU for a token and for the account, outside of the worker's limiter: at most one request a
second for each account on this machine, by a lock file.

Examples:
  smartsend account
  smartsend account --merchant acme --json

Exit codes: 0 the balance is shown, low or not; 1 PayU turned it away; 2 wrong usage or
configuration; 3 no answer.")]
pub struct Options {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show the VPAs of a mobile number; deprecated by PayU
    Vpas(VpaOptions),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
PayU has deprecated the call behind this, and nothing in Smart Send takes the token that it answers
with each VPA, which is for transfers and is not shown. It reveals which accounts stand behind a
person's number, so it is asked only with --reveal. That PayU shows none may also mean that it
failed.

Examples:
  smartsend account vpas 9876543210 --reveal
  smartsend account vpas 9876543210 --reveal --merchant acme --json

Exit codes: 0 PayU shows at least one; 1 it shows none, or turned it away; 2 wrong usage or
configuration; 3 no answer.")]
struct VpaOptions {
    /// 10 digits, with or without +91 before them
    #[arg(value_name = "MOBILE")]
    mobile: String,
    /// Look a person's accounts up, and show them as far as PayU does
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// The merchant whose account is asked; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn execute(config: &Config, options: &Options) -> Result<Exit, CommandError> {
    match &options.verb {
        None => balance(config, &options.common).await,
        Some(Verb::Vpas(options)) => vpas(config, options).await,
    }
}

async fn balance(config: &Config, options: &Common) -> Result<Exit, CommandError> {
    let merchant = merchants::one(config, options.merchant.as_deref())?;
    let balance = match ask::begin(merchant).await?.balance().await {
        Ok(balance) => balance,
        Err(why) => return Ok(ask::nothing(&merchant.name, &why)),
    };
    Ok(print(&if options.json { balance.json() } else { balance.table() }))
}

async fn vpas(config: &Config, options: &VpaOptions) -> Result<Exit, CommandError> {
    let merchant = merchants::one(config, options.common.merchant.as_deref())?;
    // Not by clap, which would repeat the number.
    let mobile = Mobile::parse(&options.mobile)
        .map_err(|reason| CommandError::Usage(format!("MOBILE {reason}; nothing was sent")))?;
    if !options.reveal {
        return Err(CommandError::Usage(
            "this looks up which accounts stand behind a person's number, by a call that PayU has \
             deprecated and whose answer nothing in Smart Send takes; nothing was sent; add --reveal \
             if you need it all the same"
                .to_owned(),
        ));
    }
    let vpas = match ask::begin(merchant).await?.vpas(&mobile).await {
        Ok(vpas) => vpas,
        Err(why) => return Ok(ask::nothing(&merchant.name, &why)),
    };
    let printed = match (vpas.0.is_empty(), options.common.json) {
        (true, false) => Exit::Done,
        (_, true) => print(&vpas.json()),
        (false, false) => print(&vpas.table()),
    };
    if vpas.0.is_empty() {
        complain(&"PayU shows no VPA for it, and answers the same where it fails");
        return Ok(Exit::Failed);
    }
    Ok(printed)
}
