//! `tenantry lab init`: a scenario as files, and what to do with them.

use std::io::{self, Write};
use std::path::Path;

use tenantry_lab::scenario::{Folder, InitError, InitPlan, Scenario};

use super::arguments::Init;
use super::{printed, scenarios};
use crate::exit;

/// Makes the folder and says what to do next.
pub(super) fn init(wanted: &Init) -> Result<u8, u8> {
    let scenario = Scenario::named(&wanted.scenario).map_err(|error| scenarios::refused(&error))?;
    let unasked = if scenario.generated {
        HEALTHY_TENANTS
    } else {
        0
    };
    let plan = InitPlan {
        scenario: scenario.with_tenants(wanted.tenants.unwrap_or(unasked)),
        address: wanted.address,
        first_port: wanted.port,
        relay_port: wanted.relay_port,
    };
    let made = Folder::create(&wanted.directory, &plan).map_err(|error| refused(&error))?;
    // The folder is there, whoever reads this.
    printed(|out| report(out, &plan.scenario, &made))
}

fn refused(error: &InitError) -> u8 {
    exit::complain(error);
    match error {
        InitError::NotEmpty(_) | InitError::NoTenants | InitError::Ports { .. } => exit::USAGE,
        InitError::Write { .. } | InitError::Pki(_) | InitError::Name(_) => exit::INTERNAL,
    }
}

fn report(out: &mut dyn Write, scenario: &Scenario, made: &Folder) -> io::Result<()> {
    let folder = quoted(&made.path);
    scenarios::described(out, scenario)?;
    writeln!(out, "\n{}: {} tenants", made.path.display(), made.tenants)?;
    for (region, address) in &made.layout.endpoints {
        writeln!(out, "  {region} at {address}")?;
    }
    writeln!(out, "  Tenantry in front at {}", made.layout.relay)?;
    for (played, taken_as) in &made.layout.addresses {
        writeln!(out, "  {played} plays {taken_as}")?;
    }
    writeln!(out, "\nrun the lab, and Tenantry in front of it:")?;
    writeln!(out, "  tenantry lab run --world {folder}")?;
    writeln!(out, "  tenantry run --config {folder}/relay.toml")?;
    send(out, scenario, made, &folder)?;
    if made.has_sample {
        writeln!(out, "\nask it without sending anything:")?;
        writeln!(
            out,
            "  tenantry lab explain --world {folder} --batch {folder}/sample.jsonl"
        )?;
    }
    if !scenario.events.is_empty() {
        writeln!(out, "\nsee what the events in {folder}/events.txt change:")?;
        writeln!(
            out,
            "  tenantry lab move --world {folder} --events {folder}/events.txt --sample {folder}/after.jsonl"
        )?;
    }
    Ok(())
}

/// The first message of the sample, by hand: to the lab, and through Tenantry.
fn send(out: &mut dyn Write, scenario: &Scenario, made: &Folder, folder: &str) -> io::Result<()> {
    let Some(message) = scenario.messages.first() else {
        return Ok(());
    };
    let rcpt = message.rcpt_to.join(",");
    let sender = match message.mail_from.as_str() {
        "" => "<>",
        sender => sender,
    };
    let envelope = format!("--from '{sender}' --to '{rcpt}'");
    let certificate = match &message.certificate {
        Some(file) => {
            let stem = format!("{folder}/pki/clients/{file}");
            format!("--tls --tls-cert {stem}.pem --tls-key {stem}.key")
        }
        None => "--tls".to_owned(),
    };
    writeln!(out, "\nsend \"{}\" with swaks:", message.id)?;
    let endpoints = made.layout.endpoints.iter();
    let endpoint = endpoints
        .filter(|(region, _)| message.region.as_ref() == Some(region))
        .map(|(_, address)| address);
    for address in endpoint {
        let played = made.layout.addresses.iter();
        let from = played
            .filter(|(_, taken_as)| message.ip == Some(*taken_as))
            .map(|(played, _)| format!(" --local-interface {played}"));
        let from: String = from.take(1).collect();
        writeln!(
            out,
            "  swaks --server {address}{from} {certificate} {envelope}"
        )?;
    }
    let relay = made.layout.relay;
    writeln!(out, "  swaks --server {relay} {certificate} {envelope}")
}

/// For a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

const HEALTHY_TENANTS: u32 = 3;
