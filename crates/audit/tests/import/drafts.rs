//! What is taken over, what is told, and what is left for somebody to decide.

use serde_json::json;
use tenantry_audit::import::{Draft, Import, Weight};

use crate::stage::{Stage, accepted, on_premises, with};

fn patterns(draft: &Draft) -> Vec<String> {
    let claims = draft.certificate_claims();
    claims.map(|claim| claim.pattern.to_string()).collect()
}

/// Notes of a weight, without the folder's path.
fn told(stage: &Stage, draft: &Draft, weight: Weight) -> Vec<String> {
    let notes = draft.notes.iter().filter(|note| note.weight == weight);
    let prefix = format!("{}/", stage.path().display());
    let line = |note: &tenantry_audit::import::Note| {
        let place = note.place.as_ref().unwrap();
        format!("{place}: {}", note.what).replace(&prefix, "")
    };
    notes.map(line).collect()
}

#[track_caller]
fn has(lines: &[String], parts: &[&str]) {
    let found = lines
        .iter()
        .any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "{parts:?} in {lines:#?}");
}

#[test]
fn connectors_that_attribute_nothing_are_told_with_their_places() {
    let stage = Stage::new();
    let connectors = json!([
        on_premises("Good", "mail.contoso.com"),
        with(
            on_premises("Off", "off.contoso.com"),
            json!({ "Enabled": false })
        ),
        with(
            on_premises("Vendor", "vendor.example"),
            json!({ "ConnectorType": "Partner" })
        ),
        with(
            on_premises("Scanner", ""),
            json!({ "TlsSenderCertificateName": null, "SenderIPAddresses": ["192.0.2.10", "198.51.100.0/24"] })
        ),
        with(
            on_premises("Empty", ""),
            json!({ "TlsSenderCertificateName": null })
        ),
        on_premises("Foreign", "mail.vendor.example"),
        on_premises("Child", "deep.contoso.com"),
        on_premises("Odd", "mail.*.contoso.com"),
        with(
            on_premises("Trusting", "t.contoso.com"),
            json!({ "TrustedOrganizations": ["fabrikam.com"] })
        ),
    ]);
    let domains = json!([accepted("contoso.com"), accepted("mail.contoso.com")]);
    stage.tenant("contoso", &connectors, &domains);
    let import = stage.import();
    let draft = &import.drafts[0];
    assert_eq!(patterns(draft), ["mail.contoso.com"]);
    let look = told(&stage, draft, Weight::Look);
    has(
        &look,
        &[
            "InboundConnector.json:1:",
            "\"Off\" with off.contoso.com is disabled",
        ],
    );
    has(
        &look,
        &[
            "\"Scanner\"",
            "192.0.2.10, 198.51.100.0/24 alone",
            "[[peer]]",
        ],
    );
    has(
        &look,
        &["\"Empty\" has neither certificate name nor addresses"],
    );
    has(
        &look,
        &[
            "mail.vendor.example of inbound connector \"Foreign\"",
            "no accepted domain",
        ],
    );
    has(
        &look,
        &[
            "deep.contoso.com of inbound connector \"Child\"",
            "only contoso.com is accepted",
        ],
    );
    has(
        &look,
        &[
            "\"mail.*.contoso.com\" of inbound connector \"Odd\"",
            "no domain",
        ],
    );
    has(&look, &["\"Trusting\"", "TrustedOrganizations"]);
    has(
        &told(&stage, draft, Weight::PassedOver),
        &["\"Vendor\"", "Partner"],
    );
    let text = draft.text(None);
    for line in look {
        let what = line
            .split_once("}: ")
            .map_or(line.as_str(), |(_, what)| what);
        let said = what.rsplit(": ").next().unwrap();
        assert!(text.contains(said), "{said} in {text}");
    }
}

