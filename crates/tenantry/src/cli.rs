//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

const EXIT_CODES: &str = "Exit codes: 0 success, 1 replay, import --diff or connectors --against found a difference or lint something denied, 64 wrong usage, 69 cannot bind, 70 internal error, \
78 wrong configuration.";

const REPLAY: &str = "Say which recorded messages another configuration would change: their owner, \
upstream, identity or recipients.

Each line of LOG is a question as for `explain --batch`, or of the relay's own log with log.format = \
\"json\": the closing lines of transactions are decided again, all others passed over. Domains are enough, \
full addresses are not needed (`journalctl -o cat` prints such lines from a journal). A certificate counts as it was judged then; what other trust would make of \
it, no log can tell.";

const REPLAY_EXIT_CODES: &str = "Exit codes: 0 nothing changes, 1 something changes, 64 wrong usage, or no line \
of LOG can be decided, 70 internal error, 78 wrong configuration.";

/// An SMTP relay that knows whose mail it is.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, about, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the relay until SIGTERM; SIGHUP reads the configuration again.
    Run {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Say everything that is wrong with a configuration, or what it amounts to.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Say whose a message would be, and why; nothing is sent.
    Explain(Explain),
    /// Say which recorded messages another configuration would change: their owner, upstream, identity or recipients.
    #[command(after_help = REPLAY_EXIT_CODES, long_about = REPLAY)]
    Replay(Replay),
    /// Connect to tenants' upstreams as the relay would, and say what was found; no message is sent.
    #[command(long_about = crate::probe::ABOUT, after_help = crate::probe::EXIT_CODES)]
    Probe(crate::probe::Probe),
    /// Say what is wrong with tenants, connectors, certificates and a relay's configuration, from files alone.
    #[command(long_about = crate::lint::ABOUT, after_help = crate::lint::EXAMPLES)]
    Lint(crate::lint::Lint),
    /// Make the relay's tenants from exports, or say what has changed since.
    #[command(long_about = crate::import::ABOUT, after_help = crate::import::EXAMPLES)]
    Import(crate::import::Arguments),
    /// Print the PowerShell that makes each tenant's side match the relay's configuration.
    #[command(long_about = crate::connectors::ABOUT, after_help = crate::connectors::EXAMPLES)]
    Connectors(crate::connectors::Arguments),
    /// Make a throw-away authority with certificates to try things out.
    Pki(Pki),
    /// Run everything in one process on the loopback, send real messages and check what arrives.
    Quickstart {
        /// Leave it running, and say how to talk to it.
        #[arg(long)]
        keep: bool,
    },
    /// Exchange Online in a box: whose a message is there, and why, without a tenant at Microsoft.
    #[command(subcommand, long_about = crate::lab::ABOUT)]
    Lab(crate::lab::Lab),
    /// Load tests: what attribution costs, and whether it stays right under load.
    #[command(long_about = crate::load::ABOUT, after_help = crate::load::EXIT_CODES)]
    Load(crate::load::Arguments),
    /// Print a shell's completion script.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages.
    Man {
        /// The folder for them.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// Evidence by hand, or a file of it.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The client's certificate chain, leaf first, judged as the listener would.
    #[arg(long, value_name = "PEM", conflicts_with_all = ["certificate_name", "certificate_problem"])]
    pub(crate) certificate: Option<PathBuf>,
    /// A name of the client's certificate, which counts as verified.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) certificate_name: Vec<String>,
    /// Why the client's certificate does not verify: untrusted, expired, self-signed, ...
    #[arg(long, value_name = "WORD")]
    pub(crate) certificate_problem: Option<String>,
    /// The client's address.
    #[arg(long, value_name = "IP")]
    pub(crate) peer: Option<IpAddr>,
    /// The listener that the client is connected to; the first one if absent.
    #[arg(long, value_name = "NAME")]
    pub(crate) listener: Option<String>,
    /// The sender; "" or "<>" is the null sender.
    #[arg(long, value_name = "ADDR", required_unless_present = "batch")]
    pub(crate) mail_from: Option<String>,
    /// A recipient.
    #[arg(long, value_name = "ADDR", num_args = 1.., required_unless_present = "batch")]
    pub(crate) rcpt_to: Vec<String>,
    /// Answer as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Read questions as JSON lines from a file, or from standard input ("-"), and answer each with one.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "certificate", "certificate_name", "certificate_problem", "peer", "listener",
            "mail_from", "rcpt_to",
        ]
    )]
    pub(crate) batch: Option<PathBuf>,
}

/// A log and the two configurations that are compared.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The configuration that the changes are from.
    #[arg(long, value_name = "FILE")]
    pub(crate) old: PathBuf,
    /// The configuration that the changes are to.
    #[arg(long, value_name = "FILE")]
    pub(crate) new: PathBuf,
    /// Answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The recorded messages, or standard input ("-").
    pub(crate) log: PathBuf,
}

/// What a throw-away authority is to issue.
#[derive(Debug, Args)]
pub(crate) struct Pki {
    /// The folder; nothing in it is overwritten.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// How many tenants get a certificate.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) tenants: u32,
    /// A name or address of the relay's certificate; localhost if absent.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) relay_name: Vec<String>,
    /// A name or address of the upstream's certificate; localhost if absent.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) upstream_name: Vec<String>,
    /// A name of the client's certificate.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) client_name: Vec<String>,
}

/// What becomes of the quickstart when its messages have been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It ends.
    Stop,
    /// It goes on until it is interrupted.
    KeepRunning,
}

impl Afterwards {
    pub(crate) fn of(keep: bool) -> Self {
        if keep { Self::KeepRunning } else { Self::Stop }
    }
}
