//! `tenantry check`: everything that is wrong with a configuration, or everything that it amounts to.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use jiff::Timestamp;
use tenantry_net::{Fingerprint, Identity};
use tenantry_relay::config::{Config, TrustedExchange};

use crate::{exit, table};

/// Checks and reports.
pub(crate) fn check(path: &Path) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(problems) => {
            exit::complain(&problems);
            let errors = problems.iter().filter(|problem| problem.is_error()).count();
            let file = path.display();
            let plural = if errors == 1 { "" } else { "s" };
            exit::complain(&format_args!("{file}: {errors} error{plural}, not usable"));
            return exit::CONFIGURATION.into();
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    // Whoever reads only the beginning has seen what they wanted.
    let _ = report(&mut out, &config, SystemTime::now()).and_then(|()| out.flush());
    exit::OK.into()
}

fn report(out: &mut impl Write, config: &Config, now: SystemTime) -> io::Result<()> {
    writeln!(
        out,
        "{}: no errors, {} warnings",
        config.path.display(),
        config.warnings.len()
    )?;
    for warning in &config.warnings {
        writeln!(out, "{warning}")?;
    }
    if let Some(shadow) = &config.shadow {
        let (file, tenants) = (shadow.path.display(), shadow.tenants.len());
        let plural = if tenants == 1 { "" } else { "s" };
        writeln!(
            out,
            "shadow {file}: no errors; decides beside for {tenants} tenant{plural} and never acts"
        )?;
    }
    let effective = config.effective();
    let rows = effective
        .iter()
        .map(|(key, value)| [key.clone(), value.clone()]);
    table::write(out, "effective configuration", ["key", "value"], rows)?;
    ownership(out, config)?;
    certificates(out, config, now)?;
    peers(out, config)
}

/// Who owns which names on which basis.
fn ownership(out: &mut impl Write, config: &Config) -> io::Result<()> {
    let directory = &config.directory;
    let row = |claim: tenantry_attribution::Claim| {
        let tenant = String::from(directory.tenant_name(claim.tenant));
        [
            String::from(claim.basis.as_str()),
            claim.pattern.to_string(),
            tenant,
        ]
    };
    let rows: Vec<[String; 3]> = directory.names().map(row).collect();
    table::write(
        out,
        "ownership",
        ["basis", "name", "tenant"],
        rows.into_iter(),
    )
}

/// Our certificates, each once, with everybody that uses it.
fn certificates(out: &mut impl Write, config: &Config, now: SystemTime) -> io::Result<()> {
    let mut used: BTreeMap<Fingerprint, (&Identity, Vec<String>)> = BTreeMap::new();
    let listeners = config.listeners.iter().filter_map(|listener| {
        let tls = listener.server_tls.as_ref()?;
        Some((tls.identity(), format!("listener {}", listener.name)))
    });
    let tenants = config
        .tenants
        .iter()
        .map(|tenant| (&tenant.identity, format!("tenant {}", tenant.name)));
    for (identity, user) in listeners.chain(tenants) {
        used.entry(identity.fingerprint())
            .or_insert((identity, Vec::new()))
            .1
            .push(user);
    }
    let mut rows: Vec<[String; 5]> = used
        .values()
        .map(|(identity, users)| {
            let left = identity.not_after().duration_since(now).unwrap_or_default();
            [
                users.join(", "),
                identity.names().join(", "),
                day(identity.not_after()),
                (left.as_secs() / 86_400).to_string(),
                identity.fingerprint().to_string(),
            ]
        })
        .collect();
    rows.sort();
    let head = [
        "used by",
        "names",
        "expires",
        "days left",
        "fingerprint (SHA-256)",
    ];
    table::write(out, "certificates", head, rows.into_iter())
}

/// Who may send by sender and recipient, and for whom.
fn peers(out: &mut impl Write, config: &Config) -> io::Result<()> {
    let rows = config.peers.iter().map(|peer| {
        let any = |list: &[String]| {
            if list.is_empty() {
                String::from("any")
            } else {
                list.join(", ")
            }
        };
        let exchange = if peer.exchange == TrustedExchange::Yes {
            "yes"
        } else {
            "no"
        };
        [
            peer.name.to_string(),
            any(&peer.networks),
            any(&peer.certificates),
            peer.tenant_names(config).join(", "),
            String::from(exchange),
        ]
    });
    let head = [
        "peer",
        "networks",
        "certificates",
        "may send for",
        "exchange",
    ];
    table::write(out, "peers", head, rows)
}

fn day(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(
        |_| String::from("unknown"),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}
