//! Settings of one Send connector to Exchange Online: EXO-L23, EXO-L26 and EXO-L27.

use tenantry_lab::export::TlsAuthLevel;

use super::{Sent, is_service, table};
use crate::distinguished_name;
use crate::finding::{Finding, Remedy};

pub(super) fn check(sent: &Sent<'_>, findings: &mut Vec<Finding>) {
    if !sent.online {
        return;
    }
    hybrid(sent, findings);
    let told = tls(sent, findings);
    // Where nothing is set the step to TLS sets this, too.
    if !told || sent.connector.tls_auth_level.is_some() {
        validation(sent, findings);
    }
}

fn hybrid(sent: &Sent<'_>, findings: &mut Vec<Finding>) {
    let connector = sent.connector;
    let cloud = sent.tells(CLOUD) && !connector.cloud_services_mail_enabled;
    let named = connector.tls_certificate_name.is_some() || connector.fqdn.is_some();
    let nameless = sent.tells(CERTIFICATE) && !named;
    let (property, what) = match (cloud, nameless) {
        (true, true) => (
            CLOUD,
            "has CloudServicesMailEnabled $false, and neither TlsCertificateName nor Fqdn",
        ),
        (true, false) => (CLOUD, "has CloudServicesMailEnabled $false"),
        (false, true) => (CERTIFICATE, "has neither TlsCertificateName nor Fqdn"),
        (false, false) => return,
    };
    let mut finding = sent.finding(&table::HYBRID, property, what.to_owned());
    if cloud {
        finding
            .remedy
            .push(sent.set("-CloudServicesMailEnabled $true"));
    }
    if nameless {
        finding.remedy.extend(name_certificate(sent, &sent.own));
    }
    findings.push(finding);
}

/// How a connector gets the name of an installed certificate: issuer and subject, as Windows writes
/// them.
pub(super) fn name_certificate(sent: &Sent<'_>, name: &str) -> [Remedy; 3] {
    let pattern = crate::powershell::quoted(&subject_pattern(name));
    [
        Remedy::Words(format!(
            "Find the certificate of the mail server, as {name}, and name it in the connector:"
        )),
        Remedy::ExchangeServer {
            command: format!(
                "$certificate = Get-ExchangeCertificate | Where-Object {{ $_.Subject -match {pattern} }} | \
                 Sort-Object NotAfter | Select-Object -Last 1"
            ),
        },
        sent.set("-TlsCertificateName \"<I>$($certificate.Issuer)<S>$($certificate.Subject)\""),
    ]
}

/// A regular expression for subjects with exactly this common name: another name may begin with it,
/// and `*` stands for itself.
fn subject_pattern(name: &str) -> String {
    let written = distinguished_name::value(name);
    let mut pattern = String::from("(^|, )CN=");
    for character in written.chars() {
        if character.is_ascii_punctuation() && !matches!(character, '-' | '_' | '"' | '\'') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push_str("(,|$)");
    pattern
}

/// Whether TLS is not insisted on.
fn tls(sent: &Sent<'_>, findings: &mut Vec<Finding>) -> bool {
    let connector = sent.connector;
    let (property, what) = if connector.ignore_starttls {
        (
            "IgnoreSTARTTLS",
            "has IgnoreSTARTTLS $true, so that mail leaves in clear text",
        )
    } else if sent.tells("RequireTLS") && !connector.require_tls {
        ("RequireTLS", "has RequireTLS $false")
    } else {
        return false;
    };
    let mut finding = sent.finding(&table::TLS, property, what.to_owned());
    let mut parameters = String::from("-RequireTLS $true -IgnoreSTARTTLS $false");
    if connector.tls_auth_level.is_none() && !verifies(sent) {
        parameters.push(' ');
        parameters.push_str(VERIFYING);
    }
    finding.remedy.push(sent.set(&parameters));
    findings.push(finding);
    true
}

fn validation(sent: &Sent<'_>, findings: &mut Vec<Finding>) {
    if !sent.tells("TlsAuthLevel") || verifies(sent) {
        return;
    }
    let domain = sent.connector.tls_domain.as_deref();
    let (property, what) = match (sent.connector.tls_auth_level, domain) {
        (Some(TlsAuthLevel::DomainValidation), Some(domain)) => (
            "TlsDomain",
            format!("has TlsDomain {domain:?}, which is not the name of Exchange Online"),
        ),
        (Some(TlsAuthLevel::DomainValidation), None) => (
            "TlsAuthLevel",
            String::from("has TlsAuthLevel DomainValidation and no TlsDomain"),
        ),
        (Some(TlsAuthLevel::EncryptionOnly), _) => (
            "TlsAuthLevel",
            String::from("has TlsAuthLevel EncryptionOnly, which verifies nothing"),
        ),
        (Some(TlsAuthLevel::CertificateValidation) | None, _) => (
            "TlsAuthLevel",
            String::from("has no TlsAuthLevel, so that nothing is verified"),
        ),
    };
    let mut finding = sent.finding(&table::VALIDATION, property, what);
    finding.remedy.push(sent.set(VERIFYING));
    findings.push(finding);
}

/// Whether the other side has to prove that it is Exchange Online, or at least somebody.
fn verifies(sent: &Sent<'_>) -> bool {
    let connector = sent.connector;
    match connector.tls_auth_level {
        Some(TlsAuthLevel::CertificateValidation) => true,
        Some(TlsAuthLevel::DomainValidation) => match connector.tls_domain.as_deref() {
            Some(domain) => is_service(domain),
            // What the export leaves out may be set.
            None => !sent.tells("TlsDomain"),
        },
        Some(TlsAuthLevel::EncryptionOnly) | None => false,
    }
}

const CLOUD: &str = "CloudServicesMailEnabled";
const CERTIFICATE: &str = "TlsCertificateName";
const VERIFYING: &str = "-TlsAuthLevel DomainValidation -TlsDomain mail.protection.outlook.com";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_found_by_all_of_its_common_name() {
        for (name, pattern) in [
            ("mail.contoso.com", r"(^|, )CN=mail\.contoso\.com(,|$)"),
            ("*.contoso-mail.com", r"(^|, )CN=\*\.contoso-mail\.com(,|$)"),
            ("Contoso, Inc", "(^|, )CN=\"Contoso\\, Inc\"(,|$)"),
        ] {
            assert_eq!(subject_pattern(name), pattern, "{name}");
        }
    }
}
