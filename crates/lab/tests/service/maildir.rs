//! What is kept of a message, and a message for several tenants.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::client::MESSAGE;
use crate::stand::{Stand, TENANTS};

const MAILDIR: &str = "maildir = \"mail\"";

fn messages(stand: &Stand, tenant: &str, part: &str) -> Vec<(PathBuf, String)> {
    let folder = stand.folder.path().join("mail").join(tenant).join(part);
    let entries = fs::read_dir(folder).unwrap();
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    entries.map(read).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn an_accepted_message_is_kept_as_received_behind_the_services_headers() {
    let stand = Stand::with("", MAILDIR, TENANTS).await;
    let mut client = stand.client_with("mail.a.contoso.com").await;
    client.message("u@contoso.com", &["x@gmail.test"]).await;
    let id = stand.tenant_id("A");
    let kept = messages(&stand, "A", "new");
    let [(path, text)] = kept.as_slice() else {
        panic!("{kept:?}");
    };
    let expected = format!(
        "X-EOPAttributedMessage: 0\r\nX-EOPTenantAttributedMessage: {id}:0\r\n\
         X-MS-Exchange-Organization-MessageDirectionality: Originating\r\n\
         X-Tenantry-Lab-Basis: certificate\r\nX-Tenantry-Lab-Connector: A1\r\n{MESSAGE}\r\n"
    );
    assert_eq!(*text, expected);
    assert_eq!(mode(path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert!(messages(&stand, "A", "tmp").is_empty());
}

#[tokio::test]
async fn a_message_for_two_tenants_is_split() {
    let stand = Stand::with("", MAILDIR, TENANTS).await;
    let mut client = stand.client().await;
    let rcpts = ["1@contoso.com", "1@fabrikam.com", "2@contoso.com"];
    let reply = client.message("v@vendor.test", &rcpts).await;
    assert!(reply.starts_with("250 2.6.0"), "{reply}");
    let records = stand.journal().records();
    let [a, b] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert_eq!(
        (a.part, a.rcpt_to.join(" ")),
        (0, "1@contoso.com 2@contoso.com".to_owned())
    );
    assert_eq!(
        (b.part, b.rcpt_to.join(" ")),
        (1, "1@fabrikam.com".to_owned())
    );
    assert!(a.sha256.is_some() && a.sha256 == b.sha256);
    for (tenant, part) in [("A", 0), ("B", 1)] {
        let id = stand.tenant_id(tenant);
        let (_, text) = messages(&stand, tenant, "new").remove(0);
        let expected = format!(
            "X-EOPAttributedMessage: 0\r\nX-EOPTenantAttributedMessage: {id}:{part}\r\n\
             X-MS-Exchange-Organization-MessageDirectionality: Incoming\r\n\
             X-Tenantry-Lab-Basis: recipient\r\n{MESSAGE}\r\n"
        );
        assert_eq!(text, expected);
    }
}

#[tokio::test]
async fn what_is_refused_or_breaks_off_leaves_nothing() {
    let stand = Stand::with("", MAILDIR, TENANTS).await;
    let mut client = stand.client().await;
    client.message("v@vendor.test", &["x@gmail.test"]).await;
    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
    client.content("bare\nline feed").await;
    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
    client.ask("DATA", "354").await;
    client.send("half a mess").await;
    drop(client);
    let Stand {
        service, folder, ..
    } = stand;
    service.stop().await;
    let home = folder.path().join("mail/A");
    for part in ["new", "tmp", "cur"] {
        let files = fs::read_dir(home.join(part)).unwrap().count();
        assert_eq!(files, 0, "{part}");
    }
}

#[tokio::test]
async fn a_large_message_is_kept_whole_and_hashed() {
    let stand = Stand::with("", MAILDIR, TENANTS).await;
    let mut client = stand.client().await;
    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
    client.ask("DATA", "354").await;
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n";
    let content = format!("Subject: large\r\n\r\n{}", line.repeat(60_000));
    for piece in content.as_bytes().chunks(1 << 16) {
        client.send(piece).await;
    }
    client.ask(".", "250 2.6.0").await;
    let (_, text) = messages(&stand, "A", "new").remove(0);
    assert!(text.ends_with(&content));
    let record = stand.journal().records().pop().unwrap();
    assert_eq!(record.size, content.len() as u64);
    let digest = crate::wire::sha256(content.as_bytes());
    assert_eq!(record.sha256_hex(), Some(digest));
}

#[tokio::test]
async fn a_message_that_cannot_be_kept_is_not_accepted() {
    let stand = Stand::with("", MAILDIR, TENANTS).await;
    let mail = stand.folder.path().join("mail");
    fs::write(mail.join("A"), "in the way").unwrap();
    let mut client = stand.client().await;
    let reply = client.message("v@vendor.test", &["a@contoso.com"]).await;
    assert!(reply.starts_with("452 4.3.1 "), "{reply}");
    assert_eq!(stand.journal().totals().accepted, 0);
}

#[tokio::test]
async fn a_maildir_has_its_tenants_name_where_that_is_a_file_name() {
    for (name, folder) in [
        ("Müller GmbH", Some("Müller GmbH")),
        ("a b", Some("a b")),
        ("a!b", None),
    ] {
        let tenant = format!(
            "[[tenant]]\nname = \"{name}\"\nregion = \"EUR\"\naccepted_domains = [\"a.example\"]\n"
        );
        let stand = Stand::with("", MAILDIR, &format!("{tenant}{TENANTS}")).await;
        let mut client = stand.client().await;
        client.message("v@vendor.test", &["u@a.example"]).await;
        let id = stand.service.forest().world().tenants[0].id.clone();
        assert_eq!(
            messages(&stand, folder.unwrap_or(&id), "new").len(),
            1,
            "{name}"
        );
    }
}
