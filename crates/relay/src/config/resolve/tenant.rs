//! Tenants: where the mail goes, and the identity it goes with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tenantry_attribution::{Domain, OnConflict, TenantId};
use tenantry_net::{CertificateRequest, Fingerprint, Identity, Verify};
use tenantry_settings::quoted;

use super::super::file::TenantSection;
use super::super::problem::Place;
use super::super::values::{Count, Time};
use super::super::{Tenant, Timeouts, UpstreamAddress, UpstreamTlsMode};
use super::directory::Built;
use super::{Context, message_size, setting_within, tls};

/// Resolves all tenants, in the order of their numbers.
pub(super) fn resolve(
    sections: &[TenantSection],
    built: &Built,
    timeouts: &Timeouts,
    context: &mut Context<'_>,
) -> Vec<Arc<Tenant>> {
    if timeouts.upstream_end >= CLIENTS_PATIENCE {
        let what = "is as long as clients wait for us (RFC 5321 section 4.5.3.2.6: 10 minutes)";
        let remedy = "keep it below 10m, or clients send messages again that were delivered";
        context.report(context.main.warning("timeouts.upstream_end", what, remedy));
    }
    let mut shared = Shared::default();
    let mut tenants = Vec::with_capacity(sections.len());
    for (section, id) in sections.iter().zip(&built.ids) {
        tenants.extend(tenant(section, *id, &mut shared, context).map(Arc::new));
    }
    tenants
}

/// How long a client waits after its final dot, at least.
const CLIENTS_PATIENCE: Duration = Duration::from_secs(600);
const CONNECTIONS: u32 = 20;
const MESSAGES_PER_CONNECTION: u32 = 100;
const IDLE: Duration = Duration::from_secs(30);

/// Whose each identity is.
#[derive(Default)]
struct Shared(HashMap<Fingerprint, (String, Place)>);

impl Shared {
    fn check(&mut self, section: &TenantSection, identity: &Identity, context: &mut Context<'_>) {
        let heading = &section.heading;
        let at = section
            .certificate
            .as_ref()
            .map_or(&heading.at, |setting| &setting.at);
        if let Some((other, place)) = self.0.get(&identity.fingerprint()) {
            let what = format!("is the certificate of {other}, too, at {place}");
            let remedy = "give each tenant a certificate of its own: upstream tells tenants by it";
            context.report(at.warning(heading.key("certificate"), what, remedy));
            return;
        }
        self.0
            .insert(identity.fingerprint(), (heading.label.clone(), at.clone()));
    }
}

fn tenant(
    section: &TenantSection,
    id: Option<TenantId>,
    shared: &mut Shared,
    context: &mut Context<'_>,
) -> Option<Tenant> {
    let heading = &section.heading;
    let upstreams = upstreams(section, context);
    let (mode, verify) = in_so_many_words(section, context);
    let helo = helo(section, context);
    let max_message_size = message_size(&section.max_message_size, heading, context);
    let reuse = Reuse::of(section, context);
    let request = match section
        .require_certificate_request
        .as_ref()
        .is_some_and(|word| word.value)
    {
        true => CertificateRequest::Required,
        false => CertificateRequest::Optional,
    };
    let identity = context.identity(heading, &section.certificate, &section.key)?;
    shared.check(section, &identity, context);
    let tls = tls::upstream(section, &identity, verify, request, context)?;
    Some(Tenant {
        id: id?,
        name: Arc::from(section.name.as_ref()?.value.as_str()),
        upstreams,
        upstream_tls_mode: mode,
        upstream_verify: verify,
        upstream_tls_min_version: super::listener::min_version(&section.upstream_tls_min_version),
        tls,
        identity,
        on_conflict: section
            .on_conflict
            .as_ref()
            .map_or(OnConflict::Follow, |word| word.value),
        max_message_size,
        helo,
        connections: reuse.connections,
        messages_per_connection: reuse.messages,
        idle: reuse.idle,
        require_certificate_request: request,
    })
}

/// How upstream connections are used again.
struct Reuse {
    connections: usize,
    messages: u32,
    idle: Duration,
}

