//! What must hold for every input, and agreement with a second, naive implementation of the decision.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tenantry_attribution::{
    Basis, CertificateEvidence, CertificateName, Directory, DirectoryBuilder, Domain, Evidence,
    NoCertificate, OnConflict, Pattern, PeerRules, PeerTenants, RecipientEvidence,
    RecipientOutcome, SenderEvidence, SessionEvidence, TenantId, TenantRules, Untrusted,
    UntrustedCertificate, Verdict, attribute, explain,
};

/// Few labels, so that patterns nest and names meet them.
const LABELS: [&str; 5] = ["a", "b", "aa", "a-b", "xn--bcher-kva"];

fn name() -> impl Strategy<Value = String> {
    vec(select(&LABELS[..]), 1..5).prop_map(|labels| labels.join("."))
}

fn pattern() -> impl Strategy<Value = String> {
    (any::<bool>(), name()).prop_map(|(below, name)| if below { format!("*.{name}") } else { name })
}

#[derive(Debug, Clone)]
struct World {
    /// For each basis, the patterns with their tenants, each pattern once.
    claims: [Vec<(String, usize)>; 3],
    on_conflict: [OnConflict; 3],
    peers: Vec<RawPeer>,
}

#[derive(Debug, Clone)]
struct RawPeer {
    network: Option<u8>,
    certificate: Option<String>,
    tenants: Option<Vec<usize>>,
}

#[derive(Debug, Clone)]
struct Mail {
    names: Option<Vec<String>>,
    problem: bool,
    untrusted: UntrustedCertificate,
    address: u8,
    sender: Option<String>,
    recipients: Vec<Option<String>>,
}

fn claims() -> impl Strategy<Value = Vec<(String, usize)>> {
    proptest::collection::btree_map(pattern(), 0..3usize, 0..8)
        .prop_map(|map| map.into_iter().collect())
}

fn world() -> impl Strategy<Value = World> {
    let conduct = || {
        select(vec![
            OnConflict::Follow,
            OnConflict::Refuse,
            OnConflict::Defer,
        ])
    };
    let peer = (
        option::of(0..3u8),
        option::of(pattern()),
        option::of(vec(0..3usize, 0..3)),
    )
        .prop_map(|(network, certificate, tenants)| RawPeer {
            network,
            certificate,
            tenants,
        });
    (
        [claims(), claims(), claims()],
        [conduct(), conduct(), conduct()],
        vec(peer, 0..4),
    )
        .prop_map(|(claims, on_conflict, mut peers)| {
            peers.retain(|peer| peer.network.is_some() || peer.certificate.is_some());
            World {
                claims,
                on_conflict,
                peers,
            }
        })
}

fn mail() -> impl Strategy<Value = Mail> {
    (
        option::of(vec(pattern(), 0..4)),
        prop::bool::weighted(0.2),
        select(vec![
            UntrustedCertificate::Refuse,
            UntrustedCertificate::Ignore,
        ]),
        0..3u8,
        option::of(name()),
        vec(option::of(name()), 0..5),
    )
        .prop_map(
            |(names, problem, untrusted, address, sender, recipients)| Mail {
                names,
                problem,
                untrusted,
                address,
                sender,
                recipients,
            },
        )
}

