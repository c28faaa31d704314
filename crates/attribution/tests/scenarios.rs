//! The engine as one player of the scenario corpus (`tests/data/scenarios`); its README says what the fields mean.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a corpus test says which case failed and stops"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tenantry_attribution::{
    Attribution, CertificateEvidence, CertificateName, Decision, Directory, DirectoryBuilder,
    DomainError, Evidence, NoCertificate, OnConflict, Pattern, PeerRules, PeerTenants,
    RecipientEvidence, SenderEvidence, SessionEvidence, TenantId, TenantRules,
    UntrustedCertificate, Verdict, attribute, explain,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tenant: Vec<Tenant>,
    #[serde(default)]
    peer: Vec<Peer>,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tenant {
    name: String,
    #[serde(default)]
    certificate_domains: Vec<String>,
    #[serde(default)]
    sender_domains: Vec<String>,
    #[serde(default)]
    recipient_domains: Vec<String>,
    on_conflict: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    name: String,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    certificates: Vec<String>,
    tenants: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    certificate_names: Option<Vec<String>>,
    certificate_problem: Option<String>,
    untrusted_certificate: Option<String>,
    peer: String,
    mail_from: String,
    rcpt_to: Vec<String>,
    /// For players with a grammar; the engine must find no domain in the address.
    grammar_refuses: Option<String>,
    expect: Expect,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expect {
    verdict: String,
    tenant: Option<String>,
    basis: Option<String>,
    #[serde(default)]
    tenants: Vec<String>,
    conflict: Option<String>,
    recipients: Vec<String>,
    steps: Vec<String>,
}

#[test]
fn the_engine_agrees_with_every_scenario() {
    let mut played = 0;
    for (path, file) in corpus() {
        let directory = directory_of(&file);
        for case in &file.case {
            let evidence = evidence_of(&directory, case, names_of(case));
            let attribution = attribute(&directory, &evidence);
            let answer = said(&directory, &attribution);
            assert_eq!(answer, case.expect, "{}: {}", path.display(), case.name);
            played += 1;
        }
    }
    assert!(played >= 120, "only {played} cases");
}

#[test]
fn recipient_by_recipient_is_the_same_as_all_at_once() {
    for_each_case(|directory, case, evidence| {
        let mut decision = Decision::open(directory, &evidence.session, &evidence.sender);
        for recipient in &evidence.recipients {
            decision.recipient(directory, &evidence.session, recipient);
        }
        let tenant = decision.tenant();
        let attribution = decision.finish();
        assert_eq!(attribution, attribute(directory, evidence), "{}", case.name);
        let known = match attribution.verdict {
            Verdict::Tenant { id, basis } => Some((id, basis)),
            Verdict::Ambiguous { .. } | Verdict::Unattributed => None,
        };
        assert_eq!(tenant, known, "{}", case.name);
    });
}

#[test]
fn the_order_of_certificate_names_means_nothing() {
    for_each_case(|directory, case, _| {
        let mut names = names_of(case);
        names.reverse();
        for _ in 0..names.len() {
            names.rotate_left(1);
            let evidence = evidence_of(directory, case, names.clone());
            let answer = said(directory, &attribute(directory, &evidence));
            assert_eq!(answer, case.expect, "{}", case.name);
        }
    });
}

#[test]
fn a_session_of_another_directory_is_worked_out_again() {
    // In the other directory the first number is a tenant and a peer that may do everything.
    let mut builder = DirectoryBuilder::new();
    builder.add_tenant(tenant_rules("any", &["*.com", "*.example", "*.test"]));
    builder.add_peer(PeerRules {
        name: Arc::from("any"),
        networks: vec!["0.0.0.0/0".parse().unwrap()],
        certificates: Vec::new(),
        tenants: PeerTenants::All,
    });
    let other = builder.build().unwrap();
    for_each_case(|directory, case, evidence| {
        let mut stale = evidence_of(&other, case, names_of(case));
        stale.sender = evidence.sender.clone();
        let answer = said(directory, &attribute(directory, &stale));
        assert_eq!(answer, case.expect, "{}", case.name);
    });
}

#[test]
fn every_scenario_can_be_explained() {
    for_each_case(|directory, case, evidence| {
        let attribution = attribute(directory, evidence);
        let lines = explain(directory, evidence, &attribution);
        let last = lines.last().unwrap();
        assert!(last.contains(&case.expect.verdict), "{}: {last}", case.name);
        for tenant in case
            .expect
            .tenant
            .iter()
            .chain(&case.expect.tenants)
            .chain(&case.expect.conflict)
        {
            assert!(last.contains(tenant), "{}: {last}", case.name);
        }
        for step in ["certificate: ", "sender: ", "recipient: "] {
            assert!(
                lines.iter().any(|line| line.starts_with(step)),
                "{}: {step}",
                case.name
            );
        }
    });
}

#[test]
fn addresses_that_a_grammar_refuses_own_nothing() {
    for_each_case(|_, case, evidence| match case.grammar_refuses.as_deref() {
        Some("mail_from") => assert!(
            matches!(evidence.sender, SenderEvidence::NoDomain(_)),
            "{}",
            case.name
        ),
        Some("rcpt_to") => assert_eq!(case.expect.verdict, "unattributed", "{}", case.name),
        Some(other) => panic!("{}: {other} is no part of an envelope", case.name),
        None => {}
    });
}

fn corpus() -> Vec<(PathBuf, File)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/scenarios");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let file: File =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let names: BTreeSet<&str> = file.case.iter().map(|case| case.name.as_str()).collect();
            assert_eq!(
                names.len(),
                file.case.len(),
                "{}: a name occurs twice",
                path.display()
            );
            (path, file)
        })
        .collect()
}

