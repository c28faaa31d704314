//! `tenantry connectors`: the PowerShell that makes tenants know the relay.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use tenantry_audit::connectors::Scripts;
use tenantry_audit::inventory::ReadOptions;
use tenantry_audit::model::Model;
use tenantry_audit::powershell::comment;
use tenantry_relay::config::Config;

use crate::{exit, exports};

/// What `connectors --help` says above the options.
pub(crate) const ABOUT: &str = "Print the PowerShell that makes each tenant's side match the relay's configuration.

For each tenant: which domains have to be accepted, and an inbound connector of type OnPremises that knows the relay by the \
certificate it presents for that tenant. Nothing is run. With --against only what is missing in exported tenants is printed, \
and nothing at all when Exchange Online, as the lab simulates it, would attribute the relay's mail to the right tenants by \
their certificates.";

/// What follows the options.
pub(crate) const EXAMPLES: &str = "Examples:
  tenantry connectors --config relay.toml --tenant contoso > contoso.ps1
  tenantry connectors --config relay.toml --against exports/

Exit codes: 0 printed, with --against nothing is missing, 1 with --against something is missing, 64 wrong usage, \
70 the output cannot be written, 78 wrong configuration, or an export is not there or cannot be read.";

/// For whom, and what is there already.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this tenant; may be given several times.
    #[arg(long, value_name = "NAME")]
    tenant: Vec<String>,
    /// Exports of tenants, files or folders, as for import; may be given several times.
    #[arg(long, value_name = "EXPORT", num_args = 1..)]
    against: Vec<PathBuf>,
}

/// Prints scripts.
pub(crate) fn connectors(arguments: &Arguments) -> ExitCode {
    printed(arguments).unwrap_or_else(|code| code).into()
}

fn printed(arguments: &Arguments) -> Result<u8, u8> {
    let config = Config::load(&arguments.config).map_err(|problems| {
        exit::complain(&problems);
        exit::CONFIGURATION
    })?;
    let known = |name: &&String| config.tenants.iter().any(|tenant| *tenant.name == ***name);
    if let Some(unknown) = arguments.tenant.iter().find(|name| !known(name)) {
        let names: Vec<&str> = config.tenants.iter().map(|tenant| &*tenant.name).collect();
        let names = names.join(", ");
        exit::complain(&format_args!(
            "no tenant is called {unknown}; there are {names}"
        ));
        return Err(exit::USAGE);
    }
    let chosen = |name: &str| {
        arguments.tenant.is_empty() || arguments.tenant.iter().any(|chosen| chosen == name)
    };
    let compares = !arguments.against.is_empty();
    let scripts = if compares {
        let options = ReadOptions {
            config: Some(arguments.config.clone()),
            ..ReadOptions::at(Timestamp::now())
        };
        let inventory = exports::read(&arguments.against, &options)?;
        Scripts::against(&config, &Model::of(&inventory), chosen)
    } else {
        Scripts::of(&config, chosen)
    };
    for note in &scripts.notes {
        exit::complain(&comment(note));
    }
    if let Err(error) = write(&scripts)
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        exit::complain(&error);
        return Err(exit::INTERNAL);
    }
    Ok(match compares && !scripts.tenants.is_empty() {
        true => exit::CHANGED,
        false => exit::OK,
    })
}

fn write(scripts: &Scripts) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (number, script) in scripts.tenants.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        write!(out, "{script}")?;
    }
    out.flush()
}
