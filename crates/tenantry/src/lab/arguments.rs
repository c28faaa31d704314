//! The command line of `tenantry lab`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

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
