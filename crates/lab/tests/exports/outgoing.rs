//! Send connectors and outbound connectors: every shape, and what is refused.

use std::path::Path;

use tenantry_lab::export::{
    AddressSpace, ExportError, Object, OutboundConnector, SendConnector, SmartHost, TlsAuthLevel,
    TlsCertificateName, outbound_connector, read_bytes, read_objects, send_connector,
};
use tenantry_lab::world::{ConnectorType, DomainName, Place};

use crate::support::files;

fn host(name: &str) -> SmartHost {
    SmartHost::Name(DomainName::parse(name).unwrap())
}

fn space(space: &str, cost: u8) -> AddressSpace {
    AddressSpace {
        kind: "smtp".to_owned(),
        space: space.to_owned(),
        cost,
    }
}

/// The connectors of the folder `send-connectors`.
fn the_send_connectors() -> [SendConnector; 2] {
    let hybrid = SendConnector {
        name: "Outbound to Office 365 - 1111".to_owned(),
        enabled: true,
        address_spaces: vec![space("contoso.mail.onmicrosoft.com", 1)],
        smart_hosts: Vec::new(),
        dns_routing_enabled: true,
        port: 25,
        fqdn: Some("mail.contoso.com".to_owned()),
        tls_certificate_name: Some(TlsCertificateName::IssuerAndSubject {
            issuer: "CN=Example Authority, O=Example, C=DE".to_owned(),
            subject: "CN=mail.contoso.com, O=Contoso, C=DE".to_owned(),
        }),
        tls_auth_level: Some(TlsAuthLevel::DomainValidation),
        tls_domain: Some("mail.protection.outlook.com".to_owned()),
        require_tls: true,
        ignore_starttls: false,
        cloud_services_mail_enabled: true,
        source_transport_servers: vec!["EX01".to_owned(), "EX02".to_owned()],
        other: serde_json::Map::new(),
        place: Place::default(),
    };
    let smart = SendConnector {
        name: "Smart & host".to_owned(),
        enabled: false,
        address_spaces: vec![space("*", 5), space("*.fabrikam.com", 10)],
        smart_hosts: vec![
            host("fabrikam-com.mail.protection.outlook.com"),
            SmartHost::Address("192.0.2.25".parse().unwrap()),
        ],
        dns_routing_enabled: false,
        port: 587,
        fqdn: None,
        tls_certificate_name: None,
        tls_auth_level: None,
        tls_domain: None,
        require_tls: false,
        ignore_starttls: true,
        cloud_services_mail_enabled: false,
        source_transport_servers: vec!["EX01".to_owned()],
        ..hybrid.clone()
    };
    [hybrid, smart]
}

/// The connectors of the folder `outbound-connectors`.
fn the_outbound_connectors() -> [OutboundConnector; 2] {
    let hybrid = OutboundConnector {
        name: "To on-premises".to_owned(),
        enabled: true,
        connector_type: ConnectorType::OnPremises,
        connector_source: "HybridWizard".to_owned(),
        recipient_domains: vec!["contoso.com".to_owned(), "*.contoso.com".to_owned()],
        all_accepted_domains: false,
        use_mx_record: false,
        smart_hosts: vec![
            host("mail.contoso.com"),
            SmartHost::Address("192.0.2.10".parse().unwrap()),
        ],
        tls_settings: Some(TlsAuthLevel::DomainValidation),
        route_all_messages_via_on_premises: true,
        other: serde_json::Map::new(),
        place: Place::default(),
    };
    let partner = OutboundConnector {
        name: "Partner's mail".to_owned(),
        enabled: false,
        connector_type: ConnectorType::Partner,
        connector_source: "AdminUI".to_owned(),
        recipient_domains: vec!["fabrikam.com".to_owned()],
        all_accepted_domains: true,
        use_mx_record: true,
        smart_hosts: Vec::new(),
        tls_settings: None,
        route_all_messages_via_on_premises: false,
        ..hybrid.clone()
    };
    [hybrid, partner]
}

fn send_connectors(file: &Path) -> Vec<SendConnector> {
    let objects = read_objects(file).unwrap_or_else(|problems| panic!("{problems:?}"));
    let connectors = objects.iter().map(|object| match object {
        Object::SendConnector(node) => {
            assert_eq!(node.place.file.as_deref(), Some(file));
            send_connector(node).unwrap_or_else(|problems| panic!("{problems:?}"))
        }
        other => panic!("{}: {other:?}", file.display()),
    });
    connectors.collect()
}

