//! A report for people.

use std::fmt::{self, Write as _};

use super::report::{Facts, Offered, Outcome, Step, StepName, TenantReport, UpstreamReport};

impl fmt::Display for TenantReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tenant {}: {}", self.tenant, self.outcome.as_str())?;
        let identity = &self.identity;
        writeln!(
            f,
            "  presents {} by {}",
            identity.names.join(", "),
            identity.issuer
        )?;
        for upstream in &self.upstreams {
            write!(f, "{upstream}")?;
        }
        match &self.used {
            Some(used) if self.upstreams.len() > 1 => writeln!(f, "  the relay uses {used}"),
            Some(_) => Ok(()),
            None => writeln!(
                f,
                "  the relay can use none of them: this tenant's mail is deferred"
            ),
        }
    }
}

impl fmt::Display for UpstreamReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  upstream {}: ", self.upstream)?;
        match (self.failed_at, self.fault) {
            (Some(step), Some(fault)) => {
                writeln!(f, "failed at {}, fault: {}", step.as_str(), fault.as_str())?;
            }
            (Some(step), None) => writeln!(f, "failed at {}", step.as_str())?,
            (None, _) => writeln!(f, "{}", self.outcome.as_str())?,
        }
        for step in &self.steps {
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.outcome {
            Outcome::Skipped => "-",
            Outcome::Ok => "ok",
            Outcome::Warning => "warn",
            Outcome::Failed => "FAIL",
        };
        writeln!(
            f,
            "    {mark:<4}  {:<18}  {}",
            self.step.as_str(),
            self.summary
        )?;
        if let Some(facts) = &self.facts {
            more(f, self.step, facts)?;
        }
        match &self.remedy {
            Some(remedy) => writeln!(f, "{INDENT}-> {remedy}"),
            None => Ok(()),
        }
    }
}

/// What one sentence has no room for.
fn more(f: &mut fmt::Formatter<'_>, step: StepName, facts: &Facts) -> fmt::Result {
    match facts {
        Facts::Offer(offered) if step == StepName::EhloTls => offer(f, offered),
        Facts::ServerCertificate(facts) => {
            for certificate in &facts.chain {
                let (subject, issuer) = (&certificate.subject, &certificate.issuer);
                writeln!(f, "{INDENT}{subject}, by {issuer}")?;
            }
            Ok(())
        }
        Facts::ClientCertificate(facts) => {
            for authority in facts.authorities.iter().take(SHOWN_AUTHORITIES) {
                writeln!(f, "{INDENT}names {authority}")?;
            }
            match facts.authorities_named.saturating_sub(SHOWN_AUTHORITIES) {
                0 => Ok(()),
                more => writeln!(f, "{INDENT}and {more} more"),
            }
        }
        Facts::Addresses { .. }
        | Facts::Attempts { .. }
        | Facts::Reply { .. }
        | Facts::Offer(_)
        | Facts::Handshake { .. }
        | Facts::Envelope { .. } => Ok(()),
    }
}

fn offer(f: &mut fmt::Formatter<'_>, offered: &Offered) -> fmt::Result {
    for (what, lines) in [
        ("only before TLS", &offered.only_before_tls),
        ("only inside TLS", &offered.only_inside_tls),
    ] {
        if !lines.is_empty() {
            writeln!(f, "{INDENT}{what}: {}", lines.join(", "))?;
        }
    }
    let mut lacking = String::new();
    for extension in offered
        .matters
        .iter()
        .filter(|extension| !extension.offered)
    {
        let separator = if lacking.is_empty() { "" } else { "; " };
        write!(
            lacking,
            "{separator}no {}: {}",
            extension.keyword, extension.without
        )?;
    }
    match lacking.is_empty() {
        true => Ok(()),
        false => writeln!(f, "{INDENT}{lacking}"),
    }
}

/// Authorities that are worth a line each.
const SHOWN_AUTHORITIES: usize = 5;
const INDENT: &str = "                              ";
