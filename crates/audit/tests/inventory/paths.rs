//! Folders and files that are odd: nothing hangs, nothing is read twice, nothing is lost.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Command;

use tenantry_lab::pki::Authority;

use crate::support::{Folder, connector, domains, read, tenants};

#[test]
fn hidden_files_are_passed_over_unless_they_are_named() {
    let folder = Folder::new();
    let hidden = folder.write(".a.json", connector("A", "a.example"));
    folder.write(".git/b.json", connector("B", "b.example"));
    assert_eq!(folder.read().sources.len(), 0);
    assert_eq!(read(&[hidden]).tenants.len(), 1);
}

#[test]
fn links_that_go_in_circles_end_and_every_file_is_read_once() {
    let folder = Folder::new();
    folder.write("contoso/a.json", connector("A", "a.example"));
    symlink(folder.path(), folder.path().join("contoso/up")).unwrap();
    symlink("contoso", folder.path().join("same")).unwrap();
    symlink("a.json", folder.path().join("contoso/b.json")).unwrap();
    symlink("self", folder.path().join("self")).unwrap();
    symlink("gone", folder.path().join("dangling")).unwrap();
    let inventory = folder.read();
    assert_eq!(tenants(&inventory), [r#"contoso: ["A"] []"#]);
    let told = folder.told(&inventory);
    assert_eq!(
        told,
        [
            "dangling: cannot be read: no such file or directory; name a file or folder that is \
             there",
            "self: cannot be read: too many levels of symbolic links; name a file or folder that is \
             there",
        ]
    );
}

/// A configuration whose every file is a pipe.
const PIPES: &str = r#"hostname = "relay.example"
[[listener]]
address = "127.0.0.1:2525"
certificate = "a.pem"
key = "a.key"
client_certificates = "request"
trust = ["pipe.pem"]
[[tenant]]
name = "contoso"
sender_domains = ["contoso.com"]
upstream = "mail.example:25"
certificate = "pipe.pem"
key = "own.key"
"#;

#[test]
fn nothing_waits_for_a_pipe() {
    let folder = Folder::new();
    for name in ["pipe.json", "pipe.pem", "a.key"] {
        let made = Command::new("mkfifo")
            .arg(folder.path().join(name))
            .status();
        assert!(made.unwrap().success());
    }
    let issued = Authority::new("Root")
        .unwrap()
        .client(&["a.example"])
        .unwrap();
    folder.write("a.pem", &issued.chain_pem);
    issued.write(folder.path(), "own").unwrap();
    let pipe = folder.path().join("pipe.json");
    folder.write("relay.toml", PIPES);
    folder.write("world.toml", "[server]\ntrust = [\"pipe.pem\"]\n");
    let inventory = folder.read();
    let told = folder.told(&inventory);
    assert!(
        told.contains(&"notice: pipe.json: is no regular file; name a file or a folder".to_owned()),
        "{told:#?}"
    );
    let sources = folder.sources(&inventory);
    let passed = "pipe.json: is no regular file: not looked at".to_owned();
    assert!(sources.contains(&passed), "{sources:#?}");
    assert!(
        told.iter()
            .any(|told| told.starts_with("world.toml:2:10: server.trust[0]: "))
    );
    let wrong = inventory.relay.as_ref().unwrap().config.as_ref();
    let wrong = wrong.unwrap_err().to_string();
    assert_eq!(wrong.matches("not a").count(), 3, "{wrong}");
    let inventory = read(&[pipe]);
    assert!(!inventory.unreadable[0].ignored);
}

#[test]
fn files_that_are_larger_than_anything_are_not_read() {
    let folder = Folder::new();
    for (name, size) in [
        ("a.json", 257 << 20),
        ("b.toml", 65 << 20),
        ("c.pem", 17 << 20),
    ] {
        let path = folder.write(name, "-----BEGIN CERTIFICATE-----\n");
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(size).unwrap();
    }
    let inventory = folder.read();
    let told = folder.told(&inventory);
    assert_eq!(told.len(), 3, "{told:?}");
    for (told, begins) in told.iter().zip([
        "a.json: has more than",
        "b.toml: has more than 67108864 octets",
        "c.pem: has more than 16777216 octets",
    ]) {
        assert!(told.starts_with(begins), "{told}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    let folder = Folder::new();
    let inventory = read(&[folder.path().join("gone")]);
    assert_eq!(
        folder.told(&inventory),
        ["gone: cannot be read: no such file or directory; name a file or folder that is there"]
    );
}

#[test]
fn what_is_no_input_is_passed_over_in_a_folder_and_told_where_it_is_named() {
    let folder = Folder::new();
    let names = ["README.md", "a.jsonl", "b.log", "binary", "c.eml", "empty"];
    for (name, content) in names.iter().zip([
        &b"# [x]"[..],
        b"{\"a\": 1}\n{\"b\": 2}\n",
        b"[2026-11-23] started {",
        b"\x00\x01\x02\xFF",
        b"From: a@b.example\n\n{",
        b"",
    ]) {
        folder.write(name, content);
    }
    let inventory = folder.read();
    assert_eq!(folder.told(&inventory), [""; 0]);
    assert_eq!(inventory.sources.len(), names.len());
    for name in names {
        let inventory = read(&[folder.path().join(name)]);
        let told = folder.told(&inventory);
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        assert!(!inventory.unreadable[0].ignored, "{name}");
    }
}

#[test]
fn an_export_is_known_by_its_content_whatever_its_file_is_called() {
    let folder = Folder::new();
    folder.write("contoso/connectors", connector("A", "a.example"));
    folder.write("contoso/domains.txt", domains(&["contoso.com"]));
    let mut octets = vec![0xFF, 0xFE];
    let text = connector("B", "b.example");
    octets.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    folder.write("contoso/redirected.out", octets);
    let inventory = folder.read();
    assert_eq!(
        tenants(&inventory),
        [r#"contoso: ["A", "B"] ["contoso.com"]"#]
    );
}

#[test]
fn a_cut_off_file_is_told_wherever_it_was_cut() {
    let folder = Folder::new();
    let whole = connector("Gateway", "mail.contoso.com");
    for length in 1..whole.len() {
        fs::remove_dir_all(folder.path().join("x")).unwrap_or_default();
        folder.write("x/c.json", &whole[..length]);
        let inventory = folder.read();
        assert!(inventory.tenants.is_empty(), "{length}");
        assert_eq!(inventory.unreadable.len(), 1, "{length}");
    }
}

#[test]
fn a_folder_deeper_than_any_stack_is_read() {
    let folder = Folder::new();
    let mut path = folder.path().to_owned();
    for _ in 0..150 {
        path.push("d");
    }
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("c.json"), connector("A", "a.example")).unwrap();
    assert_eq!(tenants(&folder.read()), [r#"d: ["A"] []"#]);
}

#[test]
fn a_folder_with_nothing_in_it_is_told_where_it_is_named() {
    let folder = Folder::new();
    folder.write("hidden/.git/a.json", connector("A", "a.example"));
    folder.write("full/a.json", connector("A", "a.example"));
    fs::create_dir(folder.path().join("full/empty")).unwrap();
    assert_eq!(folder.told(&folder.read()), [""; 0]);
    let named = ["hidden", "full", "full/empty"].map(|name| folder.path().join(name));
    assert_eq!(
        folder.told(&read(&named)),
        [
            "hidden: has no files: there is nothing to look at; name the folder that has them; \
             hidden files are passed over"
        ]
    );
}
