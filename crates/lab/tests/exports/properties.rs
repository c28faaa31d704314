//! What is true of every object that can be written.

use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tenantry_lab::export::{Object, write};
use tenantry_lab::world::{
    AcceptedDomain, ConnectorType, DomainName, DomainType, InboundConnector, Region, SenderAddress,
    SenderDomain, TlsSenderCertificateName,
};

use crate::support::{bare, bare_domain, objects};

fn domain_name() -> impl Strategy<Value = DomainName> {
    "[a-z][a-z0-9]{0,6}(\\.[a-z]{2,6}){1,2}".prop_map(|name| DomainName::parse(&name).unwrap())
}

fn sender_domain() -> impl Strategy<Value = SenderDomain> {
    prop_oneof![
        Just(SenderDomain::Any),
        domain_name().prop_map(SenderDomain::Domain),
        domain_name().prop_map(SenderDomain::Subdomains),
        Just(SenderDomain::Unusable("smtp:a.*.contoso.com;1".to_owned())),
    ]
}

fn sender_address() -> impl Strategy<Value = SenderAddress> {
    prop_oneof![
        (any::<u32>(), 24_u8..=32).prop_map(|(address, length)| {
            let network = ipnet::Ipv4Net::new(Ipv4Addr::from(address), length).unwrap();
            SenderAddress::Network(network.trunc())
        }),
        Just(SenderAddress::Unusable("2001:db8::1".to_owned())),
    ]
}

fn certificate_name() -> impl Strategy<Value = Option<TlsSenderCertificateName>> {
    prop_oneof![
        Just(None),
        domain_name().prop_map(|name| Some(TlsSenderCertificateName::Exact(name))),
        domain_name().prop_map(|name| Some(TlsSenderCertificateName::Wildcard(name))),
        Just(Some(TlsSenderCertificateName::Unusable(
            "<I>a<S>b".to_owned()
        ))),
    ]
}

fn connector() -> impl Strategy<Value = InboundConnector> {
    (
        "[^\\s\\p{C}@][^\\p{C}]{0,20}",
        any::<[bool; 7]>(),
        vec(sender_domain(), 0..4),
        vec(sender_address(), 0..4),
        certificate_name(),
        vec(domain_name(), 0..3),
    )
        .prop_map(
            |(name, flags, domains, addresses, certificate, associated)| {
                let [
                    on_premises,
                    enabled,
                    tls,
                    to_certificate,
                    to_addresses,
                    cloud,
                    internal,
                ] = flags;
                let kind = if on_premises {
                    ConnectorType::OnPremises
                } else {
                    ConnectorType::Partner
                };
                let mut connector = InboundConnector::new(&name, kind);
                connector.enabled = enabled;
                connector.sender_domains = domains;
                connector.sender_ip_addresses = addresses;
                connector.tls_sender_certificate_name = certificate;
                connector.require_tls = tls;
                connector.restrict_domains_to_certificate = to_certificate;
                connector.restrict_domains_to_ip_addresses = to_addresses;
                connector.cloud_services_mail_enabled = cloud;
                connector.treat_messages_as_internal = internal;
                connector.associated_accepted_domains = associated;
                connector
            },
        )
}

fn domain() -> impl Strategy<Value = AcceptedDomain> {
    let types = [
        DomainType::Authoritative,
        DomainType::InternalRelay,
        DomainType::ExternalRelay,
    ];
    (
        domain_name(),
        proptest::sample::select(types.to_vec()),
        any::<[bool; 6]>(),
        any::<bool>(),
    )
        .prop_map(|(name, domain_type, flags, region)| {
            let mut domain = AcceptedDomain::new(name);
            domain.domain_type = domain_type;
            [
                domain.match_subdomains,
                domain.default,
                domain.initial,
                domain.pending,
                domain.sending_from_disabled,
                domain.sending_to_disabled,
            ] = flags;
            domain.mail_flow_region = region.then(|| Region::new("NAM"));
            domain
        })
}

/// How a file may differ from what was captured without saying anything else.
#[derive(Debug, Clone)]
struct Variation {
    case: u64,
    wrap: usize,
    extra: usize,
    booleans: usize,
    lists: usize,
    enums: usize,
    encoding: usize,
}

fn variation() -> impl Strategy<Value = Variation> {
    (
        any::<u64>(),
        0..5_usize,
        0..4_usize,
        0..5_usize,
        0..4_usize,
        0..4_usize,
        0..6_usize,
    )
        .prop_map(
            |(case, wrap, extra, booleans, lists, enums, encoding)| Variation {
                case,
                wrap,
                extra,
                booleans,
                lists,
                enums,
                encoding,
            },
        )
}

impl Variation {
    fn of(&self, captured: &Value) -> Vec<u8> {
        let Value::Object(properties) = captured else {
            panic!("{captured}");
        };
        let mut varied: Map<String, Value> = properties
            .iter()
            .map(|(name, value)| (self.name(name), self.value(name, value)))
            .collect();
        for number in 0..self.extra {
            varied.insert(format!("Extra {number}"), json!({ "Name": [number, null] }));
        }
        let object = Value::Object(varied);
        let whole = match self.wrap {
            0 => object,
            1 => json!([object]),
            2 => json!([[object], []]),
            3 => json!({ "value": [object], "Count": 1 }),
            _ => json!({ "@odata.context": "x", "value": [object] }),
        };
        self.encoded(&format!("{whole:#}"))
    }