fn for_each_case(play: impl Fn(&Directory, &Case, &Evidence)) {
    for (_, file) in corpus() {
        let directory = directory_of(&file);
        for case in &file.case {
            play(
                &directory,
                case,
                &evidence_of(&directory, case, names_of(case)),
            );
        }
    }
}

fn patterns<S: AsRef<str>>(texts: &[S]) -> Vec<Pattern> {
    texts
        .iter()
        .map(|text| Pattern::parse(text.as_ref()).unwrap())
        .collect()
}

fn tenant_rules(name: &str, claims: &[&str]) -> TenantRules {
    TenantRules {
        name: Arc::from(name),
        certificate_domains: patterns(claims),
        sender_domains: patterns(claims),
        recipient_domains: patterns(claims),
        on_conflict: OnConflict::Follow,
    }
}

fn directory_of(file: &File) -> Directory {
    let mut builder = Directory::builder();
    let ids: Vec<TenantId> = file
        .tenant
        .iter()
        .map(|tenant| {
            builder.add_tenant(TenantRules {
                name: Arc::from(tenant.name.as_str()),
                certificate_domains: patterns(&tenant.certificate_domains),
                sender_domains: patterns(&tenant.sender_domains),
                recipient_domains: patterns(&tenant.recipient_domains),
                on_conflict: match tenant.on_conflict.as_deref() {
                    None | Some("follow") => OnConflict::Follow,
                    Some("refuse") => OnConflict::Refuse,
                    Some("defer") => OnConflict::Defer,
                    Some(other) => panic!("on_conflict = {other}"),
                },
            })
        })
        .collect();
    for peer in &file.peer {
        let id_of = |name: &String| {
            ids.iter()
                .zip(&file.tenant)
                .find(|(_, tenant)| tenant.name == *name)
        };
        let tenants = match peer.tenants.as_slice() {
            [all] if all == "*" => PeerTenants::All,
            names => PeerTenants::These(names.iter().map(|name| *id_of(name).unwrap().0).collect()),
        };
        builder.add_peer(PeerRules {
            name: Arc::from(peer.name.as_str()),
            networks: peer
                .networks
                .iter()
                .map(|network| network.parse().unwrap())
                .collect(),
            certificates: patterns(&peer.certificates),
            tenants,
        });
    }
    builder.build().unwrap()
}

/// What is no name is dropped, as when a certificate is read.
fn names_of(case: &Case) -> Vec<CertificateName> {
    let names = case.certificate_names.iter().flatten();
    names
        .filter_map(|name| CertificateName::parse(name).ok())
        .collect()
}

fn evidence_of(directory: &Directory, case: &Case, names: Vec<CertificateName>) -> Evidence {
    let certificate = match (&case.certificate_problem, &case.certificate_names) {
        (Some(problem), _) => {
            CertificateEvidence::Absent(NoCertificate::Untrusted(problem.parse().unwrap()))
        }
        (None, Some(_)) => CertificateEvidence::Verified(names),
        (None, None) => CertificateEvidence::Absent(NoCertificate::NotPresented),
    };
    let untrusted = match case.untrusted_certificate.as_deref() {
        None | Some("refuse") => UntrustedCertificate::Refuse,
        Some("ignore") => UntrustedCertificate::Ignore,
        Some(other) => panic!("untrusted_certificate = {other}"),
    };
    let sender = match (case.mail_from.as_str(), domain_of(&case.mail_from)) {
        ("", _) => SenderEvidence::Null,
        (_, Some(domain)) => SenderEvidence::of_domain(domain),
        (_, None) => SenderEvidence::NoDomain(DomainError::Missing),
    };
    let recipient = |address: &String| {
        domain_of(address).map_or(
            RecipientEvidence::NoDomain(DomainError::Missing),
            RecipientEvidence::of_domain,
        )
    };
    Evidence {
        session: SessionEvidence::new(
            directory,
            certificate,
            case.peer.parse().unwrap(),
            untrusted,
        ),
        sender,
        recipients: case.rcpt_to.iter().map(recipient).collect(),
    }
}

/// What follows the last `@` outside quotes.
fn domain_of(address: &str) -> Option<&str> {
    let (mut quoted, mut escaped, mut at) = (false, false, None);
    for (index, character) in address.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '@' if !quoted => at = Some(index),
            _ => {}
        }
    }
    address.get(at? + 1..)
}

fn said(directory: &Directory, attribution: &Attribution) -> Expect {
    let name = |id: TenantId| directory.tenant_name(id).to_owned();
    let (tenant, basis, tenants) = match &attribution.verdict {
        Verdict::Tenant { id, basis } => (Some(name(*id)), Some(*basis), Vec::new()),
        Verdict::Ambiguous { basis, tenants } => (
            None,
            Some(*basis),
            tenants.iter().copied().map(name).collect(),
        ),
        Verdict::Unattributed => (None, None, Vec::new()),
    };
    Expect {
        verdict: attribution.verdict.as_str().to_owned(),
        tenant,
        basis: basis.map(|basis| basis.as_str().to_owned()),
        tenants,
        conflict: attribution
            .conflict
            .map(|conflict| name(conflict.sender_tenant)),
        recipients: attribution
            .recipients
            .iter()
            .map(|outcome| match outcome.reason() {
                Some(reason) => format!("{}: {reason}", outcome.as_str()),
                None => outcome.as_str().to_owned(),
            })
            .collect(),
        steps: attribution
            .steps
            .iter()
            .map(|step| format!("{}: {}", step.outcome.as_str(), step.reason.as_str()))
            .collect(),
    }
}
