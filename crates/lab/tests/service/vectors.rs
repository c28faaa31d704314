//! The 27 vectors of `exchange-online.md` section 1.17, over sockets, with real certificates, and
//! with both places where a refusal may come.

use std::net::IpAddr;

use tenantry_lab::pki::{CertificateSpec, Issued, Name, Validity, self_signed};
use tenantry_lab::reply::Refusal;

use crate::client::{Client, MESSAGE};
use crate::stand::{NOWHERE, PARTNER, SHARED, Stand, TENANTS};

/// What a vector's client presents.
#[derive(Clone, Copy)]
enum Shown {
    Nothing,
    Trusted(&'static str),
    SelfSigned(&'static str),
    LeafOnly(&'static str),
    Expired(&'static str),
    /// A common name with another alternative name.
    Both(&'static str, &'static str),
}

/// What becomes of a recipient.
#[derive(Clone, Copy)]
enum Becomes {
    /// Tenant, direction, basis, connector.
    Taken(
        &'static str,
        &'static str,
        &'static str,
        Option<&'static str>,
    ),
    Refused(Refusal),
    /// Refused at RCPT whatever the profile.
    RefusedAtOnce(Refusal),
}

use Becomes::{Refused, RefusedAtOnce, Taken};
use Shown::{Nothing, Trusted};

struct Vector {
    number: u32,
    shown: Shown,
    from: IpAddr,
    region: &'static str,
    mail_from: &'static str,
    rcpts: &'static [(&'static str, Becomes)],
}

const fn vector(
    number: u32,
    shown: Shown,
    from: IpAddr,
    mail_from: &'static str,
    rcpts: &'static [(&'static str, Becomes)],
) -> Vector {
    Vector {
        number,
        shown,
        from,
        region: "EUR",
        mail_from,
        rcpts,
    }
}

const MAIL_A: Shown = Trusted("mail.a.contoso.com");
const MX: Shown = Trusted("mx.relay.example");
const GMAIL: &str = "x@gmail.test";
const VENDOR: &str = "v@vendor.test";
const BY_CERTIFICATE: Becomes = Taken("A", "originating", "certificate", Some("A1"));
const DENIED: Becomes = Refused(Refusal::RelayDenied);

