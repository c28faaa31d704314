//! I5 and I10: clients that type anything in any order; the relay lives, and says 250 to exactly what was delivered.

use fastrand::Rng;

use crate::client::{Client, PEER};
use crate::world::Plan;

/// What a monkey may type. `{a}` becomes one of the tenants.
const WORDS: &[&str] = &[
    "EHLO monkey.example\r\n",
    "HELO monkey\r\n",
    "MAIL FROM:<u@tenant-{a}.example>\r\n",
    "MAIL FROM:<u@tenant-{a}.example>\r\n",
    "MAIL FROM:<u@tenant-{a}.example> SIZE=100 BODY=8BITMIME\r\n",
    "MAIL FROM:<u@tenant-{a}.example>\r\nRCPT TO:<r@elsewhere.example>\r\n",
    "MAIL FROM:<u@tenant-{a}.example>\r\nRCPT TO:<r@elsewhere.example>\r\nDATA\r\n",
    "RSET\r\nMAIL FROM:<>\r\nRCPT TO:<r@tenant-{a}.example>\r\n",
    "MAIL FROM:<>\r\n",
    "MAIL FROM:<u@nobody.example>\r\n",
    "RCPT TO:<r@tenant-{a}.example>\r\n",
    "RCPT TO:<r@tenant-{a}.example>\r\n",
    "RCPT TO:<r@elsewhere.example>\r\n",
    "RCPT TO:<\r\n",
    "DATA\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\nbody\r\n.\r\n",
    ".\r\n",
    "a\nb\r\n.\r\n",
    "..\r\n",
    "BDAT 6\r\na: b\r\n",
    "BDAT 6 LAST\r\na: b\r\n",
    "BDAT 0 LAST\r\n",
    "BDAT 3\r\na\nb",
    "RSET\r\n",
    "NOOP\r\n",
    "\r\n",
    "VRFY x\r\n",
    "XYZZY\r\n",
    "STARTTLS\r\n",
    "\0\u{1}\r\n",
];

#[tokio::test]
async fn whatever_is_typed_250_means_delivered_and_nothing_else_is() {
    let world = Plan::standard()
        .limits("protocol_errors = 1000\nnon_mail_commands = 1000\nconnections_per_source = 1000")
        .start()
        .await;
    let mut accepted = 0;
    for seed in 0..1200 {
        let mut random = Rng::with_seed(seed);
        let mut client = Client::greeted(PEER, world.at("plain")).await;
        let mut typed = String::from("EHLO monkey.example\r\n");
        for _ in 0..40 {
            let tenant = ["a", "b", "c"][random.usize(..3)];
            typed.push_str(&WORDS[random.usize(..WORDS.len())].replace("{a}", tenant));
        }
        // Whatever state it is in, this brings it to an end.
        typed.push_str("\r\n.\r\nQUIT\r\n");
        let mut rest = typed.as_bytes();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(random.usize(1..=rest.len().min(200)));
            rest = behind;
            if client.try_send(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let answers = client.answers_until_closed().await;
        // The upstream's own words come only with a recipient or with a message that was taken.
        accepted += answers
            .iter()
            .filter(|answer| answer.code == 250 && answer.text().contains("Queued mail"))
            .count() as u64;
    }
    world.at_rest().await;
    assert_eq!(world.delivered(), accepted);
    assert!(accepted > 100, "only {accepted} messages in all that");
    for (upstream, tenant) in ["a", "b", "c"].into_iter().enumerate() {
        for record in world.journal(upstream).messages() {
            assert_eq!(record.tenant(), Some(tenant));
        }
    }
    world.is_alive().await;
    world.stop().await;
}

/// The same with octets that nobody would type.
#[tokio::test]
async fn noise_is_survived() {
    let world = Plan::standard().start().await;
    for seed in 0..200 {
        let mut random = Rng::with_seed(seed);
        let listener = ["plain", "starttls", "required", "implicit"][random.usize(..4)];
        let mut client = Client::connect("127.8.8.8", world.at(listener)).await;
        let mut noise: Vec<u8> = (0..random.usize(1..3000)).map(|_| random.u8(..)).collect();
        if random.bool() {
            noise = noise
                .iter()
                .map(|octet| b"\r\n .:<>@AEHLOMRCPTD0\0\xff"[usize::from(*octet) % 22])
                .collect();
        }
        if listener != "implicit" && random.bool() {
            client.expect(220).await;
        }
        let _ = client.try_send(&noise).await;
        client.half_close();
        client.until_closed().await;
    }
    assert_eq!(world.delivered(), 0);
    world.is_alive().await;
    world.stop().await;
}
