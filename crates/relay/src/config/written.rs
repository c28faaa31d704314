//! A configuration as it was written: every setting with its place, nothing judged and nothing loaded.
//!
//! For whoever looks at a configuration without running it, even one that could not be run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::civil::Date;
use tenantry_attribution::Pattern;
use tenantry_net::Request;

use super::file::{AllowSection, AllowancesSection, ListenerSection, PeerSection, TenantSection};
use super::include;
use super::tree::{Table, Tables};
use super::values::{HostPort, RelativePath};
use super::{ListenerTls, Place, Problem, Setting, UpstreamAddress, UpstreamTlsMode};

/// What the main file and those it includes say.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// `hostname`.
    pub hostname: Option<Setting<String>>,
    /// `shadow`, from where the program stands.
    pub shadow: Option<Setting<PathBuf>>,
    /// `[[listener]]`.
    pub listeners: Vec<Listener>,
    /// `[[peer]]`.
    pub peers: Vec<Peer>,
    /// `[[tenant]]`.
    pub tenants: Vec<Tenant>,
    /// `[[lint.allow]]`.
    pub allowances: Vec<Allowance>,
}

/// A `[[listener]]`.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Where it begins.
    pub at: Place,
    /// `name`.
    pub name: Option<Setting<String>>,
    /// `address`.
    pub address: Option<Setting<SocketAddr>>,
    /// `tls`.
    pub tls: Option<Setting<ListenerTls>>,
    /// `certificate`, from where the program stands.
    pub certificate: Option<Setting<PathBuf>>,
    /// `key`, from where the program stands.
    pub key: Option<Setting<PathBuf>>,
    /// `client_certificates`.
    pub client_certificates: Option<Setting<Request>>,
    /// `trust`, from where the program stands.
    pub trust: Vec<Setting<PathBuf>>,
}

/// A `[[peer]]`.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it begins.
    pub at: Place,
    /// `name`.
    pub name: Option<Setting<String>>,
    /// `networks`.
    pub networks: Vec<Setting<IpNet>>,
    /// `certificates`.
    pub certificates: Vec<Setting<Pattern>>,
    /// `tenants`; `*` is all of them.
    pub tenants: Vec<Setting<String>>,
}

/// A `[[tenant]]`.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Where it begins.
    pub at: Place,
    /// `name`.
    pub name: Option<Setting<String>>,
    /// `certificate_domains`.
    pub certificate_domains: Vec<Setting<Pattern>>,
    /// `sender_domains`.
    pub sender_domains: Vec<Setting<Pattern>>,
    /// `recipient_domains`.
    pub recipient_domains: Vec<Setting<Pattern>>,
    /// `upstream`: one or several.
    pub upstreams: Vec<Setting<UpstreamAddress>>,
    /// `certificate`, from where the program stands.
    pub certificate: Option<Setting<PathBuf>>,
    /// `key`, from where the program stands.
    pub key: Option<Setting<PathBuf>>,
    /// `upstream_tls`.
    pub upstream_tls: Option<Setting<UpstreamTlsMode>>,
    /// `upstream_name`.
    pub upstream_name: Option<Setting<String>>,
    /// `upstream_trust`, from where the program stands.
    pub upstream_trust: Vec<Setting<PathBuf>>,
    /// `helo`.
    pub helo: Option<Setting<String>>,
}

/// A `[[lint.allow]]`: findings that are accepted.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// Where it begins.
    pub at: Place,
    /// `rule`: which rule's findings.
    pub rule: Option<Setting<String>>,
    /// `tenant`: only those about it.
    pub tenant: Option<Setting<String>>,
    /// `object`: only those about it, as findings name it.
    pub object: Option<Setting<String>>,
    /// `until`: the last day.
    pub until: Option<Setting<Date>>,
    /// `reason`: why.
    pub reason: Option<Setting<String>>,
}

