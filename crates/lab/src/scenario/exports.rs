//! A tenant's tables as the files that its administrators would export.

use serde_json::{Map, Value as Json};
use toml::{Table, Value};

use super::folder::InitError;
use crate::export::write;
use crate::world::{AcceptedDomain, ConnectorType, DomainName, InboundConnector, Organization};

/// The keys of a tenant that exports have.
pub(super) const EXPORTED: &[&str] = &["accepted_domains", "inbound_connectors", "organization"];

/// The names of the files with their texts.
pub(super) fn files(tenant: &Table) -> Result<[(&'static str, String); 3], InitError> {
    let connectors = list(tenant, "inbound_connectors").map(connector).collect();
    let domains: Result<Vec<Json>, InitError> =
        list(tenant, "accepted_domains").map(domain).collect();
    let organization = with(
        write::organization(&Organization::default()),
        tenant.get("organization").and_then(Value::as_table),
    );
    Ok([
        ("InboundConnector.json", shaped(connectors)),
        ("AcceptedDomain.json", shaped(domains?)),
        ("OrganizationConfig.json", text(&organization)),
    ])
}

/// `ConvertTo-Json` writes a single object without an array.
fn shaped(mut objects: Vec<Json>) -> String {
    match (objects.pop(), objects.is_empty()) {
        (Some(single), true) => text(&single),
        (last, _) => {
            objects.extend(last);
            text(&Json::Array(objects))
        }
    }
}

fn connector(properties: &Value) -> Json {
    let properties = properties.as_table();
    let text = |name: &str| properties.and_then(|table| table.get(name)?.as_str());
    let connector_type = match text("ConnectorType") {
        Some("Partner") => ConnectorType::Partner,
        Some(_) | None => ConnectorType::OnPremises,
    };
    let connector = InboundConnector::new(text("Name").unwrap_or_default(), connector_type);
    with(write::inbound_connector(&connector), properties)
}

/// A domain is its name alone, or a table of properties.
fn domain(given: &Value) -> Result<Json, InitError> {
    let properties = given.as_table();
    let name = match properties {
        Some(table) => table.get("DomainName").and_then(Value::as_str),
        None => given.as_str(),
    };
    let domain = DomainName::parse(name.unwrap_or_default())?;
    Ok(with(
        write::accepted_domain(&AcceptedDomain::new(domain)),
        properties,
    ))
}

/// The object with these properties instead of its own.
fn with(object: Json, properties: Option<&Table>) -> Json {
    let Json::Object(mut object) = object else {
        return object;
    };
    for (name, value) in properties.into_iter().flatten() {
        object.insert(name.clone(), json(value));
    }
    Json::Object(object)
}

fn json(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Boolean(flag) => Json::from(*flag),
        Value::Datetime(time) => Json::from(time.to_string()),
        Value::Array(list) => list.iter().map(json).collect(),
        Value::Table(table) => {
            let object: Map<String, Json> = table
                .iter()
                .map(|(key, value)| (key.clone(), json(value)))
                .collect();
            Json::Object(object)
        }
    }
}

fn text(value: &Json) -> String {
    format!("{value:#}\n")
}

fn list<'t>(tenant: &'t Table, key: &str) -> impl Iterator<Item = &'t Value> {
    let list = tenant.get(key).and_then(Value::as_array);
    list.into_iter().flatten()
}
