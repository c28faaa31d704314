//! A tenant: what its administrators export, and what exports lack.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{AcceptedDomain, InboundConnector, Place, Region};

/// A tenant's place in [`World::tenants`](super::World::tenants).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantIndex(pub usize);

/// One tenant of Exchange Online.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its name in the lab.
    pub name: String,
    /// The tenant's GUID, as in `X-EOPTenantAttributedMessage`.
    pub id: String,
    /// The region that hosts it.
    pub region: Region,
    /// Further regions whose endpoint takes its mail, with In-Region Routing.
    pub allowed_regions: BTreeSet<Region>,
    /// It has subscriptions with mail; without, anonymous mail gets `4.4.4 ... ATTR5`.
    pub mail_enabled: bool,
    /// `Get-AcceptedDomain`.
    pub accepted_domains: Vec<AcceptedDomain>,
    /// `Get-InboundConnector`.
    pub inbound_connectors: Vec<InboundConnector>,
    /// `Get-OrganizationConfig`.
    pub organization: Organization,
    /// All recipients, as lower-case addresses with normalised domains. Absent: any recipient
    /// exists; present: directory-based blocking for Authoritative domains.
    pub recipients: Option<BTreeSet<String>>,
    /// What it may send.
    pub quota: Quota,
    /// Where it was described.
    pub place: Place,
}

/// The organisation settings that matter (`exchange-online.md` section 2.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// `RejectDirectSend`.
    pub reject_direct_send: bool,
    /// `InRegionRoutingEnabled`: only then do [`Tenant::allowed_regions`] count.
    pub in_region_routing_enabled: bool,
}

/// What a tenant may send to recipients outside, and how its sources stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// External recipients per window (5.7.233); absent: no limit.
    pub external_recipients: Option<u64>,
    /// The window of that limit.
    pub window: Duration,
    /// It is a trial tenant: the limit's refusal is 5.7.232.
    pub trial: bool,
    /// External recipients per window of senders in an initial domain (5.7.236); absent: no limit.
    pub initial_domain_recipients: Option<u64>,
    /// Messages per window whose sender domain nobody registered (5.7.750); absent: no limit.
    pub unregistered_senders: Option<u64>,
    /// The tenant has exceeded its threshold: everything it originates is refused with 5.7.705.
    pub exceeded: bool,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            external_recipients: None,
            window: Duration::from_secs(24 * 60 * 60),
            trial: false,
            initial_domain_recipients: None,
            unregistered_senders: None,
            exceeded: false,
        }
    }
}
