//! One message of 150 MiB must not raise the memory of the process by more than 2 MiB, however it comes and goes.

use std::time::Duration;

use tenantry_lab::upstream::{Fault, Stage, UpstreamSettings};

use super::{at_rest, plan};
use crate::client::{Client, PEER};
use crate::program::Program;
use crate::world::Pki;

/// Octets of the large message: just below what the upstream takes.
const LARGE: usize = 150 * 1024 * 1024 - 4096;

/// Octets of the message that warms everything up.
const WARM_UP: usize = 8 * 1024 * 1024;

/// KiB that the large message may add.
const GROWTH: u64 = 2 * 1024;

/// How the content goes to the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Data,
    /// Chunks of this many octets.
    Bdat(usize),
}

/// Lines that make up a block of this many octets.
fn block(octets: usize) -> Vec<u8> {
    const LINE: &[u8] = b"Sixty-four octets of a message, with the two of the line's end.\r\n";
    let mut block = LINE.repeat(octets / LINE.len());
    let rest = octets - block.len();
    if rest >= 2 {
        block.extend(std::iter::repeat_n(b'x', rest - 2));
        block.extend_from_slice(b"\r\n");
    }
    block
}

async fn send(client: &mut Client, by: By, octets: usize) {
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    client.says("RCPT TO:<x@elsewhere.example>", 250).await;
    match by {
        By::Data => {
            client.says("DATA", 354).await;
            client.send("Subject: large\r\n\r\n").await;
            let block = block(256 * 1024);
            for _block in 0..octets / block.len() {
                client.send(&block).await;
            }
            client.send(".\r\n").await;
        }
        By::Bdat(size) => {
            client.send("BDAT 18\r\nSubject: large\r\n\r\n").await;
            client.expect(250).await;
            let block = block(size);
            for _block in 0..octets / block.len() {
                client.send(format!("BDAT {}\r\n", block.len())).await;
                client.send(&block).await;
                client.expect(250).await;
            }
            client.send("BDAT 0 LAST\r\n").await;
        }
    }
    client.expect(250).await;
}

/// Sends the large message behind smaller ones, and looks at the highest that the memory ever was.
async fn stays_small(make: impl FnOnce(&Pki) -> UpstreamSettings + 'static, by: &[By]) {
    let world = plan().first_upstream(make).start().await;
    let program = Program::run(&world).await;
    let descriptors = program.descriptors();
    // Inside TLS, as it would be.
    let tls = world.pki.anonymous();
    let mut client = Client::starttls(PEER, program.at("starttls"), &tls).await;
    for by in by.iter().chain(by) {
        send(&mut client, *by, WARM_UP).await;
    }
    for by in by {
        let before = program.memory("VmHWM");
        send(&mut client, *by, LARGE).await;
        let growth = program.memory("VmHWM").saturating_sub(before);
        assert!(
            growth <= GROWTH,
            "{growth} KiB more for {by:?}, after {before} KiB"
        );
    }
    client.quit().await;
    let totals = world.journal(0).totals();
    assert_eq!(totals.delivered, 3 * by.len() as u64);
    assert!(
        totals.octets as usize > by.len() * (LARGE - 1024 * 1024),
        "{totals:?}"
    );
    at_rest(&world, &program, descriptors).await;
    program.stop().await;
    world.stop().await;
}

fn counting(pki: &Pki) -> UpstreamSettings {
    pki.upstream().null_sink()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_150_mib_goes_through_in_bounded_memory() {
    stays_small(counting, &[By::Data, By::Bdat(1_000_000)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_towards_an_upstream_without_chunking() {
    let make = |pki: &Pki| {
        let extensions = ["SIZE 157286400", "PIPELINING", "8BITMIME"];
        counting(pki).with_extensions(&extensions)
    };
    stays_small(make, &[By::Data]).await;
}

/// The upstream stops reading for a while; the client must be made to wait, or memory would grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_towards_an_upstream_that_is_slower_than_the_client() {
    let make = |pki: &Pki| {
        let mut settings = counting(pki);
        for mebibytes in [10, 20, 30, 50] {
            let stall = Fault::at(Stage::Content)
                .after_octets(mebibytes * 1024 * 1024)
                .delay(Duration::from_millis(400))
                .once();
            settings = settings.with_fault(stall);
        }
        settings
    };
    stays_small(make, &[By::Data]).await;
}
