//! Counts for a live table.

use std::collections::BTreeMap;

use crate::attribution::Basis;
use crate::journal::{Journal, Tally};
use crate::world::{Region, Tenant, TenantIndex, World};

/// What came for one tenant, or for nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStatistics {
    /// The tenant's name; absent in the row of what belonged to nobody.
    pub tenant: Option<String>,
    /// Its region.
    pub region: Option<Region>,
    /// Messages taken.
    pub accepted: u64,
    /// Messages and single recipients refused, by the reply's codes, as `550 5.7.64`.
    pub refused: BTreeMap<String, u64>,
    /// Octets of the messages taken.
    pub octets: u64,
    /// What decided about the last one.
    pub last_basis: Option<Basis>,
    /// The name of the connector that the last one was credited to.
    pub last_connector: Option<String>,
}

impl TenantStatistics {
    /// Counts for each tenant of a world, in its order, and last for what belonged to nobody.
    #[must_use]
    pub fn of(world: &World, journal: &Journal) -> Vec<Self> {
        let tenants = (0..).map(TenantIndex).zip(&world.tenants);
        let tenants = tenants
            .map(|(index, tenant)| Self::row(world, Some(tenant), journal.tally(Some(index))));
        let nobody = Self::row(world, None, journal.tally(None));
        tenants.chain([nobody]).collect()
    }

    fn row(world: &World, tenant: Option<&Tenant>, tally: Tally) -> Self {
        let connector = tally.last_connector.and_then(|at| {
            let connectors = &world.tenant(at.tenant)?.inbound_connectors;
            connectors.get(at.connector)
        });
        Self {
            tenant: tenant.map(|tenant| tenant.name.clone()),
            region: tenant.map(|tenant| tenant.region.clone()),
            accepted: tally.accepted,
            refused: tally.refused,
            octets: tally.octets,
            last_basis: tally.last_basis,
            last_connector: connector.map(|connector| connector.name.clone()),
        }
    }
}
