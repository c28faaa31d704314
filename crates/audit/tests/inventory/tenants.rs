//! Whose an export is.

use std::fs;

use tenantry_audit::inventory::Inventory;

use crate::support::{Folder, connector, domains, options, read, tenants};

#[test]
fn an_initial_domain_names_the_tenant_of_its_folder() {
    let folder = Folder::new();
    folder.write("exports/a.json", connector("Gateway", "mail.contoso.com"));
    folder.write(
        "exports/b.json",
        domains(&["contoso.com", "contosogmbh.onmicrosoft.com"]),
    );
    let inventory = folder.read();
    assert_eq!(
        tenants(&inventory),
        [r#"contosogmbh: ["Gateway"] ["contoso.com", "contosogmbh.onmicrosoft.com"]"#]
    );
    assert_eq!(
        folder.sources(&inventory),
        [
            "exports/a.json: 1 inbound connector of contosogmbh",
            "exports/b.json: 2 accepted domains of contosogmbh",
        ]
    );
}

#[test]
fn a_folder_names_its_tenant_where_nothing_else_does() {
    let folder = Folder::new();
    folder.write("contoso/a.json", connector("Gateway", "mail.contoso.com"));
    folder.write("fabrikam/a.json", connector("Gateway", "mail.fabrikam.com"));
    let inventory = folder.read();
    assert_eq!(
        tenants(&inventory),
        [r#"contoso: ["Gateway"] []"#, r#"fabrikam: ["Gateway"] []"#]
    );
    assert_eq!(folder.told(&inventory), [""; 0]);
}

#[test]
fn a_routing_domain_is_not_the_initial_one() {
    let folder = Folder::new();
    folder.write(
        "x/AcceptedDomain.json",
        r#"[{"DomainName": "contoso.mail.onmicrosoft.com"},
            {"DomainName": "contoso.onmicrosoft.com"}]"#,
    );
    assert_eq!(folder.read().tenants[0].name, "contoso");
}

#[test]
fn a_tenant_toml_goes_before_all_and_counts_for_folders_below() {
    let folder = Folder::new();
    folder.write(
        "t/acme/tenant.toml",
        "name = \"Contoso\"\nregion = \"eur\"\n",
    );
    folder.write("t/acme/a.json", connector("Gateway", "mail.contoso.com"));
    folder.write(
        "t/acme/2026-11/domains.json",
        domains(&["other.onmicrosoft.com"]),
    );
    let inventory = folder.read();
    assert_eq!(
        tenants(&inventory),
        [r#"Contoso: ["Gateway"] ["other.onmicrosoft.com"]"#]
    );
    let tenant = &inventory.tenants[0];
    assert_eq!(tenant.region.as_ref().unwrap().as_str(), "EUR");
    assert!(tenant.place.file.as_ref().unwrap().ends_with("tenant.toml"));
}

#[test]
fn two_tenants_of_one_folder_are_told_apart_by_what_their_objects_say() {
    let folder = Folder::new();
    folder.write(
        "all/connectors.json",
        r#"[{"Name": "A", "ConnectorType": "OnPremises",
             "OrganizationalUnitRoot": "contoso.onmicrosoft.com"},
            {"Name": "A", "ConnectorType": "OnPremises",
             "DistinguishedName": "CN=A,CN=Transport,CN=Fabrikam.onmicrosoft.com,CN=x"}]"#,
    );
    folder.write("all/c.json", domains(&["contoso.onmicrosoft.com"]));
    folder.write(
        "all/d.json",
        domains(&["fabrikam.onmicrosoft.com", "fabrikam.com"]),
    );
    let inventory = folder.read();
    assert_eq!(
        tenants(&inventory),
        [
            r#"contoso: ["A"] ["contoso.onmicrosoft.com"]"#,
            r#"fabrikam: ["A"] ["fabrikam.onmicrosoft.com", "fabrikam.com"]"#,
        ]
    );
    assert_eq!(folder.told(&inventory), [""; 0]);
}

#[test]
fn two_tenants_of_one_folder_are_told_apart_by_the_files_names() {
    let folder = Folder::new();
    for (tenant, suffix) in [("contoso", "com"), ("fabrikam", "net")] {
        let host = format!("mail.{tenant}.{suffix}");
        folder.write(
            &format!("{tenant}-InboundConnectors-20261101.json"),
            connector("Gateway", &host),
        );
        folder.write(
            &format!("AcceptedDomains_{tenant}.json"),
            domains(&[&format!("{tenant}.{suffix}")]),
        );
    }
    let inventory = folder.read();
    assert_eq!(
        tenants(&inventory),
        [
            r#"contoso: ["Gateway"] ["contoso.com"]"#,
            r#"fabrikam: ["Gateway"] ["fabrikam.net"]"#,
        ]
    );
}

