//! `tenantry import`: tenants of the relay from exports of Exchange Online and Exchange Server.

mod diff;
mod files;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args, ValueEnum};
use jiff::Timestamp;
use tenantry_audit::import::{Draft, Import, Note, Question, Weight};
use tenantry_audit::inventory::{Inventory, ReadOptions};
use tenantry_audit::powershell::comment;

use crate::{exit, exports};

/// What `import --help` says above the options.
pub(crate) const ABOUT: &str = "Make the relay's tenants from exports, or say what has changed since.

Each PATH is told by its content, as for lint: Get-InboundConnector and Get-AcceptedDomain of any number of tenants, \
Get-SendConnector of Exchange Server, as JSON, CLIXML or Microsoft365DSC, or folders of them. For each tenant one commented \
file is written, to be read by include = [\"tenants.d/*.toml\"]: certificate_domains from the TlsSenderCertificateName of \
enabled OnPremises connectors, sender and recipient domains from accepted domains, upstream from Send connectors or the MX \
name, certificate and key from --certificates. Every value has its file and line beside it.

What the exports do not decide is told, here and in the file, and never guessed: such a line begins with FILL IN, and \
`tenantry check` refuses it. No connection is opened and no name is looked up.";

/// What follows the options.
pub(crate) const EXAMPLES: &str = "Examples:
  tenantry import exports/ --certificates tls/ --output tenants.d
  tenantry import --tenant contoso=AcceptedDomain.json --stdout
  tenantry import exports/ --diff relay.toml          # what changed in ownership since

Exit codes: 0 done, with --diff nothing differs, 1 with --diff something differs, 64 wrong usage, or a file is there already, \
70 the output cannot be written, 78 an input is not there or cannot be read.";

/// What to import, and where to.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where to").required(true).args(["output", "stdout", "diff"])))]
pub(crate) struct Arguments {
    /// Exports: files and folders.
    #[arg(value_name = "PATH", required_unless_present = "tenant")]
    paths: Vec<PathBuf>,
    /// A tenant's exports, a file or a folder, by the tenant's name; may be given several times.
    #[arg(long, value_name = "NAME=PATH", value_parser = exports::tenant)]
    tenant: Vec<(String, PathBuf)>,
    /// A certificate file with its key beside it, or a folder of them; may be given several times.
    #[arg(long, value_name = "PATH")]
    certificates: Vec<PathBuf>,
    /// The folder for the tenants' files, mostly tenants.d beside relay.toml; it is made if need be.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace files that are there already.
    #[arg(long, requires = "output")]
    force: bool,
    /// Print the files instead, and what there is to tell on standard error.
    #[arg(long)]
    stdout: bool,
    /// Write nothing: say what the exports would change in this configuration.
    #[arg(long, value_name = "CONFIG")]
    diff: Option<PathBuf>,
    /// The form of what --diff says.
    #[arg(long, value_name = "FORM", default_value = "text", requires = "diff")]
    format: Form,
    /// Judge certificates as of this time (RFC 3339) instead of now.
    #[arg(long, value_name = "TIME", value_parser = exports::time)]
    now: Option<Timestamp>,
}

/// A form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// For programs (docs/import.md).
    Json,
}

/// Imports or compares.
pub(crate) fn import(arguments: &Arguments) -> ExitCode {
    imported(arguments).unwrap_or_else(|code| code).into()
}

fn imported(arguments: &Arguments) -> Result<u8, u8> {
    let mut options = ReadOptions {
        tenants: arguments.tenant.clone(),
        certificates: arguments.certificates.clone(),
        ..ReadOptions::at(arguments.now.unwrap_or_else(Timestamp::now))
    };
    if let Some(config) = &arguments.diff {
        options.config = Some(config.clone());
        let inventory = exports::read(&arguments.paths, &options)?;
        return diff::compare(config, &inventory, arguments.format == Form::Json);
    }
    let inventory = exports::read(&arguments.paths, &options)?;
    let import = Import::of(&inventory);
    if import.drafts.is_empty() {
        exit::complain(
            &"no tenant was found: add exports of Get-AcceptedDomain and Get-InboundConnector",
        );
        return Err(exit::CONFIGURATION);
    }
    let Some(folder) = &arguments.output else {
        print_files(&import).map_err(unwritable)?;
        tell(&mut io::stderr().lock(), &inventory, &import, None).map_err(unwritable)?;
        return Ok(exit::OK);
    };
    files::write(folder, &import, arguments.force)?;
    let mut out = BufWriter::new(io::stdout().lock());
    tell(&mut out, &inventory, &import, Some(folder))
        .and_then(|()| out.flush())
        .map_err(unwritable)?;
    Ok(exit::OK)
}

fn unwritable(error: io::Error) -> u8 {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return exit::OK;
    }
    exit::complain(&error);
    exit::INTERNAL
}

/// All files one after the other, which is a configuration's part, too.
fn print_files(import: &Import) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (number, draft) in import.drafts.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        writeln!(out, "# ---- {} ----", draft.file_name)?;
        out.write_all(draft.text(None).as_bytes())?;
    }
    out.flush()
}

/// What was made of what, and what is left to somebody's judgement.
fn tell(
    out: &mut impl Write,
    inventory: &Inventory,
    import: &Import,
    folder: Option<&PathBuf>,
) -> io::Result<()> {
    for source in &inventory.sources {
        let line = format!("read {}: {}", source.path.display(), source.what);
        writeln!(out, "{}", comment(&line))?;
    }
    for draft in &import.drafts {
        let path = folder.map_or_else(
            || draft.file_name.clone(),
            |folder| folder.join(&draft.file_name).display().to_string(),
        );
        writeln!(out, "\n{}", comment(&format!("{path}: {}", summary(draft))))?;
        for question in draft.questions() {
            writeln!(
                out,
                "  {}",
                comment(&format!("to decide: {}", asked(question)))
            )?;
        }
        notes(out, &draft.notes)?;
    }
    if !import.notes.is_empty() {
        writeln!(out, "\nof no tenant:")?;
        notes(out, &import.notes)?;
    }
    let (tenants, open) = (import.drafts.len(), import.open());
    writeln!(
        out,
        "\n{tenants} tenant{}; {}. Regions are in no export: a tenant's MX name leads to its own.",
        plural(tenants),
        match open {
            0 => String::from("nothing is left to decide"),
            1 =>
                String::from("1 thing to decide, and `tenantry check` refuses the file until it is"),
            more => format!(
                "{more} things to decide, and `tenantry check` refuses the files until they are"
            ),
        }
    )
}

fn summary(draft: &Draft) -> String {
    let (names, domains) = (
        draft.certificate_claims().count(),
        draft.domain_claims().count(),
    );
    format!(
        "{:?}, {names} certificate name{}, {domains} domain{}",
        draft.name,
        plural(names),
        plural(domains)
    )
}

fn asked(question: &Question) -> String {
    match &question.place {
        Some(place) => format!("{place}: {}", question.why),
        None => question.why.clone(),
    }
}

/// The gravest first.
fn notes(out: &mut impl Write, notes: &[Note]) -> io::Result<()> {
    for weight in [Weight::Decide, Weight::Look, Weight::PassedOver] {
        let title = match weight {
            Weight::Decide => "to decide",
            Weight::Look => "look at",
            Weight::PassedOver => "passed over",
        };
        for note in notes.iter().filter(|note| note.weight == weight) {
            let line = match &note.place {
                Some(place) => format!("{title}: {place}: {}", note.what),
                None => format!("{title}: {}", note.what),
            };
            writeln!(out, "  {}", comment(&line))?;
        }
    }
    Ok(())
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
