//! Microsoft's objects as tables of a tenant: the same properties as in an export.

use std::collections::BTreeSet;

use tenantry_settings::{Mistake, Place, Problem, Table, closest};

use crate::export::{self, ExportError, Node, Value};
use crate::world::{AcceptedDomain, DomainName, InboundConnector, Organization};

pub(super) fn accepted_domains(table: &Table<'_>) -> (Vec<AcceptedDomain>, BTreeSet<DomainName>) {
    let mut domains = Vec::new();
    let mut plain = BTreeSet::new();
    for node in nodes(table, "accepted_domains") {
        match &node.value {
            Value::String(name) => match DomainName::parse(name) {
                Ok(name) => {
                    plain.insert(name.clone());
                    domains.push(AcceptedDomain {
                        place: node.place,
                        ..AcceptedDomain::new(name)
                    });
                }
                Err(error) => {
                    let mistake =
                        Mistake::new(error.to_string(), "write a domain, as in \"contoso.com\"");
                    table.complain(node.place, mistake);
                }
            },
            Value::Object(_) => {
                unknown_properties(table, &node, ACCEPTED_DOMAIN);
                domains.extend(typed(table, export::accepted_domain(&node)));
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Expression(_)
            | Value::List(_) => {
                let remedy = "write \"contoso.com\" or { DomainName = \"contoso.com\", ... }";
                table.complain(
                    node.place,
                    Mistake::new("is neither a domain nor a table", remedy),
                );
            }
        }
    }
    (domains, plain)
}

pub(super) fn inbound_connectors(table: &Table<'_>) -> Vec<InboundConnector> {
    let mut connectors = Vec::new();
    for node in nodes(table, "inbound_connectors") {
        unknown_properties(table, &node, INBOUND_CONNECTOR);
        connectors.extend(typed(table, export::inbound_connector(&node)));
    }
    connectors
}

pub(super) fn organization(table: &Table<'_>) -> (Organization, Option<Place>) {
    let Some(node) = node(table, "organization") else {
        return (Organization::default(), None);
    };
    unknown_properties(table, &node, ORGANIZATION);
    let read = typed(table, export::organization(&node));
    (read.unwrap_or_default(), Some(node.place))
}

/// The entries of a list of Microsoft's objects.
fn nodes(table: &Table<'_>, key: &'static str) -> Vec<Node> {
    match node(table, key) {
        None => Vec::new(),
        Some(Node {
            value: Value::List(nodes),
            ..
        }) => nodes,
        Some(Node { place, .. }) => {
            let mistake = Mistake::new("is not a list", "put it in brackets: [...]");
            table.complain(place, mistake);
            Vec::new()
        }
    }
}

fn node(table: &Table<'_>, key: &'static str) -> Option<Node> {
    let (source, value) = table.raw(key)?;
    Some(export::from_toml(source, value, &table.key(key)))
}

fn typed<T>(table: &Table<'_>, read: Result<T, Vec<ExportError>>) -> Option<T> {
    match read {
        Ok(object) => Some(object),
        Err(errors) => {
            for error in errors {
                let (what, remedy) = error.problem.by_hand();
                table.complain(error.place, Mistake::new(what, remedy));
            }
            None
        }
    }
}

/// Exports may have properties that nobody heard of; what is written by hand is misspelt then.
fn unknown_properties(table: &Table<'_>, node: &Node, known: &[&str]) {
    let Value::Object(properties) = &node.value else {
        return;
    };
    for (name, value) in properties {
        if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            continue;
        }
        let remedy = match closest(name, known.iter().copied()) {
            Some(word) => format!("did you mean {word}?"),
            None => format!("remove it; the properties here are {}", known.join(", ")),
        };
        table.complain(
            value.place.clone(),
            Mistake::new("unknown property", remedy),
        );
    }
}

impl From<ExportError> for Problem {
    /// The text of an export's problem says what to do itself.
    fn from(error: ExportError) -> Self {
        Self::error(error.place, error.problem.to_string(), "")
    }
}

/// The properties of `exchange-online.md` section 2.1.
const INBOUND_CONNECTOR: &[&str] = &[
    "Name",
    "Identity",
    "Enabled",
    "ConnectorType",
    "ConnectorSource",
    "SenderDomains",
    "SenderIPAddresses",
    "TlsSenderCertificateName",
    "RequireTls",
    "RestrictDomainsToCertificate",
    "RestrictDomainsToIPAddresses",
    "CloudServicesMailEnabled",
    "TreatMessagesAsInternal",
    "AssociatedAcceptedDomains",
    "TrustedOrganizations",
    "ClientHostNames",
    "EFSkipIPs",
    "EFSkipLastIP",
    "EFUsers",
    "EFTestMode",
    "EFSkipMailGateway",
    "ScanAndDropRecipients",
    "Comment",
    "AdminDisplayName",
];

/// The properties of section 2.2 that say something.
const ACCEPTED_DOMAIN: &[&str] = &[
    "DomainName",
    "Name",
    "DomainType",
    "MatchSubDomains",
    "Default",
    "InitialDomain",
    "PendingRemoval",
    "PendingCompletion",
    "OutboundOnly",
    "SendingFromDomainDisabled",
    "SendingToDomainDisabled",
    "MailFlowRegion",
];

/// The properties of section 2.6.
const ORGANIZATION: &[&str] = &["RejectDirectSend", "InRegionRoutingEnabled"];
