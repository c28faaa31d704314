//! What can change in a world.

use super::ChangeError;
use super::text::shortened;

/// One change. Tenants and connectors are named as in the world, domains as administrators write
/// them; [`Change::apply`] says what does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `connector-disabled`: `Set-InboundConnector -Enabled $false`.
    ConnectorDisabled {
        /// The tenant.
        tenant: String,
        /// The connector's name.
        connector: String,
    },
    /// `connector-enabled`: `Set-InboundConnector -Enabled $true`.
    ConnectorEnabled {
        /// The tenant.
        tenant: String,
        /// The connector's name.
        connector: String,
    },
    /// `connector-changed`: `Set-InboundConnector` with any other property.
    ConnectorChanged {
        /// The tenant.
        tenant: String,
        /// The connector's name.
        connector: String,
        /// The property, by Microsoft's name.
        property: String,
        /// Its new value as text; several values are separated by commas.
        value: String,
    },
    /// `connector-removed`: `Remove-InboundConnector`.
    ConnectorRemoved {
        /// The tenant.
        tenant: String,
        /// The connector's name.
        connector: String,
    },
    /// `connector-blocked`: the service restricts the connector for spam (5.7.711).
    ConnectorBlocked {
        /// The tenant.
        tenant: String,
        /// The connector's name.
        connector: String,
    },
    /// `connector-unblocked`: `Remove-BlockedConnector`.
    ConnectorUnblocked {
        /// The tenant.
        tenant: String,
        /// The connector's name.
        connector: String,
    },
    /// `domain-added`: the tenant has verified the domain.
    DomainAdded {
        /// The tenant.
        tenant: String,
        /// The domain.
        domain: String,
    },
    /// `domain-removed`: the tenant gives the domain up.
    DomainRemoved {
        /// The tenant.
        tenant: String,
        /// The domain.
        domain: String,
    },
    /// `domain-moved`: the domain leaves its tenant and is verified in another.
    DomainMoved {
        /// The domain.
        domain: String,
        /// Whom it leaves; needed only where several tenants have it.
        from: Option<String>,
        /// The tenant that gets it.
        to: String,
    },
    /// `certificate-rotated`: who presented a certificate with one name presents another one.
    CertificateRotated {
        /// The name until now.
        from: String,
        /// The name from now on.
        to: String,
    },
    /// `region-moved`: the tenant is hosted elsewhere.
    RegionMoved {
        /// The tenant.
        tenant: String,
        /// The region.
        to: String,
    },
    /// `organization-changed`: `Set-OrganizationConfig`.
    OrganizationChanged {
        /// The tenant.
        tenant: String,
        /// `RejectDirectSend` or `InRegionRoutingEnabled`.
        property: String,
        /// Whether it is on.
        value: bool,
    },
}

/// Kind, keys that it needs, and keys that it may have.
type Kind = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const CONNECTOR: &[&str] = &["tenant", "connector"];

const KINDS: &[Kind] = &[
    ("connector-disabled", CONNECTOR, &[]),
    ("connector-enabled", CONNECTOR, &[]),
    (
        "connector-changed",
        &["tenant", "connector", "property", "value"],
        &[],
    ),
    ("connector-removed", CONNECTOR, &[]),
    ("connector-blocked", CONNECTOR, &[]),
    ("connector-unblocked", CONNECTOR, &[]),
    ("domain-added", &["tenant", "domain"], &[]),
    ("domain-removed", &["tenant", "domain"], &[]),
    ("domain-moved", &["domain", "to"], &["from"]),
    ("certificate-rotated", &["from", "to"], &[]),
    ("region-moved", &["tenant", "to"], &[]),
    (
        "organization-changed",
        &["tenant", "property", "value"],
        &[],
    ),
];

/// All kinds, as a message lists them.
pub(super) fn kinds() -> String {
    let names: Vec<&str> = KINDS.iter().map(|(kind, ..)| *kind).collect();
    names.join(", ")
}

impl Change {
    /// A change by its kind and its keys.
    ///
    /// # Errors
    /// When the kind is unknown, or a key is unknown, missing or given twice.
    pub fn new(kind: &str, fields: Vec<(String, String)>) -> Result<Self, ChangeError> {
        let Some(&(kind, needed, allowed)) = KINDS.iter().find(|(known, ..)| *known == kind) else {
            return Err(ChangeError::UnknownKind(shortened(kind)));
        };
        let mut fields = Fields::sorted(kind, needed, allowed, fields)?;
        match kind.strip_prefix("connector-") {
            Some(verb) => Self::of_connector(kind, verb, &mut fields),
            None => Self::of_tenant(kind, &mut fields),
        }
    }

    fn of_connector(kind: &str, verb: &str, fields: &mut Fields) -> Result<Self, ChangeError> {
        let tenant = fields.take("tenant")?;
        let connector = fields.take("connector")?;
        Ok(match verb {
            "disabled" => Self::ConnectorDisabled { tenant, connector },
            "enabled" => Self::ConnectorEnabled { tenant, connector },
            "removed" => Self::ConnectorRemoved { tenant, connector },
            "blocked" => Self::ConnectorBlocked { tenant, connector },
            "unblocked" => Self::ConnectorUnblocked { tenant, connector },
            "changed" => Self::ConnectorChanged {
                tenant,
                connector,
                property: fields.take("property")?,
                value: fields.take("value")?,
            },
            _ => return Err(ChangeError::UnknownKind(String::from(kind))),
        })
    }

