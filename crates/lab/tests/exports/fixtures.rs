//! Every file of `tests/data/exports`.

use std::fmt::Write as _;

use tenantry_lab::export::{Object, read_objects};

use crate::support::{bare, bare_domain, exports, files, the_connectors, the_domains};

#[test]
fn every_shape_of_the_connectors_gives_the_same_connectors() {
    let expected: Vec<String> = the_connectors().iter().map(bare).collect();
    let files = files("inbound-connectors");
    assert!(files.len() >= 16, "{files:?}");
    for file in files {
        let found: Vec<String> = read_objects(&file)
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .iter()
            .map(|object| match object {
                Object::InboundConnector(connector) => {
                    assert_eq!(connector.place.file.as_deref(), Some(file.as_path()));
                    assert!(connector.place.line > 0);
                    bare(connector)
                }
                other => panic!("{}: {other:?}", file.display()),
            })
            .collect();
        assert_eq!(found, expected, "{}", file.display());
    }
}

#[test]
fn every_shape_of_the_domains_gives_the_same_domains() {
    let expected: Vec<String> = the_domains().iter().map(bare_domain).collect();
    let files = files("accepted-domains");
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let found: Vec<String> = read_objects(&file)
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .iter()
            .map(|object| match object {
                Object::AcceptedDomain(domain) => bare_domain(domain),
                other => panic!("{}: {other:?}", file.display()),
            })
            .collect();
        assert_eq!(found, expected, "{}", file.display());
    }
}

#[test]
fn every_shape_of_the_organization_gives_the_same_settings() {
    for file in files("organization") {
        let objects = read_objects(&file).unwrap_or_else(|problems| panic!("{problems:?}"));
        let [Object::Organization(organization)] = objects.as_slice() else {
            panic!("{}: {objects:?}", file.display());
        };
        assert!(organization.reject_direct_send, "{}", file.display());
        assert!(
            !organization.in_region_routing_enabled,
            "{}",
            file.display()
        );
    }
}

#[test]
fn what_takes_no_part_in_attribution_is_recognised_and_kept() {
    let read = |name: &str| read_objects(&exports().join("other").join(name)).unwrap();
    let outbound = read("outbound-connectors.json");
    let [Object::OutboundConnector(node)] = outbound.as_slice() else {
        panic!("{outbound:?}");
    };
    assert_eq!(node.property("usemxrecord").unwrap().to_json(), false);
    let send = read("send-connectors.json");
    let [Object::SendConnector(node)] = send.as_slice() else {
        panic!("{send:?}");
    };
    assert_eq!(node.property("Port").unwrap().to_json(), 25);
    let remote = read("remote-domains.json");
    assert!(
        matches!(remote.as_slice(), [Object::Other(_)]),
        "{remote:?}"
    );
}

#[test]
fn a_microsoft365dsc_export_gives_what_shall_exist() {
    let objects = read_objects(&exports().join("m365dsc/M365TenantConfig.ps1")).unwrap();
    let mut connectors = Vec::new();
    let mut domains = Vec::new();
    let mut organizations = Vec::new();
    for object in &objects {
        match object {
            Object::InboundConnector(connector) => connectors.push(connector),
            Object::AcceptedDomain(domain) => domains.push(domain.domain.as_str()),
            Object::Organization(organization) => organizations.push(organization),
            other => panic!("{other:?}"),
        }
    }
    let found: Vec<String> = connectors.iter().map(|connector| bare(connector)).collect();
    let expected: Vec<String> = the_connectors().iter().map(bare).collect();
    assert_eq!(found, expected);
    assert_eq!(
        domains,
        ["contoso.com", "fabrikam.com", "contoso.onmicrosoft.com"]
    );
    assert!(matches!(organizations.as_slice(), [organization] if organization.reject_direct_send));
    let partner = connectors.last().unwrap();
    assert_eq!(
        partner.other.get("Comment").unwrap(),
        "from \"Fuerth\"\r\n} EXOInboundConnector \"not this\" {"
    );
    for secret in ["Credential", "DependsOn", "TenantId", "Ensure"] {
        assert!(!partner.other.contains_key(secret), "{secret}");
    }
    assert_eq!(
        partner
            .place
            .to_string()
            .split_once("Config.ps1")
            .unwrap()
            .1,
        ":78:9: exoInboundConnector 'Fabrikam'"
    );
}

#[test]
fn every_mistake_gets_the_message_beside_it() {
    let mut wrong = String::new();
    let mut seen = 0;
    for file in files("refused") {
        if file.extension().is_some_and(|extension| extension == "txt") {
            continue;
        }
        seen += 1;
        let name = file.file_name().unwrap().to_str().unwrap();
        let found = match read_objects(&file) {
            Ok(objects) => format!("{objects:?}\n"),
            Err(problems) => problems.iter().fold(String::new(), |mut text, problem| {
                let problem = problem.to_string();
                let (_, behind) = problem.split_once(name).unwrap();
                writeln!(text, "{name}{behind}").unwrap();
                text
            }),
        };
        let message = file.with_extension(format!(
            "{}.txt",
            file.extension().unwrap().to_str().unwrap()
        ));
        let expected = std::fs::read_to_string(&message).unwrap_or_default();
        if found != expected {
            write!(wrong, "{}:\n{found}\n", message.display()).unwrap();
        }
    }
    assert!(seen >= 16, "{seen}");
    assert!(wrong.is_empty(), "\n{wrong}");
}
