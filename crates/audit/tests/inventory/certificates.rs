//! Certificates, their keys, and what they are for.

use std::fs;
use std::path::Path;

use tenantry_audit::inventory::{
    CertificateFile, Inventory, KeyAlgorithm, KeyBeside, Order, Purpose,
};
use tenantry_lab::pki::{
    Authority, AuthoritySpec, CertificateSpec, KeyKind, Name, Purpose as Usage, Validity,
    self_signed,
};
use tenantry_lab::world::Wildcard;

use crate::support::{Folder, options};

/// The file of that name.
fn file<'i>(inventory: &'i Inventory, name: &str) -> &'i CertificateFile {
    let mut files = inventory.certificates.iter();
    files.find(|file| file.path.ends_with(name)).unwrap()
}

#[test]
fn everything_that_rules_look_at_is_read_of_a_certificate() {
    let folder = Folder::new();
    let root = Authority::new("Root").unwrap();
    let below = root.intermediate("Below").unwrap();
    let spec = CertificateSpec::client(&["*.contoso.com", "Mail.Contoso.com"])
        .with_common_name("gateway.contoso.com")
        .with_name(Name::Dns("not a name".to_owned()));
    let issued = below.issue(&spec).unwrap();
    issued.write(folder.path(), "a").unwrap();
    let inventory = folder.read();
    let a = file(&inventory, "a.pem");
    assert_eq!(a.purpose, Purpose::Client);
    assert_eq!(a.key, KeyBeside::Matches(folder.path().join("a.key")));
    let [leaf, intermediate] = a.chain.as_slice() else {
        panic!("{a:?}");
    };
    assert_eq!(leaf.der, issued.leaf_der());
    assert_eq!(
        leaf.fingerprint.to_string().replace(':', "").to_lowercase(),
        issued.fingerprint()
    );
    assert_eq!(leaf.subject, "CN=gateway.contoso.com");
    assert_eq!(leaf.issuer, "CN=Below");
    assert_eq!(leaf.subject_name.common_name(), Some("gateway.contoso.com"));
    let names: Vec<String> = leaf
        .names
        .iter()
        .map(|(wildcard, name)| match wildcard {
            Wildcard::Yes => format!("*.{name}"),
            Wildcard::No => name.to_string(),
        })
        .collect();
    assert_eq!(
        names,
        ["*.contoso.com", "mail.contoso.com", "gateway.contoso.com"]
    );
    assert!(leaf.not_before < inventory.now && inventory.now < leaf.not_after);
    assert_eq!(leaf.key, KeyAlgorithm::Ecdsa("P-256".to_owned()));
    assert_eq!(leaf.signature.name, "ecdsa-with-SHA256");
    assert!(!leaf.signature.weak && !leaf.authority && !leaf.self_issued);
    assert_eq!(
        (leaf.client_auth, leaf.server_auth),
        (Some(true), Some(false))
    );
    assert!(intermediate.authority && !intermediate.self_issued);
    assert_eq!(
        (intermediate.client_auth, intermediate.server_auth),
        (None, None)
    );
    assert_eq!((leaf.place.line, leaf.place.column), (1, 1));
    let text = fs::read_to_string(folder.path().join("a.pem")).unwrap();
    let line = usize::try_from(intermediate.place.line).unwrap();
    assert_eq!(
        text.lines().nth(line - 1),
        Some("-----BEGIN CERTIFICATE-----")
    );
}

