//! The texts of a world: `world.toml`, and `tenant.toml` of each tenant.

use std::net::IpAddr;

use toml::{Table, Value, toml};

use super::folder::Layout;
use super::{Scenario, exports};

/// The tables of the tenants.
pub(super) fn tenants(world: &Table) -> impl Iterator<Item = &Table> {
    let list = world.get("tenant").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_table)
}

/// A text of a tenant's table.
pub(super) fn text<'t>(tenant: &'t Table, key: &str) -> &'t str {
    tenant.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The regions of tenants and messages, each once, those of tenants first.
pub(super) fn regions(scenario: &Scenario) -> Vec<String> {
    let of_tenants = tenants(&scenario.world).map(|tenant| text(tenant, "region").to_owned());
    let of_messages = scenario
        .messages
        .iter()
        .filter_map(|message| message.region.clone());
    let mut regions = Vec::new();
    for region in of_tenants.chain(of_messages) {
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    regions
}

/// The connecting addresses of the sample, each with the loopback address that plays it.
pub(super) fn addresses(scenario: &Scenario) -> Vec<(IpAddr, IpAddr)> {
    let mut taken_as: Vec<IpAddr> = Vec::new();
    for message in &scenario.messages {
        taken_as.extend(message.ip.filter(|ip| !taken_as.contains(ip)));
    }
    let played = (FIRST_PLAYER..).map(|last| IpAddr::from([127, 0, 0, last]));
    let tenantry = scenario.tenantry.iter();
    let tenantry = tenantry.map(|tenantry| ([127, 0, 0, 1].into(), tenantry.address));
    tenantry.chain(played.zip(taken_as)).collect()
}

/// `world.toml`: everything but the tenants, which have folders.
pub(super) fn file(scenario: &Scenario, layout: &Layout) -> String {
    let mut world = scenario.world.clone();
    world.remove("tenant");
    let folders = Value::Array(vec!["tenants/*".into()]);
    world.insert("tenant_folders".to_owned(), folders);
    let server = toml! {
        certificate = "pki/lab.pem"
        key = "pki/lab.key"
        expired_certificate = "pki/lab-expired.pem"
        expired_key = "pki/lab-expired.key"
        trust = ["pki/authority.pem"]
    };
    world.insert("server".to_owned(), server.into());
    let endpoints = layout.endpoints.iter().map(|(region, address)| {
        let mut endpoint = Table::new();
        endpoint.insert("region".to_owned(), region.as_str().into());
        endpoint.insert("address".to_owned(), address.to_string().into());
        Value::Table(endpoint)
    });
    world.insert("endpoint".to_owned(), Value::Array(endpoints.collect()));
    let addresses: Table = layout
        .addresses
        .iter()
        .map(|(played, taken_as)| (played.to_string(), taken_as.to_string().into()))
        .collect();
    world.insert("addresses".to_owned(), addresses.into());
    let mut out = heading(scenario);
    out.push_str("#\n# Each tenant is a folder below tenants/: tenant.toml says what exports lack, the JSON\n");
    out.push_str("# files are as Exchange Online's cmdlets write them.\n\n");
    out.push_str(&written(&world));
    out
}

/// `tenant.toml`: what the exports beside it lack.
pub(super) fn tenant_file(tenant: &Table) -> String {
    let mut rest = tenant.clone();
    rest.retain(|key, _value| !exports::EXPORTED.contains(&key));
    written(&rest)
}

/// What the scenario is about, as comments.
pub(super) fn heading(scenario: &Scenario) -> String {
    let mut out = format!("# {}\n#\n", scenario.title);
    for line in scenario.summary.lines() {
        out.push_str(format!("# {line}").trim_end());
        out.push('\n');
    }
    out
}

/// Tables of text, numbers and flags can always be written.
fn written(table: &Table) -> String {
    toml::to_string(table).unwrap_or_default()
}

const FIRST_PLAYER: u8 = 11;
