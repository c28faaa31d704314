//! SM: one end of data, one message; everything that only looks like an end is refused and never passed on.
//!
//! The upstreams are as careless as can be: they take every stray line end around a dot for an end of data and obey
//! whatever follows.

use std::time::Duration;

use tenantry_lab::upstream::Journal;

use crate::client::{Envelope, PEER};
use crate::message::{arrived, long, stuffed};
use crate::world::{Plan, TenantPlan, World};

/// Tenant `a` at a careless upstream with CHUNKING, tenant `b` at one without.
pub(crate) async fn careless_world() -> World {
    Plan::empty()
        .listeners()
        .peer(
            "application",
            "networks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]",
        )
        .upstream(|pki| pki.upstream().keeping_content().with_transcript().lax())
        .upstream(|pki| {
            let upstream = pki.upstream().keeping_content().with_transcript().lax();
            upstream.with_extensions(&["SIZE 157286400", "PIPELINING", "8BITMIME"])
        })
        .tenant(TenantPlan::owning("a", 0))
        .tenant(TenantPlan::owning("b", 1))
        .start()
        .await
}

pub(crate) const TENANTS: [&str; 2] = ["a", "b"];

pub(crate) const RECIPIENTS: &[&str] = &["r@elsewhere.example"];

pub(crate) fn sender(tenant: &str) -> String {
    format!("legit@tenant-{tenant}.example")
}

/// Stops the world; then no upstream may have seen anything of a smuggled envelope.
pub(crate) async fn nothing_was_smuggled(world: World) {
    let journals: Vec<Journal> = world
        .upstreams
        .iter()
        .map(|upstream| upstream.journal().clone())
        .collect();
    world.stop().await;
    for journal in journals {
        for record in journal.records() {
            assert!(record.sender().starts_with("legit@"), "{record:?}");
        }
        for connection in journal.connections() {
            let lines = connection.transcript();
            assert!(
                !lines.iter().any(|line| line.contains("smuggled")),
                "{lines:?}"
            );
        }
    }
}

/// What an attacker hides behind a false end; the true end follows it.
pub(crate) const SMUGGLED: &[u8] =
    b"MAIL FROM:<smuggled@tenant-a.example>\r\nRCPT TO:<smuggled@victim.example>\r\nDATA\r\n\
    Subject: smuggled\r\n\r\nsmuggled\r\n";

/// Every false end of the rows SM-01 to SM-07 and SM-13.
pub(crate) const FALSE_ENDS: [(&str, &[u8]); 11] = [
    ("SM-01", b"\n.\n"),
    ("SM-02", b"\n.\r\n"),
    ("SM-03", b"\r\n.\n"),
    ("SM-04", b"\r.\r"),
    ("SM-05", b"\r.\n"),
    ("SM-05", b"\n.\r"),
    ("SM-06", b"\r.\r\n"),
    ("SM-07", b"\r\n\0.\r\n"),
    ("SM-07", b"\r\n.\0\r\n"),
    ("SM-13", b"\r\n.\r\r\n"),
    ("SM-13", b"\r\r\n.\n"),
];

/// Every kind of place in front of a false end: the very beginning, headers, their end, the body.
pub(crate) const PLACES: [&[u8]; 6] = [
    b"",
    b"Subject: x",
    b"Subject: x\r\n",
    b"Subject: x\r\n\r\n",
    b"Subject: x\r\n\r\nbody",
    b"Subject: x\r\n\tfolded",
];

/// SM-01 to SM-07, SM-13, by DATA.
#[tokio::test]
async fn false_ends_of_data_are_refused_at_the_true_end() {
    let world = careless_world().await;
    for tenant in TENANTS {
        let mut client = world.plain(PEER).await;
        let sender = sender(tenant);
        let envelope = Envelope {
            sender: &sender,
            recipients: RECIPIENTS,
        };
        for (id, end) in FALSE_ENDS {
            for place in PLACES {
                let wire = [place, end, SMUGGLED, b".\r\n"].concat();
                let answer = client.message(envelope, &wire).await;
                answer.is("550 5.5.2");
                assert!(!answer.text().contains("upstream:"), "{id}: {answer:?}");
                // In step: nothing of the content was taken for a command.
                client.says("NOOP", 250).await;
                client.says("RSET", 250).await;
            }
            let answer = client
                .message(envelope, b"Subject: after\r\n\r\n.\r\n")
                .await;
            assert_eq!(answer.code, 250, "{id}: {answer:?}");
            client.quit().await;
            client = world.plain(PEER).await;
        }
        client.quit().await;
    }
    assert_eq!(world.delivered(), 2 * FALSE_ENDS.len() as u64);
    nothing_was_smuggled(world).await;
}

#[tokio::test]
async fn sm_08_and_sm_09_one_stray_line_end_is_enough() {
    let world = careless_world().await;
    let mut client = world.plain(PEER).await;
    for tenant in TENANTS {
        for wire in [
            b"Subject: a\nb\r\n\r\nbody\r\n.\r\n".as_slice(),
            b"Subject: a\r\n\r\nbo\rdy\r\n.\r\n",
            b"\nSubject: a\r\n\r\nbody\r\n.\r\n",
            b"Subject: a\n\nbody\r\n.\r\n",
            b"Subject: a\r\n\r\nbody\n\r\n.\r\n",
            b"Subject: a\r\n\r\nbo\0dy\r\n.\r\n",
        ] {
            let sender = sender(tenant);
            let answer = client
                .message(
                    Envelope {
                        sender: &sender,
                        recipients: RECIPIENTS,
                    },
                    wire,
                )
                .await;
            assert!(answer.is_permanent(), "{answer:?}");
        }
    }
    client.quit().await;
    assert_eq!(world.delivered(), 0);
    nothing_was_smuggled(world).await;
}

