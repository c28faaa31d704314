#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tenantry_lab::pki::{Authority, CertificateSpec, Purpose, Validity};

use crate::inventory::{Inventory, ReadOptions};
use crate::rule::Severity;
use crate::rules;

const LISTENER: &str = r#"
hostname = "relay.corp.example"
[[listener]]
address = "127.0.0.1:2525"
certificate = "relay.pem"
key = "relay.key"
client_certificates = "request"
trust = ["authority.pem"]
"#;

const PEER: &str = r#"
[[peer]]
name = "exchange"
certificates = ["ex01.corp.example"]
tenants = ["*"]
"#;

/// A folder with an authority and what it signs.
struct Files {
    folder: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new("Public authority").unwrap();
        authority.write(folder.path(), "authority").unwrap();
        let files = Self { folder, authority };
        files.certificate("relay", &["relay.corp.example"]);
        files
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn certificate(&self, stem: &str, names: &[&str]) {
        let both = [Purpose::ServerAuth, Purpose::ClientAuth];
        let spec = CertificateSpec::client(names).with_purposes(both);
        let issued = self.authority.issue(&spec).unwrap();
        issued.write(self.path(), stem).unwrap();
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The rules that find something, each with how bad it is, in the order of files and lines.
    fn found(&self, relay: &str) -> Vec<(&'static str, Severity)> {
        self.write("relay.toml", relay);
        let options = ReadOptions {
            trust: vec![self.path().join("authority.pem")],
            ..ReadOptions::at(jiff::Timestamp::now())
        };
        let inventory = Inventory::read(&[self.path().to_owned()], &options);
        let findings = rules::check(&inventory);
        for finding in &findings {
            let file = finding.place.file.as_ref().unwrap();
            assert!(file.is_file(), "{finding:?}");
        }
        let found = findings.iter();
        found
            .map(|finding| (finding.rule.id, finding.severity))
            .collect()
    }
}

/// A tenant with certificate `stem.pem`; further lines last.
fn tenant(name: &str, domain: &str, label: &str, stem: &str, lines: &str) -> String {
    format!(
        r#"
[[tenant]]
name = "{name}"
certificate_domains = ["mail.{domain}"]
sender_domains = ["{domain}"]
upstream = "{label}.mail.protection.outlook.com:25"
certificate = "{stem}.pem"
key = "{stem}.key"
{lines}
"#
    )
}

#[test]
fn a_sound_configuration_has_no_findings() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com", "autodiscover.contoso.com"]);
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    assert_eq!(files.found(&[LISTENER, PEER, &contoso].concat()), []);
}

#[test]
fn an_upstream_for_a_domain_that_its_tenant_has_not_accepted_is_another_ones() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    let domains = r#"[
        { "DomainName": "contoso.com", "DomainType": "Authoritative", "InitialDomain": false },
        { "DomainName": "mail.contoso.com", "DomainType": "Authoritative", "InitialDomain": false },
        { "DomainName": "contoso.onmicrosoft.com", "DomainType": "Authoritative", "InitialDomain": true }
    ]"#;
    files.write("contoso/AcceptedDomain.json", domains);
    for (label, expected) in [
        ("contoso-com", &[][..]),
        ("contoso-onmicrosoft-com", &[]),
        ("fabrikam-org", &[("EXO-L30", Severity::Warning)]),
    ] {
        let contoso = tenant("contoso", "contoso.com", label, "contoso", "");
        let mut found = files.found(&[LISTENER, PEER, &contoso].concat());
        // Of the tenant's connectors nothing was exported.
        found.retain(|(rule, _)| *rule != "EXO-L37");
        assert_eq!(found, expected, "{label}");
    }
}

#[test]
fn departments_of_one_organisation_may_share_an_upstream_and_a_certificate() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    let hr = tenant("hr", "hr.contoso.com", "contoso-com", "contoso", "");
    assert_eq!(
        files.found(&[LISTENER, PEER, &contoso, &hr].concat()),
        [("TNY-07", Severity::Info)]
    );
}

#[test]
fn two_certificates_of_one_key_are_noticed() {
    let files = Files::new();
    let contoso = files.authority.client(&["mail.contoso.com"]).unwrap();
    let spec = CertificateSpec::client(&["mail.fabrikam.com"]);
    let fabrikam = files.authority.renew(&contoso, &spec).unwrap();
    contoso.write(files.path(), "contoso").unwrap();
    fabrikam.write(files.path(), "fabrikam").unwrap();
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    let fabrikam = tenant("fabrikam", "fabrikam.com", "fabrikam-com", "fabrikam", "");
    assert_eq!(
        files.found(&[LISTENER, PEER, &contoso, &fabrikam].concat()),
        [("TNY-07", Severity::Warning)]
    );
}

#[test]
fn a_name_at_or_below_the_domain_of_the_upstream_is_the_tenants() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    let contoso = tenant("contoso", "brand.example", "contoso-com", "contoso", "");
    assert_eq!(files.found(&[LISTENER, PEER, &contoso].concat()), []);
}

