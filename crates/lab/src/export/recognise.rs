//! What an object is, told by its properties (`exchange-online.md` section 1.18, "Files").

use std::fmt;

use super::error::ExportError;
use super::node::{Node, Value};
use super::{accepted_domain, inbound_connector, organization};
use crate::world::{AcceptedDomain, InboundConnector, Organization};

/// One object of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The object.
    pub node: Node,
    /// What it is, where the file says so itself, as a Microsoft365DSC configuration does.
    pub kind: Option<Kind>,
}

/// The kinds of objects that the lab knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of `Get-InboundConnector`.
    InboundConnector,
    /// Of `Get-AcceptedDomain`.
    AcceptedDomain,
    /// Of `Get-OrganizationConfig`.
    Organization,
    /// Of `Get-OutboundConnector`.
    OutboundConnector,
    /// Of `Get-SendConnector`.
    SendConnector,
}

/// An object that was recognised, or not.
#[derive(Debug, Clone)]
pub enum Object {
    /// An inbound connector.
    InboundConnector(InboundConnector),
    /// An accepted domain.
    AcceptedDomain(AcceptedDomain),
    /// Organisation settings.
    Organization(Organization),
    /// An outbound connector, which does not take part in attribution.
    OutboundConnector(Node),
    /// A Send connector of Exchange Server, which does not either.
    SendConnector(Node),
    /// Something else; worth a notice, no error.
    Other(Node),
}

impl Document {
    /// What it is, typed.
    ///
    /// # Errors
    /// All problems of the object.
    pub fn object(&self) -> Result<Object, Vec<ExportError>> {
        typed(&self.node, self.kind.or_else(|| kind(&self.node)))
    }
}

/// The objects in `node`, which may be one, a list of them, or PowerShell's wrapper of a list.
///
/// # Errors
/// All problems of all objects.
pub fn recognise(node: &Node) -> Result<Vec<Object>, Vec<ExportError>> {
    let mut objects = Vec::new();
    let mut problems = Vec::new();
    for node in elements(node) {
        match typed(node, kind(node)) {
            Ok(object) => objects.push(object),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(objects)
    } else {
        Err(problems)
    }
}

/// The elements of lists and of `{"value": [...], "Count": n}`, at any depth; nothing for null.
pub(super) fn elements(node: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        if let Some(inner) = wrapped(node) {
            waiting.extend(inner.iter().rev());
        } else if node.value != Value::Null {
            found.push(node);
        }
    }
    found
}

/// The same, of a value that is not needed any more.
pub(super) fn into_elements(node: Node) -> Vec<Node> {
    let mut found = Vec::new();
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        if wrapped(&node).is_none() {
            if node.value != Value::Null {
                found.push(node);
            }
        } else if let Value::List(inner) = node.value {
            waiting.extend(inner.into_iter().rev());
        } else if let Value::Object(properties) = node.value {
            let inner = properties
                .into_iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("value"));
            waiting.extend(inner.map(|(_, inner)| inner));
        }
    }
    found
}

/// The elements of a list or of a wrapper of one; PowerShell writes `value` and `Count`, its REST
/// interface `@odata.context` and `value`.
pub(super) fn wrapped(node: &Node) -> Option<&[Node]> {
    match &node.value {
        Value::List(nodes) => Some(nodes),
        Value::Object(properties) => {
            let only_wrapping = properties.iter().all(|(name, _)| {
                ["value", "Count"]
                    .iter()
                    .any(|word| name.eq_ignore_ascii_case(word))
                    || name.starts_with("@odata.")
                    || name.starts_with("@adminapi.")
            });
            match node.property("value").map(|inner| &inner.value) {
                Some(Value::List(nodes)) if only_wrapping => Some(nodes),
                _ => None,
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Expression(_) => None,
    }
}

fn typed(node: &Node, kind: Option<Kind>) -> Result<Object, Vec<ExportError>> {
    Ok(match kind {
        Some(Kind::InboundConnector) => Object::InboundConnector(inbound_connector(node)?),
        Some(Kind::AcceptedDomain) => Object::AcceptedDomain(accepted_domain(node)?),
        Some(Kind::Organization) => Object::Organization(organization(node)?),
        Some(Kind::OutboundConnector) => Object::OutboundConnector(node.clone()),
        Some(Kind::SendConnector) => Object::SendConnector(node.clone()),
        None => Object::Other(node.clone()),
    })
}

/// What the properties speak for. One that only one cmdlet gives suffices.
fn kind(node: &Node) -> Option<Kind> {
    let has = |names: &[&str]| names.iter().any(|name| node.property(name).is_some());
    if has(&[
        "AddressSpaces",
        "SourceTransportServers",
        "SmartHostsString",
    ]) {
        Some(Kind::SendConnector)
    } else if has(&OUTBOUND) {
        Some(Kind::OutboundConnector)
    } else if has(&INBOUND) || has(&["ConnectorType"]) {
        Some(Kind::InboundConnector)
    } else if has(&[
        "RejectDirectSend",
        "InRegionRoutingEnabled",
        "MailTipsAllTipsEnabled",
    ]) {
        Some(Kind::Organization)
    } else if has(&["AllowedOOFType", "AutoForwardEnabled"]) {
        // Get-RemoteDomain has a DomainName too.
        None
    } else if has(&["DomainName"]) || (has(&["DomainType"]) && has(&ACCEPTED)) {
        Some(Kind::AcceptedDomain)
    } else {
        None
    }
}

impl Kind {
    /// The cmdlet that gives such objects.
    #[must_use]
    pub fn cmdlet(self) -> &'static str {
        match self {
            Self::InboundConnector => "Get-InboundConnector",
            Self::AcceptedDomain => "Get-AcceptedDomain",
            Self::Organization => "Get-OrganizationConfig",
            Self::OutboundConnector => "Get-OutboundConnector",
            Self::SendConnector => "Get-SendConnector",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::InboundConnector => "an inbound connector",
            Self::AcceptedDomain => "an accepted domain",
            Self::Organization => "organisation settings",
            Self::OutboundConnector => "an outbound connector",
            Self::SendConnector => "a Send connector",
        })
    }
}

const OUTBOUND: [&str; 8] = [
    "RecipientDomains",
    "UseMXRecord",
    "RouteAllMessagesViaOnPremises",
    "SmartHosts",
    "TlsSettings",
    "TlsDomain",
    "AllAcceptedDomains",
    "IsTransportRuleScoped",
];

const INBOUND: [&str; 6] = [
    "SenderDomains",
    "SenderIPAddresses",
    "TlsSenderCertificateName",
    "RestrictDomainsToCertificate",
    "RestrictDomainsToIPAddresses",
    "TreatMessagesAsInternal",
];

const ACCEPTED: [&str; 5] = [
    "Name",
    "MatchSubDomains",
    "InitialDomain",
    "PendingRemoval",
    "OutboundOnly",
];
