//! What can change in a world.

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