#[test]
fn a_wildcard_of_another_tenant_between_keeps_a_name_from_being_idle() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    files.certificate("fabrikam", &["mail.fabrikam.com"]);
    let domains = r#"recipient_domains = ["*.contoso.com", "mail.shop.contoso.com"]"#;
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", domains);
    let domains = r#"recipient_domains = ["*.shop.contoso.com"]"#;
    let fabrikam = tenant(
        "fabrikam",
        "fabrikam.com",
        "fabrikam-com",
        "fabrikam",
        domains,
    );
    // Both nestings are told; that the exact name is idle would be wrong.
    assert_eq!(
        files.found(&[LISTENER, PEER, &contoso, &fabrikam].concat()),
        [("TNY-05", Severity::Warning), ("TNY-05", Severity::Warning)]
    );
}

#[test]
fn programs_of_this_machine_may_send_for_all_tenants() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    files.certificate("fabrikam", &["mail.fabrikam.com"]);
    let tenants = [
        tenant("contoso", "contoso.com", "contoso-com", "contoso", ""),
        tenant("fabrikam", "fabrikam.com", "fabrikam-com", "fabrikam", ""),
    ]
    .concat();
    for (networks, expected) in [
        (
            r#"["127.0.0.0/8", "::1/128", "::ffff:127.0.0.1/128"]"#,
            &[][..],
        ),
        (
            r#"["127.0.0.1/32", "10.0.0.1/32"]"#,
            &[("TNY-15", Severity::Warning)],
        ),
        (r#"["fd00::/64"]"#, &[("TNY-15", Severity::Warning)]),
    ] {
        let peer = format!("[[peer]]\nname = \"p\"\nnetworks = {networks}\ntenants = [\"*\"]\n");
        assert_eq!(
            files.found(&[LISTENER, &peer, &tenants].concat()),
            expected,
            "{networks}"
        );
    }
}

#[test]
fn what_check_says_elsewhere_is_not_lost_behind_a_finding() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    let missing = "key_ = \"contoso.key\"";
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", missing);
    let twice = tenant("fabrikam", "contoso.com", "contoso-com", "contoso", "");
    let found = files.found(&[LISTENER, PEER, &contoso, &twice].concat());
    let ids: Vec<&str> = found.iter().map(|(id, _)| *id).collect();
    // An unknown key, and two names claimed twice: each is said once.
    assert_eq!(ids, ["TNY-02", "TNY-04", "TNY-04", "TNY-07"]);
}

#[test]
fn the_place_is_in_the_included_file() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    files.certificate("fabrikam", &["mail.contoso.com"]);
    let include = "include = [\"tenants.d/*.toml\"]\n";
    let fabrikam = tenant(
        "fabrikam",
        "fabrikam.com",
        "fabrikam-com",
        "../fabrikam",
        "",
    );
    files.write("tenants.d/fabrikam.toml", &fabrikam);
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    files.write("relay.toml", &[include, LISTENER, PEER, &contoso].concat());
    let inventory = Inventory::read(
        &[files.path().join("relay.toml")],
        &ReadOptions {
            trust: vec![files.path().join("authority.pem")],
            ..ReadOptions::at(jiff::Timestamp::now())
        },
    );
    let findings = rules::check(&inventory);
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}");
    };
    assert_eq!(
        (finding.rule.id, finding.severity),
        ("TNY-06", Severity::Error)
    );
    assert!(
        finding
            .place
            .file
            .as_ref()
            .unwrap()
            .ends_with("tenants.d/fabrikam.toml")
    );
    assert_eq!((finding.place.line, finding.place.column), (7, 1));
}

#[test]
fn a_listener_may_have_a_certificate_that_a_root_signed_itself() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    let private = Authority::new("Corp authority").unwrap();
    let relay = private.server(&["relay.corp.example"]).unwrap();
    relay.write(files.path(), "relay").unwrap();
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    let relay = [LISTENER, PEER, &contoso].concat();
    // Nothing tells whether an authority that nobody has seen is a root.
    assert_eq!(files.found(&relay), [("TNY-09", Severity::Warning)]);
    private.write(files.path(), "corp").unwrap();
    assert_eq!(files.found(&relay), []);
}

#[test]
fn a_listener_that_wants_client_auth_makes_a_certificate_for_servers_an_error() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    let scanner = files.authority.server(&["scanner.contoso.com"]).unwrap();
    scanner.write(files.path(), "scanner").unwrap();
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    for (usage, expected) in [
        ("any-tls", &[][..]),
        ("client-auth", &[("TNY-10", Severity::Error)]),
    ] {
        let usage = format!("{LISTENER}certificate_usage = \"{usage}\"\n");
        assert_eq!(
            files.found(&[&usage, PEER, &contoso].concat()),
            expected,
            "{usage}"
        );
    }
}

#[test]
fn an_old_certificate_beside_the_new_one_is_worth_a_notice() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    for (name, severity) in [
        ("mail.contoso.com", Severity::Info),
        ("ex01.contoso.com", Severity::Error),
    ] {
        let spec = CertificateSpec::client(&[name]).with_validity(Validity::Expired);
        let old = files.authority.issue(&spec).unwrap();
        old.write(files.path(), "old").unwrap();
        let relay = [LISTENER, PEER, &contoso].concat();
        assert_eq!(files.found(&relay), [("TNY-13", severity)], "{name}");
    }
}

