//! Organisations as they are met, with nothing wrong: lint says nothing about any of them.
//!
//! Each has something that looks like a mistake and is none.

#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tenantry_audit::inventory::{Inventory, ReadOptions};
use tenantry_audit::output::{self, Colours, Report};
use tenantry_lab::pki::{Authority, AuthoritySpec, CertificateSpec, Name};

/// A folder of files that is looked at.
struct Organization {
    folder: TempDir,
    root: Authority,
    issuing: Authority,
}

impl Organization {
    fn new() -> Self {
        let root = Authority::with(&AuthoritySpec::named("Public authority")).unwrap();
        let issuing = AuthoritySpec::named("Issuing authority");
        Self {
            folder: TempDir::new().unwrap(),
            issuing: root.intermediate_with(&issuing).unwrap(),
            root,
        }
    }

    /// A certificate file; the first name is its common name.
    fn certificate(self, file: &str, names: &[&str]) -> Self {
        let first = names.first().copied().unwrap_or_default();
        self.named_certificate(file, first, names)
    }

    /// A certificate file.
    fn named_certificate(self, file: &str, common_name: &str, names: &[&str]) -> Self {
        let folder = self.folder.path().join("files/certificates");
        fs::create_dir_all(&folder).unwrap();
        let spec = CertificateSpec {
            common_name: Some(common_name.to_owned()),
            names: names.iter().map(|name| Name::host(name)).collect(),
            ..CertificateSpec::default()
        };
        self.issuing
            .issue(&spec)
            .unwrap()
            .write(&folder, file)
            .unwrap();
        self
    }

    /// An export of a tenant.
    fn exported(self, tenant: &str, cmdlet: &str, objects: Value) -> Self {
        self.file(&format!("{tenant}/{cmdlet}.json"), &format!("{objects:#}"))
    }

