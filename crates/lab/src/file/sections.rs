//! The sections of a world's own file, tenants aside.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tenantry_net::MinVersion;
use tenantry_settings::values::{
    address, count, duration, flag, network, path, size, text, wait, whole, word,
};
use tenantry_settings::{Mistake, Place, Placed, Table};
use toml::de::DeValue;

use super::values::{positive, region, scalar, socket};
use super::{AddressMap, Endpoint, Lab, Limits, ServerSettings, Timeouts};
use crate::events::{Change, Event, Substitutions};
use crate::world::{AmbiguousPolicy, DomainName, Profile, RelayRefusal, RelayRejectAt};

/// Everything that does not speak of tenants.
pub(super) fn plain(lab: &mut Lab, table: &Table<'_>) {
    set(
        &mut lab.seed,
        table.value("seed", whole(i64::MAX.unsigned_abs())),
    );
    if let Some(table) = table.table("profile") {
        profile(&mut lab.world.profile, &table);
        table.finish();
    }
    if let Some(table) = table.table("server") {
        lab.server = server(&table);
        table.finish();
    }
    if let Some(table) = table.table("limits") {
        limits(&mut lab.limits, &table);
        table.finish();
    }
    if let Some(table) = table.table("timeouts") {
        timeouts(&mut lab.timeouts, &table);
        table.finish();
    }
    if let Some(table) = table.table("addresses") {
        addresses(&mut lab.addresses, &table);
    }
}

/// Takes over what was given; the default stays otherwise.
pub(super) fn set<T>(to: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *to = given;
    }
}

fn profile(profile: &mut Profile, table: &Table<'_>) {
    let given = |key, to: &mut bool| set(to, table.value(key, flag));
    given("rcpt_uses_onprem", &mut profile.rcpt_uses_onprem);
    given(
        "cert_unaccepted_falls_to_sender",
        &mut profile.cert_unaccepted_falls_to_sender,
    );
    given("wildcard_matches_apex", &mut profile.wildcard_matches_apex);
    given(
        "exact_name_needs_exact_accepted",
        &mut profile.exact_name_needs_exact_accepted,
    );
    given("p2_from", &mut profile.p2_from);
    let places = [
        ("end-of-data", RelayRejectAt::EndOfData),
        ("rcpt", RelayRejectAt::Rcpt),
    ];
    let given = table.value("relay_reject_at", word(&places));
    set(&mut profile.relay_reject_at, given);
    let policies = [
        ("reject-and-report", AmbiguousPolicy::RejectAndReport),
        ("next-stage", AmbiguousPolicy::NextStage),
    ];
    let given = table.value("ambiguous_policy", word(&policies));
    set(&mut profile.ambiguous_policy, given);
    let refusals = [
        ("tenant-attribution", RelayRefusal::TenantAttribution),
        ("attr36", RelayRefusal::Attr36),
    ];
    let given = table.value("relay_refusal", word(&refusals));
    set(&mut profile.relay_refusal, given);
}

fn server(table: &Table<'_>) -> Option<ServerSettings> {
    let remedy = "name a PEM file; tenantry lab init makes them";
    let certificate = table.required("certificate", path, remedy);
    let key = table.required("key", path, remedy);
    let expired = (
        table.optional("expired_certificate", path),
        table.optional("expired_key", path),
    );
    if let (Some(one), None) | (None, Some(one)) = &expired {
        let remedy = "give both expired_certificate and expired_key, or neither";
        table.complain(one.place.clone(), Mistake::new("has no use alone", remedy));
    }
    let trust = table.paths("trust").unwrap_or_default();
    let versions = [("1.2", MinVersion::Tls12), ("1.3", MinVersion::Tls13)];
    let tls_min_version = table.value("tls_min_version", word(&versions));
    let maildir = table.path("maildir");
    let drain = table.value("drain", duration);
    let complete = |path: Placed<PathBuf>| path.beside(&path.value);
    Some(ServerSettings {
        certificate: complete(certificate?),
        key: complete(key?),
        expired: match expired {
            (Some(certificate), Some(key)) => Some((complete(certificate), complete(key))),
            (_, _) => None,
        },
        trust,
        tls_min_version: tls_min_version.unwrap_or(MinVersion::Tls12),
        maildir,
        drain: drain.unwrap_or(DRAIN),
    })
}

