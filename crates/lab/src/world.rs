//! What Exchange Online knows: tenants with their region, accepted domains, inbound connectors and
//! organisation settings, in Microsoft's vocabulary.
//!
//! Plain data. Values that Microsoft's cmdlets would refuse but that an export may still hold (an
//! IPv6 address in `SenderIPAddresses`, an embedded wildcard) are kept with their text: they match
//! nothing, and whoever explains or lints can say so. Nothing here decides.

mod connector;
mod domain;
mod name;
mod profile;
mod tenant;

pub use connector::{
    ConnectorType, InboundConnector, SenderAddress, SenderDomain, TlsSenderCertificateName,
};
pub use domain::{AcceptedDomain, DomainType};
pub use name::{DomainName, DomainNameError, Region, Wildcard, certificate_name};
pub use profile::{AmbiguousPolicy, Profile, RelayRefusal, RelayRejectAt};
pub use tenant::{Organization, Quota, Tenant, TenantIndex};
pub use tenantry_settings::Place;

/// Everything that attribution looks at.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// How the lab behaves where Microsoft is silent or has changed its mind.
    pub profile: Profile,
    /// The tenants; [`TenantIndex`] counts them from 0 in this order.
    pub tenants: Vec<Tenant>,
}

impl World {
    /// A tenant by its place in the order.
    #[must_use]
    pub fn tenant(&self, index: TenantIndex) -> Option<&Tenant> {
        self.tenants.get(index.0)
    }

    /// A tenant by its name, compared without regard to case.
    #[must_use]
    pub fn tenant_named(&self, name: &str) -> Option<TenantIndex> {
        self.tenants
            .iter()
            .position(|tenant| tenant.name.eq_ignore_ascii_case(name))
            .map(TenantIndex)
    }
}