#[test]
fn every_shape_of_the_send_connectors_gives_the_same_connectors() {
    let expected = the_send_connectors();
    let files = files("send-connectors");
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let mut found = send_connectors(&file);
        for connector in &mut found {
            assert!(connector.place.line > 0);
            connector.place = Place::default();
            connector.other.clear();
        }
        assert_eq!(found, expected, "{}", file.display());
    }
}

#[test]
fn every_shape_of_the_outbound_connectors_gives_the_same_connectors() {
    let expected = the_outbound_connectors();
    let files = files("outbound-connectors");
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let objects = read_objects(&file).unwrap_or_else(|problems| panic!("{problems:?}"));
        let found: Vec<OutboundConnector> = objects
            .iter()
            .map(|object| match object {
                Object::OutboundConnector(node) => {
                    let mut connector =
                        outbound_connector(node).unwrap_or_else(|problems| panic!("{problems:?}"));
                    assert!(connector.place.line > 0);
                    connector.place = Place::default();
                    connector.other.clear();
                    connector
                }
                other => panic!("{}: {other:?}", file.display()),
            })
            .collect();
        assert_eq!(found, expected, "{}", file.display());
    }
}

fn send(text: &str) -> Result<SendConnector, Vec<ExportError>> {
    let documents = read_bytes(Path::new("a.json"), text.as_bytes()).unwrap();
    match documents.first().unwrap().object().unwrap() {
        Object::SendConnector(node) => send_connector(&node),
        other => panic!("{other:?}"),
    }
}

