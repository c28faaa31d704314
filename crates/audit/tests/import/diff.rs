//! A new export beside the configuration that was imported from an old one.

use serde_json::{Value, json};
use tenantry_audit::import::diff::{self, Comparison, Kind};

use crate::stage::{Stage, accepted, on_premises, with};

/// Two tenants, imported and in use.
fn in_use() -> Stage {
    let stage = Stage::new();
    for name in ["contoso", "fabrikam"] {
        export(&stage, name, &json!([]), &json!([]));
        stage.certificate(name, &[&format!("mail.{name}.com")]);
    }
    let import = stage.import();
    stage.relay(&import);
    stage
}

/// A tenant's usual exports, and more.
fn export(stage: &Stage, name: &str, connectors: &Value, domains: &Value) {
    let host = format!("mail.{name}.com");
    let mut all = vec![on_premises("HQ", &host)];
    all.extend(connectors.as_array().unwrap().clone());
    let mut accepts = vec![accepted(&format!("{name}.com")), accepted(&host)];
    accepts.extend(domains.as_array().unwrap().clone());
    stage.tenant(name, &json!(all), &json!(accepts));
}

fn compare(stage: &Stage) -> Comparison {
    diff::compare(&stage.inventory()).unwrap()
}

/// Kind, tenant and subject of each.
fn found(comparison: &Comparison) -> Vec<(Kind, &str, &str)> {
    let differences = comparison.differences.iter();
    differences
        .map(|one| (one.kind, one.tenant.as_str(), one.subject.as_str()))
        .collect()
}

#[test]
fn the_exports_of_an_import_differ_in_nothing() {
    let stage = in_use();
    let comparison = compare(&stage);
    assert_eq!(found(&comparison), []);
    assert_eq!(comparison.compared, 2);
    assert!(comparison.notes.is_empty(), "{:?}", comparison.notes);
}

#[test]
fn a_domain_that_moves_is_one_difference() {
    let stage = in_use();
    stage.tenant(
        "contoso",
        &on_premises("HQ", "mail.contoso.com"),
        &json!([accepted("mail.contoso.com")]),
    );
    export(
        &stage,
        "fabrikam",
        &json!([]),
        &json!([accepted("contoso.com")]),
    );
    let comparison = compare(&stage);
    let moved = &comparison.differences[0];
    assert_eq!(
        (moved.kind, moved.subject.as_str()),
        (Kind::DomainMoved, "contoso.com")
    );
    assert_eq!(moved.from.as_deref(), Some("contoso"));
    assert_eq!(moved.to.as_deref(), Some("fabrikam"));
    assert_eq!(moved.keys, ["sender_domains", "recipient_domains"]);
    assert!(moved.configured.as_ref().unwrap().line > 1);
    assert_eq!(moved.exported.as_ref().unwrap().line, 1);
    // Its MX name moves with it.
    assert_eq!(
        found(&comparison)[1..],
        [(
            Kind::Upstream,
            "contoso",
            "contoso-com.mail.protection.outlook.com:25"
        )]
    );
}

#[test]
fn a_domain_that_moves_is_seen_without_the_exports_of_the_tenant_that_it_leaves() {
    let stage = in_use();
    std::fs::remove_dir_all(stage.path().join("exports/contoso")).unwrap();
    export(
        &stage,
        "fabrikam",
        &json!([]),
        &json!([accepted("contoso.com")]),
    );
    let comparison = compare(&stage);
    assert_eq!(
        found(&comparison),
        [(Kind::DomainMoved, "contoso", "contoso.com")]
    );
    assert_eq!(comparison.notes.len(), 1);
    assert!(comparison.notes[0].contains("\"contoso\" is not among these exports"));
}

#[test]
fn new_gone_and_wider_domains_are_told_apart() {
    let stage = in_use();
    let wide = with(
        accepted("mail.contoso.com"),
        json!({ "DomainType": "InternalRelay", "MatchSubDomains": true }),
    );
    stage.tenant(
        "contoso",
        &on_premises("HQ", "mail.contoso.com"),
        &json!([
            wide,
            accepted("new.example"),
            with(accepted("contoso.com"), json!({ "PendingRemoval": true }))
        ]),
    );
    let comparison = compare(&stage);
    assert_eq!(
        found(&comparison),
        [
            (Kind::DomainNew, "contoso", "new.example"),
            (Kind::DomainGone, "contoso", "contoso.com"),
            (Kind::DomainWidened, "contoso", "mail.contoso.com"),
        ]
    );
    assert_eq!(
        comparison.differences[1].why.as_deref(),
        Some("the domain is pending")
    );
    assert_eq!(
        comparison.differences[2].to.as_deref(),
        Some("*.mail.contoso.com")
    );
}

