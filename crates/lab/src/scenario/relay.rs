//! `relay.toml`: Tenantry in front of the lab.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::{Table, Value};

use super::certificates::{self, RELAY, RelayIdentity, SERVICE};
use super::folder::Layout;
use super::{Scenario, world};

/// The configuration: every tenant of the world with an identity of its own.
pub(super) fn file(scenario: &Scenario, layout: &Layout) -> String {
    let identities = certificates::identities(scenario);
    let mut claims: BTreeMap<&str, u32> = BTreeMap::new();
    for name in identities.iter().flat_map(|identity| &identity.names) {
        *claims.entry(name).or_default() += 1;
    }
    let mut out = listener(scenario, layout);
    for (tenant, identity) in world::tenants(&scenario.world).zip(&identities) {
        let own = identity.names.iter().map(String::as_str);
        let own: Vec<&str> = own.filter(|name| claims.get(name) == Some(&1)).collect();
        push_tenant(&mut out, tenant, identity, &own, layout);
    }
    out
}

fn listener(scenario: &Scenario, layout: &Layout) -> String {
    let heading = world::heading(scenario);
    let relay = layout.relay;
    let peer = peer(scenario, layout);
    format!(
        "# Tenantry in front of the lab.
#
{heading}
hostname = \"{RELAY}\"
drain = \"5s\"

[[listener]]
address = \"{relay}\"
tls = \"starttls-required\"
certificate = \"pki/relay.pem\"
key = \"pki/relay.key\"
client_certificates = \"request\"
trust = [\"pki/authority.pem\"]

{peer}"
    )
}

/// Who may send by sender and recipient.
fn peer(scenario: &Scenario, layout: &Layout) -> String {
    if let Some(tenantry) = &scenario.tenantry {
        let certificate = scenario.certificate(&tenantry.peer_certificate);
        let names = certificate.into_iter().flat_map(|one| &one.names);
        let names = listed(names.map(String::as_str));
        return format!(
            "# Exchange may send for everybody: by the sender, and without one by the recipient.
[[peer]]
name = \"exchange\"
certificates = {names}
tenants = [\"*\"]
exchange = true
"
        );
    }
    let ip = layout.relay.ip();
    let network = if ip.is_ipv6() && ip.is_loopback() {
        "::1/128"
    } else {
        "127.0.0.1/32"
    };
    format!(
        "# This machine may send for everybody, by sender and recipient.
[[peer]]
name = \"on-premises\"
networks = [\"{network}\"]
tenants = [\"*\"]
"
    )
}

fn push_tenant(
    out: &mut String,
    tenant: &Table,
    identity: &RelayIdentity,
    own: &[&str],
    layout: &Layout,
) {
    let domains = domains(tenant);
    let mut lines = vec![("name", quoted(&identity.tenant))];
    if !own.is_empty() {
        lines.push(("certificate_domains", listed(own.iter().copied())));
    }
    let names = listed(domains.iter().map(String::as_str));
    if !domains.is_empty() {
        lines.push(("sender_domains", names.clone()));
        lines.push(("recipient_domains", names));
    }
    let region = world::text(tenant, "region");
    let upstream = layout.reachable(region);
    lines.extend([
        ("upstream", quoted(&upstream)),
        ("upstream_name", quoted(SERVICE)),
        ("upstream_trust", listed(["pki/authority.pem"].into_iter())),
        (
            "certificate",
            quoted(&format!("{}.pem", identity.stem.display())),
        ),
        ("key", quoted(&format!("{}.key", identity.stem.display()))),
    ]);
    out.push_str("\n[[tenant]]\n");
    for (key, value) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{key} = {value}");
    }
}

/// The accepted domains as the relay writes them.
fn domains(tenant: &Table) -> Vec<String> {
    let list = tenant.get("accepted_domains").and_then(Value::as_array);
    let domain = |domain: &Value| match domain.as_table() {
        None => domain.as_str().map(str::to_owned),
        Some(properties) => {
            let name = properties.get("DomainName")?.as_str()?;
            let below = properties.get("MatchSubDomains").and_then(Value::as_bool);
            let prefix = if below == Some(true) { "*." } else { "" };
            Some(format!("{prefix}{name}"))
        }
    };
    list.into_iter().flatten().filter_map(domain).collect()
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.map(quoted).collect();
    format!("[{}]", quoted.join(", "))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