#[test]
fn domains_are_taken_over_as_exchange_online_counts_them() {
    let stage = Stage::new();
    let domains = json!([
        accepted("contoso.com"),
        with(
            accepted("fabrikam.com"),
            json!({ "DomainType": "InternalRelay", "MatchSubDomains": true })
        ),
        with(
            accepted("new.example"),
            json!({ "PendingCompletion": true })
        ),
        with(accepted("bulk.example"), json!({ "OutboundOnly": true })),
        with(
            accepted("contoso.onmicrosoft.com"),
            json!({ "InitialDomain": true })
        ),
        accepted("b\u{fc}cher.example"),
    ]);
    stage.tenant("contoso", &on_premises("HQ", "contoso.com"), &domains);
    let import = stage.import();
    let draft = &import.drafts[0];
    let claims: Vec<String> = draft
        .domain_claims()
        .map(|claim| claim.pattern.to_string())
        .collect();
    assert_eq!(
        claims,
        [
            "contoso.com",
            "*.fabrikam.com",
            "bulk.example",
            "contoso.onmicrosoft.com",
            "xn--bcher-kva.example"
        ]
    );
    let look = told(&stage, draft, Weight::Look);
    has(&look, &["fabrikam.com is a relay domain"]);
    has(&look, &["new.example is pending"]);
    has(&look, &["bulk.example is OutboundOnly"]);
}

