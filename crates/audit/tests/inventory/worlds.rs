//! Worlds of the lab.

use std::fs;

use crate::support::{Folder, read, tenants};

#[test]
fn tenants_of_a_world_have_the_places_of_their_properties() {
    let folder = Folder::new();
    let file = folder.write(
        "world.toml",
        r#"
[[tenant]]
name = "contoso"
region = "EUR"
accepted_domains = ["contoso.com", { DomainName = "contoso.net", MatchSubDomains = true }]
blocked_connectors = ["Gateway"]

[[tenant.inbound_connectors]]
Name = "Gateway"
ConnectorType = "OnPremises"
SenderIPAddresses = ["192.0.2.1",
  "192.0.2.2"]

[tenant.organization]
RejectDirectSend = true

[[tenant]]
name = "fabrikam"
"#,
    );
    let inventory = read(&[file]);
    assert_eq!(folder.told(&inventory), [""; 0]);
    assert_eq!(
        tenants(&inventory),
        [
            r#"contoso: ["Gateway"] ["contoso.com", "contoso.net"]"#,
            "fabrikam: [] []",
        ]
    );
    let contoso = &inventory.tenants[0];
    let gateway = &contoso.inbound_connectors[0];
    assert!(gateway.value.blocked);
    let place = gateway.element("SenderIPAddresses", 1);
    assert_eq!(
        (place.line, place.column, place.path.as_str()),
        (
            12,
            3,
            "tenant[0].inbound_connectors[0].SenderIPAddresses[1]"
        )
    );
    let [plain, table] = contoso.accepted_domains.as_slice() else {
        panic!("{contoso:?}");
    };
    assert_eq!((plain.node.place.line, plain.node.place.column), (5, 21));
    assert!(table.value.match_subdomains);
    let organization = contoso.organization.as_ref().unwrap();
    assert_eq!(organization.place("RejectDirectSend").line, 15);
    // What was not said is not the same as the default.
    assert!(inventory.tenants[1].organization.is_none());
    assert_eq!(contoso.place.line, 2);
}

#[test]
fn folders_that_a_world_names_are_read_wherever_they_are() {
    let folder = Folder::new();
    folder.write("elsewhere/acme/tenant.toml", "region = \"EUR\"");
    folder.write(
        "elsewhere/acme/AcceptedDomain.json",
        r#"{"DomainName": "acme.example"}"#,
    );
    let world = folder.write(
        "w/world.toml",
        "tenant_folders = [\"../elsewhere/*\", \"nowhere\"]\n",
    );
    let inventory = read(std::slice::from_ref(&world));
    assert_eq!(tenants(&inventory), [r#"acme: [] ["acme.example"]"#]);
    let told = folder.told(&inventory);
    assert_eq!(
        told,
        [
            "w/world.toml:1:37: tenant_folders[1]: is no folder that is there; write folders \
             relative to this file; * stands for a part of one name"
        ]
    );
    // Named twice, read once.
    let inventory = read(&[folder.path().to_owned(), world]);
    assert_eq!(inventory.tenants.len(), 1);
    assert_eq!(inventory.sources.len(), 3);
}

#[test]
fn what_is_wrong_with_a_hand_written_tenant_is_told_with_its_place() {
    let folder = Folder::new();
    folder.write(
        "a/tenant.toml",
        "region = 3\ninbound_connector = []\naccepted_domains = \"a.example\"\n\
         inbound_connectors = [{ Name = \"x\" }]\nblocked_connectors = [\"y\", 1]\n",
    );
    folder.write("b/tenant.toml", "name = \"\"\n");
    folder.write("c/tenant.toml", "name = \"A\"\n");
    folder.write("d/tenant.toml", "name = \"x\n");
    let inventory = folder.read();
    let told = folder.told(&inventory);
    let begins = [
        "d/tenant.toml:1:10: cannot be read as TOML: invalid basic string",
        "a/tenant.toml:1:10: region: is no region; write one, as in \"EUR\"",
        "a/tenant.toml:2:21: inbound_connector: unknown key; correct it; the keys here are",
        "a/tenant.toml:3:20: accepted_domains: is not a list; put it in brackets: [...]",
        "a/tenant.toml:4:23: inbound_connectors[0]: an inbound connector has no ConnectorType; add it",
        "a/tenant.toml:5:23: blocked_connectors[0]: there is no inbound connector \"y\"; write",
        "a/tenant.toml:5:28: blocked_connectors[1]: is no connector's name; write its Name",
        "b/tenant.toml:1:8: name: is no name; write a text, as in \"contoso\"",
        "c/tenant.toml:1:1: tenant \"A\" stands twice, first in a/tenant.toml:1:1; give every",
    ];
    assert_eq!(told.len(), begins.len(), "{told:#?}");
    for (told, begins) in told.iter().zip(begins) {
        assert!(told.starts_with(begins), "{told}\n{begins}");
    }
}

#[test]
fn an_export_knows_more_of_a_domain_than_its_name_by_hand() {
    let folder = Folder::new();
    folder.write(
        "a/tenant.toml",
        "accepted_domains = [\"a.example\"]\norganization = { RejectDirectSend = true }\n",
    );
    folder.write(
        "a/d.json",
        r#"{"DomainName": "a.example", "DomainType": "InternalRelay", "MatchSubDomains": true}"#,
    );
    folder.write("a/o.json", r#"{"RejectDirectSend": false}"#);
    let inventory = folder.read();
    assert_eq!(folder.told(&inventory), [""; 0]);
    let tenant = &inventory.tenants[0];
    let [domain] = tenant.accepted_domains.as_slice() else {
        panic!("{tenant:?}");
    };
    assert!(domain.value.match_subdomains);
    // What is written by hand is how the lab sees it.
    let organization = tenant.organization.as_ref().unwrap();
    assert!(organization.value.reject_direct_send);
}

#[test]
fn a_world_in_another_encoding_is_read() {
    let folder = Folder::new();
    let text = "[[tenant]]\nname = \"M\u{fc}ller\"\nregion = \"EUR\"\n";
    let mut octets = vec![0xFF, 0xFE];
    octets.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    folder.write("world.toml", octets);
    folder.write("latin.toml", b"name = \"M\xfcller\"\nregion = \"EUR\"\n");
    let inventory = folder.read();
    assert_eq!(tenants(&inventory), ["M\u{fc}ller: [] []"]);
    assert_eq!(
        folder.told(&inventory),
        ["latin.toml:1:10: is no UTF-8 text from here on; save it as UTF-8"]
    );
    assert!(fs::metadata(folder.path().join("world.toml")).is_ok());
}
