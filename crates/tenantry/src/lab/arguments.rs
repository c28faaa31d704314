//! The command line of `tenantry lab`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use tenantry_settings::units;

/// What `tenantry lab --help` begins with.
pub(crate) const ABOUT: &str = "\
Exchange Online in a box: whose a message is there, and why, without a tenant at Microsoft.

The lab plays Exchange Online's attribution: tenants with regions, accepted domains and inbound
connectors, from exports of the real cmdlets or by hand. It shares no code with the relay's own
decision, so that it can contradict it.

  tenantry lab init DIR               make a world that works, with Tenantry in front
  tenantry lab run --world DIR        serve it over SMTP
  tenantry lab explain --world DIR    ask it, without sending anything
  tenantry lab move --world DIR       see what a change of tenants does to a sample of mail
  tenantry lab scenarios              worlds that show what goes wrong";

/// A command of the lab.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Lab {
    /// Make a folder with a world, certificates, sample messages, and a relay.toml in front of it.
    #[command(long_about = INIT)]
    Init(Init),
    /// Serve a world over SMTP until SIGTERM; SIGHUP reads it again.
    #[command(long_about = RUN)]
    Run(Run),
    /// Say whose a message would be in a world, and why; nothing is sent.
    #[command(long_about = EXPLAIN)]
    Explain(Explain),
    /// Say what a change of tenants, domains, connectors or certificates does to a sample of mail.
    #[command(long_about = MOVE)]
    Move(Move),
    /// List the scenarios that "lab init --scenario" knows.
    #[command(long_about = SCENARIOS)]
    Scenarios(Scenarios),
}

const INIT: &str = "\
Make a folder with a world, certificates, sample messages, and a relay.toml in front of it.

The folder must be new or empty; nothing is ever overwritten. Tenants are folders with the files
that Exchange Online's cmdlets export, so a tenant's real exports can take their place. All
certificates are throw-away.

  tenantry lab init box --tenants 3
  tenantry lab init box --scenario wildcard-capture
  tenantry lab run --world box &
  tenantry run --config box/relay.toml &
  tenantry lab explain --world box --batch box/sample.jsonl

The relay listens on port 2525, the lab's regions on 2531 and the following. That a port is taken
shows when they are run.";

/// What `lab init` is to make.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; it must be new or empty.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// How many healthy tenants, beside those of the scenario; 3 if there is no scenario.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=MOST_TENANTS))]
    pub(crate) tenants: Option<u32>,
    /// The scenario; "lab scenarios" lists them.
    #[arg(long, value_name = "NAME", default_value = "healthy")]
    pub(crate) scenario: String,
    /// The address of lab and relay.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,
    /// The port of the lab's first region; the other regions follow.
    #[arg(long, value_name = "FIRST", default_value_t = 2531, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// The port of the relay.
    #[arg(long, value_name = "PORT", default_value_t = 2525, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) relay_port: u16,
}

const RUN: &str = "\
Serve a world over SMTP until SIGTERM; SIGHUP reads it again.

One listener for each region, with STARTTLS and optional client certificates. Messages are
attributed, answered as Exchange Online would, and journalled; nothing is passed on. On a terminal a
table shows what comes for each tenant; elsewhere there is a line now and then for each tenant that
got something. At the end there are the totals.

  tenantry lab run --world box
  tenantry lab run --world box --journal journal.jsonl --maildir mail
  tenantry lab run --world box --duration 30s --quiet

SIGTERM and SIGINT end it: running transactions may finish first. SIGHUP takes tenants, domains,
connectors and profile anew; a world with anything wrong in it changes nothing. Addresses,
certificates, limits, faults and events take effect at the next start.";

/// What `lab run` is to serve.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The world: a TOML file, or a folder of tenants.
    #[arg(long, value_name = "PATH")]
    pub(crate) world: PathBuf,
    /// Write what comes as JSON lines to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Keep the messages taken in a maildir for each tenant below this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) maildir: Option<PathBuf>,
    /// End after this time, as in 30s or 5m.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Print nothing while it runs, and no totals.
    #[arg(long)]
    pub(crate) quiet: bool,
}

const EXPLAIN: &str = "\
Say whose a message would be in a world, and why; nothing is sent.

Each recipient gets its tenant, direction, basis, connector and reply, and every candidate with the
reason it lost. What Microsoft does not document is marked.

  tenantry lab explain --world box --certificate-name mail.tenant-0001.example \\
      --mail-from u@tenant-0001.example --rcpt-to x@internet.test
  tenantry lab explain --world box --certificate box/pki/clients/tenant-0001.pem \\
      --ip 192.0.2.10 --region EUR --mail-from '' --rcpt-to x@internet.test --json
  tenantry lab explain --world box --batch box/sample.jsonl

