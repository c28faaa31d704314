//! The lab's TLS as others see it: sslyze, and openssl s_client.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::dialogue::Dialogue;
use crate::lab_world::{ELSEWHERE, LabWorld, SERVER_NAME};
use crate::message::Message;
use crate::programs::{limited, target_folder};

const FROM: &str = "someone@contoso.example";

/// Every scan that sslyze has for SMTP, and Mozilla's intermediate configuration as the measure.
#[test]
fn sslyze_finds_nothing_wrong() {
    let world = LabWorld::new();
    let lab = world.start("", &[]);
    for endpoint in [lab.europe(), lab.america()] {
        let (text, report) = sslyze(&world, endpoint);
        assert!(text.contains("OK - Compliant."), "{text}");
        let scan = &report["server_scan_results"][0];
        assert_eq!(scan["scan_status"], "COMPLETED", "{text}");
        assert_eq!(
            scan["connectivity_result"]["client_auth_requirement"], "OPTIONAL",
            "a certificate is requested, not required"
        );
        check_scans(&scan["scan_result"]);
    }
}

/// Resumption is asserted below, with openssl: sslyze takes a ticket that the server renews, as RFC
/// 5077 section 3.3 allows, for one that it ignored.
fn check_scans(scans: &Value) {
    for (name, scan) in scans.as_object().expect("the scans") {
        let wanted = match name.as_str() {
            // Not a scan for SMTP.
            "http_headers" => "NOT_SCHEDULED",
            _ => "COMPLETED",
        };
        assert_eq!(scan["status"], wanted, "{name}: {scan:#}");
    }
    let result = |scan: &str, key: &str| scans[scan]["result"][key].clone();
    for (scan, key, wanted) in [
        ("tls_compression", "supports_compression", false),
        ("tls_1_3_early_data", "supports_early_data", false),
        (
            "openssl_ccs_injection",
            "is_vulnerable_to_ccs_injection",
            false,
        ),
        ("heartbleed", "is_vulnerable_to_heartbleed", false),
        ("tls_fallback_scsv", "supports_fallback_scsv", true),
        ("tls_extended_master_secret", "supports_ems_extension", true),
        (
            "session_renegotiation",
            "supports_secure_renegotiation",
            true,
        ),
        (
            "session_renegotiation",
            "is_vulnerable_to_client_renegotiation_dos",
            false,
        ),
        ("elliptic_curves", "supports_ecdh_key_exchange", true),
    ] {
        assert_eq!(result(scan, key), wanted, "{scan}: {key}");
    }
    assert_eq!(
        result("robot", "robot_result"),
        "NOT_VULNERABLE_RSA_NOT_SUPPORTED"
    );
    for (version, spoken) in [
        ("ssl_2_0", false),
        ("ssl_3_0", false),
        ("tls_1_0", false),
        ("tls_1_1", false),
        ("tls_1_2", true),
        ("tls_1_3", true),
    ] {
        let result = &scans[format!("{version}_cipher_suites")]["result"];
        assert_eq!(result["is_tls_version_supported"], spoken, "{version}");
        let suites = result["accepted_cipher_suites"].as_array().expect("a list");
        assert_eq!(suites.is_empty(), !spoken, "{version}");
        for suite in suites {
            check_suite(suite);
        }
    }
    let curves = scans["elliptic_curves"]["result"]["supported_curves"].clone();
    for curve in curves.as_array().expect("a list") {
        let name = curve["name"].as_str().expect("a name");
        assert!(
            ["X25519", "secp256r1", "secp384r1"].contains(&name),
            "{name}"
        );
    }
    check_certificate(&scans["certificate_info"]["result"]);
}

/// Forward secrecy, authenticated encryption, at least 128 bits.
fn check_suite(suite: &Value) {
    let name = suite["cipher_suite"]["name"].as_str().expect("a name");
    let modern = name.contains("_GCM_") || name.contains("_POLY1305_");
    assert!(modern, "{name}");
    assert_eq!(suite["cipher_suite"]["is_anonymous"], false, "{name}");
    let bits = suite["cipher_suite"]["key_size"].as_u64();
    assert!(bits >= Some(128), "{name}: {bits:?}");
    assert_eq!(suite["ephemeral_key"]["type_name"], "ECDH", "{name}");
}

