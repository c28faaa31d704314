//! Header fields that only Exchange servers may send.

use std::time::Duration;

use crate::client::{Envelope, PEER, STRANGER};
use crate::message::{arrived, stuffed};
use crate::world::Plan;

const ENVELOPE: Envelope<'static> = Envelope {
    sender: "u@tenant-a.example",
    recipients: &["r@elsewhere.example"],
};

const PROTECTED: &str = "X-MS-Exchange-Organization-AuthAs: Internal\r\nX-MS-Exchange-CrossPremises-AuthAs:\r\n Internal\r\n\
    x-originatororg: tenant-a.example\r\nX-MS-EXCHANGE-ORGANIZATION-SCL: -1\r\n";

#[tokio::test]
async fn exchange_headers_pass_only_from_exchange_servers() {
    let world = Plan::standard()
        .peer(
            "exchange",
            "networks = [\"127.5.0.0/16\"]\ntenants = [\"*\"]\nexchange = true",
        )
        .peer(
            "also-exchange",
            "certificates = [\"ex01.corp.example\"]\ntenants = [\"a\"]\nexchange = true",
        )
        .start()
        .await;
    let content = format!(
        "Subject: a\r\n{PROTECTED}X-MS-Exchange-Transport: kept\r\n\r\nX-OriginatorOrg: body\r\n"
    );
    let without = content.replace(PROTECTED, "");
    let certificate = world.pki.client(&["ex01.corp.example"]);
    let clients = [
        (world.plain(PEER).await, &without),
        (world.plain("127.5.0.1").await, &content),
        (world.starttls(STRANGER, &certificate).await, &content),
        (world.starttls(PEER, &world.pki.anonymous()).await, &without),
        (
            world
                .starttls(PEER, &world.pki.client(&["tenant-a.example"]))
                .await,
            &without,
        ),
    ];
    for (number, (mut client, expected)) in (1..).zip(clients) {
        let answer = client.message(ENVELOPE, stuffed(content.as_bytes())).await;
        assert_eq!(answer.code, 250, "{answer:?}");
        client.quit().await;
        let records = world.messages(0, number).await;
        assert_eq!(
            String::from_utf8_lossy(arrived(records.last().unwrap())),
            **expected
        );
    }
    world.stop().await;
}

/// The firewall at boundaries: first, last and only field, and split over segments.
#[tokio::test]
async fn the_firewall_cannot_be_slipped() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    let field = "X-MS-Exchange-Organization-AuthAs: Internal\r\n";
    let cases = [
        (format!("{field}\r\nbody\r\n"), "\r\nbody\r\n".to_owned()),
        (field.to_owned(), String::new()),
        (format!("A: b\r\n{field}"), "A: b\r\n".to_owned()),
        (
            format!("not a field\r\n{field}\r\nbody\r\n"),
            "not a field\r\n\r\nbody\r\n".to_owned(),
        ),
        (
            format!("A: b\r\n c\r\n{field} more\r\n\tmore\r\nD: e\r\n\r\n"),
            "A: b\r\n c\r\nD: e\r\n\r\n".to_owned(),
        ),
        (
            format!("A: b\r\n\r\n{field}"),
            format!("A: b\r\n\r\n{field}"),
        ),
    ];
    for (content, expected) in &cases {
        let before = world.delivered();
        client.open(ENVELOPE).await;
        let wire = stuffed(content.as_bytes());
        let pieces: Vec<&[u8]> = wire.chunks(5).collect();
        client.send_pieces(&pieces, Duration::ZERO).await;
        client.expect(250).await;
        let records = world.messages(0, before + 1).await;
        assert_eq!(
            String::from_utf8_lossy(arrived(records.last().unwrap())),
            *expected
        );
    }
    // A first line that would continue our trace field.
    let answer = client.message(ENVELOPE, " folded\r\n\r\n.\r\n").await;
    answer.is("554 5.6.0");
    client.quit().await;
    world.stop().await;
}
