//! `smartsend survey`: what PayU's documentation leaves open, tried on a test account.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use super::stop::until_signals;
use crate::config::{Config, Merchant, duration};
use crate::domain::call::NotSent;
use crate::domain::customer::{Contact, Email, Mobile, Private};
use crate::inquiry::{InquiryError, masked_email, masked_number};
use crate::ports::TokenError;
use crate::survey::{ANNOUNCED_MAX, Halt, LINKS_MAX, PACE, Report, Survey, production_hosts};

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
It makes up to four links of one rupee for the contact that you name, to whom PayU writes, and
cancels them. It prints a table: the question, what PayU says, what was seen, what to set. Stop the
account's worker first. It refuses hosts that are not PayU's test hosts without --production, and
asks before it begins. It asks PayU outside of the worker's limiter: at most one request a second
for each account on this machine, by the lock file smartsend-ACCOUNT.lock in TMPDIR, or in /tmp.
--find-rate, which only looks up, goes faster, up to its ceiling.

Examples:
  smartsend survey --merchant acme --mobile 9876543210
  smartsend survey --mobile 9876543210 --email me@example.com --wait 5m --json
  smartsend survey --mobile 9876543210 --find-rate 20 --yes

Exit codes: 0 every question is answered, and every link cancelled; 1 a question is open, PayU
turned it away, or you said no; 2 wrong usage or configuration; 3 interrupted, no answer, or a link
remains, which is then named.")]
pub struct Options {
    /// The merchant whose account it is; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    #[command(flatten)]
    contact: ContactOptions,
    /// The name on the links
    #[arg(long, value_name = "NAME", default_value = "Smartsend Survey", value_parser = name)]
    name: Private,
    /// How long PayU's details may take to show something
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    wait: Duration,
    /// Look up faster and faster until PayU answers 429, up to N a second, or 20
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        default_missing_value = "20",
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    find_rate: Option<u32>,
    /// Allow hosts that are not PayU's test hosts: the links are real money
    #[arg(long)]
    production: bool,
    /// Begin without asking
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct ContactOptions {
    /// A mobile number of your own
    #[arg(long, value_name = "NUMBER", value_parser = Mobile::parse)]
    mobile: Option<Mobile>,
    /// An e-mail address of your own
    #[arg(long, value_name = "ADDRESS", value_parser = Email::parse)]
    email: Option<Email>,
}

impl ContactOptions {
    fn contact(self) -> Result<Contact, CommandError> {
        match (self.mobile, self.email) {
            (Some(mobile), Some(email)) => Ok(Contact::Both(mobile, email)),
            (Some(mobile), None) => Ok(Contact::Mobile(mobile)),
            (None, Some(email)) => Ok(Contact::Email(email)),
            (None, None) => Err(CommandError::Usage("name --mobile or --email".to_owned())),
        }
    }
}

fn name(text: &str) -> Result<Private, &'static str> {
    let is_right = (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control);
    is_right.then(|| Private::new(text)).ok_or("must be 1 to 100 characters, no control characters")
}

pub async fn execute(config: &Config, options: Options) -> Result<Exit, CommandError> {
    let merchant = merchants::one(config, options.merchant.as_deref())?;
    let contact = options.contact.contact()?;
    let hosts = production_hosts(merchant);
    if !hosts.is_empty() && !options.production {
        return Err(CommandError::Usage(format!(
            "{} is no test host of PayU's, so its links may be real money: set api_url and auth_url \
             of the merchant {} to a test account's, or add --production; nothing was sent",
            hosts.join(" and "),
            merchant.name
        )));
    }
    complain(&statement(merchant, &contact, options.find_rate));
    if !options.yes && !says_yes() {
        return Err(CommandError::Failed("nothing was sent".to_owned()));
    }
    // The first signal ends the questions, the second also the cancelling.
    let (stop, abort) = until_signals(|| {
        complain(&"stopping; what was made is cancelled first, unless you stop that too");
    })?;
    let note = |note: &str| complain(&note);
    let (name, wait, ceiling) = (options.name, options.wait, options.find_rate);
    let survey = Survey { merchant, contact, name, wait, apart: PACE, ceiling, stop, abort, note };
    let report = survey.run().await.map_err(|error| match error {
        InquiryError::Account(_) => CommandError::usage(error),
        InquiryError::Pace(_) => CommandError::failed(error),
    })?;
    Ok(print_report(&report, options.json))
}

