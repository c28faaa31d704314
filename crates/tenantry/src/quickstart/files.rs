//! The quickstart's two files: the world that is simulated, and the relay in front of it.

use std::fmt::Write as _;

/// A tenant of the quickstart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenant {
    /// Its name; its domains are `NAME.example` and `mail.NAME.example`.
    pub(super) name: &'static str,
    /// The region that hosts it.
    pub(super) region: &'static str,
}

/// The world of [`TENANTS`], with free ports.
pub(super) fn lab() -> String {
    let mut text = String::from(
        r#"# Exchange Online, simulated, with three tenants in two regions.

[server]
certificate = "lab.pem"
key = "lab.key"
trust = ["authority.pem"]

# The mail server: it connects from the one address and is taken for the other.
[addresses]
"127.0.0.10" = "192.0.2.10"
"#,
    );
    for region in REGIONS {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"
[[endpoint]]
region = "{region}"
address = "127.0.0.1:0"
"#
        );
    }
    for Tenant { name, region } in TENANTS {
        let _ = write!(
            text,
            r#"
[[tenant]]
name = "{name}"
region = "{region}"
accepted_domains = ["{name}.example", "mail.{name}.example"]

[[tenant.inbound_connectors]]
Name = "Tenantry"
ConnectorType = "OnPremises"
TlsSenderCertificateName = "mail.{name}.example"
"#
        );
        if name == "contoso" {
            text.push_str(BY_ADDRESS);
        }
    }
    text
}

/// The relay's configuration; `port` says where a region's endpoint listens.
pub(super) fn relay(port: impl Fn(&str) -> Option<u16>) -> String {
    let mut text = String::from(
        r#"hostname = "relay.quickstart.example"
drain = "5s"

[[listener]]
address = "127.0.0.1:0"
tls = "starttls-required"
certificate = "relay.pem"
key = "relay.key"
client_certificates = "request"
trust = ["authority.pem"]

[[peer]]
name = "on-premises"
networks = ["127.0.0.1/32", "127.0.0.10/32"]
tenants = ["contoso", "fabrikam", "northwind"]
"#,
    );
    for Tenant { name, region } in TENANTS {
        let port = port(region).unwrap_or_default();
        let _ = write!(
            text,
            r#"
[[tenant]]
name = "{name}"
certificate_domains = ["mail.{name}.example", "app.{name}.example"]
sender_domains = ["*.{name}.example"]
recipient_domains = ["*.{name}.example"]
upstream = "localhost:{port}"
upstream_trust = ["authority.pem"]
certificate = "{name}.pem"
key = "{name}.key"
"#
        );
    }
    text
}

/// In the order of their regions' endpoints.
pub(super) const TENANTS: [Tenant; 3] = [
    Tenant {
        name: "contoso",
        region: "EUR",
    },
    Tenant {
        name: "fabrikam",
        region: "EUR",
    },
    Tenant {
        name: "northwind",
        region: "NAM",
    },
];
const REGIONS: [&str; 2] = ["EUR", "NAM"];
const BY_ADDRESS: &str = r#"
[[tenant.inbound_connectors]]
Name = "Mail server, by address"
ConnectorType = "OnPremises"
SenderIPAddresses = ["192.0.2.10"]
"#;