/// What a running session gets after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(5);

fn limits(limits: &mut Limits, table: &Table<'_>) {
    set(&mut limits.size, table.value("size", size));
    let given = |key, to: &mut u32| set(to, table.value(key, positive));
    given("recipients_per_domain", &mut limits.recipients_per_domain);
    given("recipients", &mut limits.recipients);
    given("connections", &mut limits.connections);
    given("errors", &mut limits.errors);
    given("non_mail_commands", &mut limits.non_mail_commands);
    given("chunks", &mut limits.chunks);
    set(&mut limits.hop_limit, table.value("hop_limit", count));
}

fn timeouts(timeouts: &mut Timeouts, table: &Table<'_>) {
    let given = |key, to: &mut Duration| set(to, table.value(key, wait));
    given("command", &mut timeouts.command);
    given("content", &mut timeouts.content);
    given("handshake", &mut timeouts.handshake);
    given("write", &mut timeouts.write);
}

fn addresses(map: &mut AddressMap, table: &Table<'_>) {
    for (network, taken_as) in table.entries(network, address) {
        map.insert(network, taken_as);
    }
}

/// `[[endpoint]]`.
pub(super) fn endpoints(lab: &mut Lab, table: &Table<'_>) {
    let mut bound: Vec<SocketAddr> = Vec::new();
    for table in table.tables("endpoint") {
        let region = table.required("region", region, "write a region, as in \"EUR\"");
        let remedy = "write where to listen, as in \"127.0.0.1:2525\"";
        let address = table.required("address", socket, remedy);
        let hostname = table.value("hostname", hostname);
        if let Some(address) = &address {
            if address.value.port() != 0 && bound.contains(&address.value) {
                let what = format!("{} is another endpoint's, too", address.value);
                let mistake = Mistake::new(what, "give every endpoint its own port");
                table.complain(address.place.clone(), mistake);
            }
            bound.push(address.value);
        }
        table.finish();
        if let (Some(region), Some(address)) = (region, address) {
            lab.endpoints.push(Endpoint {
                region: region.value,
                address: address.value,
                hostname,
            });
        }
    }
}

fn hostname(value: &DeValue<'_>) -> Result<String, Mistake> {
    let written = text(value)?;
    let name = DomainName::parse(&written).map_err(|error| {
        Mistake::new(
            error.to_string(),
            "write the name that greets clients, as in \"lab.example\"",
        )
    })?;
    Ok(String::from(name.as_str()))
}

/// `[[event]]`: each is tried in the order of time, so that all of them can happen.
pub(super) fn events(lab: &mut Lab, table: &Table<'_>) {
    let tables = table.tables("event");
    if tables.is_empty() {
        return;
    }
    let mut events: Vec<(Event, Place)> = Vec::with_capacity(tables.len());
    for table in tables {
        let place = table.place();
        let at = table.required("at", duration, "say when, as in \"30s\" after the start");
        let kind = table.required(
            "kind",
            text,
            "say what happens, as in \"connector-disabled\"",
        );
        let fields = table.others(scalar);
        let (Some(at), Some(kind), Some(fields)) = (at, kind, fields) else {
            continue;
        };
        match Change::new(&kind.value, fields) {
            Ok(change) => {
                let at = at.value;
                events.push((Event { at, change }, place));
            }
            Err(error) => table.complain(kind.place, Mistake::new(error.to_string(), EVENTS)),
        }
    }
    events.sort_by_key(|(event, _)| event.at);
    let (mut world, mut substitutions) = (lab.world.clone(), Substitutions::default());
    for (event, place) in events {
        if let Err(error) = event.change.apply(&mut world, &mut substitutions) {
            let what = format!("cannot happen then: {error}");
            table.complain(place, Mistake::new(what, "correct it, or its time"));
        }
        lab.events.push(event);
    }
}

const EVENTS: &str = "config/lab.reference.toml has every kind with its keys";