#[test]
fn keys_signatures_and_usages_of_every_kind_are_told() {
    let folder = Folder::new();
    let rsa = Authority::with(&AuthoritySpec {
        key: KeyKind::Rsa2048,
        ..AuthoritySpec::named("RSA")
    })
    .unwrap();
    let spec = |usages: &[Usage]| CertificateSpec::client(&["a.example"]).with_purposes(usages);
    let p384 = spec(&[]).with_key(KeyKind::EcdsaP384);
    rsa.issue(&p384)
        .unwrap()
        .write(folder.path(), "p384")
        .unwrap();
    let ed25519 = spec(&[Usage::Any]).with_key(KeyKind::Ed25519);
    rsa.issue(&ed25519)
        .unwrap()
        .write(folder.path(), "ed25519")
        .unwrap();
    let both = spec(&[Usage::ServerAuth, Usage::ClientAuth]);
    let sha1 = rsa.issue(&both).unwrap().claiming_sha1().unwrap();
    sha1.write(folder.path(), "sha1").unwrap();
    let code = spec(&[Usage::CodeSigning]);
    let weak = rsa.issue_for_weak_key(&code, 1024).unwrap();
    folder.write("weak.pem", &weak.chain_pem);
    let own = CertificateSpec::common_name_only("self.example").with_validity(Validity::Expired);
    self_signed(&own)
        .unwrap()
        .write(folder.path(), "self")
        .unwrap();
    let inventory = folder.read();
    let leaf = |name| &file(&inventory, name).chain[0];
    let usages = |name| (leaf(name).client_auth, leaf(name).server_auth);
    assert_eq!(
        leaf("p384.pem").key,
        KeyAlgorithm::Ecdsa("P-384".to_owned())
    );
    assert_eq!(leaf("p384.pem").signature.name, "sha256WithRSAEncryption");
    assert_eq!(usages("p384.pem"), (None, None));
    assert_eq!(leaf("ed25519.pem").key, KeyAlgorithm::Ed25519);
    assert_eq!(usages("ed25519.pem"), (Some(true), Some(true)));
    assert!(leaf("sha1.pem").signature.weak);
    assert_eq!(leaf("sha1.pem").signature.name, "sha1WithRSAEncryption");
    assert_eq!(usages("sha1.pem"), (Some(true), Some(true)));
    assert_eq!(leaf("weak.pem").key, KeyAlgorithm::Rsa(1024));
    assert_eq!(usages("weak.pem"), (Some(false), Some(false)));
    assert!(leaf("self.pem").self_issued);
    assert!(leaf("self.pem").not_after < inventory.now);
    assert_eq!(leaf("self.pem").names.len(), 1);
}