fn outbound(text: &str) -> Result<OutboundConnector, Vec<ExportError>> {
    let documents = read_bytes(Path::new("a.json"), text.as_bytes()).unwrap();
    match documents.first().unwrap().object().unwrap() {
        Object::OutboundConnector(node) => outbound_connector(&node),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_send_connector_lacks_has_the_defaults_of_the_cmdlet() {
    let connector = send(r#"{"Name": "a", "AddressSpaces": null}"#).unwrap();
    assert!(connector.enabled && connector.dns_routing_enabled);
    assert_eq!(connector.port, 25);
    assert_eq!(connector.address_spaces, []);
    assert!(!connector.require_tls && !connector.ignore_starttls);
    assert_eq!(connector.tls_certificate_name, None);
    let smart = send(r#"{"Name": "a", "AddressSpaces": [], "SmartHosts": ["b.example"]}"#).unwrap();
    assert!(!smart.dns_routing_enabled);
    let outbound =
        outbound(r#"{"Name": "a", "ConnectorType": "Partner", "UseMXRecord": true}"#).unwrap();
    assert!(outbound.enabled && outbound.use_mx_record && !outbound.all_accepted_domains);
    assert_eq!(outbound.connector_source, "Default");
    assert_eq!(outbound.tls_settings, None);
}

#[test]
fn certificate_names_are_read_whatever_becomes_of_their_markers() {
    let named = |issuer: &str, subject: &str| {
        Some(TlsCertificateName::IssuerAndSubject {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        })
    };
    let unusable = |text: &str| Some(TlsCertificateName::Unusable(text.to_owned()));
    for (written, expected) in [
        ("<I>CN=A, O=B<S>CN=c", named("CN=A, O=B", "CN=c")),
        ("<i>CN=A<s>CN=c", named("CN=A", "CN=c")),
        (" <I> CN=A <S> CN=c ", named("CN=A", "CN=c")),
        ("CN=A<S>CN=c", named("CN=A", "CN=c")),
        ("<S>CN=c", named("", "CN=c")),
        ("CN=c", named("", "CN=c")),
        ("<I>CN=A", unusable("<I>CN=A")),
        ("<I>CN=A<S>", unusable("<I>CN=A<S>")),
        ("<S>CN=c<I>CN=A", unusable("<S>CN=c<I>CN=A")),
        ("<S>a<S>CN=c", unusable("<S>a<S>CN=c")),
        (
            "0123456789ABCDEF0123456789ABCDEF01234567",
            unusable("0123456789ABCDEF0123456789ABCDEF01234567"),
        ),
        ("\u{130}<S>CN=c", named("\u{130}", "CN=c")),
        ("", None),
        ("  ", None),
    ] {
        let text = serde_json::json!({
            "Name": "a", "AddressSpaces": [], "TlsCertificateName": written
        });
        let connector = send(&text.to_string()).unwrap();
        assert_eq!(connector.tls_certificate_name, expected, "{written}");
    }
}

#[test]
fn address_spaces_are_read_in_every_form() {
    let read = |written: serde_json::Value| {
        let text = serde_json::json!({"Name": "a", "AddressSpaces": [written]});
        let spaces = send(&text.to_string()).map(|connector| connector.address_spaces);
        spaces.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    for (written, kind, space, cost) in [
        (serde_json::json!("*"), "SMTP", "*", 1),
        (serde_json::json!("Contoso.com"), "SMTP", "contoso.com", 1),
        (serde_json::json!("smtp:*.com;100"), "smtp", "*.com", 100),
        (
            serde_json::json!("X400:c=US;a=b;p=c;7"),
            "X400",
            "c=us;a=b;p=c",
            7,
        ),
        (serde_json::json!("X400:c=US;a=b"), "X400", "c=us;a=b", 1),
        (
            serde_json::json!({"Address": "contoso.com", "IncludeSubDomains": true, "Cost": "3"}),
            "SMTP",
            "*.contoso.com",
            3,
        ),
        (
            serde_json::json!({"ToString": "smtp:a.example;2"}),
            "smtp",
            "a.example",
            2,
        ),
    ] {
        let shown = written.to_string();
        let expected = AddressSpace {
            kind: kind.to_owned(),
            space: space.to_owned(),
            cost,
        };
        assert_eq!(read(written), Ok(vec![expected]), "{shown}");
    }
    for wrong in ["smtp:*;0", "smtp:*;101", "smtp:*;x", "smtp:", "smtp:;1"] {
        let problems = read(serde_json::json!(wrong)).unwrap_err();
        assert_eq!(
            problems,
            [format!(
                "a.json:1:19: AddressSpaces[0]: expected an address space, as \
                 \"smtp:*.contoso.com;1\", found \"{wrong}\"; correct it, or export again with \
                 `-Depth 6`"
            )]
        );
    }
}

#[test]
fn everything_that_is_wrong_with_a_connector_is_told_with_its_place() {
    let problems = send(
        r#"{
  "SmartHosts": [7, "a_b"],
  "Port": 0,
  "Fqdn": true,
  "TlsAuthLevel": "Everything",
  "TlsCertificateName": "Microsoft.Exchange.Data.SmtpX509Identifier",
  "RequireTLS": "perhaps",
  "SourceTransportServers": [{}]
}"#,
    )
    .unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let begins = [
        "a.json:1:1: this looks like a Send connector but has no Name",
        "a.json:2:18: SmartHosts[0]: expected a host name or an address",
        "a.json:3:11: Port: expected a port from 1 to 65535, found 0",
        "a.json:4:11: Fqdn: expected a name",
        "a.json:5:19: TlsAuthLevel: expected \"EncryptionOnly\", \"CertificateValidation\" or",
        "a.json:6:25: TlsCertificateName: expected a certificate's names",
        "a.json:7:17: RequireTLS: expected true or false, found \"perhaps\"",
        "a.json:8:30: SourceTransportServers[0]: expected a server's name",
    ];
    assert_eq!(told.len(), begins.len(), "{told:#?}");
    for (told, begins) in told.iter().zip(begins) {
        assert!(told.starts_with(begins), "{told}\n{begins}");
    }
    let problems = outbound(r#"{"TlsSettings": 9, "RecipientDomains": [[]], "UseMXRecord": {}}"#);
    let told: Vec<String> = problems
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told.len(), 4, "{told:#?}");
}

#[test]
fn a_host_that_is_none_is_kept_with_its_text() {
    let connector = send(
        r#"{"Name": "a", "AddressSpaces": [], "SmartHosts":
            ["a_b", "192.0.2.0/24", "[2001:db8::1]", "::1", "B\u00fccher.example"]}"#,
    )
    .unwrap();
    assert_eq!(
        connector.smart_hosts,
        [
            SmartHost::Unusable("a_b".to_owned()),
            SmartHost::Unusable("192.0.2.0/24".to_owned()),
            SmartHost::Address("2001:db8::1".parse().unwrap()),
            SmartHost::Address("::1".parse().unwrap()),
            host("xn--bcher-kva.example"),
        ]
    );
}