/// What it is about to cost, and whom PayU writes to.
fn statement(merchant: &Merchant, contact: &Contact, ceiling: Option<u32>) -> String {
    let mobile = contact.mobile().map(|mobile| masked_number(mobile.expose()));
    let email = contact.email().map(|email| masked_email(email.expose()));
    let channels: Vec<String> = [mobile, email].into_iter().flatten().collect();
    let messages = ANNOUNCED_MAX.saturating_mul(channels.len());
    let rate = ceiling.map_or_else(String::new, |ceiling| {
        format!(" Then it looks one up at growing pace, at most {ceiling} times per second.")
    });
    format!(
        "The account {} at {} (merchant {}): at most {LINKS_MAX} links of 1.00 rupee, {LINKS_MAX}.00 \
         rupees in all, which are cancelled at the end, and at most {messages} messages of PayU's to \
         {}.{rate} Its worker should be stopped.",
        merchant.account.payout_merchant_id,
        merchant.api_url.host_str().unwrap_or_default(),
        merchant.name,
        channels.join(" and ")
    )
}

/// Whether the person at the terminal agrees. Nothing listens for signals yet, so that Ctrl-C ends
/// it as it ends any program.
fn says_yes() -> bool {
    let asked = write!(io::stderr().lock(), "Begin? [y/N] ");
    let mut answer = String::new();
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn print_report(report: &Report, json: bool) -> Exit {
    let printed = match &report.halt {
        // Nothing was learnt.
        Some(Halt::NoToken(_)) => Exit::Done,
        Some(Halt::Interrupted | Halt::NoLink(_)) | None if json => print(&report.json()),
        Some(Halt::Interrupted | Halt::NoLink(_)) | None => print(&report.table()),
    };
    if let Some(halt) = &report.halt {
        complain(&why(halt));
    }
    if !report.remaining.is_empty() {
        let names: Vec<&str> = report.remaining.iter().map(|name| name.as_str()).collect();
        complain(&format_args!(
            "a link may be left of {}: cancel it on PayU's dashboard, or let it expire; it is of one \
             rupee, and its contact is yours",
            names.join(", ")
        ));
        return Exit::WorkLeft;
    }
    match &report.halt {
        Some(Halt::Interrupted) => Exit::WorkLeft,
        Some(Halt::NoToken(TokenError::Unavailable(why))) if *why != NotSent::NoSecret => {
            Exit::WorkLeft
        }
        None if report.is_complete() => printed,
        Some(Halt::NoToken(_) | Halt::NoLink(_)) | None => Exit::Failed,
    }
}

fn why(halt: &Halt) -> String {
    let why = match halt {
        Halt::Interrupted => "stopped before every question was asked",
        Halt::NoToken(TokenError::Refused) => {
            "PayU refused the credentials; check client_id and the secrets of the merchant"
        }
        Halt::NoToken(TokenError::Throttled(_)) => {
            "PayU asks for fewer requests for this account; try again later"
        }
        Halt::NoToken(TokenError::Unavailable(NotSent::NoSecret)) => {
            "a secret cannot be read; check the merchant's secret files"
        }
        Halt::NoToken(TokenError::Unavailable(_)) => {
            "no token came; check the network and auth_url, or try again later"
        }
        Halt::NoLink(called) => {
            return format!(
                "the first create got {called}, and made no link to go on with; `smartsend explain` \
                 says what a code means"
            );
        }
    };
    why.to_owned()
}
