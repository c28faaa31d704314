//! The same world by hand, and as a folder of exports.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tenantry_lab::file::Lab;
use tenantry_lab::world::{Place, World};

use crate::data;

/// What a world says, without where and in which order.
pub(crate) fn content(world: &World) -> String {
    let mut tenants = world.tenants.clone();
    tenants.sort_by(|a, b| a.name.cmp(&b.name));
    for tenant in &mut tenants {
        tenant.place = Place::default();
        tenant
            .accepted_domains
            .sort_by(|a, b| a.domain.cmp(&b.domain));
        tenant
            .inbound_connectors
            .sort_by(|a, b| a.name.cmp(&b.name));
        for domain in &mut tenant.accepted_domains {
            domain.other.clear();
            domain.place = Place::default();
        }
        for connector in &mut tenant.inbound_connectors {
            connector.other.clear();
            connector.connector_source = String::new();
            connector.place = Place::default();
        }
    }
    format!("{:?}\n{tenants:#?}", world.profile)
}

#[test]
fn a_world_by_hand_and_a_folder_of_exports_are_the_same() {
    let by_hand = Lab::load(&data("vectors/world.toml")).unwrap();
    let exported = Lab::load(&data("vectors/folder")).unwrap();
    assert_eq!(content(&by_hand.world), content(&exported.world));
    assert_eq!(by_hand.world.tenants.len(), 4);
}

#[test]
fn both_forms_mix() {
    let folder = TempDir::new().unwrap();
    let toml = fs::read_to_string(data("vectors/world.toml")).unwrap();
    let (a_and_b, _) = toml.split_at(toml.find("[[tenant]]\nname = \"C\"").unwrap());
    let text = format!("tenant_folders = [\"moved/[CD]\", \"moved/D\", \"moved/C*\"]\n{a_and_b}");
    let text = text.replace("\"moved/[CD]\", ", "");
    let file = folder.path().join("mixed.toml");
    fs::write(&file, text).unwrap();
    for tenant in ["C", "D"] {
        let to = folder.path().join("moved").join(tenant);
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(data("vectors/folder/tenants").join(tenant)).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
        }
    }
    let mixed = Lab::load(&file).unwrap();
    let by_hand = Lab::load(&data("vectors/world.toml")).unwrap();
    assert_eq!(content(&by_hand.world), content(&mixed.world));
}

#[test]
fn a_folder_of_a_tenant_is_a_world_of_one() {
    let lab = Lab::load(&data("vectors/folder/tenants/C")).unwrap();
    let names: Vec<&str> = lab
        .world
        .tenants
        .iter()
        .map(|tenant| &*tenant.name)
        .collect();
    assert_eq!(names, ["C"]);
}

#[test]
fn a_thousand_tenants_are_a_thousand_folders() {
    let folder = TempDir::new().unwrap();
    thousand(folder.path());
    let lab = Lab::load(folder.path()).unwrap();
    assert_eq!(lab.world.tenants.len(), 1_000);
    let tenant = lab.world.tenants.last().unwrap();
    assert_eq!(
        (
            &*tenant.name,
            tenant.accepted_domains.len(),
            tenant.inbound_connectors.len()
        ),
        ("t999", 20, 2)
    );
}

fn thousand(folder: &Path) {
    for number in 0..1_000 {
        let tenant = folder.join(format!("tenants/t{number:03}"));
        fs::create_dir_all(&tenant).unwrap();
        fs::write(tenant.join("tenant.toml"), "region = \"EUR\"\n").unwrap();
        let connectors = format!(
            "[{{\"Name\":\"C1\",\"ConnectorType\":\"OnPremises\",\
             \"TlsSenderCertificateName\":\"mail.t{number}.example\"}},\
             {{\"Name\":\"C2\",\"ConnectorType\":\"Partner\",\"SenderDomains\":[\"smtp:*;1\"]}}]"
        );
        fs::write(tenant.join("connectors.json"), connectors).unwrap();
        let mut domains = String::new();
        for domain in 0..20 {
            let _ = write!(
                domains,
                ",{{\"DomainName\":\"d{domain}.t{number}.example\",\"DomainType\":\"Authoritative\"}}"
            );
        }
        fs::write(tenant.join("domains.json"), format!("[{}]", &domains[1..])).unwrap();
    }
}

#[test]
fn recipients_are_listed_in_any_encoding_and_with_comments() {
    let text = "# all of them\r\n\r\nu@contoso.com # a comment\r\na#b@contoso.com\r\n";
    let utf16 = |text: &str| -> Vec<u8> {
        let marked = format!("\u{feff}{text}");
        marked.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    for octets in [
        text.as_bytes().to_vec(),
        format!("\u{feff}{text}").into_bytes(),
        utf16(text),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("recipients.txt"), octets).unwrap();
        let tenant = "region = \"EUR\"\naccepted_domains = [\"contoso.com\"]\n\
                      recipients_file = \"recipients.txt\"\n";
        // As Windows PowerShell writes it.
        fs::write(folder.path().join("tenant.toml"), utf16(tenant)).unwrap();
        let lab = Lab::load(folder.path()).unwrap();
        let recipients = lab.world.tenants[0].recipients.clone().unwrap();
        let expected = ["a#b@contoso.com", "u@contoso.com"];
        assert!(recipients.iter().eq(expected.iter()), "{recipients:?}");
    }
}