impl Written {
    /// Reads a configuration without judging it. Values that cannot be read are absent here; what
    /// is wrong with them is what [`Config::load`](super::Config::load) says.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let mut problems = Vec::new();
        let files = include::read(path, &Place::file(path), "", &mut problems);
        let (hostname, shadow) = match files.main {
            Some(main) => (main.hostname, main.shadow.map(self::path)),
            None => (None, None),
        };
        Self {
            hostname,
            shadow,
            listeners: files.listeners.into_iter().map(Listener::from).collect(),
            peers: files.peers.into_iter().map(Peer::from).collect(),
            tenants: files.tenants.into_iter().map(Tenant::from).collect(),
            allowances: files.allowances.into_iter().map(Allowance::from).collect(),
        }
    }
}

/// Reads a file that has `[[lint.allow]]` and nothing else.
///
/// # Errors
/// Everything that is wrong with it.
pub fn allowances(path: &Path) -> Result<Vec<Allowance>, Vec<Problem>> {
    let mut problems = Vec::new();
    let place = Place::file(path);
    let read =
        include::section::<AllowancesSection>(path, &place, "", &mut Vec::new(), &mut problems);
    let lint = read.and_then(|file| file.lint);
    let allowed = lint.and_then(
        |Setting {
             value: Table(lint), ..
         }| lint.allow,
    );
    let sections = allowed.map(
        |Setting {
             value: Tables(sections),
             ..
         }| sections,
    );
    let sections = sections.unwrap_or_default();
    super::resolve::lint::check(&sections, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(sections.into_iter().map(Allowance::from).collect())
}

impl From<ListenerSection> for Listener {
    fn from(section: ListenerSection) -> Self {
        Self {
            at: section.heading.at,
            name: section.name,
            address: section.address,
            tls: section.tls,
            certificate: section.certificate.map(path),
            key: section.key.map(path),
            client_certificates: section.client_certificates,
            trust: list(section.trust).into_iter().map(path).collect(),
        }
    }
}

impl From<PeerSection> for Peer {
    fn from(section: PeerSection) -> Self {
        Self {
            at: section.heading.at,
            name: section.name,
            networks: list(section.networks),
            certificates: list(section.certificates),
            tenants: list(section.tenants),
        }
    }
}

impl From<TenantSection> for Tenant {
    fn from(section: TenantSection) -> Self {
        let upstreams = section.upstream.map(|setting| setting.value.0);
        Self {
            at: section.heading.at,
            name: section.name,
            certificate_domains: list(section.certificate_domains),
            sender_domains: list(section.sender_domains),
            recipient_domains: list(section.recipient_domains),
            upstreams: upstreams
                .unwrap_or_default()
                .into_iter()
                .map(host)
                .collect(),
            certificate: section.certificate.map(path),
            key: section.key.map(path),
            upstream_tls: section.upstream_tls,
            upstream_name: section.upstream_name,
            upstream_trust: list(section.upstream_trust).into_iter().map(path).collect(),
            helo: section.helo,
        }
    }
}

impl From<AllowSection> for Allowance {
    fn from(section: AllowSection) -> Self {
        Self {
            at: section.heading.at,
            rule: section.rule,
            tenant: section.tenant,
            object: section.object,
            until: section.until.map(|day| Setting {
                value: day.value.0,
                at: day.at,
            }),
            reason: section.reason,
        }
    }
}

fn list<T>(setting: Option<Setting<Vec<T>>>) -> Vec<T> {
    setting.map(|setting| setting.value).unwrap_or_default()
}

fn path(setting: Setting<RelativePath>) -> Setting<PathBuf> {
    Setting {
        value: setting.path(),
        at: setting.at,
    }
}

fn host(setting: Setting<HostPort>) -> Setting<UpstreamAddress> {
    Setting {
        value: UpstreamAddress {
            host: setting.value.host.to_ascii_lowercase(),
            port: setting.value.port,
        },
        at: setting.at,
    }
}
