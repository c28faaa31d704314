//! Step `route`: a tenant to where its mail goes, as whom, and what may be kept towards there.

use std::sync::Arc;

use tenantry_net::UpstreamTls;

use crate::config::{Config, Tenant, UpstreamAddress, UpstreamTlsMode};
use crate::upstream::key::PoolKey;
use crate::upstream::pool::{Pool, Slot, SlotLimits};

/// Where one tenant's mail goes: its upstreams in the order of trying.
#[derive(Debug)]
pub(crate) struct Route {
    /// The tenant.
    pub(crate) tenant: Arc<Tenant>,
    /// Its upstreams; at least one.
    pub(crate) targets: Vec<Target>,
}

/// One upstream of one tenant, with everything that a connection to it needs.
#[derive(Debug)]
pub(crate) struct Target {
    /// What a connection must have been opened for to be used.
    pub(crate) key: Arc<PoolKey>,
    /// Host and port.
    pub(crate) address: UpstreamAddress,
    /// How TLS starts.
    pub(crate) tls_mode: UpstreamTlsMode,
    /// The tenant's certificate, session store and trust.
    pub(crate) tls: Arc<UpstreamTls>,
    /// The name that we give in EHLO.
    pub(crate) helo: Arc<str>,
    /// The connections that are kept.
    pub(crate) slot: Arc<Slot>,
}

impl Route {
    /// The route of a tenant; connections that its key still fits are taken over.
    pub(crate) fn new(config: &Config, tenant: &Arc<Tenant>, pool: &Pool) -> Self {
        let targets = tenant
            .upstreams
            .iter()
            .map(|address| Target::new(config, tenant, address, pool))
            .collect();
        Route {
            tenant: Arc::clone(tenant),
            targets,
        }
    }
}

impl Target {
    fn new(config: &Config, tenant: &Tenant, address: &UpstreamAddress, pool: &Pool) -> Self {
        let key = PoolKey {
            tenant: Arc::clone(&tenant.name),
            upstream: address.to_string().into(),
            identity: tenant.identity.fingerprint(),
            tls_mode: tenant.upstream_tls_mode,
            policy: tenant.tls.policy_hash(),
        };
        let limits = SlotLimits {
            connections: tenant.connections,
            messages: tenant.messages_per_connection,
            idle: tenant.idle,
        };
        let slot = pool.slot(key, limits);
        Target {
            key: Arc::clone(slot.key()),
            address: address.clone(),
            tls_mode: tenant.upstream_tls_mode,
            tls: Arc::clone(&tenant.tls),
            helo: tenant.helo.as_deref().unwrap_or(&config.hostname).into(),
            slot,
        }
    }
}