#[test]
fn files_that_are_not_called_by_tenants_are_one_tenants() {
    let folder = Folder::new();
    folder.write("x/gateway.json", connector("A", "a.example"));
    folder.write("x/branch.json", connector("B", "b.example"));
    folder.write("y/old-connectors.json", connector("A", "a.example"));
    folder.write("y/connectors.json", connector("B", "b.example"));
    folder.write("z/gateway-connectors.json", connector("A", "a.example"));
    folder.write("z/branch-connectors.json", connector("B", "b.example"));
    folder.write("z/our-domains.json", domains(&["a.example"]));
    assert_eq!(
        tenants(&folder.read()),
        [
            r#"x: ["B", "A"] []"#,
            r#"y: ["B", "A"] []"#,
            r#"z: ["B", "A"] ["a.example"]"#,
        ]
    );
}

#[test]
fn tenants_that_cannot_be_told_apart_are_reported_and_never_merged() {
    let folder = Folder::new();
    folder.write(
        "x/InboundConnector.json",
        connector("A", "mail.contoso.com"),
    );
    folder.write(
        "x/fabrikam-connectors.json",
        connector("B", "a.fabrikam.com"),
    );
    folder.write("x/1.json", domains(&["contoso.onmicrosoft.com"]));
    folder.write("x/2.json", domains(&["fabrikam.onmicrosoft.com"]));
    let inventory = folder.read();
    assert_eq!(
        tenants(&inventory),
        [
            r#"contoso: [] ["contoso.onmicrosoft.com"]"#,
            r#"fabrikam: ["B"] ["fabrikam.onmicrosoft.com"]"#,
        ]
    );
    assert_eq!(
        folder.told(&inventory),
        [
            "x/InboundConnector.json: belongs to one of contoso, fabrikam: nothing in it says to \
             which; put the exports of each tenant into a folder of its own, or name them with \
             --tenant NAME=PATH"
        ]
    );
}

#[test]
fn objects_of_two_tenants_in_one_file_are_split_as_far_as_they_say_whose_they_are() {
    let folder = Folder::new();
    folder.write(
        "x/all.json",
        r#"[
  {"DomainName": "contoso.onmicrosoft.com", "InitialDomain": true},
  {"DomainName": "contoso.com"},
  {"DomainName": "fabrikam.onmicrosoft.com", "InitialDomain": true},
  {"DomainName": "fabrikam.com"}
]"#,
    );
    let inventory = folder.read();
    assert_eq!(
        tenants(&inventory),
        [
            r#"contoso: [] ["contoso.onmicrosoft.com"]"#,
            r#"fabrikam: [] ["fabrikam.onmicrosoft.com"]"#,
        ]
    );
    assert_eq!(
        folder.told(&inventory),
        [
            "x/all.json:3:3: [1]: 2 objects here belong to one of contoso, fabrikam: nothing says \
             to which; put the exports of each tenant into a folder of its own, or name them with \
             --tenant NAME=PATH"
        ]
    );
}