    fn domains(self, tenant: &str, domains: &[&str]) -> Self {
        let initial = format!("{tenant}.onmicrosoft.com");
        let domains = domains.iter().copied().chain([initial.as_str()]);
        let objects: Value = domains
            .map(|domain| {
                json!({ "DomainName": domain, "DomainType": "Authoritative", "MatchSubDomains": false,
                    "InitialDomain": domain == initial })
            })
            .collect();
        self.exported(tenant, "AcceptedDomain", objects)
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join("files").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn must_be_left_alone(self) {
        let trusted = self.root.write(self.folder.path(), "trusted").unwrap();
        let options = ReadOptions {
            trust: vec![trusted],
            ..ReadOptions::at(Timestamp::now())
        };
        let path = self.folder.path().join("files");
        let findings = lint(&path, &options);
        assert!(findings.is_empty(), "{findings}");
    }

    /// What lint says: the rules of its findings in their order, and all of its text.
    fn findings(self) -> (Vec<String>, String) {
        let trusted = self.root.write(self.folder.path(), "trusted").unwrap();
        let options = ReadOptions {
            trust: vec![trusted],
            ..ReadOptions::at(Timestamp::now())
        };
        let text = lint(&self.folder.path().join("files"), &options);
        let rules = text.lines().filter_map(|line| {
            let (_, rest) = line.split_once('[')?;
            let (rule, _) = rest.split_once("]: ")?;
            Some(rule.to_owned())
        });
        (rules.collect(), text)
    }
}

fn lint(path: &Path, options: &ReadOptions) -> String {
    let inventory = Inventory::read(&[path.to_owned()], options);
    assert!(!inventory.tenants.is_empty());
    let findings = tenantry_audit::lint(&inventory, &[]);
    if findings.is_empty() {
        return String::new();
    }
    let mut out = Vec::new();
    let report = Report::new(&inventory, &findings);
    output::text(&mut out, &report, Colours::None).unwrap();
    String::from_utf8(out).unwrap()
}

/// An enabled connector with these properties.
fn connector(name: &str, kind: &str, properties: Value) -> Value {
    let mut connector = json!({ "Name": name, "Enabled": true, "ConnectorType": kind,
        "ConnectorSource": "AdminUI", "SenderDomains": ["smtp:*;1"], "SenderIPAddresses": [],
        "TlsSenderCertificateName": null, "RequireTls": true });
    let object = connector.as_object_mut().unwrap();
    let Value::Object(properties) = properties else {
        return connector;
    };
    object.extend(properties);
    connector
}

/// A Send connector to Exchange Online with these properties.
fn send_connector(name: &str, properties: Value) -> Value {
    let mut connector = json!({ "Name": name, "Enabled": true,
        "AddressSpaces": ["smtp:contoso.mail.onmicrosoft.com;1"],
        "SmartHosts": ["contoso-com.mail.protection.outlook.com"], "RequireTLS": true,
        "TlsAuthLevel": "DomainValidation", "TlsDomain": "mail.protection.outlook.com",
        "TlsCertificateName": "<I>CN=Issuing authority<S>CN=mail.contoso.com",
        "IgnoreSTARTTLS": false, "CloudServicesMailEnabled": true });
    let object = connector.as_object_mut().unwrap();
    if let Value::Object(properties) = properties {
        object.extend(properties);
    }
    connector
}

/// What the Hybrid Configuration Wizard makes in Exchange Online.
fn hybrid(certificate: &str) -> Value {
    connector(
        "Inbound from 1b2c",
        "OnPremises",
        json!({ "ConnectorSource": "HybridWizard", "CloudServicesMailEnabled": true,
            "TlsSenderCertificateName": certificate }),
    )
}

#[test]
fn a_hybrid_as_the_wizard_makes_it() {
    let send = json!({ "Name": "Outbound to Office 365", "Enabled": true,
        "AddressSpaces": ["smtp:contoso.mail.onmicrosoft.com;1"], "DNSRoutingEnabled": true,
        "SmartHosts": [], "SmartHostsString": "", "Port": 25, "Fqdn": null, "RequireTLS": true,
        "TlsAuthLevel": "DomainValidation", "TlsDomain": "mail.protection.outlook.com",
        "TlsCertificateName": "<I>CN=Issuing authority<S>CN=mail.contoso.com",
        "IgnoreSTARTTLS": false, "CloudServicesMailEnabled": true });
    Organization::new()
        .domains("contoso", &["contoso.com", "contoso.mail.onmicrosoft.com"])
        .exported("contoso", "InboundConnector", hybrid("*.contoso.com"))
        .exported(
            "contoso",
            "OrganizationConfig",
            json!({ "RejectDirectSend": true }),
        )
        .exported("on-premises", "SendConnector", send)
        .certificate("mail", &["mail.contoso.com", "autodiscover.contoso.com"])
        .certificate(
            "mail-renewed",
            &["mail.contoso.com", "autodiscover.contoso.com"],
        )
        .must_be_left_alone();
}

#[test]
fn a_send_connector_that_names_a_subject_with_separators_in_it() {
    for (common_name, written) in [
        ("Müller GmbH", "Müller GmbH"),
        ("Contoso, Inc.", "\"Contoso, Inc.\""),
        ("The \"Post\" office", "\"The \"\"Post\"\" office\""),
    ] {
        let named = format!("<I>CN=Issuing authority<S>CN={written}");
        let send = send_connector("To Exchange Online", json!({ "TlsCertificateName": named }));
        Organization::new()
            .domains("contoso", &["contoso.com", "contoso.mail.onmicrosoft.com"])
            .exported("contoso", "InboundConnector", hybrid("*.contoso.com"))
            .exported("on-premises", "SendConnector", send)
            .named_certificate("mail", common_name, &["mail.contoso.com"])
            .must_be_left_alone();
    }
}

#[test]
fn several_servers_below_the_wizards_wildcard() {
    Organization::new()
        .domains("contoso", &["contoso.com"])
        .exported("contoso", "InboundConnector", hybrid("*.contoso.com"))
        .certificate("ex01", &["ex01.contoso.com"])
        .certificate("ex02", &["ex02.contoso.com"])
        .must_be_left_alone();
}

#[test]
fn two_connectors_while_a_certificate_is_renewed() {
    let old = json!({ "TlsSenderCertificateName": "mail.contoso.com" });
    let new = json!({ "TlsSenderCertificateName": "mx.contoso.com" });
    Organization::new()
        .domains(
            "contoso",
            &["contoso.com", "mail.contoso.com", "mx.contoso.com"],
        )
        .exported(
            "contoso",
            "InboundConnector",
            json!([
                connector("Own servers", "OnPremises", old),
                connector("Own servers, renewed", "OnPremises", new)
            ]),
        )
        .certificate("mail", &["mail.contoso.com"])
        .certificate("mx", &["mx.contoso.com"])
        .must_be_left_alone();
}

#[test]
fn a_service_with_a_certificate_for_each_customer_and_partners() {
    let own = json!({ "TlsSenderCertificateName": "c7f3a.smtp.addon.example" });
    let partner = json!({ "TlsSenderCertificateName": "*.partner.example",
        "SenderDomains": ["smtp:partner.example;1"], "RestrictDomainsToCertificate": true });
    let scanner = json!({ "SenderIPAddresses": ["192.0.2.40"], "RequireTls": false,
        "SenderDomains": ["smtp:contoso.com;1"] });
    let other = json!({ "TlsSenderCertificateName": "f09be.smtp.addon.example" });
    Organization::new()
        .domains("contoso", &["contoso.com", "c7f3a.smtp.addon.example"])
        .exported(
            "contoso",
            "InboundConnector",
            json!([
                connector("Signatures", "OnPremises", own),
                connector("Partner", "Partner", partner),
                connector("Scanner", "Partner", scanner)
            ]),
        )
        .domains("fabrikam", &["fabrikam.com", "f09be.smtp.addon.example"])
        .exported(
            "fabrikam",
            "InboundConnector",
            connector("Signatures", "OnPremises", other),
        )
        .must_be_left_alone();
}

#[test]
fn a_tenant_that_is_locked_to_its_filter_beside_its_own_servers() {
    let lock = json!({ "TlsSenderCertificateName": "out.filter.example",
        "RestrictDomainsToCertificate": true });
    Organization::new()
        .domains("contoso", &["contoso.com"])
        .exported(
            "contoso",
            "InboundConnector",
            json!([
                hybrid("*.contoso.com"),
                connector("Filter only", "Partner", lock)
            ]),
        )
        .certificate("mail", &["mail.contoso.com"])
        .must_be_left_alone();
}

#[test]
fn a_tenant_that_is_locked_to_its_own_server() {
    let lock = json!({ "TlsSenderCertificateName": "*.contoso.com",
        "RestrictDomainsToCertificate": true });
    Organization::new()
        .domains("contoso", &["contoso.com"])
        .exported(
            "contoso",
            "InboundConnector",
            json!([
                hybrid("*.contoso.com"),
                connector("Own servers only", "Partner", lock)
            ]),
        )
        .certificate("mail", &["mail.contoso.com"])
        .must_be_left_alone();
}

#[test]
fn a_tenant_without_any_server_of_its_own() {
    let filter = json!({ "SenderIPAddresses": ["198.51.100.0/24", "203.0.113.0/25"],
        "RestrictDomainsToIPAddresses": true });
    Organization::new()
        .domains("contoso", &["contoso.com", "news.contoso.com"])
        .exported(
            "contoso",
            "InboundConnector",
            connector("Filter", "Partner", filter),
        )
        .exported(
            "contoso",
            "OrganizationConfig",
            json!({ "RejectDirectSend": true }),
        )
        .certificate("www", &["www.contoso.com", "contoso.com"])
        .must_be_left_alone();
}

#[test]
fn the_likeliest_certificate_below_a_wildcard_is_proposed_and_not_the_first() {
    let (rules, text) = Organization::new()
        .domains("contoso", &["contoso.com"])
        .exported("contoso", "InboundConnector", hybrid("*.contoso.com"))
        .certificate("a", &["a-printer.contoso.com"])
        .certificate("mail", &["mail.contoso.com"])
        .findings();
    assert_eq!(rules, ["EXO-L05"], "{text}");
    assert!(text.contains("covers a-printer.contoso.com, too"), "{text}");
    assert!(
        text.contains("certificate that contoso's own server presents, as mail.contoso.com"),
        "{text}"
    );
    assert!(
        text.contains("-TlsSenderCertificateName 'mail.contoso.com'"),
        "{text}"
    );
}

#[test]
fn a_gateway_is_never_proposed_as_the_tenants_own_server() {
    let (rules, text) = Organization::new()
        .domains("contoso", &["contoso.com"])
        .exported("contoso", "InboundConnector", hybrid("*.contoso.com"))
        .certificate("gateway", &["gateway.contoso.com"])
        .certificate("post", &["post.contoso.com"])
        .findings();
    assert_eq!(rules, ["EXO-L05", "EXO-L33"], "{text}");
    assert!(
        text.contains("-TlsSenderCertificateName 'post.contoso.com'"),
        "{text}"
    );
}

#[test]
fn the_mx_name_of_a_domain_that_nobody_accepts_is_another_tenants() {
    for (host, expected) in [
        ("fabrikam-org.mail.protection.outlook.com", &["EXO-L30"][..]),
        ("contoso-com.mail.protection.outlook.com", &[]),
        ("contosomail-com01b.mail.protection.outlook.com", &[]),
    ] {
        let send = send_connector("To Exchange Online", json!({ "SmartHosts": [host] }));
        let (rules, text) = Organization::new()
            .domains(
                "contoso",
                &[
                    "contoso.com",
                    "contoso-mail.com",
                    "contoso.mail.onmicrosoft.com",
                ],
            )
            .exported("contoso", "InboundConnector", hybrid("*.contoso.com"))
            .exported("on-premises", "SendConnector", send)
            .certificate("mail", &["mail.contoso.com"])
            .findings();
        assert_eq!(rules, expected, "{host}: {text}");
    }
}

#[test]
fn a_connector_to_another_tenants_host_is_told_of_once() {
    let host = "fabrikam-org.mail.protection.outlook.com";
    let send = send_connector("To Exchange Online", json!({ "SmartHosts": [host] }));
    let (rules, text) = Organization::new()
        .domains("contoso", &["contoso.com", "contoso.mail.onmicrosoft.com"])
        .exported("contoso", "InboundConnector", hybrid("*.contoso.com"))
        .domains("fabrikam", &["fabrikam.org"])
        .exported("fabrikam", "InboundConnector", hybrid("*.fabrikam.org"))
        .exported("on-premises", "SendConnector", send)
        .certificate("mail", &["mail.contoso.com"])
        .findings();
    assert_eq!(rules, ["EXO-L30"], "{text}");
}

#[test]
fn a_domain_that_is_accepted_need_not_be_verified_again() {
    let own = json!({ "TlsSenderCertificateName": "mail.contoso.com" });
    let (rules, text) = Organization::new()
        .domains(
            "contoso",
            &[
                "contoso.com",
                "mail.contoso.com",
                "contoso.mail.onmicrosoft.com",
            ],
        )
        .exported(
            "contoso",
            "InboundConnector",
            connector("Own servers", "OnPremises", own),
        )
        .exported(
            "on-premises",
            "SendConnector",
            send_connector(
                "To Exchange Online",
                json!({ "TlsCertificateName": "<I>CN=Issuing authority<S>CN=*.contoso.com" }),
            ),
        )
        .certificate("wildcard", &["*.contoso.com"])
        .findings();
    assert_eq!(rules, ["EXO-L37"], "{text}");
    assert!(
        text.contains("-TlsSenderCertificateName '*.contoso.com'"),
        "{text}"
    );
    assert!(!text.contains("verify it"), "{text}");
}

#[test]
fn a_connector_to_the_relay_expects_the_relays_name() {
    let send = |name, tenant: &str| {
        let certificate = format!("<I>CN=Issuing authority<S>CN=mail.{tenant}.com");
        let host = format!("{tenant}-com.mail.protection.outlook.com");
        let properties = json!({ "AddressSpaces": ["smtp:*;1"], "SmartHosts": [host],
            "TlsCertificateName": certificate });
        send_connector(name, properties)
    };
    let (rules, text) = Organization::new()
        .domains("contoso", &["contoso.com"])
        .exported("contoso", "InboundConnector", hybrid("*.contoso.com"))
        .domains("fabrikam", &["fabrikam.com"])
        .exported("fabrikam", "InboundConnector", hybrid("*.fabrikam.com"))
        .exported(
            "on-premises",
            "SendConnector",
            json!([send("First", "contoso"), send("Second", "fabrikam")]),
        )
        .certificate("contoso", &["mail.contoso.com"])
        .certificate("fabrikam", &["mail.fabrikam.com"])
        .findings();
    assert_eq!(rules, ["EXO-L29"], "{text}");
    let expected = "-SmartHosts 'relay.corp.example' -DNSRoutingEnabled $false -TlsDomain 'relay.corp.example'";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains("Write that name for relay.corp.example"),
        "{text}"
    );
}

#[test]
fn a_connector_that_verifies_nothing_is_told_of_without_tls_as_well() {
    let send = send_connector(
        "To Exchange Online",
        json!({ "RequireTLS": false, "TlsAuthLevel": "EncryptionOnly", "TlsDomain": null }),
    );
    let (mut rules, text) = Organization::new()
        .domains("contoso", &["contoso.com", "contoso.mail.onmicrosoft.com"])
        .exported("contoso", "InboundConnector", hybrid("*.contoso.com"))
        .exported("on-premises", "SendConnector", send)
        .certificate("mail", &["mail.contoso.com"])
        .findings();
    rules.sort();
    assert_eq!(rules, ["EXO-L26", "EXO-L27"], "{text}");
}