fn directory_of(world: &World) -> Directory {
    let mut builder = DirectoryBuilder::new();
    let [certificate, sender, recipient] = &world.claims;
    let of = |claims: &[(String, usize)], tenant: usize| -> Vec<Pattern> {
        let own = claims.iter().filter(|(_, owner)| *owner == tenant);
        own.map(|(pattern, _)| Pattern::parse(pattern).unwrap())
            .collect()
    };
    let ids: Vec<TenantId> = (0..)
        .zip(world.on_conflict)
        .map(|(tenant, on_conflict)| {
            let mut recipient_domains = of(recipient, tenant);
            // Nobody asks for this name; it only keeps the tenant from being without any.
            recipient_domains.push(Pattern::parse(&format!("tenant-{tenant}.test")).unwrap());
            builder.add_tenant(TenantRules {
                name: Arc::from(format!("t{tenant}")),
                certificate_domains: of(certificate, tenant),
                sender_domains: of(sender, tenant),
                recipient_domains,
                on_conflict,
            })
        })
        .collect();
    for (number, peer) in world.peers.iter().enumerate() {
        builder.add_peer(PeerRules {
            name: Arc::from(format!("p{number}")),
            networks: peer
                .network
                .iter()
                .map(|n| format!("10.{n}.0.0/16").parse().unwrap())
                .collect(),
            certificates: peer
                .certificate
                .iter()
                .map(|text| Pattern::parse(text).unwrap())
                .collect(),
            tenants: match &peer.tenants {
                None => PeerTenants::All,
                Some(tenants) => {
                    let chosen = tenants
                        .iter()
                        .filter_map(|tenant| ids.get(*tenant).copied());
                    PeerTenants::These(chosen.collect())
                }
            },
        });
    }
    builder.build().unwrap()
}

fn evidence_of(directory: &Directory, mail: &Mail) -> Evidence {
    let certificate = match (&mail.names, mail.problem) {
        (Some(_), true) => {
            CertificateEvidence::Absent(NoCertificate::Untrusted(Untrusted::Expired))
        }
        (Some(names), false) => CertificateEvidence::Verified(
            names
                .iter()
                .map(|name| CertificateName::parse(name).unwrap())
                .collect(),
        ),
        (None, _) => CertificateEvidence::Absent(NoCertificate::NotPresented),
    };
    let address = format!("10.{}.0.1", mail.address).parse().unwrap();
    Evidence {
        session: SessionEvidence::new(directory, certificate, address, mail.untrusted),
        sender: mail
            .sender
            .as_deref()
            .map_or(SenderEvidence::Null, SenderEvidence::of_domain),
        recipients: mail
            .recipients
            .iter()
            .map(|domain| {
                domain
                    .as_deref()
                    .map_or(RecipientEvidence::Literal, RecipientEvidence::of_domain)
            })
            .collect(),
    }
}

/// The decision once more, on strings and lists, as plainly as the rules can be said.
mod naive {
    use super::{Mail, OnConflict, UntrustedCertificate, World};

    #[derive(Debug, PartialEq)]
    pub(super) struct Answer {
        pub(super) verdict: String,
        pub(super) conflict: Option<usize>,
        pub(super) recipients: Vec<&'static str>,
    }

    /// How good a pattern is for a name: nothing if it does not take it, more for a longer one, most for an exact one.
    fn quality(pattern: &str, name: &str) -> Option<usize> {
        match (pattern.strip_prefix("*."), name.strip_prefix("*.")) {
            (None, _) => (pattern == name).then_some(usize::MAX),
            (Some(base), below) => {
                let labels: Vec<&str> = below.unwrap_or(name).split('.').collect();
                let wanted: Vec<&str> = base.split('.').collect();
                labels.ends_with(&wanted).then_some(wanted.len())
            }
        }
    }

    fn owner(claims: &[(String, usize)], name: &str) -> Option<usize> {
        let taking = claims
            .iter()
            .filter_map(|(pattern, tenant)| Some((quality(pattern, name)?, *tenant)));
        taking
            .max_by_key(|(quality, _)| *quality)
            .map(|(_, tenant)| tenant)
    }

    fn may_send(world: &World, mail: &Mail, tenant: usize) -> bool {
        world.peers.iter().any(|peer| {
            let network = peer.network.is_none_or(|network| network == mail.address);
            let certificate = peer.certificate.as_deref().is_none_or(|pattern| {
                !mail.problem
                    && mail
                        .names
                        .iter()
                        .flatten()
                        .any(|name| quality(pattern, name).is_some())
            });
            let tenants = peer
                .tenants
                .as_ref()
                .is_none_or(|tenants| tenants.contains(&tenant));
            network && certificate && tenants
        })
    }