#[test]
fn a_name_that_is_given_goes_before_what_files_say() {
    let folder = Folder::new();
    folder.write("a/tenant.toml", "region = \"NAM\"");
    folder.write("a/domains.json", domains(&["contoso.onmicrosoft.com"]));
    let file = folder.write("b/c.json", connector("Gateway", "mail.contoso.com"));
    let mut options = options();
    options.tenants = vec![
        ("Acme".to_owned(), folder.path().join("a")),
        ("acme".to_owned(), file),
    ];
    let inventory = Inventory::read(&[folder.path().to_owned()], &options);
    assert_eq!(
        tenants(&inventory),
        [r#"Acme: ["Gateway"] ["contoso.onmicrosoft.com"]"#]
    );
    assert_eq!(
        inventory.tenants[0].region.as_ref().unwrap().as_str(),
        "NAM"
    );
    assert_eq!(folder.told(&inventory), [""; 0]);
}

#[test]
fn an_export_that_was_named_alone_belongs_to_the_tenant_of_its_folder() {
    let folder = Folder::new();
    let file = folder.write("x/c.json", connector("Gateway", "mail.contoso.com"));
    assert_eq!(read(std::slice::from_ref(&file)).tenants[0].name, "x");
    folder.write("x/d.json", domains(&["contoso.onmicrosoft.com"]));
    let inventory = read(std::slice::from_ref(&file));
    assert_eq!(tenants(&inventory), [r#"contoso: ["Gateway"] []"#]);
    folder.write("x/tenant.toml", "name = \"Acme\"");
    assert_eq!(read(&[file]).tenants[0].name, "Acme");
}

#[test]
fn two_exports_of_one_tenant_are_one_where_they_agree_and_reported_where_not() {
    let folder = Folder::new();
    let domain = domains(&["contoso.onmicrosoft.com"]);
    folder.write("old/d.json", &domain);
    folder.write("old/c.json", connector("Gateway", "mail.contoso.com"));
    folder.write("old/e.json", connector("Branch", "branch.contoso.com"));
    folder.write("new/d.json", &domain);
    folder.write("new/c.json", connector("GATEWAY", "mail.contoso.com"));
    folder.write("new/e.json", connector("Branch", "new.contoso.com"));
    let inventory = folder.read();
    assert_eq!(
        tenants(&inventory),
        [r#"contoso: ["GATEWAY", "Branch"] ["contoso.onmicrosoft.com"]"#]
    );
    let told = folder.told(&inventory);
    assert_eq!(
        told,
        [
            "old/e.json:1:1: inbound connector \"Branch\" stands in new/e.json:1:1 with other \
             values: these may be two tenants' exports, or an old one beside a new one; this one \
             is left out; keep one of them, or put the exports of each tenant into a folder of its \
             own"
        ]
    );
}

#[test]
fn the_same_connector_twice_in_one_file_is_reported_if_it_differs() {
    let folder = Folder::new();
    let both = format!(
        "[{},\n{}]",
        connector("Gateway", "mail.contoso.com"),
        connector("Gateway", "mail.fabrikam.com")
    );
    folder.write("x/c.json", both);
    let inventory = folder.read();
    assert_eq!(tenants(&inventory), [r#"x: ["Gateway"] []"#]);
    assert!(folder.told(&inventory)[0].starts_with("x/c.json:2:1: [1]: inbound connector"));
}

#[test]
fn domains_of_an_exchange_server_are_no_tenants() {
    let folder = Folder::new();
    folder.write(
        "on-premises/send.json",
        r#"{"Name": "Out", "AddressSpaces": ["smtp:*;1"]}"#,
    );
    folder.write("on-premises/domains.json", domains(&["contoso.com"]));
    let inventory = folder.read();
    assert_eq!(tenants(&inventory), [""; 0]);
    assert_eq!(inventory.send_connectors.len(), 1);
    assert_eq!(
        folder.sources(&inventory),
        [
            "on-premises/domains.json: 1 accepted domain of an Exchange Server",
            "on-premises/send.json: 1 Send connector of an Exchange Server",
        ]
    );
}

#[test]
fn a_send_connector_in_a_tenants_folder_is_still_its_servers() {
    let folder = Folder::new();
    folder.write("contoso/tenant.toml", "region = \"EUR\"");
    folder.write(
        "contoso/send.json",
        r#"{"Name": "Out", "AddressSpaces": ["smtp:*;1"]}"#,
    );
    let inventory = folder.read();
    assert_eq!(tenants(&inventory), ["contoso: [] []"]);
    assert_eq!(inventory.send_connectors.len(), 1);
}

#[test]
fn tenants_of_many_folders_are_read_in_the_order_of_their_names() {
    let folder = Folder::new();
    let names: Vec<String> = (0..300)
        .map(|number| format!("tenant-{number:03}"))
        .collect();
    for name in names.iter().rev() {
        fs::create_dir(folder.path().join(name)).unwrap();
        folder.write(
            &format!("{name}/c.json"),
            connector("Gateway", &format!("mail.{name}.example")),
        );
    }
    let inventory = folder.read();
    let found = inventory.tenants.iter().map(|tenant| tenant.name.clone());
    assert_eq!(found.collect::<Vec<_>>(), names);
}

#[test]
fn a_blocked_connector_may_stand_in_an_export_beside() {
    let folder = Folder::new();
    folder.write(
        "t/contoso/tenant.toml",
        "region = \"EUR\"\nblocked_connectors = [\"gateway\", \"Scaner\"]\n",
    );
    folder.write("t/contoso/z.json", connector("Gateway", "mail.contoso.com"));
    let inventory = folder.read();
    let connectors = &inventory.tenants[0].inbound_connectors;
    assert!(connectors[0].value.blocked);
    let told = folder.told(&inventory);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("there is no inbound connector \"Scaner\""),
        "{told:?}"
    );
}

#[test]
fn exports_that_are_given_to_two_tenants_are_told() {
    let folder = Folder::new();
    folder.write("all/a.json", connector("A", "a.example"));
    folder.write("all/below/b.json", connector("B", "b.example"));
    let given = |given: &[(&str, &str)]| {
        let mut options = options();
        let paths = given.iter();
        let paths = paths.map(|(name, path)| ((*name).to_owned(), folder.path().join(path)));
        options.tenants = paths.collect();
        Inventory::read(&[], &options)
    };
    let taken = |path: &str| {
        format!(
            "{path}: is given to bar, and is foo's already: it is read once, as foo's; name the \
             exports of bar with --tenant, and a path to one tenant alone"
        )
    };
    for path in ["all", "all/below", "all/a.json"] {
        let inventory = given(&[("foo", "all"), ("bar", path)]);
        assert_eq!(tenants(&inventory), [r#"foo: ["A", "B"] []"#], "{path}");
        assert_eq!(folder.told(&inventory), [taken(path)]);
        assert!(!inventory.unreadable[0].ignored);
    }
    // The same tenant's is one tenant's, and what was named more closely goes before.
    for named in [
        [("foo", "all"), ("foo", "all/below")],
        [("bar", "all/below"), ("foo", "all")],
    ] {
        assert_eq!(folder.told(&given(&named)), [""; 0], "{named:?}");
    }
}
