//! One configuration in force, with everything that was made of it; a transaction uses one from beginning to end.

use std::sync::Arc;

use tenantry_attribution::TenantId;
use tenantry_smtp::{ContentLimits, ServerLimits};
use tokio::sync::Semaphore;

use crate::config::{Config, Listener, Timeouts};
use crate::content::header::HeaderLimits;
use crate::route::Route;
use crate::upstream::pool::{Pool, Slot};

/// A checked configuration and its routes.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// As read and checked.
    pub(crate) config: Config,
    /// Its timeouts, shared with the transactions that use them.
    pub(crate) timeouts: Arc<Timeouts>,
    /// Bounds on the header section.
    pub(crate) header: HeaderLimits,
    /// Turns at the TLS handshakes with clients.
    pub(crate) handshakes: Semaphore,
    routes: Vec<Arc<Route>>,
}

impl Snapshot {
    /// Makes the routes; connections in the pool that still fit are taken over.
    pub(crate) fn new(config: Config, pool: &Pool) -> Self {
        let routes = config
            .tenants
            .iter()
            .map(|tenant| Arc::new(Route::new(&config, tenant, pool)))
            .collect();
        let header = HeaderLimits {
            octets: usize::try_from(config.limits.header_size).unwrap_or(usize::MAX),
            fields: config.limits.header_fields as usize,
            hops: config.hop_limit as usize,
        };
        Snapshot {
            timeouts: Arc::new(config.timeouts.clone()),
            header,
            handshakes: Semaphore::new(config.limits.handshakes as usize),
            routes,
            config,
        }
    }

    /// Where the tenant's mail goes.
    pub(crate) fn route(&self, tenant: TenantId) -> Option<&Arc<Route>> {
        self.routes.get(tenant.index())
    }

    /// What its routes keep connections in.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        let targets = self.routes.iter().flat_map(|route| &route.targets);
        targets.map(|target| &target.slot)
    }

    /// The listener of that name, unless the configuration no longer has it.
    pub(crate) fn listener(&self, name: &str) -> Option<&Listener> {
        self.config
            .listeners
            .iter()
            .find(|listener| &*listener.name == name)
    }

    /// What a session of the listener may do to us.
    pub(crate) fn server_limits(&self, listener: &Listener) -> ServerLimits {
        let limits = &self.config.limits;
        let octets = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        ServerLimits {
            command_line: octets(limits.command_line),
            mail_line: octets(limits.mail_line),
            swallow: octets(limits.unterminated_line),
            content: ContentLimits {
                max_octets: listener.max_message_size,
                max_line: octets(limits.text_line),
            },
            recipients: limits.recipients,
            protocol_errors: limits.protocol_errors,
            non_mail_commands: limits.non_mail_commands,
            messages: u64::from(limits.messages),
            chunks: limits.chunks,
            ..ServerLimits::default()
        }
    }
}