A batch has one JSON object a line:

  {\"id\":\"1\",\"certificate_names\":[\"mail.a.example\"],\"certificate_problem\":null,
   \"ip\":\"192.0.2.10\",\"region\":\"EUR\",\"mail_from\":\"u@a.example\",\"rcpt_to\":[\"x@b.example\"]}

and gets one line for each, in order; a line that is no question gets an error and the rest goes on.
The exit code is 0 whatever the answers are.";

/// Evidence by hand, or a file of it.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The world: a TOML file, or a folder of tenants.
    #[arg(long, value_name = "PATH")]
    pub(crate) world: PathBuf,
    /// What happens before it is asked, as for "lab move".
    #[arg(long, value_name = "EVENT")]
    pub(crate) event: Vec<String>,
    /// The client's certificate chain, leaf first, judged as of now.
    #[arg(long, value_name = "PEM", conflicts_with_all = ["certificate_name", "certificate_problem"])]
    pub(crate) certificate: Option<PathBuf>,
    /// The authorities that the certificate is judged by; those of the world if absent.
    #[arg(long, value_name = "PEM", requires = "certificate")]
    pub(crate) trust: Vec<PathBuf>,
    /// A name of the client's certificate, which counts as verified.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) certificate_name: Vec<String>,
    /// Why the certificate does not count: untrusted, expired or incomplete-chain.
    #[arg(long, value_name = "WORD")]
    pub(crate) certificate_problem: Option<String>,
    /// The client's address.
    #[arg(long, value_name = "IP")]
    pub(crate) ip: Option<IpAddr>,
    /// The endpoint's region; without it no region is wrong.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The session is not encrypted.
    #[arg(long)]
    pub(crate) no_tls: bool,
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
            "certificate", "certificate_name", "certificate_problem", "ip", "region", "no_tls",
            "mail_from", "rcpt_to",
        ]
    )]
    pub(crate) batch: Option<PathBuf>,
}

const MOVE: &str = "\
Say what a change of tenants, domains, connectors or certificates does to a sample of mail.

Every message of the sample is attributed before and after, and the recipients whose tenant,
direction, basis, connector or reply is another one are told, with the event that did it. Events
happen in their order; without any, those of the world do.

  tenantry lab move --world box --sample box/sample.jsonl \\
      --event 'domain-moved domain=contoso.com to=fabrikam'
  tenantry lab move --world box --sample box/sample.jsonl --events box/events.txt --json

Events: connector-disabled, -enabled, -removed, -blocked, -unblocked tenant=T connector=C;
connector-changed tenant=T connector=C property=P value=V; domain-added, domain-removed tenant=T
domain=D; domain-moved domain=D to=T; certificate-rotated from=NAME to=NAME; region-moved tenant=T
to=REGION; organization-changed tenant=T property=P value=true|false. Values with spaces stand in
double quotes. The sample has the form of \"lab explain --batch\".

The exit code is 0 whether something changes or not; with --exit-code it is 1 if something does.";

/// What changes, and for which mail it is to be told.
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// The world: a TOML file, or a folder of tenants.
    #[arg(long, value_name = "PATH")]
    pub(crate) world: PathBuf,
    /// What happens; may be given several times.
    #[arg(long, value_name = "EVENT")]
    pub(crate) event: Vec<String>,
    /// Events from a file, one a line, after those given here; "#" begins a comment line.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// The messages, as JSON lines, or "-" for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) sample: PathBuf,
    /// One line of JSON for each recipient that changes, as it comes.
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 1 if something changes.
    #[arg(long)]
    pub(crate) exit_code: bool,
}

const SCENARIOS: &str = "\
List the scenarios that \"lab init --scenario\" knows: what each shows, and which anti-patterns.

  tenantry lab scenarios
  tenantry lab scenarios --json | jq -r .name
  tenantry lab scenarios shared-ip";

/// Which scenarios, and how they are listed.
#[derive(Debug, Args)]
pub(crate) struct Scenarios {
    /// Only this one, with everything about it.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// One line of JSON for each.
    #[arg(long)]
    pub(crate) json: bool,
}

/// More than anybody has; it bounds what one command can write.
const MOST_TENANTS: i64 = 100_000;

fn duration(text: &str) -> Result<Duration, String> {
    match units::duration(text) {
        Ok(time) if time.is_zero() => Err("is no time at all".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; write a number and ms, s, m, h or d")),
    }
}
