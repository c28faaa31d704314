//! The probe in front of servers that are not ours: Postfix, and openssl's TLS behind a few lines of SMTP.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tenantry_lab::pki::{Authority, CertificateSpec, IssuedFiles, Validity, self_signed};

use crate::fixture::{Fixture, Peers};
use crate::postfix::Postfix;
use crate::programs::limited;
use crate::server::program;

const START: Duration = Duration::from_secs(30);

/// What is wrong, the server's files, further arguments of openssl, further keys of the tenant, the step, and words of it.
type Row<'a> = (
    &'static str,
    &'a IssuedFiles,
    Vec<&'a str>,
    &'static str,
    &'static str,
    &'static str,
);

/// openssl s_server, behind a front that speaks the SMTP before TLS.
struct OpenSsl {
    child: Child,
    front: SocketAddr,
}

impl OpenSsl {
    fn start(files: &IssuedFiles, more: &[&str]) -> Self {
        let server = free_address();
        let mut command = limited("openssl", "60");
        command
            .args(["s_server", "-accept", &server.to_string()])
            .arg("-cert")
            .arg(&files.certificate)
            .arg("-cert_chain")
            .arg(&files.certificate)
            .arg("-key")
            .arg(&files.key)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("openssl starts");
        // The SMTP inside TLS goes through its standard input and output.
        let (mut input, output) = (
            child.stdin.take().expect("input"),
            child.stdout.take().expect("output"),
        );
        let (listens, listening) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let answer = match line.split(' ').next().unwrap_or_default() {
                    "ACCEPT" => {
                        // Nobody waits for the second time.
                        let _ = listens.send(());
                        continue;
                    }
                    "EHLO" => "250-upstream.example\r\n250 SIZE 1000\r\n",
                    // The rest is what openssl tells about the session.
                    _ => continue,
                };
                let _ = input
                    .write_all(answer.as_bytes())
                    .and_then(|()| input.flush());
            }
        });
        listening.recv_timeout(START).expect("openssl listens");
        let front = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = front.local_addr().expect("its address");
        thread::spawn(move || {
            for client in front.incoming().map_while(Result::ok) {
                thread::spawn(move || before_tls(client, server));
            }
        });
        Self {
            child,
            front: address,
        }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        // The child is timeout(1), which hands SIGTERM on to openssl; killed, it would leave it behind.
        let _ = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status();
        let _ = self.child.wait();
    }
}

/// The SMTP up to STARTTLS; from then on the octets are openssl's.
fn before_tls(mut client: TcpStream, server: SocketAddr) -> Option<()> {
    client.write_all(b"220 upstream.example ESMTP\r\n").ok()?;
    for answer in [
        "250-upstream.example\r\n250 STARTTLS\r\n",
        "220 2.0.0 go\r\n",
    ] {
        line(&mut client)?;
        client.write_all(answer.as_bytes()).ok()?;
    }
    let tls = TcpStream::connect(server).ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, tls.try_clone().ok()?);
    thread::spawn(move || std::io::copy(&mut from, &mut to));
    let _ = std::io::copy(&mut &tls, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
    Some(())
}

/// One line, octet by octet, so that nothing of the handshake is swallowed.
fn line(client: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut line, mut octet) = (Vec::new(), [0]);
    while !line.ends_with(b"\n") {
        client.read_exact(&mut octet).ok()?;
        line.extend_from_slice(&octet);
    }
    Some(line)
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address")
}

/// Probes contoso's upstream; the exit code, and the report of the upstream.
fn probe(
    fixture: &Fixture,
    upstream: SocketAddr,
    keys: &str,
    more: &[&str],
) -> (Option<i32>, Value) {
    let file = fixture.configure(upstream, Peers::Loopback);
    let text = fs::read_to_string(&file).expect("the configuration");
    let text = text.replace("\n[[tenant]]\n", &format!("\n[[tenant]]\n{keys}\n"));
    fs::write(&file, text).expect("the configuration");
    let output = Command::new(program())
        .args([
            "probe",
            "--tenant",
            "contoso",
            "--json",
            "--timeout",
            "20s",
            "--config",
        ])
        .arg(&file)
        .args(more)
        .output()
        .expect("it starts");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (
        output.status.code(),
        report["tenants"][0]["upstreams"][0].clone(),
    )
}

fn step<'a>(upstream: &'a Value, name: &str) -> &'a Value {
    let steps = upstream["steps"].as_array().expect("steps");
    steps
        .iter()
        .find(|step| step["step"] == name)
        .expect("the step")
}

#[test]
fn the_probe_describes_openssl_and_the_authorities_that_it_names() {
    let fixture = Fixture::new();
    let authority = fixture.upstream_authority.to_str().expect("a path");
    for (version, group) in [("-tls1_3", "x25519"), ("-tls1_2", "secp256r1")] {
        let openssl = OpenSsl::start(
            &fixture.upstream,
            &[
                "-CAfile",
                authority,
                "-Verify",
                "3",
                "-verify_return_error",
                version,
            ],
        );
        let (code, report) = probe(
            &fixture,
            openssl.front,
            "require_certificate_request = true",
            &[],
        );
        assert_eq!(code, Some(0), "{group}: {report:#}");
        let client = step(&report, "client-certificate");
        assert_eq!(
            client["facts"]["authorities"][0], "CN=Interop upstreams",
            "{report:#}"
        );
        assert_eq!(client["facts"]["presented"], true);
        let tls = &step(&report, "handshake")["facts"]["version"];
        assert_eq!(tls, &version.replace("-tls1_", "TLSv1."), "{report:#}");
    }
}

