//! Mistakes that show only when listeners, tenants and peers are looked at together.

use std::collections::HashSet;

use tenantry_attribution::{PeerTenants, TenantId};
use tenantry_net::Request;

use super::super::Listener;
use super::super::file::{ListenerSection, TenantSection};
use super::super::include::Files;
use super::super::problem::Severity;
use super::directory::{Built, filled};
use super::{Context, listener};

/// What can only be seen when listeners, tenants and peers are looked at together.
pub(super) fn check(
    files: &Files,
    built: &Built,
    listeners: &[Listener],
    context: &mut Context<'_>,
) {
    let asked = files.listeners.iter().any(asks_for_certificates);
    for peer in &files.peers {
        if let Some(setting) = peer
            .certificates
            .as_ref()
            .filter(|list| !list.value.is_empty())
            && !asked
        {
            let remedy = "set client_certificates = \"request\" and trust in a [[listener]]";
            let what = "can never match, because no listener asks for certificates";
            context.report(
                setting
                    .at
                    .error(peer.heading.key("certificates"), what, remedy),
            );
        }
    }
    for tenant in &files.tenants {
        points_to_ourselves(tenant, listeners, context);
    }
    // What follows from an error is not worth a warning of its own.
    if context
        .problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
    {
        return;
    }
    let served = Served::of(built);
    for (section, id) in files.tenants.iter().zip(&built.ids) {
        let Some(id) = *id else { continue };
        useless_claims(section, asked, served.has(id), context);
    }
}

/// The tenants that some peer may send for.
enum Served {
    All,
    These(HashSet<TenantId>),
}

impl Served {
    fn of(built: &Built) -> Self {
        let mut served = HashSet::new();
        for peer in &built.peers {
            match &peer.tenants {
                PeerTenants::All => return Self::All,
                PeerTenants::These(ids) => served.extend(ids),
            }
        }
        Self::These(served)
    }

    fn has(&self, id: TenantId) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => ids.contains(&id),
        }
    }
}

/// A word that could not be read has been reported, and may have meant yes.
fn asks_for_certificates(listener: &ListenerSection) -> bool {
    let unreadable = listener.heading.is_unreadable("client_certificates");
    unreadable || listener::asked(listener) != Request::Off
}

fn useless_claims(section: &TenantSection, asked: bool, served: bool, context: &mut Context<'_>) {
    let heading = &section.heading;
    if let Some(list) = filled(&section.certificate_domains)
        && !asked
    {
        let remedy = "set client_certificates = \"request\" and trust in a [[listener]]";
        let what = "can never decide, because no listener asks for certificates";
        context.report(
            list.at
                .warning(heading.key("certificate_domains"), what, remedy),
        );
    }
    let lists = [
        ("sender_domains", &section.sender_domains),
        ("recipient_domains", &section.recipient_domains),
    ];
    for (key, list) in lists {
        if let Some(list) = filled(list)
            && !served
        {
            let remedy = "name this tenant in the tenants of a [[peer]]";
            let what = "can never decide, because no peer may send for this tenant";
            context.report(list.at.warning(heading.key(key), what, remedy));
        }
    }
}

fn points_to_ourselves(tenant: &TenantSection, listeners: &[Listener], context: &mut Context<'_>) {
    let upstreams = tenant
        .upstream
        .as_ref()
        .map(|setting| setting.value.0.as_slice());
    for upstream in upstreams.unwrap_or_default() {
        let Ok(ip) = upstream.value.host.parse::<std::net::IpAddr>() else {
            continue;
        };
        let ours = |listener: &&Listener| {
            let address = listener.address;
            let all = address.ip().is_unspecified() && ip.is_loopback();
            address.port() == upstream.value.port && (address.ip() == ip || all)
        };
        if let Some(listener) = listeners.iter().find(ours) {
            let what = format!("is our own listener {}", listener.address);
            let remedy = "name the server that the tenant's mail is to go to";
            context.report(
                upstream
                    .at
                    .error(tenant.heading.key("upstream"), what, remedy),
            );
        }
    }
}
