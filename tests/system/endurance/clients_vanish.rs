//! Clients that vanish at every stage: no session, upstream connection or descriptor stays behind.

use std::net::SocketAddr;

use tokio::task::JoinSet;

use super::{FROM_A, SMALL, all_closed, at_rest, delivers, plan, warm};
use crate::client::{Client, PATIENCE, PEER, Tls};

/// How a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Connected,
    Greeted,
    Hello,
    InsideTls,
}

/// What a client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Says a line, which is answered with this code.
    Says(&'static str, u16),
    /// Sends this so many times.
    Sends(&'static str, usize),
    /// Waits for an answer with this code.
    Hears(u16),
}

use Step::{Hears, Says, Sends};

const MAIL: Step = Says("MAIL FROM:<u@tenant-a.example>", 250);
const RCPT: Step = Says("RCPT TO:<x@elsewhere.example>", 250);
const DATA: Step = Says("DATA", 354);

/// How far a client comes before it vanishes.
const STAGES: &[(Begin, &[Step])] = &[
    (Begin::Connected, &[]),
    (Begin::Greeted, &[]),
    (Begin::Greeted, &[Sends("EHL", 1)]),
    (Begin::Hello, &[]),
    (Begin::Hello, &[Says("STARTTLS", 220)]),
    (
        Begin::Hello,
        &[
            Says("STARTTLS", 220),
            Sends(
                "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03half a hello",
                1,
            ),
        ],
    ),
    (Begin::InsideTls, &[]),
    (Begin::InsideTls, &[Sends("MAIL FR", 1)]),
    (Begin::InsideTls, &[MAIL]),
    (
        Begin::InsideTls,
        &[MAIL, Sends("RCPT TO:<x@elsewhere.example>\r\n", 1)],
    ),
    (Begin::InsideTls, &[MAIL, RCPT]),
    (Begin::InsideTls, &[MAIL, RCPT, DATA]),
    (
        Begin::InsideTls,
        &[MAIL, RCPT, DATA, Sends("Subject: half\r\n\r\nbo", 1)],
    ),
    (
        Begin::InsideTls,
        &[
            MAIL,
            RCPT,
            DATA,
            Sends("Subject: much\r\n\r\n", 1),
            Sends("A long text of many lines.\r\n", 20_000),
        ],
    ),
    (
        Begin::InsideTls,
        &[
            MAIL,
            RCPT,
            DATA,
            Sends("Subject: x\r\n\r\nbody\r\n.\r\n", 1),
        ],
    ),
    (
        Begin::InsideTls,
        &[MAIL, RCPT, Sends("BDAT 1000 LAST\r\nSubject: half", 1)],
    ),
    (
        Begin::InsideTls,
        &[
            MAIL,
            RCPT,
            Sends("BDAT 12\r\nSubject: x\r\n", 1),
            Hears(250),
        ],
    ),
    (
        Begin::InsideTls,
        &[MAIL, RCPT, Sends("BDAT 12 LAST\r\nSubject: x\r\n", 1)],
    ),
];

/// Brings a client to its stage.
async fn client_at((begin, steps): (Begin, &[Step]), to: SocketAddr, tls: &Tls) -> Client {
    let mut client = match begin {
        Begin::Connected => Client::connect(PEER, to).await,
        Begin::Greeted => Client::greeted(PEER, to).await,
        Begin::Hello => Client::ehlo(PEER, to).await,
        Begin::InsideTls => Client::starttls(PEER, to, tls).await,
    };
    for step in steps {
        match step {
            Says(line, code) => drop(client.says(line, *code).await),
            Sends(text, times) => client.send(text.repeat(*times)).await,
            Hears(code) => drop(client.expect(*code).await),
        }
    }
    client
}

/// Clients that come to every stage at the same time, and vanish or reset.
async fn all_stages(to: SocketAddr, tls: &Tls) {
    let mut clients = JoinSet::new();
    for stage in STAGES.iter().copied() {
        for reset in [false, true] {
            let tls = tls.clone();
            clients.spawn(async move {
                for _time in 0..2 {
                    let client = client_at(stage, to, &tls).await;
                    if reset {
                        client.reset()
                    } else {
                        client.vanish()
                    }
                }
            });
        }
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_vanish_at_any_stage_leave_nothing_behind() {
    for extensions in [None, Some(&["8BITMIME", "PIPELINING"])] {
        let world = plan()
            .first_upstream(move |pki| {
                let settings = pki.upstream().keeping_content();
                match extensions {
                    Some(extensions) => settings.with_extensions(extensions),
                    None => settings,
                }
            })
            .start()
            .await;
        let (program, descriptors) = warm(&world).await;
        let tls = world.pki.client(&["tenant-a.example"]);
        // In the program, where descriptors are counted, and in this process, where sessions are.
        for to in [program.at("starttls"), world.at("starttls")] {
            all_stages(to, &tls).await;
        }
        world.at_rest().await;
        assert_eq!(world.relay.load().panics, 0);
        at_rest(&world, &program, descriptors).await;
        all_closed(&world).await;
        // Whole messages alone, and those that were ended are here although nobody heard the answer.
        for record in world.journal(0).messages() {
            let kept = record.content.clone().unwrap();
            let whole = kept.ends_with(b"body\r\n") || kept.ends_with(b"Subject: x\r\n");
            assert!(whole, "{}", kept.escape_ascii());
        }
        delivers(&program).await;
        program.stop().await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_ended_is_delivered_although_the_client_has_left() {
    use tenantry_lab::upstream::{Fault, Stage};
    let world = plan()
        .first_upstream(|pki| {
            // The client has long left when the upstream answers.
            let late = Fault::at(Stage::End).delay(std::time::Duration::from_millis(200));
            pki.upstream().keeping_content().with_fault(late)
        })
        .start()
        .await;
    let mut closed = world.transactions();
    for reset in [false, true] {
        let mut client = world.plain(PEER).await;
        client.open(FROM_A).await;
        client.send(SMALL).await;
        // The end of data has gone upstream: from here on the client does not matter.
        let wanted = u64::from(reset) + 1;
        let arrived = world.journal(0).await_messages(wanted, PATIENCE);
        arrived.await.unwrap();
        if reset {
            client.reset()
        } else {
            client.vanish()
        }
        let transaction = closed.next().await;
        assert_eq!(transaction.reply, Some(250), "{transaction:?}");
    }
    world.messages(0, 2).await;
    world.stop().await;
}
