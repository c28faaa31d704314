//! What real clients do that the RFC allows: faults group CL, row 03.

use std::time::Duration;

use crate::arrivals::{Arrivals, Expected};
use crate::dialogue::{Dialogue, stuffed};
use crate::fixture::{Fixture, Peers};
use crate::message::Message;
use crate::relay::Relay;

const FROM: &str = "someone@fabrikam.example";

struct World {
    relay: Relay,
    arrivals: Arrivals,
    fixture: Fixture,
    to: Vec<String>,
}

impl World {
    fn new() -> Self {
        let fixture = Fixture::new();
        let arrivals = Arrivals::start(fixture.recording());
        Self {
            relay: Relay::start(&fixture.configure(arrivals.address(), Peers::Loopback)),
            arrivals,
            fixture,
            to: vec!["someone@destination.example".to_owned()],
        }
    }

    fn message(&self, number: u32) -> Message {
        Message::new(number, FROM, &self.to, 6_000)
    }

    /// Messages 0 to `count` came, each under Fabrikam's certificate.
    fn check(&self, count: u32) {
        let arrived = self
            .arrivals
            .by_number(count as usize, Duration::from_secs(30));
        let tenants = &self.fixture.tenants;
        let tenant = tenants.iter().find(|tenant| tenant.name == "fabrikam");
        for (number, record) in arrived {
            Expected {
                message: &self.message(number),
                from: FROM,
                to: &self.to,
                tenant: tenant.expect("fabrikam"),
            }
            .check(&record, 1);
        }
    }
}

#[test]
fn ehlo_may_come_twice() {
    let world = World::new();
    let mut client = Dialogue::greeted(world.relay.plain);
    client.say("EHLO again.example", 250);
    client.deliver(FROM, &world.to, &world.message(0).content);
    // In a transaction it forgets the transaction (RFC 5321 section 4.1.4).
    client.say(&format!("MAIL FROM:<{FROM}>"), 250);
    client.say("EHLO third.example", 250);
    client.say("RCPT TO:<someone@destination.example>", 503);
    client.deliver(FROM, &world.to, &world.message(1).content);
    client.say("QUIT", 221);
    world.check(2);
}

#[test]
fn helo_is_enough() {
    let world = World::new();
    let mut client = Dialogue::connect(world.relay.plain);
    client.expect(220);
    let answer = client.say("HELO old.example", 250);
    assert_eq!(
        answer.lines.len(),
        1,
        "HELO is answered by one line: {answer:?}"
    );
    client.deliver(FROM, &world.to, &world.message(0).content);
    client.say("QUIT", 221);
    world.check(1);
}

#[test]
fn verbs_may_be_in_lower_case_and_a_space_may_follow_the_colon() {
    let world = World::new();
    let mut client = Dialogue::connect(world.relay.plain);
    client.expect(220);
    client.say("ehlo client.example", 250);
    client.say(&format!("mail from: <{FROM}> body=8bitmime"), 250);
    client.say("Rcpt To: <someone@destination.example>", 250);
    client.say("data", 354);
    client.send(&stuffed(&world.message(0).content));
    client.expect(250);
    client.say(&format!("Mail From:<{FROM}>"), 250);
    client.say("rcpt to:<someone@destination.example>", 250);
    client.say("DaTa", 354);
    client.send(&stuffed(&world.message(1).content));
    client.expect(250);
    client.say("quit", 221);
    assert!(client.is_closed());
    world.check(2);
}

#[test]
fn quit_without_waiting_loses_nothing() {
    let world = World::new();
    // The client is gone before its last reply.
    let mut client = Dialogue::greeted(world.relay.plain);
    client.deliver(FROM, &world.to, &world.message(0).content);
    client.send(b"QUIT\r\n");
    drop(client);
    // QUIT in the same segment as the end of the message.
    let mut client = Dialogue::greeted(world.relay.plain);
    client.say(&format!("MAIL FROM:<{FROM}>"), 250);
    client.say("RCPT TO:<someone@destination.example>", 250);
    client.say("DATA", 354);
    let mut rest = stuffed(&world.message(1).content);
    rest.extend_from_slice(b"QUIT\r\n");
    client.send(&rest);
    client.expect(250);
    client.expect(221);
    assert!(client.is_closed());
    world.check(2);
}

#[test]
fn a_whole_group_of_commands_may_come_at_once() {
    let world = World::new();
    let mut client = Dialogue::greeted(world.relay.plain);
    for number in 0..3 {
        client.send(
            format!("MAIL FROM:<{FROM}>\r\nRCPT TO:<someone@destination.example>\r\nDATA\r\n")
                .as_bytes(),
        );
        for code in [250, 250, 354] {
            client.expect(code);
        }
        client.send(&stuffed(&world.message(number).content));
        client.expect(250);
    }
    client.say("QUIT", 221);
    world.check(3);
}

#[test]
fn a_hundred_messages_may_share_a_connection() {
    let world = World::new();
    let mut client = Dialogue::greeted(world.relay.plain);
    for number in 0..100 {
        client.deliver(FROM, &world.to, &world.message(number).content);
    }
    client.say("QUIT", 221);
    world.check(100);
}

#[test]
fn rset_may_stand_anywhere() {
    let world = World::new();
    let mut client = Dialogue::greeted(world.relay.plain);
    client.say("RSET", 250);
    for number in 0..8 {
        client.say("MAIL FROM:<forgotten@contoso.example>", 250);
        client.say("RSET", 250);
        client.say("MAIL FROM:<forgotten@tailspin.example>", 250);
        client.say("RCPT TO:<forgotten@destination.example>", 250);
        client.say("RSET", 250);
        client.say("RCPT TO:<someone@destination.example>", 503);
        client.deliver(FROM, &world.to, &world.message(number).content);
    }
    client.say("QUIT", 221);
    world.check(8);
}
