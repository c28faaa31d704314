//! Certificates, keys and trust are loaded and tried here, so that the relay never meets a bad one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tenantry_net::{
    CertificateRequest, ClientCertificatePolicy, CommonName, DEFAULT_MAX_NAMES, Identity,
    IdentityError, Lenience, RevocationPolicy, ServerTls, ServerTlsSettings, Trust, TrustBuilder,
    TrustError, UpstreamTls, UpstreamTlsSettings, UpstreamTrust, Usage, Verify,
};
use tenantry_settings::reason;

use super::super::file::{ListenerSection, TenantSection};
use super::super::problem::Problem;
use super::super::tree::{Heading, Setting};
use super::super::values::{Count, RelativePath};
use super::{Context, listener, setting_within};

/// Loads identities and authorities, the same files once.
pub(super) struct Loader {
    now: SystemTime,
    identities: HashMap<(PathBuf, PathBuf), Arc<Identity>>,
    /// The authorities of upstreams, by their files: thousands of tenants often have the same.
    trusts: HashMap<Vec<PathBuf>, Arc<Trust>>,
}

impl Loader {
    pub(super) fn new(now: SystemTime) -> Self {
        Self {
            now,
            identities: HashMap::new(),
            trusts: HashMap::new(),
        }
    }

    /// Loads a certificate and its key, or reports why not; a pair that failed is reported again
    /// for every section that names it.
    pub(super) fn identity(
        &mut self,
        heading: &Heading,
        certificate: Option<&Setting<RelativePath>>,
        key: Option<&Setting<RelativePath>>,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<Identity>> {
        if certificate.is_none() {
            let remedy = "add certificate = \"...\", the PEM file of the chain, leaf first";
            problems.extend(heading.missing("certificate", remedy));
        }
        if key.is_none() {
            let remedy = "add key = \"...\", the PEM file of the private key";
            problems.extend(heading.missing("key", remedy));
        }
        let (certificate, key) = (certificate?, key?);
        let paths = (certificate.path(), key.path());
        let known = self.identities.get(&paths).map(Arc::clone);
        let identity = match known {
            Some(identity) => identity,
            None => match Identity::load(&paths.0, &paths.1) {
                Ok(identity) => identity,
                Err(error) => {
                    let (on, remedy) = about(&error, &paths.1);
                    let at = if on == "key" {
                        &key.at
                    } else {
                        &certificate.at
                    };
                    problems.push(at.error(heading.key(on), plain(&error), remedy));
                    return None;
                }
            },
        };
        self.identities.insert(paths, Arc::clone(&identity));
        validity(&identity, self.now, heading, certificate, problems);
        Some(identity)
    }
}

/// How a listener judges its clients' certificates.
pub(super) fn policy(
    section: &ListenerSection,
    context: &mut Context<'_>,
) -> Option<ClientCertificatePolicy> {
    let heading = &section.heading;
    let names = setting_within::<Count>(
        &section.certificate_names,
        heading,
        "certificate_names",
        1..=100_000,
        context,
    );
    let names = names.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let trust = client_trust(section, context)?;
    let default = RevocationPolicy::default();
    let lenience = |setting: &Option<Setting<Lenience>>, default| {
        setting.as_ref().map_or(default, |word| word.value)
    };
    Some(ClientCertificatePolicy {
        trust,
        usage: section
            .certificate_usage
            .as_ref()
            .map_or(Usage::AnyTls, |word| word.value),
        common_name: section
            .common_name
            .as_ref()
            .map_or(CommonName::IfNoSan, |word| word.value),
        max_names: names.unwrap_or(DEFAULT_MAX_NAMES),
        revocation: RevocationPolicy {
            expired_list: lenience(&section.crl_expired, default.expired_list),
            missing_list: lenience(&section.crl_missing, default.missing_list),
        },
    })
}

/// The authorities, revocation lists and pins of a listener.
fn client_trust(section: &ListenerSection, context: &mut Context<'_>) -> Option<Arc<Trust>> {
    let heading = &section.heading;
    let mut builder = Trust::builder();
    let before = context.problems.len();
    let (trust, crls) = (section.trust.as_ref(), section.crls.as_ref());
    add_files(
        &mut builder,
        trust,
        &heading.key("trust"),
        Files::Authorities,
        context,
    );
    add_files(
        &mut builder,
        crls,
        &heading.key("crls"),
        Files::RevocationLists,
        context,
    );
    if let Some(setting) = section
        .trust_system
        .as_ref()
        .filter(|setting| setting.value)
        && let Err(error) = builder.add_system()
    {
        let remedy = "install the system's certificates, or name files in trust";
        let key = heading.key("trust_system");
        context.report(setting.at.error(key, error.to_string(), remedy));
    }
    for pin in section.trust_pins.iter().flat_map(|list| &list.value) {
        builder.pin(pin.value);
    }
    let unreadable = ["trust", "trust_system", "crls", "trust_pins"];
    if context.problems.len() > before || unreadable.iter().any(|key| heading.is_unreadable(key)) {
        return None;
    }
    let trust = builder.build().ok();
    if trust.is_none() {
        let what = "asks for certificates, but nothing says which authorities to trust";
        let remedy = "add trust = [\"clients-ca.pem\"], or trust_system = true";
        let key = heading.key("client_certificates");
        let at = section
            .client_certificates
            .as_ref()
            .map_or(&heading.at, |setting| &setting.at);
        context.report(at.error(key, what, remedy));
    }
    trust
}

/// What a list of files holds.
#[derive(Clone, Copy)]
enum Files {
    Authorities,
    RevocationLists,
}

fn add_files(
    builder: &mut TrustBuilder,
    list: Option<&Setting<Vec<Setting<RelativePath>>>>,
    key: &str,
    what: Files,
    context: &mut Context<'_>,
) {
    for file in list.iter().flat_map(|list| &list.value) {
        let path = file.path();
        let (added, remedy) = match what {
            Files::Authorities => (
                builder.add_pem_file(&path),
                "name a PEM file with certificates of authorities",
            ),
            Files::RevocationLists => (
                builder.add_crl_file(&path),
                "name a file with revocation lists, PEM or DER",
            ),
        };
        if let Err(error) = added {
            context.report(file.at.error(key, plain_trust(&error), remedy));
        }
    }
}

/// A listener's TLS side.
pub(super) fn server(
    section: &ListenerSection,
    identity: Arc<Identity>,
    policy: Option<ClientCertificatePolicy>,
    context: &mut Context<'_>,
) -> Option<Arc<ServerTls>> {
    let asked = listener::asked(section);
    if policy.is_none() && asked != tenantry_net::Request::Off {
        // Why there is none has been reported.
        return None;
    }
    let settings = ServerTlsSettings {
        identity,
        client_certificates: asked,
        policy,
        tickets: listener::tickets(section),
        min_version: listener::min_version(&section.tls_min_version),
    };
    match ServerTls::new(settings) {
        Ok(tls) => Some(tls),
        Err(error) => {
            let heading = &section.heading;
            let remedy =
                "use a certificate and key of a common kind, such as ECDSA P-256 or RSA 2048";
            context.report(
                heading
                    .at
                    .error(heading.label.clone(), error.to_string(), remedy),
            );
            None
        }
    }
}

/// A tenant's TLS side towards its upstreams, with sessions of its own.
pub(super) fn upstream(
    section: &TenantSection,
    identity: &Arc<Identity>,
    verify: Verify,
    certificate_request: CertificateRequest,
    context: &mut Context<'_>,
) -> Option<Arc<UpstreamTls>> {
    let heading = &section.heading;
    let settings = UpstreamTlsSettings {
        identity: Arc::clone(identity),
        trust: upstream_trust(section, context)?,
        verify,
        server_name: section
            .upstream_name
            .as_ref()
            .map(|setting| setting.value.clone()),
        certificate_request,
        min_version: listener::min_version(&section.upstream_tls_min_version),
    };
    match UpstreamTls::new(settings) {
        Ok(tls) => Some(tls),
        Err(error) => {
            let named = section.upstream_name.as_ref();
            let at = named.map_or(&heading.at, |setting| &setting.at);
            let key = named.map_or_else(|| heading.label.clone(), |_| heading.key("upstream_name"));
            let remedy = "check upstream_name, upstream_trust and the system's certificates";
            context.report(at.error(key, error.to_string(), remedy));
            None
        }
    }
}

fn upstream_trust(section: &TenantSection, context: &mut Context<'_>) -> Option<UpstreamTrust> {
    let heading = &section.heading;
    if heading.is_unreadable("upstream_trust") {
        return None;
    }
    let Some(list) = &section.upstream_trust else {
        return Some(UpstreamTrust::System);
    };
    let paths: Vec<PathBuf> = list.value.iter().map(|file| file.path()).collect();
    if let Some(trust) = context.loader.trusts.get(&paths) {
        return Some(UpstreamTrust::Roots(Arc::clone(trust)));
    }
    let key = heading.key("upstream_trust");
    let mut builder = Trust::builder();
    let before = context.problems.len();
    add_files(&mut builder, Some(list), &key, Files::Authorities, context);
    if context.problems.len() > before {
        return None;
    }
    let Ok(trust) = builder.build() else {
        let remedy = "name a PEM file, or remove the line to trust the system's authorities";
        context.report(list.at.error(key, "is empty", remedy));
        return None;
    };
    context.loader.trusts.insert(paths, Arc::clone(&trust));
    Some(UpstreamTrust::Roots(trust))
}

const DAY: u64 = 86_400;
/// Days before the end of a certificate from which on `check` warns, ever more urgently.
const NOTICE: [(u64, &str); 4] = [
    (7, "renew it now"),
    (14, "renew it this week"),
    (30, "renew it soon"),
    (60, "plan its renewal"),
];

fn validity(
    identity: &Identity,
    now: SystemTime,
    heading: &Heading,
    setting: &Setting<RelativePath>,
    problems: &mut Vec<Problem>,
) {
    let (key, at) = (heading.key("certificate"), &setting.at);
    if identity.not_before() > now {
        let what = format!("is not valid before {}", day(identity.not_before()));
        problems.push(at.error(key, what, "check the clock, or wait until then"));
        return;
    }
    let Ok(left) = identity.not_after().duration_since(now) else {
        let what = format!("expired on {}", day(identity.not_after()));
        problems.push(at.error(key, what, "renew it, or check the clock"));
        return;
    };
    let days = left.as_secs() / DAY;
    if let Some((_, remedy)) = NOTICE
        .iter()
        .find(|(notice, _)| left <= Duration::from_secs(notice * DAY))
    {
        let what = format!("expires in {days} days, on {}", day(identity.not_after()));
        problems.push(at.warning(key, what, *remedy));
    }
}

/// A day as in 2026-11-23 (UTC).
pub(in super::super) fn day(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => String::from("an unknown day"),
    }
}