    pub(super) fn attribute(world: &World, mail: &Mail) -> Answer {
        let [certificate, sender, recipient] = &world.claims;
        let all = |verdict: String, conflict, outcome| Answer {
            verdict,
            conflict,
            recipients: vec![outcome; mail.recipients.len()],
        };
        let sender_owner = mail
            .sender
            .as_ref()
            .and_then(|domain| owner(sender, domain));
        if mail.names.is_some() && mail.problem && mail.untrusted == UntrustedCertificate::Refuse {
            return all("unattributed".to_owned(), None, "refused");
        }
        let names = mail.names.iter().flatten().filter(|_| !mail.problem);
        let mut owners: Vec<usize> = names.filter_map(|name| owner(certificate, name)).collect();
        owners.sort_unstable();
        owners.dedup();
        if let [tenant] = owners.as_slice() {
            let conflict = sender_owner.filter(|other| other != tenant);
            let outcome = match (conflict, world.on_conflict.get(*tenant)) {
                (Some(_), Some(OnConflict::Refuse)) => "refused",
                (Some(_), Some(OnConflict::Defer)) => "deferred",
                _ => "accepted",
            };
            return all(format!("t{tenant} by certificate"), conflict, outcome);
        }
        if !owners.is_empty() {
            return all(format!("ambiguous {owners:?}"), None, "refused");
        }
        if let Some(tenant) = sender_owner.filter(|tenant| may_send(world, mail, *tenant)) {
            return all(format!("t{tenant} by sender"), None, "accepted");
        }
        let owners: Vec<Option<usize>> = mail
            .recipients
            .iter()
            .map(|domain| {
                owner(recipient, domain.as_ref()?).filter(|tenant| may_send(world, mail, *tenant))
            })
            .collect();
        let decided = owners.iter().copied().flatten().next();
        let outcome = |owner: &Option<usize>| match owner {
            None => "refused",
            same if *same == decided => "accepted",
            Some(_) => "deferred",
        };
        Answer {
            verdict: decided.map_or("unattributed".to_owned(), |tenant| {
                format!("t{tenant} by recipient")
            }),
            conflict: None,
            recipients: owners.iter().map(outcome).collect(),
        }
    }
}

fn answer(directory: &Directory, evidence: &Evidence) -> naive::Answer {
    let attribution = attribute(directory, evidence);
    naive::Answer {
        verdict: match attribution.verdict {
            Verdict::Tenant { id, basis } => {
                format!("{} by {}", directory.tenant_name(id), basis.as_str())
            }
            Verdict::Ambiguous { tenants, .. } => {
                let tenants: Vec<usize> = tenants.into_iter().map(TenantId::index).collect();
                format!("ambiguous {tenants:?}")
            }
            Verdict::Unattributed => "unattributed".to_owned(),
        },
        conflict: attribution
            .conflict
            .map(|conflict| conflict.sender_tenant.index()),
        recipients: attribution
            .recipients
            .into_iter()
            .map(RecipientOutcome::as_str)
            .collect(),
    }
}

