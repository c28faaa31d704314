//! Client programs through the relay: in clear, STARTTLS and implicit TLS, without and with a
//! certificate. Faults group CL, row 01.
//!
//! The sender is always Contoso's, so without a certificate the sender decides for Contoso; the
//! certificate is Fabrikam's, so with it the certificate decides against the sender.

use std::time::Duration;

use crate::arrivals::{Arrivals, Expected};
use crate::fixture::{Fixture, Peers};
use crate::message::Message;
use crate::programs::{self, Outcome, Sending, Tls};
use crate::relay::Relay;

const FROM: &str = "someone@contoso.example";

/// How to connect, and whether to present a certificate.
#[derive(Debug, Clone, Copy)]
struct Way {
    tls: Tls,
    certificate: Certificate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certificate {
    None,
    Fabrikam,
}

const WAYS: [Way; 5] = [
    Way {
        tls: Tls::Plain,
        certificate: Certificate::None,
    },
    Way {
        tls: Tls::Starttls,
        certificate: Certificate::None,
    },
    Way {
        tls: Tls::Starttls,
        certificate: Certificate::Fabrikam,
    },
    Way {
        tls: Tls::Implicit,
        certificate: Certificate::None,
    },
    Way {
        tls: Tls::Implicit,
        certificate: Certificate::Fabrikam,
    },
];

#[test]
fn swaks_delivers_every_way() {
    every_way(&WAYS, programs::swaks);
}

#[test]
fn curl_delivers_every_way() {
    every_way(&WAYS, programs::curl);
}

#[test]
fn msmtp_delivers_every_way() {
    every_way(&WAYS, programs::msmtp);
}

#[test]
fn python_smtplib_delivers_every_way() {
    every_way(&WAYS, programs::smtplib);
}

#[test]
fn nodemailer_delivers_every_way() {
    every_way(&WAYS, programs::nodemailer);
}

#[test]
fn openssl_s_client_delivers_every_way_with_tls() {
    let [_plain, with_tls @ ..] = WAYS;
    every_way(&with_tls, programs::openssl);
}

/// A small message and one of a mebibyte in each of the ways.
fn every_way(ways: &[Way], client: impl Fn(&Sending<'_>) -> Outcome) {
    let fixture = Fixture::new();
    let arrivals = Arrivals::start(fixture.recording());
    let relay = Relay::start(&fixture.configure(arrivals.address(), Peers::Loopback));
    let to = ["first@destination.example", "second@tailspin.example"].map(str::to_owned);
    let [contoso, fabrikam, _tailspin] = fixture.tenants.as_slice() else {
        panic!("three tenants");
    };

    let mut sent = Vec::new();
    for way in ways {
        for size in [5_000, 1_048_576] {
            let number = u32::try_from(sent.len()).expect("a small number");
            let message = Message::new(number, FROM, &to, size);
            client(&Sending {
                address: match way.tls {
                    Tls::Plain => relay.plain,
                    Tls::Starttls => relay.starttls,
                    Tls::Implicit => relay.implicit,
                },
                tls: way.tls,
                certificate: match way.certificate {
                    Certificate::None => None,
                    Certificate::Fabrikam => Some(&fabrikam.client),
                },
                authority: &fixture.authority,
                from: FROM,
                to: &to,
                message: &message,
                folder: fixture.path(),
            })
            .expect_success();
            sent.push((way, message));
        }
    }

    let arrived = arrivals.by_number(sent.len(), Duration::from_secs(30));
    for ((way, message), record) in sent.iter().zip(arrived.values()) {
        Expected {
            message,
            from: FROM,
            to: &to,
            tenant: match way.certificate {
                Certificate::None => contoso,
                Certificate::Fabrikam => fabrikam,
            },
        }
        .check(record, 1);
    }
}