/// Which of the two files an error is about, and what to do.
fn about(error: &IdentityError, key: &Path) -> (&'static str, &'static str) {
    const READABLE: &str = "check the name and that this user can read it";
    let on = |path: &Path| if path == key { "key" } else { "certificate" };
    match error {
        IdentityError::Read { path, .. } => (on(path), READABLE),
        IdentityError::NotAFile { path } => (on(path), "name a regular file"),
        IdentityError::KeyMode { path, .. } => (on(path), "run chmod 600 on it"),
        IdentityError::KeyOwner { path, .. } => (on(path), "run chown on it, or run as its owner"),
        IdentityError::KeyFolder { path, .. } => (
            on(path),
            "move it to a folder that only its owner can write to",
        ),
        IdentityError::TooLarge { path, .. } => (on(path), "check that it is the right file"),
        IdentityError::NotPem { path } => (on(path), "write it as PEM, with BEGIN and END lines"),
        IdentityError::NoCertificate { path }
        | IdentityError::MalformedCertificate { path, .. } => {
            (on(path), "write the chain as PEM, the leaf first")
        }
        IdentityError::NoKey { path } => (on(path), "write the private key into it as PEM"),
        IdentityError::EncryptedKey { path } => (on(path), "decrypt it, as openssl pkey does"),
        IdentityError::SeveralKeys { path, .. } => (on(path), "leave one key in it"),
        IdentityError::UnusableKey { path } => (on(path), "use an ECDSA, Ed25519 or RSA key"),
        IdentityError::Mismatch { .. } => {
            ("key", "name the key that this certificate was made for")
        }
    }
}

fn plain(error: &IdentityError) -> String {
    if let IdentityError::Read { path, error } = error {
        return unreadable(path, error);
    }
    error.to_string()
}

fn plain_trust(error: &TrustError) -> String {
    if let TrustError::Read { path, error } = error {
        return unreadable(path, error);
    }
    error.to_string()
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {}", path.display(), reason(error))
}
