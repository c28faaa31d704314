//! What a running lab does not read again.

use tenantry_lab::events::Event;
use tenantry_lab::file::{AddressMap, Endpoint, FaultSpec, Lab, Limits, ServerSettings, Timeouts};
use tenantry_lab::world::TenantIndex;

/// The part of a world file that takes effect at the next start.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    seed: u64,
    server: Option<ServerSettings>,
    endpoints: Vec<Endpoint>,
    addresses: AddressMap,
    limits: Limits,
    timeouts: Timeouts,
    /// With the names of their tenants, whose numbers change.
    faults: Vec<(Option<String>, FaultSpec)>,
    events: Vec<Event>,
}

impl Settings {
    pub(super) fn of(lab: &Lab) -> Self {
        let name = |tenant: TenantIndex| Some(lab.world.tenant(tenant)?.name.clone());
        let faults = lab.faults.iter().map(|fault| {
            let tenant = fault.tenant.and_then(name);
            let mut fault = fault.clone();
            fault.tenant = None;
            (tenant, fault)
        });
        Self {
            seed: lab.seed,
            server: lab.server.clone(),
            endpoints: lab.endpoints.clone(),
            addresses: lab.addresses.clone(),
            limits: lab.limits.clone(),
            timeouts: lab.timeouts.clone(),
            faults: faults.collect(),
            events: lab.events.clone(),
        }
    }

    /// What is another one in `other`, by the names in the file.
    pub(super) fn changed(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("seed", self.seed == other.seed),
            ("[server]", self.server == other.server),
            ("[[endpoint]]", self.endpoints == other.endpoints),
            ("[addresses]", self.addresses == other.addresses),
            ("[limits]", self.limits == other.limits),
            ("[timeouts]", self.timeouts == other.timeouts),
            ("[[fault]]", self.faults == other.faults),
            ("[[event]]", self.events == other.events),
        ];
        let changed = parts.into_iter().filter(|(_, same)| !same);
        changed.map(|(name, _)| name).collect()
    }
}
