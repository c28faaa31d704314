//! Real senders deliver to the lab with client certificates: `exchange-online.md` section 1.3,
//! the certificate stage.
//!
//! The certificate is Contoso's and the sender another's, so that only the certificate can be
//! what decided (vectors 2 to 4 of section 1.17).

use crate::dialogue::Dialogue;
use crate::exim::Exim;
use crate::lab::Attributed;
use crate::lab_postfix;
use crate::lab_world::{ADDRESS, ELSEWHERE, LabWorld};
use crate::message::{Message, recipients_of, size_of};
use crate::postfix::Postfix;
use crate::programs::{self, Outcome, Sending, Tls};

const SENDERS: [&str; 2] = ["someone@fabrikam.example", "vendor@elsewhere.example"];

#[test]
fn swaks_delivers_to_the_lab_with_a_certificate() {
    // It sends the leaf of its file alone; openssl below it completes the chain with what is there
    // to verify the server.
    delivers(|sending| {
        programs::swaks(&Sending {
            authority: &sending.authority.with_file_name("both-authorities.pem"),
            ..*sending
        })
    });
}

#[test]
fn curl_delivers_to_the_lab_with_a_certificate() {
    delivers(programs::curl);
}

#[test]
fn msmtp_delivers_to_the_lab_with_a_certificate() {
    delivers(programs::msmtp);
}

#[test]
fn python_smtplib_delivers_to_the_lab_with_a_certificate() {
    delivers(programs::smtplib);
}

#[test]
fn nodemailer_delivers_to_the_lab_with_a_certificate() {
    delivers(programs::nodemailer);
}

#[test]
fn openssl_s_client_delivers_to_the_lab_with_a_certificate() {
    delivers(programs::openssl);
}

