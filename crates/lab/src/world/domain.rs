//! Accepted domains (`exchange-online.md` section 2.2).

use serde_json::{Map, Value};

use super::{DomainName, Place, Region};

/// A domain that a tenant has, or is about to have.
#[derive(Debug, Clone)]
pub struct AcceptedDomain {
    /// `DomainName`, normalised.
    pub domain: DomainName,
    /// `DomainType`.
    pub domain_type: DomainType,
    /// `MatchSubDomains`.
    pub match_subdomains: bool,
    /// `Default`.
    pub default: bool,
    /// `InitialDomain`: under onmicrosoft.com.
    pub initial: bool,
    /// `PendingRemoval` or `PendingCompletion`: not accepted at the moment.
    pub pending: bool,
    /// `SendingFromDomainDisabled`.
    pub sending_from_disabled: bool,
    /// `SendingToDomainDisabled`.
    pub sending_to_disabled: bool,
    /// `MailFlowRegion`.
    pub mail_flow_region: Option<Region>,
    /// All other properties, as they were.
    pub other: Map<String, Value>,
    /// Where it was described.
    pub place: Place,
}

/// `DomainType`: what becomes of recipients that the tenant does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainType {
    /// They are refused, if the tenant's recipients are known.
    Authoritative,
    /// They are relayed on.
    InternalRelay,
    /// They are relayed on; on-premises only.
    ExternalRelay,
}

impl AcceptedDomain {
    /// An authoritative domain with the defaults of `New-AcceptedDomain`.
    #[must_use]
    pub fn new(domain: DomainName) -> Self {
        Self {
            domain,
            domain_type: DomainType::Authoritative,
            match_subdomains: false,
            default: false,
            initial: false,
            pending: false,
            sending_from_disabled: false,
            sending_to_disabled: false,
            mail_flow_region: None,
            other: Map::new(),
            place: Place::default(),
        }
    }
}