#[test]
fn a_key_is_found_beside_and_compared() {
    let folder = Folder::new();
    let root = Authority::new("Root").unwrap();
    let issued = root.client(&["a.example"]).unwrap();
    let other = root.client(&["b.example"]).unwrap();
    issued.write(folder.path(), "own").unwrap();
    folder.write("mismatch.crt", &issued.chain_pem);
    folder.write("mismatch.key", &other.key_pem);
    folder.write(
        "both.pem",
        format!("{}{}", issued.key_pem, issued.chain_pem),
    );
    folder.write("alone.pem", &issued.chain_pem);
    folder.write("garbage.pem", &issued.chain_pem);
    folder.write(
        "garbage.key",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    folder.write("locked.pem", &issued.chain_pem);
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    folder.write("locked.key", locked);
    folder.write("two.pem", &issued.chain_pem);
    folder.write("two.key", format!("{}{}", issued.key_pem, other.key_pem));
    folder.write("empty.pem", &issued.chain_pem);
    folder.write("empty.key", "");
    folder.write("live/fullchain.pem", &issued.chain_pem);
    folder.write("live/privkey.pem", &issued.key_pem);
    let inventory = folder.read();
    let path = |name: &str| folder.path().join(name);
    let unusable =
        |name: &str, why: &str| KeyBeside::Unusable(folder.path().join(name), why.to_owned());
    for (name, expected) in [
        ("own.pem", KeyBeside::Matches(path("own.key"))),
        ("mismatch.crt", KeyBeside::Mismatch(path("mismatch.key"))),
        ("both.pem", KeyBeside::Matches(path("both.pem"))),
        ("alone.pem", KeyBeside::Unknown),
        (
            "garbage.pem",
            unusable(
                "garbage.key",
                "it is damaged, or of a kind that is not supported",
            ),
        ),
        ("locked.pem", unusable("locked.key", "it is encrypted")),
        ("two.pem", unusable("two.key", "there are 2 keys in it")),
        (
            "empty.pem",
            unusable("empty.key", "there is no private key in it"),
        ),
        (
            "fullchain.pem",
            KeyBeside::Matches(path("live/privkey.pem")),
        ),
    ] {
        assert_eq!(file(&inventory, name).key, expected, "{name}");
    }
    assert_eq!(folder.told(&inventory), [""; 0]);
    assert_eq!(inventory.certificates.len(), 9);
}

#[test]
fn a_certificate_is_read_as_pem_or_der_whatever_its_file_is_called() {
    let folder = Folder::new();
    let issued = Authority::new("Root")
        .unwrap()
        .client(&["a.example"])
        .unwrap();
    folder.write("windows.cer", issued.leaf_der());
    folder.write("a.txt", format!("Bag Attributes\r\n{}", issued.chain_pem));
    folder.write("mark.pem", format!("\u{feff}{}", issued.chain_pem));
    folder.write("crlf.crt", issued.chain_pem.replace('\n', "\r\n"));
    let inventory = folder.read();
    assert_eq!(folder.told(&inventory), [""; 0]);
    let found = inventory.certificates.iter().map(|file| {
        assert_eq!(file.chain[0].der, issued.leaf_der());
        let name = file.path.file_name().unwrap().to_str().unwrap();
        format!("{name}:{}", file.chain[0].place.line)
    });
    assert_eq!(
        found.collect::<Vec<_>>(),
        ["a.txt:2", "crlf.crt:1", "mark.pem:1", "windows.cer:0"]
    );
}

#[test]
fn a_damaged_certificate_is_told_by_its_line_and_the_others_are_kept() {
    let folder = Folder::new();
    let issued = Authority::new("Root")
        .unwrap()
        .client(&["a.example"])
        .unwrap();
    let lines = issued.chain_pem.lines().count();
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    folder.write(
        "a.pem",
        format!("{}{garbage}-----BEGIN CERTIFICATE-----\n", issued.chain_pem),
    );
    folder.write("b.pem", garbage);
    folder.write("c.cer", b"\x30\x82\x00\x01\x00");
    let inventory = folder.read();
    assert_eq!(inventory.certificates.len(), 1);
    assert_eq!(inventory.certificates[0].chain.len(), 1);
    let again = "put the certificate there again, as its authority gave it";
    let damaged = "this certificate cannot be read: its octets are no certificate";
    assert_eq!(
        folder.told(&inventory),
        [
            format!("a.pem:{}:1: {damaged}; {again}", lines + 1),
            format!(
                "a.pem:{}:1: this certificate cannot be read: its END line is missing; {again}",
                lines + 4
            ),
            format!("b.pem:1:1: {damaged}; {again}"),
            "c.cer: is no certificate that can be read; export it again as PEM (Base64)".to_owned(),
        ]
    );
}

#[test]
fn what_stands_beside_certificates_is_passed_over_and_what_hides_them_is_told() {
    let folder = Folder::new();
    let root = Authority::new("Root").unwrap();
    let list = root
        .crl(&tenantry_lab::pki::CrlSpec::revoking(&[]))
        .unwrap();
    folder.write("list.crl", list);
    folder.write(
        "a.csr",
        "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n",
    );
    folder.write("a.p12", b"\x30\x82\x01\x02\x02\x01\x03");
    folder.write(
        "t.pem",
        "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n",
    );
    let inventory = folder.read();
    assert_eq!(
        folder.sources(&inventory),
        [
            "a.csr: has no certificate, but CERTIFICATE REQUEST",
            "a.p12: is a PKCS #12 file, which has a password",
            "list.crl: has no certificate, but X509 CRL",
            "t.pem: has no certificate, but TRUSTED CERTIFICATE",
        ]
    );
    assert_eq!(
        folder.told(&inventory),
        [
            "notice: a.p12: is a PKCS #12 file, which has a password; export the certificates \
             alone as PEM",
            "t.pem: has no certificate, but TRUSTED CERTIFICATE; export the certificates as PEM, each \
             as a CERTIFICATE",
        ]
    );
}

/// A relay and a world with certificates for every purpose.
fn everything(folder: &Folder) {
    let root = Authority::new("Root").unwrap();
    let pki = folder.path().join("pki");
    fs::create_dir(&pki).unwrap();
    root.write(&pki, "root").unwrap();
    Authority::new("Unnamed")
        .unwrap()
        .write(&pki, "unnamed")
        .unwrap();
    for name in ["lab", "relay", "contoso", "client"] {
        let host = format!("{name}.example");
        root.client(&[&host]).unwrap().write(&pki, name).unwrap();
    }
    folder.write(
        "relay.toml",
        r#"hostname = "relay.example"
[[listener]]
address = "127.0.0.1:0"
certificate = "pki/relay.pem"
key = "pki/relay.key"
client_certificates = "request"
trust = ["pki/root.pem"]
[[tenant]]
name = "fabrikam"
[[tenant]]
name = "contoso"
certificate = "pki/contoso.pem"
key = "pki/client.key"
"#,
    );
    folder.write(
        "world.toml",
        "[server]\ncertificate = \"pki/lab.pem\"\nkey = \"pki/lab.key\"\n\
         trust = [\"pki/root.pem\", \"pki/gone.pem\"]\n",
    );
}

#[test]
fn what_names_a_certificate_tells_what_it_is_for_and_which_key_is_its() {
    let folder = Folder::new();
    everything(&folder);
    let inventory = folder.read();
    for (name, expected) in [
        ("client.pem", Purpose::Client),
        ("contoso.pem", Purpose::Identity(1)),
        ("lab.pem", Purpose::Lab),
        ("relay.pem", Purpose::Listener(0)),
        ("root.pem", Purpose::Authority),
        ("unnamed.pem", Purpose::Authority),
    ] {
        assert_eq!(file(&inventory, name).purpose, expected, "{name}");
    }
    // The one that is named, not the one that is called alike.
    let named = folder.path().join("pki/client.key");
    assert_eq!(
        file(&inventory, "contoso.pem").key,
        KeyBeside::Mismatch(named)
    );
    assert_eq!(inventory.trust.as_ref().unwrap().roots(), 1);
    assert_eq!(
        folder.told(&inventory),
        [
            "world.toml:4:26: server.trust[1]: pki/gone.pem cannot be read: no such file or \
             directory; name a PEM file with the certificates of authorities"
        ]
    );
}

#[test]
fn certificates_that_are_only_named_are_read_too_and_each_file_once() {
    let folder = Folder::new();
    everything(&folder);
    let pki = folder.path().join("pki");
    std::os::unix::fs::symlink(pki.join("client.pem"), pki.join("again.pem")).unwrap();
    let mut options = options();
    options.certificates = vec![pki.join("client.pem"), pki.join("../pki/again.pem")];
    let inventory = Inventory::read(&[folder.path().join("relay.toml")], &options);
    let mut names: Vec<&Path> = inventory
        .certificates
        .iter()
        .map(|file| Path::new(file.path.file_name().unwrap()))
        .collect();
    names.sort();
    let expected = ["client.pem", "contoso.pem", "relay.pem", "root.pem"];
    assert_eq!(names, expected.map(Path::new));
}

#[test]
fn trust_that_is_named_goes_before_the_worlds() {
    let folder = Folder::new();
    everything(&folder);
    let mut options = options();
    options.trust = vec![
        folder.path().join("pki/root.pem"),
        folder.path().join("pki/unnamed.pem"),
    ];
    let inventory = Inventory::read(&[folder.path().to_owned()], &options);
    assert_eq!(inventory.trust.as_ref().unwrap().roots(), 2);
    assert_eq!(folder.told(&inventory), [""; 0]);
    options.trust = vec![
        folder.path().join("pki/relay.key"),
        folder.path().to_owned(),
    ];
    let inventory = Inventory::read(&[folder.path().to_owned()], &options);
    assert!(inventory.trust.is_none());
    assert_eq!(folder.told(&inventory).len(), 2);
}

#[test]
fn of_a_folder_of_certificates_nothing_else_is_looked_at() {
    let folder = Folder::new();
    everything(&folder);
    folder.write("pki/odd.json", "[1, 2]");
    let mut options = options();
    options.certificates = vec![folder.path().to_owned()];
    let inventory = Inventory::read(&[], &options);
    assert_eq!(inventory.certificates.len(), 6);
    assert!(inventory.relay.is_none() && inventory.tenants.is_empty());
    assert_eq!(folder.told(&inventory), [""; 0]);
}

/// The certificates of a PEM file, one by one.
fn sections(pem: &str) -> Vec<&str> {
    pem.split_inclusive("-----END CERTIFICATE-----\n").collect()
}

#[test]
fn the_leaf_of_a_file_is_found_wherever_it_stands() {
    let folder = Folder::new();
    let root = Authority::new("Root").unwrap();
    let below = root.intermediate("Below").unwrap();
    let issued = below.client(&["a.example"]).unwrap();
    let chain = sections(&issued.chain_pem);
    let [leaf, intermediate] = chain.as_slice() else {
        panic!("{chain:?}");
    };
    let root_pem = root.certificate_pem();
    for (name, content, order) in [
        ("ordered", [leaf, intermediate, root_pem], Order::InOrder),
        ("behind", [intermediate, leaf, root_pem], Order::LeafBehind),
        ("last", [root_pem, intermediate, leaf], Order::LeafBehind),
        ("mixed", [leaf, root_pem, intermediate], Order::IssuersMixed),
    ] {
        folder.write(&format!("{name}.pem"), content.concat());
        folder.write(&format!("{name}.key"), &issued.key_pem);
        let inventory = folder.read();
        let file = file(&inventory, &format!("{name}.pem"));
        assert_eq!(file.order, order, "{name}");
        assert_eq!(file.purpose, Purpose::Client, "{name}");
        assert!(matches!(file.key, KeyBeside::Matches(_)), "{name}");
        let subjects: Vec<&str> = file.chain.iter().map(|one| one.subject.as_str()).collect();
        assert_eq!(subjects, ["CN=a.example", "CN=Below", "CN=Root"], "{name}");
    }
}

#[test]
fn authorities_together_with_what_they_did_not_issue_are_authorities() {
    let folder = Folder::new();
    let root = Authority::new("Root").unwrap();
    let other = Authority::new("Other").unwrap();
    let stranger = other.client(&["a.example"]).unwrap();
    let stranger = stranger.without_intermediates();
    let content = [root.certificate_pem(), &stranger.chain_pem].concat();
    folder.write("bundle.pem", content);
    let inventory = folder.read();
    let bundle = file(&inventory, "bundle.pem");
    assert_eq!(
        (bundle.order, &bundle.purpose),
        (Order::InOrder, &Purpose::Authority)
    );
}

#[test]
fn certificates_that_powershell_redirected_are_read() {
    let folder = Folder::new();
    let root = Authority::new("Root").unwrap();
    let issued = root.client(&["a.example"]).unwrap();
    let units = || issued.chain_pem.encode_utf16();
    let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
    folder.write("little.pem", [b"\xFF\xFE".as_slice(), &little].concat());
    folder.write("big.txt", [b"\xFE\xFF".as_slice(), &big].concat());
    let inventory = folder.read();
    assert_eq!(folder.told(&inventory), [""; 0]);
    for name in ["little.pem", "big.txt"] {
        let leaf = &file(&inventory, name).chain[0];
        assert_eq!((&leaf.der[..], leaf.place.line), (issued.leaf_der(), 1));
    }
}