#[test]
fn what_has_become_of_a_connector_is_told() {
    for (changes, why) in [
        (json!({ "Enabled": false }), "\"HQ\" is disabled"),
        (
            json!({ "ConnectorType": "Partner" }),
            "\"HQ\" is of type Partner",
        ),
        (
            json!({ "TlsSenderCertificateName": null, "SenderIPAddresses": ["192.0.2.1"] }),
            "\"HQ\" knows its servers by address alone",
        ),
    ] {
        let stage = in_use();
        stage.tenant(
            "contoso",
            &with(on_premises("HQ", "mail.contoso.com"), changes),
            &json!([accepted("contoso.com"), accepted("mail.contoso.com")]),
        );
        let comparison = compare(&stage);
        let kinds: Vec<Kind> = comparison.differences.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::CertificateNameGone, Kind::Identity], "{why}");
        assert!(
            comparison.differences[0]
                .why
                .as_ref()
                .unwrap()
                .contains(why),
            "{comparison:#?}"
        );
    }
}

#[test]
fn another_certificate_name_is_a_new_and_a_gone_one_and_leaves_the_relay_unknown() {
    let stage = in_use();
    stage.tenant(
        "contoso",
        &on_premises("HQ", "contoso.com"),
        &json!([accepted("contoso.com"), accepted("mail.contoso.com")]),
    );
    let comparison = compare(&stage);
    assert_eq!(
        found(&comparison)[..2],
        [
            (Kind::CertificateNameNew, "contoso", "contoso.com"),
            (Kind::CertificateNameGone, "contoso", "mail.contoso.com"),
        ]
    );
    assert_eq!(comparison.differences[2].kind, Kind::Identity);
    assert_eq!(
        comparison.differences[2].from.as_deref(),
        Some("mail.contoso.com")
    );
}

#[test]
fn another_smart_host_is_another_upstream() {
    let stage = in_use();
    let send = json!({
        "Name": "To contoso", "AddressSpaces": ["smtp:contoso.com;1"], "SourceTransportServers": ["EX01"],
        "SmartHosts": ["contoso-com.a-v1.mx.microsoft"],
    });
    stage.write("exports/on-premises/SendConnector.json", send.to_string());
    let comparison = compare(&stage);
    let upstream = &comparison.differences[0];
    assert_eq!(found(&comparison).len(), 1);
    assert_eq!(upstream.kind, Kind::Upstream);
    assert_eq!(
        upstream.to.as_deref(),
        Some("contoso-com.a-v1.mx.microsoft:25")
    );
}

#[test]
fn a_new_tenant_is_one_difference_with_what_it_takes_from_others() {
    let stage = in_use();
    export(
        &stage,
        "tailspin",
        &json!([]),
        &json!([accepted("fabrikam.com")]),
    );
    stage.tenant(
        "fabrikam",
        &on_premises("HQ", "mail.fabrikam.com"),
        &json!([accepted("mail.fabrikam.com")]),
    );
    let comparison = compare(&stage);
    let kinds: Vec<(Kind, &str)> = comparison
        .differences
        .iter()
        .map(|one| (one.kind, one.tenant.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            (Kind::DomainMoved, "fabrikam"),
            (Kind::Upstream, "fabrikam"),
            (Kind::TenantNew, "tailspin")
        ]
    );
}

#[test]
fn a_certificate_that_cannot_be_read_is_said_and_not_compared() {
    let stage = in_use();
    std::fs::remove_file(stage.path().join("tls/contoso.pem")).unwrap();
    let comparison = compare(&stage);
    assert_eq!(found(&comparison), []);
    assert_eq!(comparison.notes.len(), 1, "{:?}", comparison.notes);
    for part in ["tenants.d/contoso.toml:", "tls/contoso.pem cannot be read"] {
        assert!(
            comparison.notes[0].contains(part),
            "{}",
            comparison.notes[0]
        );
    }
    let relay = stage.inventory().relay.unwrap();
    assert!(relay.config.is_err());
    assert_eq!(diff::readable(&relay), Ok(()));
}

#[test]
fn json_has_what_text_has() {
    let stage = in_use();
    export(
        &stage,
        "contoso",
        &json!([]),
        &json!([accepted("new.example")]),
    );
    let comparison = compare(&stage);
    let mut out = Vec::new();
    comparison.json("relay.toml", &mut out).unwrap();
    let document: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(document["differs"], true);
    let difference = &document["differences"][0];
    assert_eq!(difference["kind"], "domain-new");
    assert_eq!(difference["subject"], "new.example");
    assert_eq!(difference["configured"], Value::Null);
    assert!(
        difference["exported"]["file"]
            .as_str()
            .unwrap()
            .ends_with("AcceptedDomain.json")
    );
    let mut text = Vec::new();
    comparison.text(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let told = "contoso\n  domain new.example is new (sender_domains, recipient_domains): Authoritative\n    exported    ";
    assert!(text.starts_with(told), "{text}");
    assert!(
        text.ends_with("\n1 difference, 2 tenants compared\n"),
        "{text}"
    );
}
