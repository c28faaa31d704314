//! The configuration in force, setting by setting, as `check` prints it.

use tenantry_attribution::PeerTenants;
use tenantry_net::{CertificateRequest, ClientCertificatePolicy, Request, Tickets};
use tenantry_settings::units::{ShownDuration, ShownSize};

use super::values::Word;
use super::{Config, Listener, Peer, Tenant, TrustedExchange};

/// Every setting with the value in force; keys as in problems.
pub(super) fn rows(config: &Config) -> Vec<(String, String)> {
    let mut rows = Rows(Vec::new());
    rows.add("", "hostname", &config.hostname);
    rows.add("", "drain", ShownDuration(config.drain));
    rows.add("", "hop_limit", config.hop_limit);
    let shadow = config.shadow.as_deref();
    rows.add(
        "",
        "shadow",
        shadow.map_or_else(
            || String::from("none"),
            |shadow| shadow.path.display().to_string(),
        ),
    );
    rows.add("log", "format", config.log.format.word());
    rows.add("log", "level", &config.log.level);
    rows.add("log", "addresses", config.log.addresses.word());
    for (key, value) in config.limits.rows() {
        rows.add("limits", key, value);
    }
    for (key, value) in config.timeouts.rows() {
        rows.add("timeouts", key, value);
    }
    config
        .listeners
        .iter()
        .for_each(|listener| rows.listener(listener));
    config.peers.iter().for_each(|peer| rows.peer(peer, config));
    config.tenants.iter().for_each(|tenant| rows.tenant(tenant));
    rows.0
}

struct Rows(Vec<(String, String)>);

impl Rows {
    fn add(&mut self, section: &str, key: &str, value: impl ToString) {
        let key = if section.is_empty() {
            String::from(key)
        } else {
            format!("{section}.{key}")
        };
        self.0.push((key, value.to_string()));
    }

    fn listener(&mut self, listener: &Listener) {
        let section = &format!("listener \"{}\"", listener.name);
        self.add(section, "address", listener.address);
        self.add(section, "tls", listener.tls.word());
        self.add(
            section,
            "max_message_size",
            ShownSize(listener.max_message_size),
        );
        self.add(section, "header_firewall", listener.header_firewall.word());
        let Some(tls) = &listener.server_tls else {
            return;
        };
        self.add(section, "certificate", tls.identity().fingerprint());
        self.add(section, "tls_min_version", listener.tls_min_version.word());
        self.add(
            section,
            "session_tickets",
            listener.session_tickets == Tickets::On,
        );
        self.add(
            section,
            "client_certificates",
            listener.client_certificates.word(),
        );
        if listener.client_certificates == Request::Off {
            return;
        }
        self.add(
            section,
            "untrusted_certificate",
            listener.untrusted_certificate.word(),
        );
        if let Some(policy) = tls.policy() {
            self.policy(section, policy);
        }
    }

    fn policy(&mut self, section: &str, policy: &ClientCertificatePolicy) {
        self.add(
            section,
            "trust",
            format!("{} authorities", policy.trust.roots()),
        );
        self.add(
            section,
            "crls",
            format!("{} revocation lists", policy.trust.revocation_lists()),
        );
        self.add(
            section,
            "crl_expired",
            policy.revocation.expired_list.word(),
        );
        self.add(
            section,
            "crl_missing",
            policy.revocation.missing_list.word(),
        );
        self.add(section, "certificate_usage", policy.usage.word());
        self.add(section, "common_name", policy.common_name.word());
        self.add(section, "certificate_names", policy.max_names);
    }

    fn peer(&mut self, peer: &Peer, config: &Config) {
        let section = &format!("peer \"{}\"", peer.name);
        self.add(section, "networks", listed(&peer.networks));
        self.add(section, "certificates", listed(&peer.certificates));
        self.add(section, "tenants", peer.tenant_names(config).join(", "));
        self.add(section, "exchange", peer.exchange == TrustedExchange::Yes);
    }

    fn tenant(&mut self, tenant: &Tenant) {
        let section = &format!("tenant \"{}\"", tenant.name);
        let upstreams: Vec<String> = tenant.upstreams.iter().map(ToString::to_string).collect();
        let required = tenant.require_certificate_request == CertificateRequest::Required;
        self.add(section, "upstream", upstreams.join(", "));
        self.add(section, "upstream_tls", tenant.upstream_tls_mode.word());
        self.add(section, "upstream_verify", tenant.upstream_verify.word());
        self.add(
            section,
            "upstream_tls_min_version",
            tenant.upstream_tls_min_version.word(),
        );
        self.add(section, "certificate", tenant.identity.fingerprint());
        self.add(section, "require_certificate_request", required);
        self.add(section, "on_conflict", tenant.on_conflict.word());
        self.add(
            section,
            "helo",
            tenant.helo.as_deref().unwrap_or("the hostname"),
        );
        self.add(
            section,
            "max_message_size",
            ShownSize(tenant.max_message_size),
        );
        self.add(section, "connections", tenant.connections);
        self.add(
            section,
            "messages_per_connection",
            tenant.messages_per_connection,
        );
        self.add(section, "idle", ShownDuration(tenant.idle));
    }
}

impl Peer {
    /// The names of the tenants that it may send for; `*` for all.
    #[must_use]
    pub fn tenant_names<'a>(&'a self, config: &'a Config) -> Vec<&'a str> {
        match &self.tenants {
            PeerTenants::All => vec!["*"],
            PeerTenants::These(ids) => ids
                .iter()
                .map(|id| config.directory.tenant_name(*id))
                .collect(),
        }
    }
}

fn listed(items: &[String]) -> String {
    if items.is_empty() {
        String::from("any")
    } else {
        items.join(", ")
    }
}
