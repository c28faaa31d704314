//! Every file of `tests/data/exports`, with the places of all that is in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tenantry_audit::inventory::{Exported, Inventory};
use tenantry_lab::export::{Node, Value, decode};
use tenantry_lab::world::Place;

use crate::support::read;

fn exports() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/exports")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(exports().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The text of a file from a place on.
fn text_at<'t>(text: &'t str, place: &Place) -> &'t str {
    let line = usize::try_from(place.line).unwrap() - 1;
    let column = usize::try_from(place.column).unwrap() - 1;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &text[start..];
    let (offset, _) = rest.char_indices().nth(column).unwrap();
    &rest[offset..]
}

/// Whether a value of a JSON file begins there.
fn begins_in_json(node: &Node, at: &str) -> bool {
    match &node.value {
        Value::Null => at.starts_with("null"),
        Value::Bool(value) => at.starts_with(&value.to_string()),
        Value::Number(digits) => at.starts_with(digits.as_str()),
        Value::String(text) => {
            let mut stream = serde_json::Deserializer::from_str(at).into_iter::<String>();
            stream.next().unwrap().unwrap() == *text
        }
        Value::Expression(_) => false,
        Value::List(_) => at.starts_with('['),
        Value::Object(_) => at.starts_with('{'),
    }
}

/// Checks a node and all that is in it against the text of its file; how many there were.
fn check(file: &Path, text: &str, name: &str, node: &Node) -> usize {
    assert_eq!(node.place.file.as_deref(), Some(file));
    let at = text_at(text, &node.place);
    let shown: String = at.chars().take(60).collect();
    let exact = match file.extension().unwrap().to_str().unwrap() {
        "json" => begins_in_json(node, at),
        // The element whose name it is; a text stands in an element of its own.
        "xml" if name.is_empty() || name == "ToString" => at.starts_with('<'),
        "xml" => {
            let tag = at.split('>').next().unwrap();
            at.starts_with('<') && tag.contains(&format!("N=\"{name}\""))
                || ["value", "Value"].contains(&name)
        }
        _ => !at.is_empty(),
    };
    assert!(exact, "{}: {:?}: {shown:?}", node.place, node.value);
    let mut checked = 1;
    match &node.value {
        Value::List(nodes) => {
            for (index, node) in nodes.iter().enumerate() {
                assert!(node.place.path.ends_with(&format!("[{index}]")));
                checked += check(file, text, "", node);
            }
        }
        Value::Object(properties) => {
            for (name, node) in properties {
                checked += check(file, text, name, node);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Expression(_) => {}
    }
    checked
}

/// What every object of an inventory was made of.
fn nodes(inventory: &Inventory) -> Vec<&Node> {
    fn of<T>(objects: &[Exported<T>]) -> impl Iterator<Item = &Node> {
        objects.iter().map(|object| &object.node)
    }
    let mut nodes = Vec::new();
    for tenant in &inventory.tenants {
        nodes.extend(of(&tenant.inbound_connectors));
        nodes.extend(of(&tenant.outbound_connectors));
        nodes.extend(of(&tenant.accepted_domains));
        nodes.extend(of(tenant.organization.as_slice()));
    }
    nodes.extend(of(&inventory.send_connectors));
    nodes
}

#[test]
fn every_shape_of_an_export_is_read_with_the_places_of_all_its_values() {
    let mut seen = BTreeSet::new();
    for folder in [
        "inbound-connectors",
        "accepted-domains",
        "organization",
        "send-connectors",
        "outbound-connectors",
    ] {
        for file in files(folder) {
            let inventory = read(std::slice::from_ref(&file));
            assert!(
                inventory.unreadable.is_empty(),
                "{:?}",
                inventory.unreadable
            );
            let octets = fs::read(&file).unwrap();
            let text = decode(&file.as_path().into(), &octets).unwrap();
            let nodes = nodes(&inventory);
            assert!(!nodes.is_empty(), "{}", file.display());
            for node in nodes {
                assert!(check(&file, &text, "", node) > 1);
            }
            seen.insert(file);
        }
    }
    assert!(seen.len() > 35, "{}", seen.len());
}

#[test]
fn a_property_that_is_not_there_has_the_place_of_its_object() {
    let inventory = read(&[exports().join("inbound-connectors/array.json")]);
    let [hybrid, partner] = inventory.tenants[0].inbound_connectors.as_slice() else {
        panic!("{inventory:?}");
    };
    let at = |place: &Place| (place.path.clone(), place.line, place.column);
    let name = partner.place("tlssendercertificatename");
    assert_eq!(
        at(name),
        ("[1].TlsSenderCertificateName".to_owned(), 57, 33)
    );
    assert_eq!(at(hybrid.place("Nothing")), ("[0]".to_owned(), 2, 3));
    let network = partner.element("SenderIPAddresses", 1);
    assert_eq!(network.path, "[1].SenderIPAddresses[1]");
    assert_eq!(
        at(partner.element("SenderIPAddresses", 2)),
        at(partner.place("SenderIPAddresses"))
    );
    assert_eq!(
        at(partner.element("Comment", 0)),
        at(partner.place("Comment"))
    );
}

#[test]
fn a_configuration_of_microsoft365dsc_is_one_tenants_with_its_connectors_and_domains() {
    let inventory = read(&[exports().join("m365dsc")]);
    let [tenant] = inventory.tenants.as_slice() else {
        panic!("{inventory:?}");
    };
    assert_eq!(tenant.name, "contoso");
    assert_eq!(tenant.inbound_connectors.len(), 2);
    assert_eq!(tenant.accepted_domains.len(), 3);
    assert!(
        tenant
            .organization
            .as_ref()
            .unwrap()
            .value
            .reject_direct_send
    );
    assert!(inventory.unreadable.is_empty());
}

#[test]
fn every_mistake_of_an_export_has_its_place_its_words_and_what_to_do() {
    let mut checked = 0;
    for file in files("refused") {
        let mut beside = file.clone().into_os_string();
        beside.push(".txt");
        let Ok(expected) = fs::read_to_string(&beside) else {
            continue;
        };
        let inventory = read(std::slice::from_ref(&file));
        let folder = format!("{}/", file.parent().unwrap().display());
        let told: Vec<String> = inventory
            .unreadable
            .iter()
            .map(|problem| {
                assert!(!problem.ignored && !problem.remedy.is_empty());
                let text = format!("{}: {}; {}", problem.place, problem.what, problem.remedy);
                text.replace(&folder, "")
            })
            .collect();
        let expected: Vec<&str> = expected.lines().collect();
        assert_eq!(told, expected, "{}", file.display());
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn what_belongs_to_no_tenant_makes_none() {
    let inventory = read(&[exports().join("other")]);
    let [tenant] = inventory.tenants.as_slice() else {
        panic!("{inventory:?}");
    };
    // The outbound connector's, without a word of whose it is.
    assert_eq!(tenant.name, "other");
    assert_eq!(tenant.outbound_connectors.len(), 1);
    assert_eq!(inventory.send_connectors.len(), 1);
    let [remote] = inventory.unreadable.as_slice() else {
        panic!("{inventory:?}");
    };
    assert!(remote.ignored);
    assert_eq!((remote.place.line, remote.place.column), (1, 2));
}
