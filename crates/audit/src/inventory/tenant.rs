//! A tenant of Exchange Online, as its administrators exported it.

use tenantry_lab::export::OutboundConnector;
use tenantry_lab::world::{AcceptedDomain, InboundConnector, Organization, Place, Region};

use super::Exported;

/// A tenant.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// What it is called: the name in `tenant.toml` or in a world, the folder, or the initial domain
    /// without `.onmicrosoft.com`.
    pub name: String,
    /// Where it was described: its `tenant.toml`, its folder, or its first export.
    pub place: Place,
    /// Where it is hosted, if a file says so.
    pub region: Option<Region>,
    /// `Get-InboundConnector`.
    pub inbound_connectors: Vec<Exported<InboundConnector>>,
    /// `Get-OutboundConnector`.
    pub outbound_connectors: Vec<Exported<OutboundConnector>>,
    /// `Get-AcceptedDomain`.
    pub accepted_domains: Vec<Exported<AcceptedDomain>>,
    /// `Get-OrganizationConfig`; absent if it was not exported, which is not the same as its defaults.
    pub organization: Option<Exported<Organization>>,
}
