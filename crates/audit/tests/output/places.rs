//! Findings stand where the value stands, in every notation, by line and column.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tenantry_audit::inventory::{Inventory, ReadOptions};
use tenantry_audit::output::{self, Report};

/// Where the marked value stands in a text: line and column, both from 1, in characters.
fn at(text: &str, marked: &str) -> (u64, u64) {
    let before = &text[..text.find(marked).unwrap()];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line as u64, column as u64)
}

/// The places of a rule's findings in a folder with this file.
fn found(rule: &str, name: &str, octets: &[u8]) -> Vec<(u64, u64)> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(name), octets).unwrap();
    found_in(rule, folder.path())
}

fn found_in(rule: &str, folder: &Path) -> Vec<(u64, u64)> {
    let options = ReadOptions::at("2026-11-23T00:00:00Z".parse().unwrap());
    let inventory = Inventory::read(&[folder.to_owned()], &options);
    let findings = tenantry_audit::lint(&inventory, &[]);
    let mut out = Vec::new();
    output::json(&mut out, &Report::new(&inventory, &findings)).unwrap();
    let json: Value = serde_json::from_slice(&out).unwrap();
    let findings = json["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["rule"] == rule)
        .map(|finding| {
            let place = &finding["place"];
            (
                place["line"].as_u64().unwrap(),
                place["column"].as_u64().unwrap(),
            )
        })
        .collect()
}

const JSON: &str = "[\n  {\n    \"Name\": \"Ger\u{e4}te \u{8868} \u{1f600}\", \"ConnectorType\": \"OnPremises\", \
\"Enabled\": true, \"SenderIPAddresses\": [\"192.0.2.1\", \"10.0.0.7\"],\n\
\t\t\"RequireTls\": true, \"TlsSenderCertificateName\": \"mail.*.contoso.com\"\n  }\n]\n";

#[test]
fn in_json() {
    assert_eq!(
        found("EXO-L07", "a.json", JSON.as_bytes()),
        [at(JSON, "\"mail.*")]
    );
    assert_eq!(
        found("EXO-L14", "a.json", JSON.as_bytes()),
        [at(JSON, "\"10.0.0.7")]
    );
}

#[test]
fn in_json_of_one_line() {
    let text = JSON.replace(['\n', '\t'], "");
    assert_eq!(
        found("EXO-L07", "a.json", text.as_bytes()),
        [at(&text, "\"mail.*")]
    );
    assert_eq!(
        found("EXO-L14", "a.json", text.as_bytes()),
        [at(&text, "\"10.0.0.7")]
    );
}

#[test]
fn in_json_as_windows_writes_it() {
    let text = JSON.replace('\n', "\r\n");
    let mut octets = vec![0xff, 0xfe];
    octets.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(found("EXO-L07", "a.json", &octets), [at(&text, "\"mail.*")]);
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    assert_eq!(
        found("EXO-L14", "a.json", &marked),
        [at(&text, "\"10.0.0.7")]
    );
}

#[test]
fn in_clixml() {
    let text = "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\n\
        <Obj RefId=\"0\">\n    <Props>\n\
        \t<S N=\"Name\">Ger\u{e4}te \u{8868}</S><S N=\"ConnectorType\">OnPremises</S> <B N=\"Enabled\">true</B>\n\
        \t<B N=\"RequireTls\">true</B><S N=\"Note\">\u{1f600}</S><S N=\"TlsSenderCertificateName\">mail.*.contoso.com</S>\n\
        <Obj N=\"SenderIPAddresses\" RefId=\"1\"><LST><S>192.0.2.1</S><S>10.0.0.7</S></LST></Obj>\n\
        </Props></Obj></Objs>\n";
    assert_eq!(
        found("EXO-L07", "a.xml", text.as_bytes()),
        [at(text, "<S N=\"TlsSender")]
    );
    assert_eq!(
        found("EXO-L14", "a.xml", text.as_bytes()),
        [at(text, "<S>10.0.0.7")]
    );
}

#[test]
fn in_microsoft365dsc() {
    let text = "Configuration M365TenantConfig\n{\n    Node localhost\n    {\n\
        \x20       EXOInboundConnector \"x\"\n        {\n            Identity = \"Ger\u{e4}te\";\n\
        \x20           ConnectorType = \"OnPremises\"; Enabled = $True;\n\
        \x20           SenderIPAddresses = @(\"192.0.2.1\",\"10.0.0.7\");\n\
        \x20           TlsSenderCertificateName = \"mail.*.contoso.com\";\n\
        \x20       }\n    }\n}\n";
    assert_eq!(
        found("EXO-L07", "a.ps1", text.as_bytes()),
        [at(text, "\"mail.*")]
    );
    assert_eq!(
        found("EXO-L14", "a.ps1", text.as_bytes()),
        [at(text, "\"10.0.0.7")]
    );
}

#[test]
fn in_the_relays_configuration() {
    let text = "hostname = \"relay.example\"\n\n[[lint.allow]]\n  rule = \"EXO-L99\" # \u{e4}\n\
        reason = \"r\"\n[[lint.allow]]\n\trule = \"EXO-L31\"\nreason = \"r\"\n\
        until = 2026-01-31\n";
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("relay.toml");
    fs::write(
        &path,
        format!("{text}[[listener]]\naddress = \"127.0.0.1:25\"\n"),
    )
    .unwrap();
    assert_eq!(
        found_in("TNY-19", folder.path()),
        [at(text, "rule = \"EXO-L99")]
    );
    assert_eq!(found_in("TNY-20", folder.path()), [at(text, "until")]);
}

#[test]
fn where_an_export_stops_being_one() {
    let text = "[\n  { \"Name\": \"\u{e4}\", \"ConnectorType\": }\n]\n";
    assert_eq!(
        found("TNY-01", "a.json", text.as_bytes()),
        [at(text, "}\n]")]
    );
}

#[test]
fn where_a_certificate_begins() {
    let issued = tenantry_lab::pki::self_signed(&tenantry_lab::pki::CertificateSpec::client(&[
        "mail.contoso.com",
    ]));
    let text = format!("# of contoso\n\n{}", issued.unwrap().chain_pem);
    assert_eq!(found("EXO-L32", "a.pem", text.as_bytes()), [(3, 1)]);
}
