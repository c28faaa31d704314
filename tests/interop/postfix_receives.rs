//! Postfix as the upstream that requires client certificates, knows them by fingerprint and marks
//! each message with the tenant whose certificate it came under.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::dialogue::Dialogue;
use crate::fixture::{Fixture, Peers, Tenant};
use crate::message::{
    Message, number_of, prefix_of, recipients_of, size_of, without_carriage_returns,
};
use crate::postfix::{Postfix, put, succeed};
use crate::programs::{Tls, openssl_session};
use crate::relay::Relay;

const MESSAGES: u32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn postfix_receives_a_thousand_messages_under_the_right_certificates() {
    let fixture = Fixture::new();
    let folder = fixture.path().join("postfix-receives");
    let delivered = deliveries(&folder);
    let postfix = receiving_postfix(&fixture, &folder);
    let relay = Relay::start(&fixture.configure(postfix.address, Peers::Loopback));

    thread::scope(|scope| {
        for index in 0..fixture.tenants.len() {
            let (fixture, relay) = (&fixture, &relay);
            scope.spawn(move || by_certificate(fixture, relay, index));
            scope.spawn(move || by_sender(fixture, relay, index));
        }
        let mut missing: BTreeSet<u32> = (0..MESSAGES).collect();
        while !missing.is_empty() {
            let path = delivered.recv_timeout(PATIENCE).unwrap_or_else(|error| {
                panic!("{error}: {} messages missing: {missing:?}", missing.len())
            });
            let number = check(&fixture, &path);
            assert!(missing.remove(&number), "message {number} came twice");
        }
    });
    assert!(delivered.try_recv().is_err(), "more came than was sent");
    for word in ["status=deferred", "status=bounced", "fatal:", "panic:"] {
        let log = postfix.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(word)).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }
}

/// Even numbers come with the tenant's certificate, and a sender that belongs to nobody.
fn by_certificate(fixture: &Fixture, relay: &Relay, index: usize) {
    let certificate = fixture.tenants.get(index).map(|tenant| &tenant.client);
    let (address, tls) = match index {
        0 => (relay.implicit, Tls::Implicit),
        _ => (relay.starttls, Tls::Starttls),
    };
    let (mut child, mut session) =
        openssl_session(address, tls, &fixture.authority, certificate, "600");
    for number in numbers_of(fixture, index).filter(|number| number % 2 == 0) {
        let message = message(fixture, number);
        session.deliver(
            &sender(fixture, number),
            &recipients_of(number),
            &message.content,
        );
    }
    session.say("QUIT", 221);
    drop(session);
    assert!(child.wait().expect("openssl ends").success());
}

/// Odd numbers come in clear from a trusted network, with a sender of the tenant.
fn by_sender(fixture: &Fixture, relay: &Relay, index: usize) {
    let mut session = Dialogue::greeted(relay.plain);
    for number in numbers_of(fixture, index).filter(|number| number % 2 == 1) {
        let message = message(fixture, number);
        session.deliver(
            &sender(fixture, number),
            &recipients_of(number),
            &message.content,
        );
    }
    session.say("QUIT", 221);
}

/// Compares one delivered file with what was sent, and returns the message's number.
fn check(fixture: &Fixture, path: &Path) -> u32 {
    let file = fs::read(path).expect("the delivered file");
    fs::remove_file(path).expect("the delivered file");
    let mut parts = file.splitn(3, |octet| *octet == b'\n');
    let mut line = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (from, to) = (line(), line());
    let content = parts.next().unwrap_or_default();
    let number = number_of(content).expect("X-Number");
    assert_eq!(from, sender(fixture, number), "message {number}");
    assert_eq!(to, recipients_of(number).join(" "), "message {number}");

    let original = message(fixture, number);
    let fields = prefix_of(content, &without_carriage_returns(&original.content))
        .unwrap_or_else(|problem| panic!("message {number}: {problem}"));
    let tenant = tenant(fixture, number).name;
    let [mark, theirs, ours] = fields.as_slice() else {
        panic!("message {number} ({tenant}): {fields:?}");
    };
    assert_eq!(
        mark.trim_end(),
        format!("X-Client-Certificate: {tenant}"),
        "message {number}"
    );
    assert!(theirs.contains("by upstream.example (Postfix)"), "{theirs}");
    assert!(theirs.contains("verified OK"), "{theirs}");
    assert!(ours.contains("by relay.corp.example"), "{ours}");
    number
}

