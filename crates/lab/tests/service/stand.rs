//! A running service with an authority of its own and a world from TOML.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use tempfile::TempDir;
use tenantry_lab::file::Lab;
use tenantry_lab::journal::Journal;
use tenantry_lab::pki::{Authority, Issued};
use tenantry_lab::service::{LabService, ServiceOptions};
use tenantry_lab::world::Region;

use crate::client::Client;

pub(crate) struct Stand {
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
    /// Whom clients have their certificates from, below the authority.
    pub(crate) intermediate: Authority,
    pub(crate) service: LabService,
}

/// The tenants of `exchange-online.md` section 1.17.
pub(crate) const TENANTS: &str = r#"
[[tenant]]
name = "A"
region = "EUR"
accepted_domains = ["contoso.com", "mail.a.contoso.com"]
[[tenant.inbound_connectors]]
Name = "A1"
ConnectorType = "OnPremises"
TlsSenderCertificateName = "mail.a.contoso.com"

[[tenant]]
name = "B"
region = "EUR"
accepted_domains = [{ DomainName = "fabrikam.com", DomainType = "InternalRelay", MatchSubDomains = true }]
[[tenant.inbound_connectors]]
Name = "B1"
ConnectorType = "OnPremises"
SenderIPAddresses = ["192.0.2.10"]

[[tenant]]
name = "C"
region = "NAM"
accepted_domains = ["tailspin.com"]
[[tenant.inbound_connectors]]
Name = "C1"
ConnectorType = "OnPremises"
TlsSenderCertificateName = "*.relay.example"

[[tenant]]
name = "D"
region = "EUR"
accepted_domains = ["adatum.com"]
[[tenant.inbound_connectors]]
Name = "D1"
ConnectorType = "OnPremises"
SenderIPAddresses = ["192.0.2.10"]
[[tenant.inbound_connectors]]
Name = "DP"
ConnectorType = "Partner"
SenderDomains = ["*"]
SenderIPAddresses = ["198.51.100.0/24"]
RestrictDomainsToIPAddresses = true
"#;

/// Sections that every world here has, behind what the test writes at the top.
const AROUND: &str = r#"
[addresses]
"127.0.0.1" = "203.0.113.9"
"127.0.0.10" = "192.0.2.10"
"127.0.0.12" = "198.51.100.7"

[[endpoint]]
region = "EUR"
address = "127.0.0.1:0"

[[endpoint]]
region = "NAM"
address = "127.0.0.1:0"
"#;

impl Stand {
    /// The tenants of the vectors, without anything else.
    pub(crate) async fn plain() -> Self {
        Self::with("", "", TENANTS).await
    }

    /// `top` are keys of the file itself and sections; `server` are keys of `[server]`.
    pub(crate) async fn with(top: &str, server: &str, tenants: &str) -> Self {
        Self::prepare(top, server, tenants).await.start().await
    }

    /// The same, before it starts.
    pub(crate) async fn prepare(top: &str, server: &str, tenants: &str) -> Prepared {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Lab authority").unwrap();
        authority.write(folder.path(), "authority").unwrap();
        let names = ["lab.example", "eur01lab0001.mail.protection.outlook.com"];
        let server_certificate = authority.server(&names).unwrap();
        server_certificate.write(folder.path(), "server").unwrap();
        let world = format!(
            "{top}\n{AROUND}\n[server]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n\
             trust = [\"authority.pem\"]\n{server}\n{tenants}"
        );
        let path = folder.path().join("world.toml");
        std::fs::write(&path, world).unwrap();
        let lab = Lab::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        let intermediate = authority.intermediate("Lab intermediate").unwrap();
        Prepared {
            options: ServiceOptions {
                journal: Some(folder.path().join("journal.jsonl")),
                ..ServiceOptions::default()
            },
            folder,
            authority,
            intermediate,
            lab,
        }
    }

    /// A client certificate that the service trusts, with its chain.
    pub(crate) fn certificate(&self, names: &[&str]) -> Issued {
        self.intermediate.client(names).unwrap()
    }

    pub(crate) fn journal(&self) -> &Journal {
        self.service.journal()
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.folder.path().join("journal.jsonl")
    }

    pub(crate) fn tenant_id(&self, name: &str) -> String {
        let forest = self.service.forest();
        let index = forest.world().tenant_named(name).unwrap();
        forest.world().tenant(index).unwrap().id.clone()
    }

    pub(crate) fn at(&self, region: &str) -> SocketAddr {
        self.service.address(&Region::new(region)).unwrap()
    }

    /// A client in clear text that comes from nowhere in particular.
    pub(crate) async fn client(&self) -> Client {
        Client::greeted(NOWHERE, self.at("EUR")).await
    }

    /// A client with a certificate of this name.
    pub(crate) async fn client_with(&self, name: &str) -> Client {
        let identity = self.certificate(&[name]);
        Client::secure(NOWHERE, self.at("EUR"), Some(&identity)).await
    }
}

/// A world that is read.
pub(crate) struct Prepared {
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
    intermediate: Authority,
    pub(crate) lab: Lab,
    pub(crate) options: ServiceOptions,
}

impl Prepared {
    pub(crate) async fn start(self) -> Stand {
        let service = LabService::start(self.lab, self.options).await.unwrap();
        Stand {
            folder: self.folder,
            authority: self.authority,
            intermediate: self.intermediate,
            service,
        }
    }
}

/// Taken for 203.0.113.9.
pub(crate) const NOWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 1));
/// Taken for 192.0.2.10, which B1 and D1 list.
pub(crate) const SHARED: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 10));
/// Taken for 198.51.100.7, which DP lists.
pub(crate) const PARTNER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 12));