/// A small message and one of a mebibyte of each sender.
fn delivers(client: impl Fn(&Sending<'_>) -> Outcome) {
    let world = LabWorld::new();
    let lab = world.start("", &[]);
    let contoso = world.tenant("contoso");
    let to = recipients();
    let mut number = 0;
    for from in SENDERS {
        for size in [5_000, 1_048_576] {
            let message = Message::new(number, from, &to, size);
            client(&Sending {
                address: lab.europe(),
                tls: Tls::Starttls,
                certificate: Some(&contoso.certificate),
                authority: &world.authority,
                from,
                to: &to,
                message: &message,
                folder: world.path(),
            })
            .expect_success();
            let attributed = Attributed {
                tenant: world.tenant("contoso"),
                ip: ADDRESS,
                message: &message,
                from,
                to: &to,
                received: 0,
            };
            attributed.check(&lab, &lab.record());
            number += 1;
        }
    }
    lab.expect_silence();
}

/// The null sender, too: a certificate is what bounces need (section 1.8).
#[test]
fn exim_delivers_to_the_lab_with_a_certificate() {
    let world = LabWorld::new();
    let lab = world.start("", &[]);
    let contoso = world.tenant("contoso");
    let exim = Exim::new(
        &world.path().join("exim"),
        lab.europe(),
        &world.authority,
        Some(&contoso.certificate),
    );
    let to = recipients();
    let mut number = 0;
    for from in [SENDERS[0], SENDERS[1], ""] {
        for size in [5_000, 1_048_576] {
            let message = Message::new(number, from, &to, size);
            exim.send(from, &to, &message);
            assert_eq!(exim.queued(), 0, "{}", exim.log());
            let attributed = Attributed {
                tenant: world.tenant("contoso"),
                ip: ADDRESS,
                message: &message,
                from,
                to: &to,
                received: 1,
            };
            attributed.check(&lab, &lab.record());
            number += 1;
        }
    }
    lab.expect_silence();
    // All but the first resumed the first one's session.
    let log = exim.log();
    assert_eq!(log.matches("* CV=yes").count(), 5 * to.len(), "{log}");
}

/// The null sender, too.
#[test]
fn postfix_delivers_to_the_lab_with_a_certificate() {
    let world = LabWorld::new();
    let lab = world.start("", &[]);
    let settings = lab_postfix::own_certificate(&world.tenant("contoso").certificate);
    let postfix = lab_postfix::start(&world, lab.europe(), &[], &settings);
    let to = recipients();
    let mut session = Dialogue::greeted(postfix.address);
    for (number, from) in (0..).zip([SENDERS[0], SENDERS[1], ""]) {
        let message = Message::new(number, from, &to, 100_000);
        session.deliver(from, &to, &message.content);
        let attributed = Attributed {
            tenant: world.tenant("contoso"),
            ip: ADDRESS,
            message: &message,
            from,
            to: &to,
            received: 1,
        };
        attributed.check(&lab, &lab.record());
    }
    session.say("QUIT", 221);
    lab.expect_silence();
    expect_no_trouble(&postfix);
}

#[test]
fn postfix_delivers_a_burst_of_a_thousand_messages_of_three_tenants() {
    const MESSAGES: u32 = 1_000;
    let world = LabWorld::new();
    // One address for tenants of every region, as for relayed mail there is no wrong region.
    let lab = world.start("", &[]);
    let identities: Vec<_> = world
        .tenants
        .iter()
        .map(|tenant| (tenant.domain.as_str(), &tenant.certificate))
        .collect();
    // A resumed session has the certificate that it began with, so the cache must not mix tenants.
    let cache = "smtp_tls_session_cache_database = btree:$data_directory/smtp_scache\n\
                 smtp_tls_loglevel = 2\n";
    let postfix = lab_postfix::start(&world, lab.europe(), &identities, cache);
    let tenant = |number: u32| {
        let tenants = &world.tenants;
        let found = tenants.get(number as usize % tenants.len());
        found.expect("a tenant")
    };
    let sender = |number: u32| format!("sender{number}@{}", tenant(number).domain);
    let message = |number: u32| {
        // At most half a mebibyte: it is the number that matters here.
        let size = size_of(number).min(512 * 1024);
        Message::new(number, &sender(number), &recipients_of(number), size)
    };
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                let mut session = Dialogue::greeted(postfix.address);
                for number in (0..MESSAGES).filter(|number| number % 4 == part) {
                    let (from, to) = (sender(number), recipients_of(number));
                    session.deliver(&from, &to, &message(number).content);
                }
                session.say("QUIT", 221);
            });
        }
    });
    let records = lab.records(MESSAGES as usize);
    for tenant in &world.tenants {
        let mail = lab.numbered_mail(&tenant.name);
        for record in records
            .iter()
            .filter(|record| record["tenant"] == tenant.name)
        {
            let number = number_in(record);
            let attributed = Attributed {
                tenant,
                ip: ADDRESS,
                message: &message(number),
                from: &sender(number),
                to: &recipients_of(number),
                received: 1,
            };
            attributed.check_record(record);
            attributed.check_file(record, mail.get(&number).expect("its file"));
        }
        let wanted = (0..MESSAGES).filter(|number| sender(*number).ends_with(&tenant.domain));
        assert!(mail.keys().copied().eq(wanted), "{}", tenant.name);
    }
    lab.expect_silence();
    assert!(postfix.log().contains("Reusing old session"));
    expect_no_trouble(&postfix);
}

fn recipients() -> Vec<String> {
    ["first", "second"]
        .map(|name| format!("{name}@{ELSEWHERE}"))
        .to_vec()
}

/// The number in the journal's Message-ID.
fn number_in(record: &serde_json::Value) -> u32 {
    let id = record["message_id"].as_str().expect("a Message-ID");
    let number = id.trim_start_matches('<').split('.').next();
    number.and_then(|number| number.parse().ok()).expect(id)
}

fn expect_no_trouble(postfix: &Postfix) {
    let log = postfix.log();
    for word in ["status=deferred", "status=bounced", "fatal:", "panic:"] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(word)).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }
}