#[tokio::test]
async fn sm_10_the_end_may_come_in_any_pieces_over_tcp() {
    let world = careless_world().await;
    let pauses = [0, 1, 10, 50].map(Duration::from_millis);
    let mut client = world.plain(PEER).await;
    for (index, tenant) in TENANTS.into_iter().enumerate() {
        let sender = sender(tenant);
        for pause in pauses {
            client
                .open(Envelope {
                    sender: &sender,
                    recipients: RECIPIENTS,
                })
                .await;
            client
                .send_pieces(
                    &[b"Subject: x\r\n\r\nbody", b"\r", b"\n", b".", b"\r", b"\n"],
                    pause,
                )
                .await;
            client.expect(250).await;
        }
        for record in world.messages(index, 4).await {
            assert_eq!(arrived(&record), b"Subject: x\r\n\r\nbody\r\n");
        }
    }
    client.quit().await;
    nothing_was_smuggled(world).await;
}

/// SM-10 and SM-11 at every point of the whole message, dots and boundary of the header included.
#[tokio::test]
async fn a_message_may_be_split_anywhere_over_tcp_and_tls() {
    const WIRE: &[u8] = b"..first\r\nA: b\r\n\r\n...\r\n..\r\nx\r\n.\r\n";
    let world = careless_world().await;
    let mut inside = world.starttls(PEER, &world.pki.anonymous()).await;
    let mut clear = world.plain(PEER).await;
    for client in [&mut inside, &mut clear] {
        for split in 1..WIRE.len() {
            let tenant = sender(TENANTS[split % 2]);
            client
                .open(Envelope {
                    sender: &tenant,
                    recipients: RECIPIENTS,
                })
                .await;
            let (one, other) = WIRE.split_at(split);
            client
                .send_pieces(&[one, other], Duration::from_millis(1))
                .await;
            client.expect(250).await;
        }
    }
    inside.quit().await;
    clear.quit().await;
    assert_eq!(world.delivered(), 2 * (WIRE.len() as u64 - 1));
    for upstream in &world.upstreams {
        for record in upstream.journal().messages() {
            assert_eq!(arrived(&record), b".first\r\nA: b\r\n\r\n..\r\n.\r\nx\r\n");
        }
    }
    nothing_was_smuggled(world).await;
}

#[tokio::test]
async fn sm_12_a_dot_alone_is_an_empty_message() {
    let world = careless_world().await;
    let mut client = world.plain(PEER).await;
    for (index, tenant) in TENANTS.into_iter().enumerate() {
        let sender = sender(tenant);
        let answer = client
            .message(
                Envelope {
                    sender: &sender,
                    recipients: RECIPIENTS,
                },
                b".\r\n",
            )
            .await;
        assert_eq!(answer.code, 250, "{answer:?}");
        let answer = crate::chunks::in_one_chunk(&mut client, tenant, "", b"").await;
        assert_eq!(answer.code, 250, "{answer:?}");
        for record in world.messages(index, 2).await {
            assert!(arrived(&record).is_empty(), "{record:?}");
        }
    }
    client.quit().await;
    nothing_was_smuggled(world).await;
}

/// SM-13: CR CR LF . CR LF is an end to some and none to others. The message is refused, and what follows is neither
/// content nor commands: the connection is closed.
#[tokio::test]
async fn sm_13_an_end_in_doubt_closes_the_connection() {
    let world = careless_world().await;
    for tenant in TENANTS {
        for behind in [&b""[..], SMUGGLED] {
            let mut client = world.plain(PEER).await;
            let sender = sender(tenant);
            let envelope = Envelope {
                sender: &sender,
                recipients: RECIPIENTS,
            };
            let wire = [b"Subject: x\r\n\r\nbody\r\r\n.\r\n", behind].concat();
            let answer = client.message(envelope, &wire).await;
            answer.is("521 5.5.2");
            assert!(client.answers_until_closed().await.is_empty());
        }
    }
    assert_eq!(world.delivered(), 0);
    nothing_was_smuggled(world).await;
}

#[tokio::test]
async fn sm_14_dots_are_unstuffed_and_stuffed_again() {
    let world = careless_world().await;
    let mut dots = Vec::new();
    for length in 1..=998 {
        dots.extend(std::iter::repeat_n(b'.', length));
        dots.extend_from_slice(b"\r\n");
    }
    let contents: [&[u8]; 6] = [
        b"..\r\nx\r\n",
        b".\r\n",
        b".x\r\n\r\n.\r\n",
        b"\r\n.\r\n\r\n",
        &dots,
        &long(3 << 20),
    ];
    for (index, tenant) in TENANTS.into_iter().enumerate() {
        let mut client = world.plain(PEER).await;
        for content in contents {
            let sender = sender(tenant);
            let answer = client
                .message(
                    Envelope {
                        sender: &sender,
                        recipients: RECIPIENTS,
                    },
                    stuffed(content),
                )
                .await;
            assert_eq!(answer.code, 250, "{answer:?}");
        }
        client.quit().await;
        let records = world.messages(index, contents.len() as u64).await;
        for (record, content) in records.iter().zip(contents) {
            assert!(arrived(record) == content, "{} octets arrived", record.size);
        }
    }
    nothing_was_smuggled(world).await;
}
