//! SM by BDAT (RFC 3030): the count says where the content ends, and what is in it is judged all the same.

use tenantry_lab::upstream::Via;

use crate::client::{Answer, Client, PEER};
use crate::framing::{
    FALSE_ENDS, PLACES, RECIPIENTS, SMUGGLED, TENANTS, careless_world, nothing_was_smuggled, sender,
};
use crate::message::arrived;

/// SM-01 to SM-07, SM-13, by BDAT: the count says where the content ends, and it is refused all the same, since the
/// next server may be told by DATA.
#[tokio::test]
async fn false_ends_of_data_in_chunks_are_refused() {
    let world = careless_world().await;
    for tenant in TENANTS {
        for (id, end) in FALSE_ENDS {
            let mut client = world.plain(PEER).await;
            for place in PLACES {
                let content = [place, end, SMUGGLED].concat();
                let answer = in_one_chunk(&mut client, tenant, "", &content).await;
                assert_eq!(answer.code, 550, "{id}: {answer:?}");
                client.says("NOOP", 250).await;
            }
            let answer = in_one_chunk(&mut client, tenant, "", b"Subject: after\r\n\r\n").await;
            assert_eq!(answer.code, 250, "{id}: {answer:?}");
            client.quit().await;
        }
    }
    assert_eq!(world.delivered(), 2 * FALSE_ENDS.len() as u64);
    nothing_was_smuggled(world).await;
}

/// A true end of data is nothing special in a chunk: stuffed for an upstream that gets DATA, as it is by BDAT.
#[tokio::test]
async fn a_true_end_of_data_inside_a_chunk_ends_nothing() {
    let world = careless_world().await;
    let content = [
        b"Subject: x\r\n\r\nbody\r\n.\r\n",
        SMUGGLED,
        b".\r\n\r\n.\r\n..\r\n",
    ]
    .concat();
    for (index, tenant) in TENANTS.into_iter().enumerate() {
        let mut client = world.plain(PEER).await;
        let answer = in_one_chunk(&mut client, tenant, "", &content).await;
        assert_eq!(answer.code, 250, "{answer:?}");
        client.quit().await;
        let record = &world.messages(index, 1).await[0];
        assert_eq!(record.via, if index == 0 { Via::Bdat } else { Via::Data });
        assert_eq!(arrived(record), content);
    }
    nothing_was_smuggled(world).await;
}

/// Binary content may hold anything, and reaches only an upstream that counts octets.
#[tokio::test]
async fn binary_content_reaches_only_an_upstream_with_chunks() {
    let world = careless_world().await;
    let content = [
        b"Subject: x\r\n\r\n\n.\n".as_slice(),
        SMUGGLED,
        b"\n.\r\n\0\r.\r",
    ]
    .concat();
    let mut client = world.plain(PEER).await;
    let answer = in_one_chunk(&mut client, "a", " BODY=BINARYMIME", &content).await;
    assert_eq!(answer.code, 250, "{answer:?}");
    assert_eq!(arrived(&world.messages(0, 1).await[0]), content);
    client
        .send("MAIL FROM:<legit@tenant-b.example> BODY=BINARYMIME\r\n")
        .await;
    let mail = client.answer().await;
    let rcpt = client.command("RCPT TO:<r@elsewhere.example>").await;
    client
        .send(
            [
                format!("BDAT {} LAST\r\n", content.len()).as_bytes(),
                &content,
            ]
            .concat(),
        )
        .await;
    let answer = client.answer().await;
    assert!(
        [&mail, &rcpt, &answer]
            .iter()
            .any(|answer| answer.enhanced() == Some("5.6.3")),
        "{mail:?} {rcpt:?} {answer:?}"
    );
    assert!(answer.is_permanent(), "{answer:?}");
    client.says("NOOP", 250).await;
    client.quit().await;
    assert_eq!(world.journal(1).totals().delivered, 0);
    nothing_was_smuggled(world).await;
}

/// Dots, line ends and the header's end at every boundary of two chunks, pipelined, towards DATA and BDAT.
#[tokio::test]
async fn a_content_may_be_cut_into_chunks_anywhere() {
    const CONTENT: &[u8] = b"..a: b\r\n\r\n.\r\n..\r\n\r\n.x\r\n.";
    let world = careless_world().await;
    for (upstream, tenant) in TENANTS.into_iter().enumerate() {
        let mut client = world.plain(PEER).await;
        for split in 0..=CONTENT.len() {
            let (one, other) = CONTENT.split_at(split);
            let all = [
                format!(
                    "MAIL FROM:<{}>\r\nRCPT TO:<{}>\r\n",
                    sender(tenant),
                    RECIPIENTS[0]
                )
                .as_bytes(),
                format!("BDAT {}\r\n", one.len()).as_bytes(),
                one,
                format!("BDAT {} LAST\r\n", other.len()).as_bytes(),
                other,
            ]
            .concat();
            client.send(all).await;
            for _ in 0..4 {
                client.expect(250).await;
            }
        }
        client.quit().await;
        let end = if upstream == 0 {
            b"".as_slice()
        } else {
            b"\r\n"
        };
        for record in world.messages(upstream, CONTENT.len() as u64 + 1).await {
            // DATA cannot end within a line.
            assert_eq!(arrived(&record), [CONTENT, end].concat());
        }
    }
    nothing_was_smuggled(world).await;
}

/// A refused chunk takes the chunks behind it along, and nothing in them is obeyed.
#[tokio::test]
async fn chunks_behind_a_refused_one_are_taken_and_refused() {
    let world = careless_world().await;
    for tenant in TENANTS {
        let mut client = world.plain(PEER).await;
        for (first, second) in [
            ("a\nb\r\n", "c\r\n"),
            ("a\r", "b\r\n"),
            ("a\0\r\n", "MAIL FROM:<smuggled@tenant-a.example>\r\n"),
            ("ok\r\n", "b\r"),
            ("ok\r\n", "\n.\n"),
        ] {
            client
                .send(format!(
                    "MAIL FROM:<{}>\r\nRCPT TO:<r@elsewhere.example>\r\nBDAT {}\r\n{first}BDAT {} LAST\r\n{second}NOOP\r\n",
                    sender(tenant),
                    first.len(),
                    second.len()
                ))
                .await;
            client.expect(250).await;
            client.expect(250).await;
            let answers = [client.answer().await, client.answer().await];
            assert!(
                answers.iter().any(|answer| answer.code == 550),
                "{answers:?}"
            );
            assert!(answers[1].is_permanent(), "{answers:?}");
            client.expect(250).await;
        }
        client.quit().await;
    }
    assert_eq!(world.delivered(), 0);
    nothing_was_smuggled(world).await;
}

/// A whole message in a single chunk, right behind its command.
pub(crate) async fn in_one_chunk(
    client: &mut Client,
    tenant: &str,
    parameters: &str,
    content: &[u8],
) -> Answer {
    client
        .says(format!("MAIL FROM:<{}>{parameters}", sender(tenant)), 250)
        .await;
    client
        .says(format!("RCPT TO:<{}>", RECIPIENTS[0]), 250)
        .await;
    client
        .send(
            [
                format!("BDAT {} LAST\r\n", content.len()).as_bytes(),
                content,
            ]
            .concat(),
        )
        .await;
    client.answer().await
}