/// Where Postfix's deliveries are reported: the script writes each file's name into a pipe.
fn deliveries(folder: &Path) -> Receiver<PathBuf> {
    let mail = folder.join("mail");
    fs::create_dir_all(&mail).expect("a folder");
    let pipe = mail.join("delivered");
    succeed(Command::new("mkfifo").arg(&pipe));
    succeed(Command::new("chown").arg("-R").arg("nobody").arg(&mail));
    put(
        folder,
        "deliver",
        &format!(
            "#!/bin/sh\nset -e\nsender=$1; shift\nfile=$(mktemp {mail}/XXXXXXXX)\n\
             {{ printf '%s\\n%s\\n' \"$sender\" \"$*\"; cat; }} >\"$file\"\n\
             echo \"$file\" >{pipe}\n",
            mail = mail.display(),
            pipe = pipe.display()
        ),
        0o755,
    );
    // Opened for both, it never ends when a writer closes.
    let pipe = File::options().read(true).write(true).open(pipe);
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(pipe.expect("the pipe")).lines();
        for line in lines.map_while(Result::ok) {
            if sender.send(PathBuf::from(line)).is_err() {
                return;
            }
        }
    });
    receiver
}

fn receiving_postfix(fixture: &Fixture, folder: &Path) -> Postfix {
    let mut known = String::new();
    let mut marks = String::new();
    for tenant in &fixture.tenants {
        let fingerprint = with_colons(&tenant.fingerprint);
        let _ = writeln!(known, "{fingerprint} OK");
        let _ = writeln!(
            marks,
            "{fingerprint} PREPEND X-Client-Certificate: {}",
            tenant.name
        );
    }
    put(folder, "known", &known, 0o644);
    put(folder, "marks", &marks, 0o644);
    let settings = format!(
        "smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\n\
         smtpd_tls_CAfile = {}\nsmtpd_tls_req_ccert = yes\nsmtpd_tls_received_header = yes\n\
         smtpd_tls_fingerprint_digest = sha256\nsmtpd_delay_reject = no\n\
         smtpd_sender_restrictions = check_ccert_access texthash:$config_directory/known, reject\n\
         smtpd_data_restrictions = check_ccert_access texthash:$config_directory/marks\n\
         smtpd_relay_restrictions = permit_auth_destination, reject\nmynetworks =\n\
         virtual_mailbox_domains = static:ALL\nvirtual_mailbox_maps = static:ALL\n\
         virtual_transport = deliver:file\ndeliver_destination_recipient_limit = 1000\n",
        fixture.upstream.certificate.display(),
        fixture.upstream.key.display(),
        fixture.upstream_authority.display(),
    );
    let services = format!(
        "deliver unix - n n - 4 pipe user=nobody argv={}/etc/deliver ${{sender}} ${{recipient}}\n",
        folder.display()
    );
    Postfix::start(folder, "upstream.example", &settings, &services)
}

fn message(fixture: &Fixture, number: u32) -> Message {
    let to = recipients_of(number);
    Message::new(number, &sender(fixture, number), &to, size_of(number))
}

fn sender(fixture: &Fixture, number: u32) -> String {
    match number % 2 {
        0 => format!("sender{number}@elsewhere.example"),
        _ => format!("sender{number}@{}", tenant(fixture, number).domain),
    }
}

fn numbers_of(fixture: &Fixture, index: usize) -> impl Iterator<Item = u32> + use<> {
    let tenants = fixture.tenants.len();
    (0..MESSAGES).filter(move |number| *number as usize % tenants == index)
}

fn tenant(fixture: &Fixture, number: u32) -> &Tenant {
    let index = number as usize % fixture.tenants.len();
    fixture.tenants.get(index).expect("a tenant")
}

/// The way Postfix writes a fingerprint.
fn with_colons(fingerprint: &str) -> String {
    let upper = fingerprint.to_uppercase();
    let pairs: Vec<&str> = upper
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| str::from_utf8(pair).ok())
        .collect();
    pairs.join(":")
}