    fn of_tenant(kind: &str, fields: &mut Fields) -> Result<Self, ChangeError> {
        Ok(match kind {
            "domain-added" => Self::DomainAdded {
                tenant: fields.take("tenant")?,
                domain: fields.take("domain")?,
            },
            "domain-removed" => Self::DomainRemoved {
                tenant: fields.take("tenant")?,
                domain: fields.take("domain")?,
            },
            "domain-moved" => Self::DomainMoved {
                domain: fields.take("domain")?,
                from: fields.take_optional("from"),
                to: fields.take("to")?,
            },
            "certificate-rotated" => Self::CertificateRotated {
                from: fields.take("from")?,
                to: fields.take("to")?,
            },
            "region-moved" => Self::RegionMoved {
                tenant: fields.take("tenant")?,
                to: fields.take("to")?,
            },
            "organization-changed" => Self::OrganizationChanged {
                tenant: fields.take("tenant")?,
                property: fields.take("property")?,
                value: fields.take_flag("value")?,
            },
            _ => return Err(ChangeError::UnknownKind(String::from(kind))),
        })
    }

    /// The kind's word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ConnectorDisabled { .. } => "connector-disabled",
            Self::ConnectorEnabled { .. } => "connector-enabled",
            Self::ConnectorChanged { .. } => "connector-changed",
            Self::ConnectorRemoved { .. } => "connector-removed",
            Self::ConnectorBlocked { .. } => "connector-blocked",
            Self::ConnectorUnblocked { .. } => "connector-unblocked",
            Self::DomainAdded { .. } => "domain-added",
            Self::DomainRemoved { .. } => "domain-removed",
            Self::DomainMoved { .. } => "domain-moved",
            Self::CertificateRotated { .. } => "certificate-rotated",
            Self::RegionMoved { .. } => "region-moved",
            Self::OrganizationChanged { .. } => "organization-changed",
        }
    }

    /// Its keys and their values.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let fields: Vec<(&'static str, &str)> = match self {
            Self::ConnectorDisabled { tenant, connector }
            | Self::ConnectorEnabled { tenant, connector }
            | Self::ConnectorRemoved { tenant, connector }
            | Self::ConnectorBlocked { tenant, connector }
            | Self::ConnectorUnblocked { tenant, connector } => {
                vec![("tenant", tenant), ("connector", connector)]
            }
            Self::ConnectorChanged {
                tenant,
                connector,
                property,
                value,
            } => vec![
                ("tenant", tenant),
                ("connector", connector),
                ("property", property),
                ("value", value),
            ],
            Self::DomainAdded { tenant, domain } | Self::DomainRemoved { tenant, domain } => {
                vec![("tenant", tenant), ("domain", domain)]
            }
            Self::DomainMoved { domain, from, to } => {
                let from = from.iter().map(|from| ("from", from.as_str()));
                let domain = [("domain", domain.as_str())];
                domain
                    .into_iter()
                    .chain(from)
                    .chain([("to", to.as_str())])
                    .collect()
            }
            Self::CertificateRotated { from, to } => vec![("from", from), ("to", to)],
            Self::RegionMoved { tenant, to } => vec![("tenant", tenant), ("to", to)],
            Self::OrganizationChanged {
                tenant,
                property,
                value,
            } => vec![
                ("tenant", tenant),
                ("property", property),
                ("value", if *value { "true" } else { "false" }),
            ],
        };
        fields
            .into_iter()
            .map(|(key, value)| (key, String::from(value)))
            .collect()
    }
}

/// The keys of one change.
struct Fields {
    kind: &'static str,
    given: Vec<(String, String)>,
}

impl Fields {
    /// Every given key is one of the kind's, and stands once.
    fn sorted(
        kind: &'static str,
        needed: &'static [&'static str],
        allowed: &'static [&'static str],
        given: Vec<(String, String)>,
    ) -> Result<Self, ChangeError> {
        let known: Vec<&'static str> = needed.iter().chain(allowed).copied().collect();
        let mut seen: Vec<&str> = Vec::new();
        for (key, _) in &given {
            if !known.contains(&key.as_str()) {
                let key = shortened(key);
                return Err(ChangeError::UnknownField { kind, key, known });
            }
            if seen.contains(&key.as_str()) {
                return Err(ChangeError::Repeated(key.clone()));
            }
            seen.push(key);
        }
        Ok(Self { kind, given })
    }

    fn take(&mut self, key: &'static str) -> Result<String, ChangeError> {
        self.take_optional(key).ok_or(ChangeError::Missing {
            kind: self.kind,
            key,
        })
    }

    fn take_optional(&mut self, key: &str) -> Option<String> {
        let at = self.given.iter().position(|(given, _)| given == key)?;
        Some(self.given.swap_remove(at).1)
    }

    fn take_flag(&mut self, key: &'static str) -> Result<bool, ChangeError> {
        let written = self.take(key)?;
        match written
            .trim_start_matches('$')
            .to_ascii_lowercase()
            .as_str()
        {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(ChangeError::Value {
                key: String::from(key),
                value: shortened(&written),
                problem: String::from("write true or false"),
            }),
        }
    }
}