/// The same name in another case and with or without the root's dot.
fn respelled(name: &str, upper: &[bool], dot: bool) -> String {
    let case = |(character, upper): (char, &bool)| {
        if *upper {
            character.to_ascii_uppercase()
        } else {
            character
        }
    };
    let mut text: String = name.chars().zip(upper.iter().cycle()).map(case).collect();
    if dot {
        text.push('.');
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_engine_agrees_with_the_naive_one(world in world(), mail in mail()) {
        let directory = directory_of(&world);
        let evidence = evidence_of(&directory, &mail);
        prop_assert_eq!(answer(&directory, &evidence), naive::attribute(&world, &mail));
    }

    #[test]
    fn the_order_of_names_means_nothing(world in world(), mail in mail(), turn in 0..4usize) {
        let directory = directory_of(&world);
        let mut other = mail.clone();
        if let Some(names) = &mut other.names {
            names.reverse();
            let turn = turn.min(names.len());
            names.rotate_left(turn);
        }
        let given = answer(&directory, &evidence_of(&directory, &mail));
        prop_assert_eq!(given, answer(&directory, &evidence_of(&directory, &other)));
    }

    #[test]
    fn the_order_of_tenants_names_means_nothing(mut world in world(), mail in mail()) {
        let given = answer(&directory_of(&world), &evidence_of(&directory_of(&world), &mail));
        for claims in &mut world.claims {
            claims.reverse();
        }
        let directory = directory_of(&world);
        prop_assert_eq!(given, answer(&directory, &evidence_of(&directory, &mail)));
    }

    #[test]
    fn any_text_is_a_normal_form_or_an_error(text in any::<String>()) {
        if let Ok(domain) = Domain::parse(&text) {
            prop_assert_eq!(Domain::parse(domain.as_str()).unwrap(), domain.clone());
            prop_assert!(domain.as_str().len() <= 253);
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
            prop_assert!(domain.as_str().bytes().all(plain));
            prop_assert!(!domain.as_str().ends_with('.'));
        }
        let _ = Pattern::parse(&text);
        if let Ok(name) = CertificateName::parse(&text) {
            prop_assert_eq!(name.to_string(), text.to_ascii_lowercase());
        }
    }

    #[test]
    fn almost_domains_never_panic(text in "([a-zA-Z0-9üßÜ。．_-]|xn--|\\.|\u{200d}|\u{ad}|א|☕){0,40}") {
        if let Ok(domain) = Domain::parse(&text) {
            prop_assert_eq!(Domain::parse(domain.as_str()).unwrap(), domain);
        }
    }

    #[test]
    fn spellings_of_one_name_are_equal(name in name(), upper in vec(any::<bool>(), 1..9), dot in any::<bool>()) {
        let spelled = respelled(&name, &upper, dot);
        prop_assert_eq!(Domain::parse(&spelled).unwrap(), Domain::parse(&name).unwrap());
    }

    #[test]
    fn a_u_label_is_its_a_label(label in "[a-zäöüßéñçøæåабвгд]{1,20}") {
        let Ok(domain) = Domain::parse(&label) else { return Ok(()) };
        let (unicode, valid) = idna::domain_to_unicode(domain.as_str());
        prop_assert!(valid.is_ok());
        prop_assert_eq!(Domain::parse(&unicode).unwrap(), domain.clone());
        prop_assert_eq!(Domain::parse(&domain.as_str().to_ascii_uppercase()).unwrap(), domain);
    }

    #[test]
    fn near_misses_are_never_equal(name in "[a-z]{1,8}(\\.[a-z]{1,8}){1,3}", at in any::<prop::sample::Index>(), other in "[a-z0-9]") {
        let domain = Domain::parse(&name).unwrap();
        let at = at.index(name.len());
        let mut changed = name.clone().into_bytes();
        if let Some(byte) = changed.get_mut(at) {
            *byte = other.as_bytes().first().copied().unwrap();
        }
        let changed = String::from_utf8(changed).unwrap();
        if changed != name
            && let Ok(near) = Domain::parse(&changed)
        {
            prop_assert_ne!(&near, &domain);
        }
        for near in [format!("x{name}"), format!("{name}x"), format!("x.{name}"), format!("{name}.x")] {
            prop_assert_ne!(&Domain::parse(&near).unwrap(), &domain);
        }
    }

    #[test]
    fn an_exact_claim_takes_its_name_alone(name in name(), other in name()) {
        let mut builder = DirectoryBuilder::new();
        let pattern = Pattern::parse(&name).unwrap();
        let id = builder.add_tenant(TenantRules {
            name: Arc::from("t"),
            certificate_domains: Vec::new(),
            sender_domains: vec![pattern],
            recipient_domains: Vec::new(),
            on_conflict: OnConflict::Follow,
        });
        let directory = builder.build().unwrap();
        let owner = directory.owner(Basis::Sender, &Domain::parse(&other).unwrap());
        prop_assert_eq!(owner, (name == other).then_some(id));
    }

    #[test]
    fn everything_can_be_explained(world in world(), mail in mail()) {
        let directory = directory_of(&world);
        let evidence = evidence_of(&directory, &mail);
        let attribution = attribute(&directory, &evidence);
        prop_assert!(explain(&directory, &evidence, &attribution).len() >= 5);
    }
}