#[test]
fn every_value_has_its_file_and_line_beside_it() {
    let stage = Stage::new();
    stage.write(
        "exports/contoso/connectors.json",
        "{\n  \"Name\": \"HQ\", \"ConnectorType\": \"OnPremises\",\n  \"TlsSenderCertificateName\": \"mail.contoso.com\" }",
    );
    stage.write(
        "exports/contoso/domains.json",
        "[\n  { \"DomainName\": \"contoso.com\" },\n  { \"DomainName\": \"mail.contoso.com\" }\n]",
    );
    stage.certificate("contoso", &["mail.contoso.com"]);
    let import = stage.import();
    let text = import.drafts[0].text(Some(&stage.path().join("tenants.d")));
    let text = text.replace(&format!("{}/", stage.path().display()), "");
    for line in [
        "    \"mail.contoso.com\", # exports/contoso/connectors.json:3:31: TlsSenderCertificateName of inbound connector \"HQ\"",
        "    \"contoso.com\", # exports/contoso/domains.json:2:19: Authoritative",
        "# exports/contoso/domains.json:2:19: no Send connector says it; Microsoft's rule for the MX name of contoso.com",
        "upstream = \"contoso-com.mail.protection.outlook.com:25\"",
        "# tls/contoso.pem:1:1: the only certificate that fits; its names: mail.contoso.com",
        "certificate = \"../tls/contoso.pem\"",
        "key = \"../tls/contoso.key\"",
        "# on_conflict = \"follow\"",
        "# helo = \"mail.contoso.com\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    stage.relay(&import);
}

#[test]
fn what_is_not_decided_is_a_line_that_check_refuses() {
    let stage = Stage::new();
    stage.tenant(
        "contoso",
        &on_premises("HQ", "contoso-inc.com"),
        &json!([
            accepted("contoso-inc.com"),
            accepted("contoso.onmicrosoft.com")
        ]),
    );
    let import = stage.import();
    assert_eq!(import.open(), 2);
    let problems = stage.problems(&import);
    for part in [
        "tenants.d/contoso.toml:",
        "upstream: \"FILL IN: MX name of contoso-inc.com\" has no valid host name",
        "key: cannot read tenants.d/FILL IN: key of the certificate for contoso-inc.com",
    ] {
        assert!(problems.contains(part), "{part}\n{problems}");
    }
}

#[test]
fn accepted_domains_that_were_not_exported_are_not_guessed_from_connectors() {
    let stage = Stage::new();
    stage.write(
        "exports/contoso/connectors.json",
        on_premises("HQ", "mail.contoso.com").to_string(),
    );
    stage.certificate("contoso", &["mail.contoso.com"]);
    let import = stage.import();
    let problems = stage.problems(&import);
    for key in ["sender_domains", "recipient_domains"] {
        let part = format!("{key}[1]: \"FILL IN: accepted domains\" is no domain pattern");
        assert!(problems.contains(&part), "{part}\n{problems}");
    }
}

#[test]
fn a_certificate_is_taken_when_it_is_the_only_one_that_fits() {
    let stage = Stage::new();
    let domains = json!([accepted("contoso.com"), accepted("mail.contoso.com")]);
    stage.tenant("contoso", &on_premises("HQ", "*.contoso.com"), &domains);
    stage.tenant(
        "tailspin",
        &on_premises("HQ", "mail.tailspin.example"),
        &json!([accepted("mail.tailspin.example")]),
    );
    let why = |import: &Import, tenant: usize| {
        let question = import.drafts[tenant].identity.question();
        question.map_or_else(String::new, |question| question.why.clone())
    };
    let import = stage.import();
    assert!(why(&import, 0).contains("no certificate for *.contoso.com was given"));
    stage.certificate("one", &["a.contoso.com"]);
    let import = stage.import();
    assert_eq!(
        import.drafts[0]
            .identity
            .known()
            .unwrap()
            .certificate
            .file_name()
            .unwrap(),
        "one.pem"
    );
    stage.certificate("two", &["b.contoso.com"]);
    let import = stage.import();
    assert!(
        why(&import, 0).contains("2 certificates fit: "),
        "{}",
        why(&import, 0)
    );
    stage.certificate("shared", &["mail.tailspin.example", "c.contoso.com"]);
    let import = stage.import();
    assert!(
        why(&import, 1).contains("shared.pem fits \"contoso\", too"),
        "{}",
        why(&import, 1)
    );
}

#[test]
fn a_send_connector_says_where_mail_goes_and_with_which_certificate() {
    let stage = Stage::new();
    let domains = json!([
        accepted("contoso.com"),
        accepted("contoso.mail.onmicrosoft.com")
    ]);
    stage.tenant("contoso", &on_premises("HQ", "*.contoso.com"), &domains);
    let send = json!([
        { "Name": "To contoso", "AddressSpaces": ["smtp:contoso.mail.onmicrosoft.com;1"], "DNSRoutingEnabled": false,
          "SmartHosts": ["contosocom01e.mail.protection.outlook.com"], "Port": 25,
          "TlsCertificateName": "<I>CN=Throw-away authority<S>CN=two.contoso.com", "SourceTransportServers": ["EX01"] },
        { "Name": "Scanner", "AddressSpaces": ["smtp:scanner.example;1"], "SmartHosts": ["gateway.corp.example"],
          "SourceTransportServers": ["EX01"] }
    ]);
    stage.write("exports/on-premises/SendConnector.json", send.to_string());
    stage.certificate("one", &["one.contoso.com"]);
    stage.certificate("two", &["two.contoso.com"]);
    let import = stage.import();
    let draft = &import.drafts[0];
    let targets = draft.upstream.known().unwrap();
    assert_eq!(targets.len(), 1);
    assert_eq!(targets[0].host, "contosocom01e.mail.protection.outlook.com");
    let identity = draft.identity.known().unwrap();
    assert_eq!(identity.certificate.file_name().unwrap(), "two.pem");
    assert!(identity.origin.contains("Send connector"));
    let notes: Vec<String> = import.notes.iter().map(|note| note.what.clone()).collect();
    has(
        &notes,
        &["\"Scanner\"", "another host than Exchange Online's"],
    );
}

#[test]
fn a_smart_host_that_is_an_address_or_another_tenant_s_is_not_taken_over() {
    let stage = Stage::new();
    for name in ["contoso", "fabrikam"] {
        let domain = format!("{name}.com");
        stage.tenant(
            name,
            &on_premises("HQ", &domain),
            &json!([accepted(&domain)]),
        );
    }
    let send = json!({
        "Name": "Both", "AddressSpaces": ["smtp:contoso.com;1"], "SourceTransportServers": ["EX01"],
        "SmartHosts": ["contoso-com.mail.protection.outlook.com", "fabrikam-com.mail.protection.outlook.com", "[192.0.2.1]"]
    });
    stage.write("exports/on-premises/SendConnector.json", send.to_string());
    let import = stage.import();
    let draft = &import.drafts[0];
    let hosts: Vec<&str> = draft
        .upstream
        .known()
        .unwrap()
        .iter()
        .map(|target| target.host.as_str())
        .collect();
    assert_eq!(hosts, ["contoso-com.mail.protection.outlook.com"]);
    let look = told(&stage, draft, Weight::Look);
    has(
        &look,
        &["fabrikam-com.mail.protection.outlook.com is \"fabrikam\"'s"],
    );
    has(&look, &["192.0.2.1 is an address"]);
}

#[test]
fn a_domain_of_two_tenants_is_refused_by_check_and_told_in_both_files() {
    let stage = Stage::new();
    for name in ["contoso", "fabrikam"] {
        let own = format!("mail.{name}.example");
        let domains = json!([accepted(&own), accepted("shared.example")]);
        stage.tenant(name, &on_premises("HQ", &own), &domains);
        stage.certificate(name, &[&own]);
    }
    let import = stage.import();
    assert_eq!(import.open(), 2);
    for (draft, other) in [(0, "fabrikam"), (1, "contoso")] {
        let decide = told(&stage, &import.drafts[draft], Weight::Decide);
        has(
            &decide,
            &["shared.example is", other, "AcceptedDomain.json:1:"],
        );
        assert!(import.drafts[draft].text(None).contains("To decide"));
    }
    let problems = stage.problems(&import);
    assert!(
        problems.contains("shared.example is claimed by tenant"),
        "{problems}"
    );
}

#[test]
fn a_wildcard_within_another_is_decided_as_exchange_online_does_or_not_at_all() {
    // Both are accepted by their domains below: the wildcards alone do not say whose b.contoso.com is.
    let stage = Stage::new();
    stage.tenant(
        "contoso",
        &on_premises("HQ", "*.contoso.com"),
        &json!([accepted("contoso.com")]),
    );
    stage.tenant(
        "japan",
        &on_premises("HQ", "*.jpn.contoso.com"),
        &json!([accepted("osaka.jpn.contoso.com")]),
    );
    stage.certificate("contoso", &["mail.contoso.com"]);
    stage.certificate("japan", &["osaka.jpn.contoso.com"]);
    let import = stage.import();
    let open = import.drafts[1].certificate_domains[0].question().unwrap();
    assert!(
        open.why.contains("Exchange Online gives it to \"contoso\""),
        "{}",
        open.why
    );
    let problems = stage.problems(&import);
    assert!(
        problems.contains("\"FILL IN: not *.jpn.contoso.com\""),
        "{problems}"
    );

    // Its own accepted domain makes it clear.
    stage.tenant(
        "japan",
        &on_premises("HQ", "*.jpn.contoso.com"),
        &json!([accepted("jpn.contoso.com")]),
    );
    let import = stage.import();
    assert_eq!(patterns(&import.drafts[1]), ["*.jpn.contoso.com"]);
    has(
        &told(&stage, &import.drafts[1], Weight::Look),
        &["lies within", "*.contoso.com"],
    );
}

#[test]
fn one_certificate_name_of_two_tenants_is_for_somebody_to_decide() {
    let stage = Stage::new();
    stage.tenant(
        "contoso",
        &on_premises("HQ", "*.contoso.com"),
        &json!([accepted("contoso.com")]),
    );
    stage.tenant(
        "japan",
        &on_premises("HQ", "*.contoso.com"),
        &json!([accepted("jpn.contoso.com")]),
    );
    let import = stage.import();
    for draft in &import.drafts {
        has(
            &told(&stage, draft, Weight::Decide),
            &["certificate name *.contoso.com is"],
        );
    }
    assert!(
        stage
            .problems(&import)
            .contains("*.contoso.com is claimed by")
    );
}

#[test]
fn what_names_in_exports_hold_stays_in_its_comment() {
    let stage = Stage::new();
    let connector = with(
        on_premises(
            "a\nname = \"evil\"\n[[tenant]]\u{1b}[2J",
            "mail.contoso.com",
        ),
        json!({}),
    );
    stage.tenant(
        "contoso",
        &connector,
        &json!([accepted("mail.contoso.com")]),
    );
    stage.certificate("contoso", &["mail.contoso.com"]);
    let import = stage.import();
    let text = import.drafts[0].text(None);
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("[[tenant]]"))
            .count(),
        1,
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
    assert_eq!(stage.relay(&import).tenants.len(), 1);
}
