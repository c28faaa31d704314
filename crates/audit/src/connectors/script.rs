//! A tenant's script: commands that stand alone, and why each is there.

use std::fmt;

use tenantry_lab::world::{DomainName, Wildcard};

use super::wanted::Wanted;
use crate::powershell::{boolean, comment, quoted};

/// What is to be run in one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The relay's word for the tenant.
    pub tenant: String,
    /// In order.
    pub lines: Vec<Line>,
    /// Domains that have to be verified, which no command can do.
    pub domains: Vec<String>,
}

/// A line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// For the reader.
    Comment(String),
    /// To be run.
    Command(String),
}

impl Script {
    /// A script that begins by making sure that it runs in the right tenant.
    pub(super) fn new(wanted: &Wanted) -> Self {
        let mut script = Self {
            tenant: wanted.tenant.clone(),
            lines: Vec::new(),
            domains: Vec::new(),
        };
        script.comment(&format!(
            "Connect as an administrator of {:?} first:  Connect-ExchangeOnline -UserPrincipalName ...",
            wanted.tenant
        ));
        let names = wanted.domains.iter();
        let names: Vec<String> = names.map(|(_, domain)| quoted(domain.as_str())).collect();
        if !names.is_empty() {
            // Any one will do: a domain is one tenant's, and some may still have to be verified.
            script.command(format!(
                "if (-not (@(Get-AcceptedDomain).DomainName | Where-Object {{ $_ -in {} }})) {{ throw {} }}",
                names.join(", "),
                quoted(&format!("this is not {}: it has none of its domains", wanted.tenant))
            ));
        }
        script
    }

    pub(super) fn comment(&mut self, text: &str) {
        self.lines.push(Line::Comment(text.to_owned()));
    }

    pub(super) fn command(&mut self, text: String) {
        self.lines.push(Line::Command(text));
    }

    /// Domains that somebody has to verify; whether they are there is only looked at.
    pub(super) fn verify<'d>(&mut self, domains: impl Iterator<Item = &'d DomainName>) {
        self.domains.extend(domains.map(ToString::to_string));
        if self.domains.is_empty() {
            return;
        }
        self.comment(
            "Domains that have to be accepted. Add and verify them in the Microsoft 365 admin center, Settings > Domains, \
             by the TXT record that it shows; no cmdlet of Exchange Online does it (New-AcceptedDomain is for Exchange \
             Server). This tells which are missing:",
        );
        let names: Vec<String> = self.domains.iter().map(|domain| quoted(domain)).collect();
        self.command(format!(
            "{} | Where-Object {{ @(Get-AcceptedDomain).DomainName -notcontains $_ }} | ForEach-Object {{ Write-Warning \
             \"$_ is not accepted\" }}",
            names.join(", ")
        ));
    }

    /// The connector that knows the relay by its certificate.
    pub(super) fn new_connector(&mut self, wanted: &Wanted, name: &str) {
        self.about_name(wanted, name);
        let mut command = format!(
            "New-InboundConnector -Name {} -ConnectorType OnPremises -SenderDomains '*' -TlsSenderCertificateName {} \
             -RequireTls {}",
            quoted(&wanted.connector),
            quoted(name),
            boolean(true)
        );
        if wanted.hybrid {
            self.comment(HYBRID);
            command.push_str(&format!(" -CloudServicesMailEnabled {}", boolean(true)));
        }
        command.push_str(&format!(" -Enabled {}", boolean(true)));
        self.command(command);
    }

    /// What a name does that is not this certificate's alone.
    pub(super) fn about_name(&mut self, wanted: &Wanted, name: &str) {
        if matches!(wanted.name, Some((Wildcard::Yes, _))) {
            self.comment(&format!(
                "{name} is all that the certificate is called: it takes every certificate at and below that domain, \
                 other servers' too. A certificate with a host's name, and that name as accepted domain, would not \
                 (EXO-L05)."
            ));
        }
        if !wanted.rivals.is_empty() {
            self.comment(&format!(
                "CAUTION: the relay's certificate of {} has a name that {name} takes, too: give each tenant a \
                 certificate of its own first (EXO-L03).",
                wanted.rivals.join(", ")
            ));
        }
    }
}

/// Everything, for a tenant of which nothing is known.
pub(super) fn whole(wanted: &Wanted) -> Script {
    let mut script = Script::new(wanted);
    let Some(name) = wanted.written_name() else {
        script.comment(NAMELESS);
        return script;
    };
    script.comment(&format!(
        "The relay presents a certificate with the names {}; {} has to be an accepted domain, or the connector does not \
         count (EXO-L01, EXO-L06).",
        wanted.names.join(", "),
        wanted.certificate_domain().map_or("", DomainName::as_str)
    ));
    let certificate = wanted.certificate_domain().into_iter();
    let mail = wanted.domains.iter().map(|(_, domain)| domain);
    let mail = mail.filter(|domain| wanted.certificate_domain() != Some(*domain));
    script.verify(certificate.chain(mail));
    subdomains(wanted, &mut script);
    script.new_connector(wanted, &name);
    script
}

/// Subdomains are a choice: their domain becomes a relay domain by it.
fn subdomains(wanted: &Wanted, script: &mut Script) {
    let wide = wanted.domains.iter();
    let wide: Vec<&DomainName> = wide
        .filter(|(wildcard, _)| *wildcard == Wildcard::Yes)
        .map(|(_, domain)| domain)
        .collect();
    if wide.is_empty() {
        return;
    }
    script.comment(
        "The relay takes mail of subdomains, too. Verify each of them, or let the domain stand for them, which makes it \
         InternalRelay, so that mail to unknown recipients is relayed on instead of refused:",
    );
    for domain in wide {
        script.comment(&format!(
            "  Set-AcceptedDomain -Identity {} -DomainType InternalRelay -MatchSubDomains {}",
            quoted(domain.as_str()),
            boolean(true)
        ));
    }
}

impl fmt::Display for Script {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "# ---- {} ----", comment(&self.tenant))?;
        for line in &self.lines {
            match line {
                Line::Comment(text) => writeln!(out, "# {}", comment(text))?,
                Line::Command(text) => writeln!(out, "{text}")?,
            }
        }
        Ok(())
    }
}

/// Why headers are let through.
pub(super) const HYBRID: &str = "A trusted Exchange server sends for this tenant through the relay, which keeps its \
                                 X-MS-Exchange-CrossPremises-* headers; without CloudServicesMailEnabled Exchange \
                                 Online removes them.";

pub(super) const NAMELESS: &str = "The relay's certificate has no DNS name, and Exchange Online knows nobody without \
                                   one: order another certificate.";