/// One deployment, in order, without the root, good by the lab's own authority.
fn check_certificate(result: &Value) {
    let deployments = result["certificate_deployments"].as_array();
    let [deployment] = deployments.expect("a list").as_slice() else {
        panic!("one certificate, not {result:#}");
    };
    assert_eq!(deployment["received_chain_has_valid_order"], true);
    assert_eq!(
        deployment["received_chain_contains_anchor_certificate"],
        false
    );
    assert_eq!(deployment["verified_chain_has_sha1_signature"], false);
    let validations = deployment["path_validation_results"].as_array();
    let own: Vec<&Value> = validations
        .expect("a list")
        .iter()
        .filter(|validation| validation["trust_store"]["name"] == "Supplied CA file")
        .collect();
    let [own] = own.as_slice() else {
        panic!("one validation by the supplied file: {validations:#?}");
    };
    assert_eq!(own["was_validation_successful"], true, "{own:#}");
}

/// Its output, and its report.
fn sslyze(world: &LabWorld, endpoint: SocketAddr) -> (String, Value) {
    let program = target_folder().join("tools/sslyze/bin/sslyze");
    assert!(
        program.is_file(),
        "{} is missing: `tests/run.sh interop` installs it",
        program.display()
    );
    let file = world.path().join("sslyze.json");
    let output = limited(program, "300")
        .args(["--starttls", "smtp", "--sni", SERVER_NAME])
        .args([
            "--mozilla_config",
            "intermediate",
            "--resum",
            "--early_data",
        ])
        .args(["--certinfo", "--certinfo_ca_file"])
        .arg(&world.authority)
        .arg("--json_out")
        .arg(&file)
        .arg(endpoint.to_string())
        .output()
        .expect("sslyze starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: {text}", output.status);
    let report = std::fs::read(file).expect("its report");
    (text, serde_json::from_slice(&report).expect("JSON"))
}

#[test]
fn a_certificate_is_requested_of_any_authority() {
    let world = LabWorld::new();
    let lab = world.start("", &[]);
    for version in ["-tls1_2", "-tls1_3"] {
        let output = s_client(&world.authority, lab.europe())
            .arg(version)
            .output()
            .expect("openssl starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("Requested Signature Algorithms: "), "{text}");
        // With names there, a client whose authority is not among them sends nothing, and nobody
        // would ever learn that its certificate was the wrong one.
        assert!(
            text.contains("No client certificate CA names sent"),
            "{text}"
        );
        assert!(text.contains("Verification: OK"), "{text}");
    }
}

/// The second session presents no certificate: it has only the first one's session.
#[test]
fn a_resumed_session_still_counts_with_its_certificate() {
    let world = LabWorld::new();
    let lab = world.start("", &[]);
    let contoso = world.tenant("contoso");
    let to = vec![format!("someone@{ELSEWHERE}")];
    for version in ["-tls1_2", "-tls1_3"] {
        let ticket = world.path().join("session.pem");
        let sessions: [&[&str]; 2] = [&["-sess_out"], &["-sess_in"]];
        for (number, way) in (0..).zip(sessions) {
            let mut command = s_client(&world.authority, lab.europe());
            command.args([version, "-quiet"]).args(way).arg(&ticket);
            if number == 0 {
                command.arg("-cert").arg(&contoso.certificate.certificate);
                command
                    .arg("-cert_chain")
                    .arg(&contoso.certificate.certificate);
                command.arg("-key").arg(&contoso.certificate.key);
            }
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().expect("openssl starts");
            let reader = child.stdout.take().expect("its output");
            let writer = child.stdin.take().expect("its input");
            let mut session = Dialogue::over(reader, writer);
            session.say("EHLO openssl.example", 250);
            let message = Message::new(number, FROM, &to, 5_000);
            session.deliver(FROM, &to, &message.content);
            session.say("QUIT", 221);
            drop(session);
            assert!(child.wait().expect("openssl ends").success());
            let record = lab.record();
            assert_eq!(record["accepted"], true, "{version}, {number}: {record:#}");
            let certificate = &record["certificate"];
            assert_eq!(
                certificate["fingerprint"], contoso.fingerprint,
                "{record:#}"
            );
            assert_eq!(certificate["trusted"], true, "{record:#}");
        }
    }
    lab.expect_silence();
}

fn s_client(authority: &Path, address: SocketAddr) -> Command {
    let mut command = limited("openssl", "60");
    command
        .args(["s_client", "-verify_return_error", "-starttls", "smtp"])
        .args(["-name", "openssl.example", "-verify_hostname", SERVER_NAME])
        .args(["-connect", &address.to_string()])
        .arg("-CAfile")
        .arg(authority);
    command
}