impl Reuse {
    fn of(section: &TenantSection, context: &mut Context<'_>) -> Self {
        let heading = &section.heading;
        let connections = setting_within::<Count>(
            &section.connections,
            heading,
            "connections",
            1..=10_000,
            context,
        );
        let messages = setting_within::<Count>(
            &section.messages_per_connection,
            heading,
            "messages_per_connection",
            1..=1_000_000,
            context,
        );
        let bounds = Duration::ZERO..=Duration::from_secs(3_600);
        let idle = setting_within::<Time>(&section.idle, heading, "idle", bounds, context);
        Self {
            connections: usize::try_from(connections.unwrap_or(CONNECTIONS)).unwrap_or(usize::MAX),
            messages: messages.unwrap_or(MESSAGES_PER_CONNECTION),
            idle: idle.unwrap_or(IDLE),
        }
    }
}

fn upstreams(section: &TenantSection, context: &mut Context<'_>) -> Vec<UpstreamAddress> {
    let heading = &section.heading;
    let Some(setting) = &section.upstream else {
        let remedy = "add upstream = \"host:port\", where this tenant's mail goes";
        context.problems.extend(heading.missing("upstream", remedy));
        return Vec::new();
    };
    let list = &setting.value.0;
    if list.is_empty() {
        let remedy = "name at least one host:port";
        context.report(
            setting
                .at
                .error(heading.key("upstream"), "is empty", remedy),
        );
    }
    let mut addresses: Vec<UpstreamAddress> = Vec::with_capacity(list.len());
    for item in list {
        let host = item.value.host.to_ascii_lowercase();
        let address = UpstreamAddress {
            host,
            port: item.value.port,
        };
        if addresses.contains(&address) {
            let what = format!("{address} stands here twice");
            let remedy = "remove one of the two";
            context.report(item.at.warning(heading.key("upstream"), what, remedy));
        } else {
            addresses.push(address);
        }
    }
    addresses
}

/// What weakens the upstream side is allowed only in so many words, and still warned of.
fn in_so_many_words(
    section: &TenantSection,
    context: &mut Context<'_>,
) -> (UpstreamTlsMode, Verify) {
    let heading = &section.heading;
    let mode = section
        .upstream_tls
        .as_ref()
        .map_or(UpstreamTlsMode::Starttls, |word| word.value);
    let verify = section
        .upstream_verify
        .as_ref()
        .map_or(Verify::NameAndChain, |word| word.value);
    if let Some(setting) = section
        .upstream_tls
        .as_ref()
        .filter(|_| mode == UpstreamTlsMode::Off)
    {
        let what = "sends mail in clear text and without this tenant's certificate";
        let remedy = "set it to \"starttls\" or \"implicit\" as soon as the upstream can";
        context.report(
            setting
                .at
                .warning(heading.key("upstream_tls"), what, remedy),
        );
        never_asked(section, context);
    }
    if let Some(setting) = section
        .upstream_verify
        .as_ref()
        .filter(|_| verify == Verify::None)
    {
        let what = "lets anybody between us and the upstream read and change this tenant's mail";
        let remedy = "set upstream_trust to the authority of the upstream, and remove this line";
        context.report(
            setting
                .at
                .warning(heading.key("upstream_verify"), what, remedy),
        );
    }
    (mode, verify)
}

/// Without TLS no upstream can ask for a certificate.
fn never_asked(section: &TenantSection, context: &mut Context<'_>) {
    let required = section
        .require_certificate_request
        .as_ref()
        .filter(|word| word.value);
    if let Some(required) = required {
        let what = "can never hold, because upstream_tls is off";
        let remedy = "remove it, or set upstream_tls to \"starttls\" or \"implicit\"";
        let key = section.heading.key("require_certificate_request");
        context.report(required.at.error(key, what, remedy));
    }
}

fn helo(section: &TenantSection, context: &mut Context<'_>) -> Option<String> {
    let setting = section.helo.as_ref()?;
    match Domain::parse(&setting.value) {
        Ok(domain) => Some(String::from(domain.as_str())),
        Err(error) => {
            let what = format!("{} is no host name: {error}", quoted(&setting.value));
            let remedy = "write a host name, or remove the line to use the hostname";
            context.report(setting.at.error(section.heading.key("helo"), what, remedy));
            None
        }
    }
}
