//! `smartsend bulk upload | process | status`: PayU's own bulk files.

use std::path::PathBuf;

use super::ask;
use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use crate::config::{Config, Merchant};
use crate::inquiry::{FileShown, NamedFile, NothingLearnt, guards_bypassed};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
What you want is probably `smartsend submit`: it gives you a link for each row, and no row is paid
twice. PayU reads a bulk file itself and returns no links: only the customers are notified. No
duplicate check of its rows is known, so a file that is processed twice may pay twice. The worker
sees none of it: no events, no limits. And PayU publishes no columns, so ask PayU for them.

Each asks PayU outside of the worker's limiter: at most one request a second for each account on
this machine, by a lock file.

Examples:
  smartsend bulk upload prizes.xlsx
  smartsend bulk process 51 --rows 1001
  smartsend bulk status 51

Exit codes: 0 done; 1 failed, and why; 2 wrong usage or configuration; 3 no answer.")]
pub struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Upload a file, which pays nobody before it is processed
    Upload(UploadOptions),
    /// Have an uploaded file processed: this moves money
    Process(ProcessOptions),
    /// Show what has become of a file
    Status(StatusOptions),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It prints the file's id, by which it can be processed, and how many rows PayU counts. PayU returns
no links for them, and no duplicate check of them is known; `smartsend submit` gives you both.

Examples:
  smartsend bulk upload prizes.xlsx
  smartsend bulk upload prizes.csv --merchant acme --json

Exit codes: 0 uploaded; 1 PayU refused it; 2 wrong usage or configuration, or a file that cannot be
read; 3 no answer: it may be uploaded all the same.")]
struct UploadOptions {
    /// A .csv, .xlsx or .xls file as PayU's dashboard describes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It looks at the file's status first. Only a file that is REQUESTED, with as many rows as you say, is
processed, and the request is sent once. If its answer is lost, run `smartsend bulk status` until
you know: a file that is processed twice may pay twice, and PayU may be late to show what it does.
So this machine sends it again only after in_doubt.quarantine, by a note smartsend-ACCOUNT-file-
FILE_ID.sent beside the lock file. Do not try from another machine before that. PayU returns no
links, and no duplicate check of the rows is known.

Nothing in it is checked by this program, against max_amount neither. A merchant with max_per_hour,
max_per_day, publishers or signing_keys has no file processed without --unguarded. `smartsend
submit` keeps to all of them, and gives you the links.

Examples:
  smartsend bulk process 51 --rows 1001
  smartsend bulk process 51 --rows 1001 --merchant acme --unguarded

Exit codes: 0 PayU is processing it; 1 it was not processed, and why; 2 wrong usage or
configuration, or guards are set; 3 no answer: unless it says that nothing was sent, the file may be
processed.")]
struct ProcessOptions {
    #[command(flatten)]
    file: FileId,
    /// How many rows the file has, counted by yourself
    #[arg(long, value_name = "N")]
    rows: u64,
    /// Go around the merchant's guards
    #[arg(long)]
    unguarded: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
PayU's words, by its samples: REQUESTED before it is processed, IN_PROGRESS, and COMPLETED, also
where every row has failed. It shows neither links nor which rows failed.

Examples:
  smartsend bulk status 51
  smartsend bulk status 51 --merchant acme --json

Exit codes: 0 the file is shown, whatever its state; 1 PayU does not know it, or turned it away;
2 wrong usage or configuration; 3 no answer.")]
struct StatusOptions {
    #[command(flatten)]
    file: FileId,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct FileId {
    /// The file's id, as `bulk upload` has printed it
    #[arg(value_name = "FILE_ID")]
    id: u64,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// The merchant whose file it is; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Common {
    fn merchant<'a>(&self, config: &'a Config) -> Result<&'a Merchant, CommandError> {
        merchants::one(config, self.merchant.as_deref())
    }

    fn show(&self, file: &FileShown) -> Exit {
        print(&if self.json { file.json() } else { file.table() })
    }
}

pub async fn execute(config: &Config, options: &Options) -> Result<Exit, CommandError> {
    match &options.verb {
        Verb::Upload(options) => upload(config, options).await,
        Verb::Process(options) => process(config, options).await,
        Verb::Status(options) => status(config, options).await,
    }
}

async fn upload(config: &Config, options: &UploadOptions) -> Result<Exit, CommandError> {
    let merchant = options.common.merchant(config)?;
    let file = NamedFile::read(&options.file).map_err(CommandError::usage)?;
    let shown = ask::begin(merchant).await?.upload(&file).await;
    let about = options.file.display().to_string();
    match shown {
        Ok(shown) => Ok(options.common.show(&shown)),
        Err(why) => {
            let exit = ask::nothing(&about, &why);
            if why.may_be_done() {
                complain(
                    &"it may be uploaded all the same, which pays nobody; see to it that only one copy \
                      is processed",
                );
                return Ok(Exit::WorkLeft);
            }
            Ok(exit)
        }
    }
}

async fn process(config: &Config, options: &ProcessOptions) -> Result<Exit, CommandError> {
    let merchant = options.common.merchant(config)?;
    let guards = guards_bypassed(merchant);
    if !guards.is_empty() && !options.unguarded {
        return Err(CommandError::Usage(format!(
            "the rows of a bulk file go around {} of the merchant {}; nothing was sent; `smartsend \
             submit` keeps to all guards, and --unguarded does without",
            guards.join(", "),
            merchant.name
        )));
    }
    let inquiry = ask::begin(merchant).await?;
    let (id, rows) = (options.file.id, options.rows);
    let announce = || {
        complain(&format_args!(
            "file {id}: processing {rows} rows; if this is interrupted, run `smartsend bulk status \
             {id}` before anything else"
        ));
    };
    match inquiry.process(id, rows, announce).await {
        Ok(shown) => Ok(options.common.show(&shown)),
        Err(why) => {
            complain(&format_args!("file {id}: {why}; run `smartsend bulk status {id}`"));
            Ok(if why.is_undecided() { Exit::WorkLeft } else { Exit::Failed })
        }
    }
}

async fn status(config: &Config, options: &StatusOptions) -> Result<Exit, CommandError> {
    let merchant = options.common.merchant(config)?;
    let id = options.file.id;
    let shown: Result<FileShown, NothingLearnt> = ask::begin(merchant).await?.bulk_file(id).await;
    match shown {
        Ok(shown) => Ok(options.common.show(&shown)),
        Err(why) => Ok(ask::nothing(&format!("file {id}"), &why)),
    }
}