const VECTORS: &[Vector] = &[
    vector(
        1,
        MAIL_A,
        NOWHERE,
        "u@contoso.com",
        &[(GMAIL, BY_CERTIFICATE)],
    ),
    vector(
        2,
        MAIL_A,
        NOWHERE,
        "u@fabrikam.com",
        &[(GMAIL, BY_CERTIFICATE)],
    ),
    vector(3, MAIL_A, NOWHERE, "", &[(GMAIL, BY_CERTIFICATE)]),
    vector(4, MAIL_A, NOWHERE, VENDOR, &[(GMAIL, BY_CERTIFICATE)]),
    vector(
        5,
        MAIL_A,
        NOWHERE,
        "u@contoso.com",
        &[("y@fabrikam.com", BY_CERTIFICATE)],
    ),
    Vector {
        region: "NAM",
        ..vector(
            6,
            MX,
            NOWHERE,
            "u@tailspin.com",
            &[(GMAIL, Taken("C", "originating", "sender", Some("C1")))],
        )
    },
    vector(7, MX, NOWHERE, VENDOR, &[(GMAIL, DENIED)]),
    Vector {
        region: "NAM",
        ..vector(
            8,
            MX,
            NOWHERE,
            VENDOR,
            &[(
                "z@tailspin.com",
                Taken("C", "incoming", "recipient", Some("C1")),
            )],
        )
    },
    vector(
        9,
        Nothing,
        SHARED,
        "u@fabrikam.com",
        &[(GMAIL, Taken("B", "originating", "sender", Some("B1")))],
    ),
    vector(
        10,
        Nothing,
        SHARED,
        "u@sub.fabrikam.com",
        &[(GMAIL, Taken("B", "originating", "sender", Some("B1")))],
    ),
    vector(
        11,
        Nothing,
        SHARED,
        "u@adatum.com",
        &[(GMAIL, Taken("D", "originating", "sender", Some("D1")))],
    ),
    vector(12, Nothing, SHARED, "", &[(GMAIL, DENIED)]),
    vector(
        13,
        Nothing,
        SHARED,
        VENDOR,
        &[(
            "y@fabrikam.com",
            Taken("B", "incoming", "recipient", Some("B1")),
        )],
    ),
    vector(
        14,
        Nothing,
        NOWHERE,
        VENDOR,
        &[("z@adatum.com", Refused(Refusal::PartnerRestriction))],
    ),
    vector(
        15,
        Nothing,
        PARTNER,
        VENDOR,
        &[(
            "z@adatum.com",
            Taken("D", "incoming", "recipient", Some("DP")),
        )],
    ),
    vector(
        16,
        Nothing,
        NOWHERE,
        "u@contoso.com",
        &[("y@contoso.com", Taken("A", "incoming", "recipient", None))],
    ),
    vector(
        17,
        Nothing,
        NOWHERE,
        VENDOR,
        &[
            ("a@contoso.com", Taken("A", "incoming", "recipient", None)),
            ("z@tailspin.com", RefusedAtOnce(Refusal::MultipleRegions)),
        ],
    ),
    vector(18, Nothing, NOWHERE, VENDOR, &[(GMAIL, DENIED)]),
    vector(
        19,
        Shown::SelfSigned("mail.a.contoso.com"),
        NOWHERE,
        VENDOR,
        &[(GMAIL, DENIED)],
    ),
    vector(
        20,
        Shown::LeafOnly("mail.a.contoso.com"),
        NOWHERE,
        "u@contoso.com",
        &[(GMAIL, DENIED)],
    ),
    vector(
        21,
        Trusted("other.a.contoso.com"),
        NOWHERE,
        "u@contoso.com",
        &[(GMAIL, DENIED)],
    ),
    vector(
        23,
        MAIL_A,
        SHARED,
        "u@fabrikam.com",
        &[(GMAIL, BY_CERTIFICATE)],
    ),
    vector(
        24,
        Shown::Both("mail.a.contoso.com", "mx.relay.example"),
        NOWHERE,
        "u@tailspin.com",
        &[(GMAIL, BY_CERTIFICATE)],
    ),
    Vector {
        region: "NAM",
        ..vector(
            25,
            Nothing,
            NOWHERE,
            VENDOR,
            &[("a@contoso.com", Refused(Refusal::WrongRegion))],
        )
    },
    vector(
        26,
        Nothing,
        SHARED,
        VENDOR,
        &[(
            "z@adatum.com",
            Taken("D", "incoming", "recipient", Some("D1")),
        )],
    ),
    vector(
        27,
        Nothing,
        SHARED,
        "u@fabrikam.com",
        &[(
            "z@adatum.com",
            Taken("B", "originating", "sender", Some("B1")),
        )],
    ),
    // Beside the vectors: an expired certificate is as good as none.
    vector(
        28,
        Shown::Expired("mail.a.contoso.com"),
        NOWHERE,
        "u@contoso.com",
        &[(GMAIL, DENIED)],
    ),
];

#[tokio::test]
async fn all_vectors_hold_with_refusals_at_the_end_of_data() {
    let stand = Stand::plain().await;
    for vector in VECTORS {
        vector.play(&stand, Place::EndOfData).await;
    }
}

#[tokio::test]
async fn all_vectors_hold_with_refusals_at_rcpt() {
    let stand = Stand::with("[profile]\nrelay_reject_at = \"rcpt\"", "", TENANTS).await;
    for vector in VECTORS {
        vector.play(&stand, Place::Rcpt).await;
    }
}

// The second half of vector 16.
#[tokio::test]
async fn direct_send_is_refused_where_the_organization_says_so() {
    let tenants = with_keys("A", "[tenant.organization]\nRejectDirectSend = true\n");
    let stand = Stand::with("", "", &tenants).await;
    let rcpts: &[_] = &[("y@contoso.com", Refused(Refusal::DirectSend))];
    let direct = vector(16, Nothing, NOWHERE, "u@contoso.com", rcpts);
    direct.play(&stand, Place::EndOfData).await;
}

#[tokio::test]
async fn vector_22_a_disabled_connector_attributes_nothing() {
    let tenants = TENANTS.replace("Name = \"A1\"", "Name = \"A1\"\nEnabled = false");
    let stand = Stand::with("", "", &tenants).await;
    let disabled = vector(22, MAIL_A, NOWHERE, "u@contoso.com", &[(GMAIL, DENIED)]);
    disabled.play(&stand, Place::EndOfData).await;
}

// The other half of vector 26.
#[tokio::test]
async fn without_rcpt_uses_onprem_the_partner_connector_refuses() {
    let stand = Stand::with("[profile]\nrcpt_uses_onprem = false", "", TENANTS).await;
    let rcpts: &[_] = &[("z@adatum.com", Refused(Refusal::PartnerRestriction))];
    let other = vector(26, Nothing, SHARED, VENDOR, rcpts);
    other.play(&stand, Place::EndOfData).await;
}

