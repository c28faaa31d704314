//! Counts for a live table.

use std::collections::BTreeMap;

use crate::attribution::Basis;
use crate::journal::{Journal, Tally};
use crate::world::{Region, TenantIndex, World};

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
}

pub(super) fn of(world: &World, journal: &Journal) -> Vec<TenantStatistics> {
    let tenants = world.tenants.iter().enumerate().map(|(index, tenant)| {
        let tally = journal.tally(Some(TenantIndex(index)));
        row(Some((&tenant.name, &tenant.region)), tally)
    });
    tenants.chain([row(None, journal.tally(None))]).collect()
}

fn row(tenant: Option<(&String, &Region)>, tally: Tally) -> TenantStatistics {
    TenantStatistics {
        tenant: tenant.map(|(name, _)| name.clone()),
        region: tenant.map(|(_, region)| region.clone()),
        accepted: tally.accepted,
        refused: tally.refused,
        octets: tally.octets,
        last_basis: tally.last_basis,
    }
}
