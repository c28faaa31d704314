//! Which file is the relay's configuration.

use tenantry_audit::inventory::Inventory;

use crate::support::{Folder, options, read};

const MAIN: &str = "hostname = \"relay.example\"\ninclude = [\"tenants.d/*.toml\"]\n";
const TENANT: &str = "[[tenant]]\nname = \"contoso\"\nupstream = \"mail.example:25\"\n";

#[test]
fn a_main_file_and_what_it_includes_are_one_configuration() {
    let folder = Folder::new();
    folder.write("relay.toml", MAIN);
    folder.write("tenants.d/contoso.toml", TENANT);
    let inventory = folder.read();
    let relay = inventory.relay.as_ref().unwrap();
    assert!(relay.path.ends_with("relay.toml"));
    assert_eq!(relay.written.tenants.len(), 1);
    // What is wrong with it is told by its own reader; what is written is there nevertheless.
    assert!(relay.config.is_err());
    assert_eq!(folder.told(&inventory), [""; 0]);
    assert_eq!(
        folder.sources(&inventory),
        [
            "relay.toml: the relay's configuration: 0 listeners, 1 tenant",
            "tenants.d/contoso.toml: a part of the relay's configuration",
        ]
    );
}

#[test]
fn of_several_configurations_one_is_looked_at_and_the_others_are_told() {
    let folder = Folder::new();
    let first = folder.write("a.toml", "hostname = \"a.example\"\n");
    let second = folder.write("b.toml", "hostname = \"b.example\"\n");
    let inventory = folder.read();
    assert_eq!(inventory.relay.as_ref().unwrap().path, first);
    let is_another = |name: &str, main: &std::path::Path| {
        format!(
            "{name}: is another configuration of a relay, and {} is the one that is looked \
             at; look at it alone, or name the one that is meant with --config",
            main.strip_prefix(folder.path()).unwrap().display()
        )
    };
    assert_eq!(folder.told(&inventory), [is_another("b.toml", &first)]);
    let mut options = options();
    options.config = Some(second.clone());
    let inventory = Inventory::read(&[folder.path().to_owned()], &options);
    let relay = inventory.relay.as_ref().unwrap();
    assert_eq!(relay.written.hostname.as_ref().unwrap().value, "b.example");
    // Who chose one knows of the other, unless both were named.
    let told = is_another("a.toml", &second);
    assert_eq!(folder.told(&inventory), [format!("notice: {told}")]);
    assert_eq!(inventory.sources.len(), 2);
    let inventory = Inventory::read(&[first], &options);
    assert_eq!(folder.told(&inventory), [told]);
}

#[test]
fn a_shadow_is_not_looked_at_whatever_it_is_called() {
    let folder = Folder::new();
    let main = folder.write(
        "relay.toml",
        "hostname = \"a.example\"\nshadow = \"next.toml\"\n",
    );
    folder.write("next.toml", "hostname = \"b.example\"\n");
    let inventory = folder.read();
    assert_eq!(inventory.relay.as_ref().unwrap().path, main);
    assert_eq!(folder.told(&inventory), [""; 0]);
    assert_eq!(
        folder.sources(&inventory),
        [
            "next.toml: the relay's shadow, which is not looked at",
            "relay.toml: the relay's configuration: 0 listeners, 0 tenants",
        ]
    );
}

#[test]
fn a_part_alone_is_read_as_a_main_file_and_several_are_told() {
    let folder = Folder::new();
    let part = folder.write("contoso.toml", TENANT);
    let inventory = read(std::slice::from_ref(&part));
    let relay = inventory.relay.as_ref().unwrap();
    assert!(
        relay
            .config
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("hostname: is missing")
    );
    let other = folder.write("fabrikam.toml", TENANT.replace("contoso", "fabrikam"));
    let inventory = read(&[part, other]);
    assert!(inventory.relay.is_none());
    let told = folder.told(&inventory);
    let what = "is a part of a relay's configuration, and nothing here includes it; name the main \
                file, with --config or among the paths";
    assert_eq!(
        told,
        [
            format!("contoso.toml: {what}"),
            format!("fabrikam.toml: {what}")
        ]
    );
}

#[test]
fn a_configuration_that_was_named_and_is_not_there_is_told() {
    let folder = Folder::new();
    let mut options = options();
    options.config = Some(folder.path().join("gone.toml"));
    let inventory = Inventory::read(&[], &options);
    assert!(inventory.relay.is_none());
    assert_eq!(
        folder.told(&inventory),
        [
            "gone.toml: cannot be read: no such file or directory; name a file or folder that is \
             there"
        ]
    );
    options.config = Some(folder.path().to_owned());
    let inventory = Inventory::read(&[], &options);
    assert_eq!(inventory.unreadable[0].what, "is no regular file");
}

#[test]
fn a_broken_configuration_is_still_the_relays() {
    let folder = Folder::new();
    folder.write(
        "relay.toml",
        "hostname = \"relay.example\"\n[[listener]\naddress = 3\n",
    );
    let inventory = folder.read();
    let relay = inventory.relay.as_ref().unwrap();
    assert!(relay.config.is_err());
    assert_eq!(folder.told(&inventory), [""; 0]);
}

#[test]
fn allowances_alone_are_nobodys_configuration() {
    let folder = Folder::new();
    folder.write(
        "allow.toml",
        "[[lint.allow]]\nrule = \"EXO-L03\"\nreason = \"x\"\n",
    );
    folder.write("odd.toml", "[package]\nname = \"x\"\n");
    let inventory = folder.read();
    assert!(inventory.relay.is_none());
    assert_eq!(
        folder.sources(&inventory),
        [
            "allow.toml: allowances of lint, which count with --allow alone",
            "odd.toml: is neither a relay's configuration nor a world or a tenant of the lab",
        ]
    );
    let told = folder.told(&inventory);
    assert!(
        told.len() == 1 && told[0].starts_with("notice: odd.toml: is neither"),
        "{told:?}"
    );
}
