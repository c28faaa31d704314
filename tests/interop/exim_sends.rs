//! Exim as the sending system: it writes MAIL, RCPT and the whole message by BDAT in one go.

use std::time::Duration;

use crate::arrivals::{Arrivals, Expected};
use crate::exim::Exim;
use crate::fixture::{Fixture, Peers};
use crate::message::{Message, recipients_of, size_of};
use crate::relay::Relay;

#[test]
fn exim_sends_messages_of_three_tenants_by_certificate() {
    const EACH: u32 = 20;
    let fixture = Fixture::new();
    let arrivals = Arrivals::start(fixture.recording());
    let relay = Relay::start(&fixture.configure(arrivals.address(), Peers::None));
    // The sender is nobody's, so that only the certificate can decide.
    let message = |number: u32| {
        let to = recipients_of(number);
        Message::new(number, &from(number), &to, size_of(number))
    };
    for (first, tenant) in (0..).step_by(EACH as usize).zip(&fixture.tenants) {
        let exim = Exim::new(
            &fixture.path().join(tenant.name),
            relay.starttls,
            &fixture.authority,
            Some(&tenant.client),
        );
        for number in first..first + EACH {
            exim.send(&from(number), &recipients_of(number), &message(number));
        }
        assert_eq!(exim.queued(), 0, "{}", exim.log());
    }
    let arrived = arrivals.by_number(EACH as usize * 3, Duration::from_secs(60));
    for (number, record) in arrived {
        Expected {
            message: &message(number),
            from: &from(number),
            to: &recipients_of(number),
            tenant: &fixture.tenants[(number / EACH) as usize],
        }
        // Exim's own Received field, and the relay's above it.
        .check(&record, 2);
    }
}

/// Every fourth message is a report, with the null sender.
fn from(number: u32) -> String {
    match number % 4 {
        3 => String::new(),
        _ => format!("sender{number}@elsewhere.example"),
    }
}