/// The tenants with more keys or sections for one of them.
pub(crate) fn with_keys(tenant: &str, keys: &str) -> String {
    let mut parts = TENANTS.split("[[tenant]]\n");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let mine = part.starts_with(&format!("name = \"{tenant}\""));
        let (head, rest) = part.split_once("[[tenant.inbound").unwrap();
        let keys = if mine { keys } else { "" };
        out.push_str(&format!("[[tenant]]\n{head}{keys}[[tenant.inbound{rest}"));
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Rcpt,
    EndOfData,
}

impl Vector {
    async fn play(&self, stand: &Stand, place: Place) {
        let number = self.number;
        let before = stand.journal().records().len();
        let mut client = self.client(stand).await;
        let addresses: Vec<_> = self.rcpts.iter().map(|(rcpt, _)| *rcpt).collect();
        let replies = client.envelope(self.mail_from, &addresses).await;
        let mut refusal = None;
        for ((_, becomes), reply) in self.rcpts.iter().zip(&replies) {
            let expected = match becomes {
                Taken(..) => "250 2.1.5 Recipient OK",
                RefusedAtOnce(refused) => refused.text(),
                Refused(refused) if place == Place::Rcpt => refused.text(),
                Refused(refused) => {
                    refusal.get_or_insert(*refused);
                    "250 2.1.5 Recipient OK"
                }
            };
            assert!(reply.starts_with(expected), "{number}: {reply}");
        }
        if replies.iter().any(|reply| reply.starts_with("250")) {
            let reply = client.content(MESSAGE).await;
            let expected =
                refusal.map_or("250 2.6.0 <1@client.example> [InternalId=", Refusal::text);
            assert!(reply.starts_with(expected), "{number}: {reply}");
        }
        client
            .ask("QUIT", "221 2.0.0 Service closing transmission channel")
            .await;
        let records = stand.journal().records();
        for (rcpt, becomes) in self.rcpts {
            let mut new = records.iter().skip(before);
            let record = new.find(|record| record.rcpt_to == [*rcpt]).unwrap();
            let text = record.to_json().unwrap();
            match becomes {
                Taken(tenant, direction, basis, connector) => {
                    assert_eq!(
                        record.tenant().map(|found| found.name.as_str()),
                        Some(*tenant),
                        "{number}: {text}"
                    );
                    assert_eq!(record.direction.as_str(), *direction, "{number}: {text}");
                    assert_eq!(record.basis.as_str(), *basis, "{number}: {text}");
                    let credited = record.connector().map(|found| found.name.as_str());
                    assert_eq!(credited, *connector, "{number}: {text}");
                    assert!(record.accepted, "{number}: {text}");
                }
                Refused(refused) | RefusedAtOnce(refused) => {
                    assert!(!record.accepted, "{number}: {text}");
                    assert!(record.reply.starts_with(refused.text()), "{number}: {text}");
                }
            }
            self.check_certificate(record.session.certificate.as_ref(), &text);
        }
    }

    fn check_certificate(&self, seen: Option<&tenantry_lab::journal::CertificateSeen>, text: &str) {
        let found = seen.map(|seen| (seen.names.clone(), seen.trusted, seen.problem));
        let names = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect();
        let expected = match self.shown {
            Nothing => None,
            Trusted(name) => Some((names(&[name]), true, None)),
            Shown::Both(common, other) => Some((names(&[other, common]), true, None)),
            Shown::SelfSigned(name) => Some((names(&[name]), false, Some("self-signed"))),
            Shown::LeafOnly(name) => Some((names(&[name]), false, Some("incomplete-chain"))),
            Shown::Expired(name) => Some((names(&[name]), false, Some("expired"))),
        };
        assert_eq!(found, expected, "{}: {text}", self.number);
    }

    async fn client(&self, stand: &Stand) -> Client {
        let to = stand.at(self.region);
        match self.identity(stand) {
            Some(identity) => Client::secure(self.from, to, Some(&identity)).await,
            None => Client::greeted(self.from, to).await,
        }
    }

    fn identity(&self, stand: &Stand) -> Option<Issued> {
        Some(match self.shown {
            Nothing => return None,
            Trusted(name) => stand.certificate(&[name]),
            Shown::SelfSigned(name) => self_signed(&CertificateSpec::client(&[name])).unwrap(),
            Shown::LeafOnly(name) => stand.certificate(&[name]).without_intermediates(),
            Shown::Expired(name) => {
                let spec = CertificateSpec::client(&[name]).with_validity(Validity::Expired);
                stand.intermediate.issue(&spec).unwrap()
            }
            Shown::Both(common, other) => {
                let spec = CertificateSpec::common_name_only(common)
                    .with_name(Name::Dns(other.to_owned()));
                stand.intermediate.issue(&spec).unwrap()
            }
        })
    }
}
