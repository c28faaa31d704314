//! What two messages must have in common to share a connection, a TLS session or anything else that is kept.

use std::fmt;
use std::sync::Arc;

use tenantry_net::Fingerprint;

use crate::config::UpstreamTlsMode;

/// The identity of everything that is cached towards an upstream.
///
/// All parts count: two tenants never share, even with one upstream, one certificate and one policy, and a tenant
/// whose certificate or policy changed never uses what the old one left behind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PoolKey {
    /// The tenant's name.
    pub(crate) tenant: Arc<str>,
    /// Host and port as configured.
    pub(crate) upstream: Arc<str>,
    /// SHA-256 of the certificate that the tenant presents.
    pub(crate) identity: Fingerprint,
    /// When TLS begins: a connection in clear text is of no use once TLS is demanded.
    pub(crate) tls_mode: UpstreamTlsMode,
    /// How TLS towards the upstream is done and what is trusted there.
    pub(crate) policy: u64,
}

impl fmt::Display for PoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at {} as {} by policy {:016x}",
            self.tenant, self.upstream, self.identity, self.policy
        )
    }
}