    fn name(&self, name: &str) -> String {
        let mut bits = self.case;
        name.chars()
            .map(|letter| {
                bits = bits.rotate_left(1);
                if bits & 1 == 1 {
                    letter.to_ascii_uppercase()
                } else {
                    letter.to_ascii_lowercase()
                }
            })
            .collect()
    }

    fn value(&self, name: &str, value: &Value) -> Value {
        match value {
            Value::Bool(value) => match self.booleans {
                0 => json!(value),
                1 => json!(if *value { "True" } else { "False" }),
                2 => json!(if *value { "$true" } else { "$false" }),
                3 => json!(u8::from(*value)),
                _ => json!({ "IsPresent": value }),
            },
            Value::Array(values) if self.lists == 1 && values.len() == 1 => values[0].clone(),
            Value::Array(values) if self.lists == 1 && values.is_empty() => Value::Null,
            Value::Array(values) if self.lists == 2 => {
                json!({ "value": values, "Count": values.len() })
            }
            Value::Array(values) if self.lists == 3 => {
                let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                json!(texts.join(" "))
            }
            Value::String(word) if ["ConnectorType", "DomainType"].contains(&name) => {
                let number = match word.as_str() {
                    "Authoritative" => 0,
                    "OnPremises" | "ExternalRelay" => 1,
                    _ => 2,
                };
                match self.enums {
                    0 => json!(word),
                    1 => json!(number),
                    2 => json!({ "value": 9 - number, "Value": word }),
                    _ => json!(word.to_uppercase()),
                }
            }
            other => other.clone(),
        }
    }

    fn encoded(&self, text: &str) -> Vec<u8> {
        let units = || text.encode_utf16();
        match self.encoding {
            0 => text.as_bytes().to_vec(),
            1 => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            2 => [
                b"\xff\xfe".to_vec(),
                units().flat_map(u16::to_le_bytes).collect(),
            ]
            .concat(),
            3 => [
                b"\xfe\xff".to_vec(),
                units().flat_map(u16::to_be_bytes).collect(),
            ]
            .concat(),
            4 => units().flat_map(u16::to_le_bytes).collect(),
            _ => units().flat_map(u16::to_be_bytes).collect(),
        }
    }
}

proptest! {
    #[test]
    fn a_connector_is_read_back_from_every_variation(
        connector in connector(),
        variation in variation(),
    ) {
        let octets = variation.of(&write::inbound_connector(&connector));
        let objects = objects("a.json", &octets).unwrap();
        let [Object::InboundConnector(found)] = objects.as_slice() else {
            panic!("{objects:?}");
        };
        prop_assert_eq!(bare(found), bare(&connector));
        prop_assert_eq!(found.other.keys().filter(|name| name.starts_with("Extra")).count(), variation.extra);
    }

    #[test]
    fn a_domain_is_read_back_from_every_variation(domain in domain(), variation in variation()) {
        let octets = variation.of(&write::accepted_domain(&domain));
        let objects = objects("a.json", &octets).unwrap();
        let [Object::AcceptedDomain(found)] = objects.as_slice() else {
            panic!("{objects:?}");
        };
        prop_assert_eq!(bare_domain(found), bare_domain(&domain));
    }

    /// Whatever is left out, the object is what it was with defaults, is said to lack what makes
    /// it what it is, or is something else; nothing that is there changes its meaning.
    #[test]
    fn missing_properties_have_defaults_or_are_named(connector in connector(), kept in any::<u64>()) {
        let Value::Object(mut properties) = write::inbound_connector(&connector) else {
            panic!();
        };
        let mut bits = kept;
        properties.retain(|_, _| {
            bits = bits.rotate_left(1);
            bits & 1 == 1
        });
        let has = |name: &str| properties.contains_key(name);
        let named = has("Name") || has("Identity");
        match objects("a.json", Value::Object(properties.clone()).to_string().as_bytes()) {
            Ok(objects) => match objects.as_slice() {
                [Object::InboundConnector(found)] => {
                    prop_assert!(named && has("ConnectorType"));
                    prop_assert_eq!(&found.name, &connector.name);
                    prop_assert_eq!(found.enabled, connector.enabled || !has("Enabled"));
                    prop_assert_eq!(found.require_tls, connector.require_tls && has("RequireTls"));
                    if has("SenderDomains") {
                        prop_assert_eq!(&found.sender_domains, &connector.sender_domains);
                    } else {
                        prop_assert_eq!(&found.sender_domains, &[SenderDomain::Any]);
                    }
                }
                [Object::Other(_)] => prop_assert!(!has("SenderDomains")),
                other => panic!("{other:?}"),
            },
            Err(problems) => {
                let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
                prop_assert_eq!(
                    text.iter().any(|text| text.contains("an inbound connector but has no Name")),
                    !named
                );
                prop_assert_eq!(
                    text.iter().any(|text| text.contains("but has no ConnectorType")),
                    !has("ConnectorType")
                );
            }
        }
    }
}
