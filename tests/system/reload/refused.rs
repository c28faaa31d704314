//! CF-01, CF-02, CF-04, invariant 8: a bad configuration changes nothing, and says why.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{FROM_A, SMALL, delivers, two_tenants, without_tenant, write};
use crate::client::{Client, PEER};
use crate::program::Program;

/// What is wrong: makes it so, given the folder and the good configuration, and what the log must say.
type Row = (
    &'static str,
    fn(&Path, &str) -> String,
    &'static [&'static str],
);

fn same(config: &str) -> String {
    config.to_owned()
}

const ROWS: &[Row] = &[
    (
        "CF-01 a key that others may read",
        |folder, config| {
            let mode = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(folder.join("tenant-a.key"), mode).unwrap();
            same(config)
        },
        &["tenant-a.key", "relay.toml:"],
    ),
    (
        "CF-01 a key that its group may read",
        |folder, config| {
            let mode = std::fs::Permissions::from_mode(0o640);
            std::fs::set_permissions(folder.join("relay.key"), mode).unwrap();
            same(config)
        },
        &["relay.key"],
    ),
    (
        "CF-01 a key by way of a folder that everybody may change",
        |folder, config| {
            let open = folder.join("open");
            std::fs::create_dir(&open).unwrap();
            std::fs::rename(folder.join("tenant-a.key"), open.join("a.key")).unwrap();
            std::os::unix::fs::symlink(open.join("a.key"), folder.join("tenant-a.key")).unwrap();
            let mode = std::fs::Permissions::from_mode(0o777);
            std::fs::set_permissions(&open, mode).unwrap();
            same(config)
        },
        &["tenant-a.key"],
    ),
    (
        "CF-02 an encrypted key",
        |folder, config| {
            let key = std::fs::read_to_string(folder.join("tenant-a.key")).unwrap();
            let key = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
            std::fs::write(folder.join("tenant-a.key"), key).unwrap();
            same(config)
        },
        &["tenant-a.key", "encrypted"],
    ),
    (
        "CF-02 a key of another certificate",
        |_folder, config| config.replace("key = \"tenant-a.key\"", "key = \"tenant-b.key\""),
        &["tenant-b.key"],
    ),
    (
        "CF-02 an empty certificate",
        |folder, config| {
            std::fs::write(folder.join("tenant-a.pem"), "").unwrap();
            same(config)
        },
        &["tenant-a.pem"],
    ),
    (
        "CF-02 garbage for a certificate",
        |folder, config| {
            let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
            std::fs::write(folder.join("tenant-a.pem"), garbage).unwrap();
            same(config)
        },
        &["tenant-a.pem"],
    ),
    (
        "CF-02 two keys",
        |folder, config| {
            let key = std::fs::read_to_string(folder.join("tenant-a.key")).unwrap();
            std::fs::write(folder.join("tenant-a.key"), format!("{key}{key}")).unwrap();
            same(config)
        },
        &["tenant-a.key"],
    ),
    (
        "CF-02 a file that is not there",
        |folder, config| {
            std::fs::remove_file(folder.join("tenant-a.key")).unwrap();
            same(config)
        },
        &["tenant-a.key"],
    ),
    (
        "CF-04 an unknown key",
        |_folder, config| format!("tenants = 7\n{config}"),
        &["tenants", "relay.toml:1"],
    ),
    (
        "CF-04 a wrong type",
        |_folder, config| config.replace("drain = \"5s\"", "drain = 5"),
        &["drain", "relay.toml:2"],
    ),
    (
        "CF-04 a tenant twice",
        |_folder, config| config.replace("name = \"b\"", "name = \"a\""),
        &["\"a\"", "relay.toml:"],
    ),
    (
        "CF-04 no upstream",
        |_folder, config| {
            let lines = config
                .lines()
                .filter(|line| !line.starts_with("upstream ="));
            lines.collect::<Vec<_>>().join("\n")
        },
        &["upstream", "relay.toml:"],
    ),
    (
        "CE-18 one name for two tenants",
        |_folder, config| {
            config.replace(
                "certificate_domains = [\"tenant-b.example\"]",
                "certificate_domains = [\"Tenant-A.Example\"]",
            )
        },
        &["tenant-a.example", "\"a\"", "\"b\""],
    ),
    (
        "not TOML at all",
        |_folder, config| format!("{config}\n[[[\n"),
        &["relay.toml:"],
    ),
    (
        "no file",
        |folder, config| {
            std::fs::remove_file(folder.join("clients-ca.pem")).unwrap();
            same(config)
        },
        &["clients-ca.pem"],
    ),
    (
        "an address that is taken",
        |_folder, config| {
            let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = taken.local_addr().unwrap();
            // For as long as the test lasts.
            std::mem::forget(taken);
            let config = without_tenant(config, "b");
            format!(
                "{config}\n[[listener]]\nname = \"late\"\naddress = \"{address}\"\ntls = \"off\"\n"
            )
        },
        &["late", "bind"],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_reload_changes_nothing_and_says_why() {
    for (what, spoil, said) in ROWS {
        let world = two_tenants().start().await;
        let mut program = Program::run(&world).await;
        let mut before = Client::ehlo(PEER, program.at("plain")).await;
        assert_eq!(before.message(FROM_A, SMALL).await.code, 250);
        let seen = program.lines.len();
        write(&world, &spoil(world.folder.path(), &world.config));
        program.signal("HUP");
        program.await_line("not reloaded").await;
        let log = program.lines[seen..].join("\n");
        for part in *said {
            // A quote inside a field of the log is escaped.
            let escaped = part.replace('"', "\\\"");
            assert!(
                log.contains(part) || log.contains(&escaped),
                "{what}: {part:?} is not in {log}"
            );
        }
        assert!(!log.contains("PRIVATE KEY"), "{what}: {log}");
        assert_eq!(before.message(FROM_A, SMALL).await.code, 250, "{what}");
        delivers(&program, "u@tenant-b.example").await;
        before.quit().await;
        world.messages(0, 3).await;
        program.stop().await;
        world.stop().await;
    }
}