#[test]
fn ut_faults_of_openssl_are_named_at_their_steps() {
    let fixture = Fixture::new();
    let stranger = Authority::new("Strangers").expect("an authority");
    let write = |stem: &str, issued: tenantry_lab::pki::Issued| {
        issued.write(fixture.path(), stem).expect("files")
    };
    let names = ["127.0.0.1"];
    let unknown = write("unknown", stranger.server(&names).expect("a certificate"));
    let alone = write(
        "self-signed",
        self_signed(&CertificateSpec::server(&names)).expect("a certificate"),
    );
    let expired_spec = CertificateSpec::server(&names).with_validity(Validity::Expired);
    let expired = write(
        "expired",
        fixture.far().issue(&expired_spec).expect("a certificate"),
    );
    let other = write(
        "other",
        fixture
            .far()
            .server(&["*.mail.example"])
            .expect("a certificate"),
    );
    let strangers: PathBuf = stranger.write(fixture.path(), "strangers").expect("a file");
    let strangers = strangers.to_str().expect("a path");
    let good = &fixture.upstream;
    let refusing = ["-CAfile", strangers, "-Verify", "3", "-verify_return_error"];
    let rows: [Row<'_>; 8] = [
        (
            "UT-03 unknown authority",
            &unknown,
            vec![],
            "",
            "server-certificate",
            "leads to no authority",
        ),
        (
            "UT-03 self-signed",
            &alone,
            vec![],
            "",
            "server-certificate",
            "self-signed",
        ),
        (
            "UT-03 expired",
            &expired,
            vec![],
            "",
            "server-certificate",
            "expired on",
        ),
        (
            "UT-03 another name",
            &other,
            vec![],
            "",
            "server-certificate",
            "not for 127.0.0.1",
        ),
        (
            "UT-07 wildcard",
            &other,
            vec![],
            "upstream_name = \"a.b.mail.example\"",
            "server-certificate",
            "not for a.b.mail.example",
        ),
        (
            "UT-04 not asked",
            good,
            vec![],
            "require_certificate_request = true",
            "client-certificate",
            "did not ask",
        ),
        (
            "ours refused, TLS 1.3",
            good,
            [&refusing[..], &["-tls1_3"]].concat(),
            "",
            "client-certificate",
            "alert",
        ),
        (
            "ours refused, TLS 1.2",
            good,
            [&refusing[..], &["-tls1_2"]].concat(),
            "",
            "client-certificate",
            "alert",
        ),
    ];
    for (what, files, more, keys, at, words) in rows {
        let openssl = OpenSsl::start(files, &more);
        let (code, report) = probe(&fixture, openssl.front, keys, &[]);
        assert_eq!(code, Some(1), "{what}: {report:#}");
        assert_eq!(report["failed_at"], at, "{what}: {report:#}");
        let summary = step(&report, at)["summary"]
            .as_str()
            .expect("a summary")
            .to_owned();
        assert!(summary.contains(words), "{what}: {summary}");
    }
    let old = OpenSsl::start(good, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    let (_, report) = probe(&fixture, old.front, "", &[]);
    assert_eq!(report["failed_at"], "handshake", "UT-05: {report:#}");
    let summary = step(&report, "handshake")["summary"]
        .as_str()
        .expect("a summary");
    assert!(summary.contains("no TLS version"), "UT-05: {summary}");
}

#[test]
fn the_probe_describes_postfix_and_tries_an_envelope_that_no_message_follows() {
    let fixture = Fixture::new();
    let settings = format!(
        "smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\n\
         smtpd_tls_CAfile = {}\nsmtpd_tls_req_ccert = yes\nmynetworks =\n\
         smtpd_relay_restrictions = permit_auth_destination, reject\n\
         virtual_mailbox_domains = contoso.example\nvirtual_mailbox_maps = static:ALL\nvirtual_transport = discard:\n",
        fixture.upstream.certificate.display(),
        fixture.upstream.key.display(),
        fixture.upstream_authority.display(),
    );
    let folder = fixture.path().join("probed-postfix");
    fs::create_dir_all(&folder).expect("a folder");
    let postfix = Postfix::start(&folder, "upstream.example", &settings, "");
    let envelope = [
        "--mail-from",
        "u@contoso.example",
        "--rcpt-to",
        "v@contoso.example",
        "x@internet.example",
    ];
    let (code, report) = probe(&fixture, postfix.address, "", &envelope);
    assert_eq!(code, Some(1), "one recipient is refused: {report:#}");
    assert_eq!(report["failed_at"], "rcpt", "{report:#}");
    assert_eq!(
        step(&report, "server-certificate")["outcome"],
        "ok",
        "{report:#}"
    );
    let client = step(&report, "client-certificate");
    assert_eq!(
        (&client["outcome"], &client["facts"]["presented"]),
        (&"ok".into(), &true.into()),
        "{report:#}"
    );
    assert_eq!(
        step(&report, "rcpt")["facts"]["reply"]["code"],
        250,
        "{report:#}"
    );
    assert_eq!(step(&report, "rset")["outcome"], "ok", "{report:#}");
    assert_eq!(postfix.queued(), 0, "Postfix has a message");
    let log = postfix.log();
    assert!(
        !log.contains("data=") && !log.contains("bdat="),
        "content was offered: {log}"
    );
    assert!(
        !log.contains("postfix/qmgr") || !log.contains("from=<u@contoso.example>, size="),
        "{log}"
    );
}
