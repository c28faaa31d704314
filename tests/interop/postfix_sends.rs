//! Postfix as the sending system: a transport for each tenant, each with its own certificate.
//! Faults group CL, row 02.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::arrivals::{Arrivals, Expected};
use crate::dialogue::Dialogue;
use crate::fixture::{Fixture, Peers, Tenant};
use crate::message::{Message, recipients_of, size_of};
use crate::postfix::{Postfix, put};
use crate::relay::Relay;

const MESSAGES: u32 = 1_000;
/// A domain of no tenant; its mail leaves Postfix without a certificate.
const NOBODY: &str = "elsewhere.example";
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn postfix_sends_a_thousand_messages_of_three_tenants_by_certificate() {
    let fixture = Fixture::new();
    let arrivals = Arrivals::start(fixture.recording());
    // No peer may send by sender or recipient: only the certificates count.
    let relay = Relay::start(&fixture.configure(arrivals.address(), Peers::None));
    let postfix = sending_postfix(&fixture, &relay);

    std::thread::scope(|scope| {
        for part in 0..4 {
            let fixture = &fixture;
            scope.spawn(move || inject(fixture, postfix.address, part));
        }
    });

    let arrived = arrivals.by_number(MESSAGES as usize, PATIENCE);
    for (number, record) in arrived {
        let message = message(&fixture, number);
        Expected {
            from: &sender(&fixture, number),
            to: &recipients_of(number),
            tenant: tenant(&fixture, number),
            message: &message,
        }
        // Postfix's own Received field, and the relay's above it.
        .check(&record, 2);
    }
    await_empty_queue(&postfix);
    let log = postfix.log();
    for word in ["status=deferred", "status=bounced", "fatal:", "panic:"] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(word)).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }
}

/// Recipients of several tenants, no certificate, a sender that nobody owns: each tenant's are
/// sent in a transaction of their own, because 452 4.5.3 makes a sender come again with the rest.
#[test]
fn postfix_sends_the_recipients_of_each_tenant_apart() {
    let fixture = Fixture::new();
    let arrivals = Arrivals::start(fixture.recording());
    let relay = Relay::start(&fixture.configure(arrivals.address(), Peers::Loopback));
    let postfix = sending_postfix(&fixture, &relay);
    let from = format!("scanner@{NOBODY}");
    let of = |domain: &str, names: &[&str]| -> Vec<String> {
        names
            .iter()
            .map(|name| format!("{name}@{domain}"))
            .collect()
    };
    let parts: Vec<Vec<String>> = fixture
        .tenants
        .iter()
        .map(|tenant| of(&tenant.domain, &["first", "second"]))
        .collect();
    // First of each, then second of each.
    let to: Vec<String> = (0..2)
        .flat_map(|index| parts.iter().filter_map(move |part| part.get(index)))
        .cloned()
        .collect();
    let message = Message::new(0, &from, &to, 100_000);
    Dialogue::greeted(postfix.address).deliver(&from, &to, &message.content);

    let mut arrived = arrivals.messages(fixture.tenants.len(), PATIENCE);
    arrived.sort_by_key(|record| record.recipients.clone());
    for ((tenant, to), record) in fixture.tenants.iter().zip(&parts).zip(&arrived) {
        Expected {
            message: &message,
            from: &from,
            to,
            tenant,
        }
        .check(record, 2);
    }
    await_empty_queue(&postfix);
    let again = arrivals.messages(fixture.tenants.len(), PATIENCE);
    assert_eq!(again.len(), fixture.tenants.len(), "nothing comes twice");
    assert!(!postfix.log().contains("status=bounced"));
}

/// Contoso and Tailspin use STARTTLS, Fabrikam TLS from the first octet; they and nobody else
/// have a certificate.
fn sending_postfix(fixture: &Fixture, relay: &Relay) -> Postfix {
    let folder = fixture.path().join("postfix-sends");
    let mut transports = String::new();
    let mut services = String::new();
    for tenant in &fixture.tenants {
        let (address, wrapper) = match tenant.name {
            "fabrikam" => (relay.implicit, "yes"),
            _ => (relay.starttls, "no"),
        };
        let _ = writeln!(
            transports,
            "@{} {}:[{}]:{}",
            tenant.domain,
            tenant.name,
            address.ip(),
            address.port()
        );
        let _ = writeln!(
            services,
            "{} unix - - n - 8 smtp -o smtp_tls_cert_file={} -o smtp_tls_key_file={} \
             -o smtp_tls_wrappermode={wrapper}",
            tenant.name,
            tenant.client.certificate.display(),
            tenant.client.key.display()
        );
    }
    let _ = writeln!(
        transports,
        "@{NOBODY} nobody:[{}]:{}",
        relay.starttls.ip(),
        relay.starttls.port()
    );
    services.push_str("nobody unix - - n - 8 smtp\n");
    put(&folder, "transports", &transports, 0o644);
    let settings = format!(
        "mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, reject\n\
         default_transport = error:no transport for this sender\n\
         sender_dependent_default_transport_maps = texthash:$config_directory/transports\n\
         smtp_tls_CAfile = {}\nsmtp_tls_security_level = verify\n\
         smtp_tls_verify_cert_match = relay.corp.example\nsmtp_tls_loglevel = 1\n\
         queue_run_delay = 1s\nminimal_backoff_time = 1s\nmaximal_backoff_time = 2s\n",
        fixture.authority.display()
    );
    Postfix::start(&folder, "exchange.corp.example", &settings, &services)
}

/// Gives Postfix every fourth message on one connection.
fn inject(fixture: &Fixture, address: SocketAddr, part: u32) {
    let mut session = Dialogue::greeted(address);
    for number in (0..MESSAGES).filter(|number| number % 4 == part) {
        let message = message(fixture, number);
        session.say(
            &format!(
                "MAIL FROM:<{}> BODY=8BITMIME SIZE={}",
                sender(fixture, number),
                message.content.len()
            ),
            250,
        );
        for recipient in recipients_of(number) {
            session.say(&format!("RCPT TO:<{recipient}>"), 250);
        }
        session.content(&message.content);
    }
    session.say("QUIT", 221);
}

fn message(fixture: &Fixture, number: u32) -> Message {
    let to = recipients_of(number);
    Message::new(number, &sender(fixture, number), &to, size_of(number))
}

fn sender(fixture: &Fixture, number: u32) -> String {
    format!("sender{number}@{}", tenant(fixture, number).domain)
}

fn tenant(fixture: &Fixture, number: u32) -> &Tenant {
    let index = number as usize % fixture.tenants.len();
    fixture.tenants.get(index).expect("a tenant")
}

/// Its last messages leave the queue when Postfix has read the relay's last reply.
fn await_empty_queue(postfix: &Postfix) {
    let end = Instant::now() + Duration::from_secs(30);
    while postfix.queued() > 0 {
        assert!(Instant::now() < end, "Postfix still holds messages");
    }
}