#[test]
fn an_upstream_that_is_not_exchange_online_may_know_a_private_authority() {
    let files = Files::new();
    let private = Authority::new("Corp authority").unwrap();
    private.write(files.path(), "corp").unwrap();
    let issued = private.client(&["mail.contoso.com"]).unwrap();
    issued.write(files.path(), "contoso").unwrap();
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    let relay = [LISTENER, PEER, &contoso].concat();
    assert_eq!(files.found(&relay), [("EXO-L32", Severity::Warning)]);
    let filter = relay.replace(
        "contoso-com.mail.protection.outlook.com",
        "mx.filter.example",
    );
    assert_eq!(files.found(&filter), []);
}

#[test]
fn an_identity_without_names_attributes_nothing() {
    let files = Files::new();
    let spec = CertificateSpec::common_name_only("Contoso mail");
    let issued = files.authority.issue(&spec).unwrap();
    issued.write(files.path(), "contoso").unwrap();
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    let relay = [LISTENER, PEER, &contoso].concat();
    assert_eq!(files.found(&relay), [("TNY-06", Severity::Warning)]);
}

#[test]
fn addresses_that_are_peers_of_several_tenants_are_told() {
    let files = Files::new();
    files.certificate("contoso", &["mail.contoso.com"]);
    files.certificate("fabrikam", &["mail.fabrikam.com"]);
    let tenants = [
        tenant("contoso", "contoso.com", "contoso-com", "contoso", ""),
        tenant("fabrikam", "fabrikam.com", "fabrikam-com", "fabrikam", ""),
    ]
    .concat();
    let peer = |name: &str, networks: &str, tenants: &str, lines: &str| {
        format!(
            "\n[[peer]]\nname = \"{name}\"\nnetworks = [{networks}]\ntenants = [{tenants}]\n{lines}\n"
        )
    };
    let (contoso, fabrikam) = (r#""contoso""#, r#""fabrikam""#);
    let certificate = r#"certificates = ["ex01.corp.example"]"#;
    for (first, second, whom, lines, expected) in [
        (r#""10.1.0.0/24""#, r#""10.1.0.7/32""#, fabrikam, "", 1),
        (r#""10.1.0.7/32""#, r#""10.1.0.0/24""#, fabrikam, "", 1),
        (r#""10.1.0.0/24""#, r#""10.1.0.0/24""#, fabrikam, "", 1),
        (
            r#""10.1.0.0/24""#,
            r#""::ffff:10.1.0.7/128", "10.1.0.8/32""#,
            fabrikam,
            "",
            1,
        ),
        (r#""10.1.0.0/24""#, r#""10.1.1.0/24""#, fabrikam, "", 0),
        (r#""10.1.0.0/24""#, r#""10.1.0.7/32""#, contoso, "", 0),
        (
            r#""10.1.0.0/24""#,
            r#""10.1.0.7/32""#,
            fabrikam,
            certificate,
            0,
        ),
        (r#""127.0.0.1/32""#, r#""127.0.0.0/8""#, fabrikam, "", 0),
    ] {
        let peers = [
            peer("one", first, contoso, ""),
            peer("two", second, whom, lines),
        ];
        let relay = [LISTENER, &peers.concat(), &tenants].concat();
        let found = files.found(&relay);
        let shared = found.iter().filter(|(rule, _)| *rule == "TNY-15").count();
        assert_eq!(shared, expected, "{first} {second} {whom}: {found:?}");
    }
}

#[test]
fn a_file_that_begins_with_an_authority_is_refused_and_its_leaf_is_looked_at() {
    let files = Files::new();
    let below = files.authority.intermediate("Below").unwrap();
    let both = [Purpose::ServerAuth, Purpose::ClientAuth];
    let spec = CertificateSpec::client(&["mail.contoso.com"])
        .with_purposes(both)
        .with_validity(Validity::Expired);
    let issued = below.issue(&spec).unwrap();
    issued.write(files.path(), "contoso").unwrap();
    let intermediate = issued.chain_pem.strip_prefix(issued.leaf_pem()).unwrap();
    files.write("contoso.pem", &[intermediate, issued.leaf_pem()].concat());
    let contoso = tenant("contoso", "contoso.com", "contoso-com", "contoso", "");
    let found = files.found(&[LISTENER, PEER, &contoso].concat());
    assert!(found.contains(&("TNY-09", Severity::Error)), "{found:?}");
    assert!(found.contains(&("TNY-13", Severity::Error)), "{found:?}");
    assert!(
        !found
            .iter()
            .any(|(rule, _)| *rule == "TNY-02" || *rule == "TNY-08"),
        "{found:?}"
    );
    // The same of a client, which the relay does not present.
    let found = files.found(&[LISTENER, PEER].concat());
    assert!(found.contains(&("TNY-09", Severity::Warning)), "{found:?}");
}
