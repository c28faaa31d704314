//! The log: one line for each event, and nothing in it that a peer could use.

use std::io;
use std::sync::{Arc, Mutex};

use tenantry_lab::pki::{CertificateSpec, self_signed};
use tenantry_lab::upstream::{Fault, Stage};
use tracing_subscriber::fmt::MakeWriter;

use crate::client::{Client, Envelope, PEER};
use crate::world::Plan;

const ENVELOPE: Envelope<'static> = Envelope {
    sender: "u@tenant-a.example",
    recipients: &["r@elsewhere.example"],
};

/// O5 and LG-01: one event is one line, and nothing that a peer chose can end it.
#[tokio::test]
async fn lg_01_the_log_has_a_line_for_each_event_and_no_control_octets() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    // Everything of this test runs on this thread.
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let world = Plan::standard()
        .log("addresses = \"full\"")
        .first_upstream(|pki| {
            let answer = b"250 2.0.0 \x1b[31mfine\x07 \xc2\x9b \xe2\x80\xae ok\r\n".as_slice();
            pki.upstream()
                .with_fault(Fault::at(Stage::End).answer(answer))
        })
        .start()
        .await;
    let spec = CertificateSpec::client(&["tenant-a.example"])
        .with_common_name("evil\r\n\x1b[31m\u{202e}\u{9b}\0name");
    let hostile = world.pki.with(&self_signed(&spec).unwrap());
    let mut client = Client::starttls(PEER, world.at("starttls"), &hostile).await;
    client
        .says("MAIL FROM:<u\u{202e}@tenant-a.example> SMTPUTF8", 250)
        .await;
    client
        .says("RCPT TO:<\"a\u{202e}b\"@elsewhere.example>", 550)
        .await;
    client.quit().await;
    let mut client = world.plain(PEER).await;
    client.command("EHLO \u{202e}\u{9b}x\x1b[31m").await;
    let answer = client.message(ENVELOPE, ".\r\n").await;
    assert_eq!(answer.code, 250, "{answer:?}");
    client.quit().await;
    world.stop().await;
    let text = log.text();
    assert!(
        text.bytes()
            .all(|octet| matches!(octet, b'\n' | b' '..=b'~')),
        "{}",
        text.escape_debug()
    );
    assert_eq!(text.matches("transaction closed").count(), 2, "{text}");
    assert!(
        text.lines()
            .all(|line| line.contains(" INFO ") || line.contains(" WARN ")),
        "{text}"
    );
    assert!(!text.contains("PRIVATE KEY"), "{text}");
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
