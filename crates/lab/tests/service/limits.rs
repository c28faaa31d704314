//! What bounds a session, and how the service ends.

use std::time::Duration;

use tenantry_lab::reply::Refusal;

use crate::client::{Client, MESSAGE};
use crate::stand::{NOWHERE, Stand, TENANTS};

#[tokio::test]
async fn more_recipients_of_a_domain_than_allowed_hear_too_many() {
    let stand = Stand::with("[limits]\nrecipients_per_domain = 2", "", TENANTS).await;
    let mut client = stand.client().await;
    let rcpts = [
        "1@contoso.com",
        "2@CONTOSO.COM",
        "3@contoso.com",
        "1@adatum.com",
    ];
    let replies = client.envelope("v@vendor.test", &rcpts).await;
    let codes: Vec<_> = replies.iter().map(|reply| reply.split_at(3).0).collect();
    assert_eq!(codes, ["250", "250", "452", "250"]);
    assert!(replies.concat().contains(Refusal::TooManyRecipients.text()));
}

#[tokio::test]
async fn two_hundred_recipients_of_a_domain_pass_and_one_more_does_not() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    client.ask("MAIL FROM:<v@vendor.test>", "250").await;
    let lines: String = (0..201)
        .map(|n| format!("RCPT TO:<u{n}@contoso.com>\r\n"))
        .collect();
    client.send(lines).await;
    for _ in 0..200 {
        client.expect("250 2.1.5 Recipient OK").await;
    }
    client.expect("452 4.5.3 Too many recipients [").await;
    let reply = client.content(MESSAGE).await;
    assert!(reply.starts_with("250 2.6.0"), "{reply}");
    assert_eq!(stand.journal().records().last().unwrap().rcpt_to.len(), 200);
}

#[tokio::test]
async fn a_message_has_so_many_recipients_in_all() {
    let stand = Stand::with("[limits]\nrecipients = 2", "", TENANTS).await;
    let mut client = stand.client().await;
    let rcpts = ["1@contoso.com", "2@contoso.com", "3@contoso.com"];
    let replies = client.envelope("v@vendor.test", &rcpts).await;
    assert!(
        replies
            .last()
            .unwrap()
            .starts_with("452 4.5.3 Too many recipients [")
    );
}

#[tokio::test]
async fn a_message_over_the_size_is_refused_before_and_after_it_came() {
    let stand = Stand::with("[limits]\nsize = \"1KiB\"", "", TENANTS).await;
    let mut client = stand.client().await;
    let too_big = "552 5.3.4 Message size exceeds fixed maximum message size [";
    client
        .ask("MAIL FROM:<v@vendor.test> SIZE=1025", too_big)
        .await;
    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
    let reply = client.content(&"x\r\n".repeat(400)).await;
    assert!(reply.starts_with(too_big), "{reply}");
    let record = stand.journal().records().pop().unwrap();
    assert!(!record.accepted);
    let reply = client.message("v@vendor.test", &["a@contoso.com"]).await;
    assert!(reply.starts_with("250 2.6.0"), "{reply}");
}

#[tokio::test]
async fn bare_line_feeds_are_refused_and_nothing_is_smuggled() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
    let content = "Subject: x\n\nbare\n.\nMAIL FROM:<evil@vendor.test>";
    let reply = client.content(content).await;
    assert!(
        reply.starts_with("550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal;"),
        "{reply}"
    );
    let totals = stand.journal().totals();
    assert_eq!((totals.accepted, totals.refused), (0, 1));
}

#[tokio::test]
async fn too_many_hops_are_a_loop() {
    let stand = Stand::with("[limits]\nhop_limit = 3", "", TENANTS).await;
    let mut client = stand.client().await;
    for (hops, expected) in [(3, "250 2.6.0"), (4, Refusal::HopCountAttr34.text())] {
        client.envelope("v@vendor.test", &["a@contoso.com"]).await;
        let content = format!(
            "{}Subject: x\r\n\r\nReceived: body",
            "Received: by\r\n x\r\n".repeat(hops)
        );
        let reply = client.content(&content).await;
        assert!(reply.starts_with(expected), "{hops}: {reply}");
    }
}

#[tokio::test]
async fn a_connection_over_the_limit_is_told_so_and_the_next_one_is_not() {
    let stand = Stand::with("[limits]\nconnections = 1", "", TENANTS).await;
    let mut first = stand.client().await;
    let mut second = Client::connect(NOWHERE, stand.at("EUR")).await;
    second
        .expect("421 4.3.2 The maximum number of concurrent server connections")
        .await;
    first.ask("QUIT", "221").await;
    first.rest().await.1.unwrap();
    drop(first);
    // The permit is given back when the server's side has ended.
    loop {
        let mut third = Client::connect(NOWHERE, stand.at("EUR")).await;
        if third.reply().await.starts_with("220 ") {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(stand.service.sessions(), 1);
}

#[tokio::test]
async fn a_silent_client_is_told_and_left() {
    let stand = Stand::with("[timeouts]\ncommand = \"50ms\"", "", TENANTS).await;
    let mut client = Client::connect(NOWHERE, stand.at("EUR")).await;
    client.expect("220 ").await;
    client.expect("421 4.4.1 Connection timed out [").await;
    client.rest().await.1.unwrap();
}

#[tokio::test]
async fn stopping_says_good_bye_and_lets_a_message_end() {
    let stand = Stand::with("", "drain = \"10s\"", TENANTS).await;
    let mut idle = stand.client().await;
    let mut busy = stand.client().await;
    busy.envelope("v@vendor.test", &["a@contoso.com"]).await;
    busy.ask("DATA", "354").await;
    let address = stand.at("EUR");
    let stopping = tokio::spawn(stand.service.stop());
    idle.expect("421 4.3.2 Service not available, closing transmission channel [")
        .await;
    busy.ask(&format!("{MESSAGE}\r\n."), "250 2.6.0").await;
    busy.expect("421 4.3.2 ").await;
    busy.rest().await.1.unwrap();
    drop((idle, busy));
    let journal = stopping.await.unwrap();
    assert_eq!(journal.totals().accepted, 1);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_takes_longer_than_the_drain_is_cut_off() {
    let stand = Stand::with("", "drain = \"50ms\"", TENANTS).await;
    let mut busy = stand.client().await;
    busy.envelope("v@vendor.test", &["a@contoso.com"]).await;
    busy.ask("DATA", "354").await;
    let journal = tokio::time::timeout(Duration::from_secs(10), stand.service.stop());
    let journal = journal.await.unwrap();
    assert_eq!(journal.totals().accepted, 0);
    let (rest, _) = busy.rest().await;
    assert_eq!(rest, "");
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    use tenantry_lab::service::LabService;
    let why = async |change: fn(&mut tenantry_lab::file::Lab)| {
        let mut prepared = Stand::prepare("", "", TENANTS).await;
        change(&mut prepared.lab);
        let started = LabService::start(prepared.lab, prepared.options).await;
        started.err().unwrap().to_string()
    };
    let text = why(|lab| lab.server = None).await;
    assert!(text.contains("no [server]"), "{text}");
    let text = why(|lab| lab.endpoints.clear()).await;
    assert!(text.contains("no [[endpoint]]"), "{text}");
    let text = why(|lab| lab.server.as_mut().unwrap().key = "/nowhere/key".into()).await;
    assert!(text.contains("/nowhere/key"), "{text}");
    let text = why(|lab| lab.server.as_mut().unwrap().trust = vec!["/nowhere/ca".into()]).await;
    assert!(text.contains("/nowhere/ca"), "{text}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut prepared = Stand::prepare("", "", TENANTS).await;
    prepared.lab.endpoints.first_mut().unwrap().address = address;
    let error = LabService::start(prepared.lab, prepared.options)
        .await
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains(&format!("cannot listen on {address} for EUR")),
        "{error}"
    );
}

#[tokio::test]
async fn a_command_that_comes_octet_by_octet_has_no_more_time_than_another() {
    let stand = Stand::with("[timeouts]\ncommand = \"200ms\"", "", TENANTS).await;
    let mut client = stand.client().await;
    client.send("N").await;
    // Each octet within the time, all of them not.
    let trickle = async {
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..500 {
            clock.tick().await;
            client.0.output.extend_from_slice(b"N");
            if client.0.flush(crate::client::deadline()).await.is_err()
                || !client.0.input.is_empty()
            {
                return true;
            }
            let soon = tenantry_net::Deadline::after("look", Duration::from_millis(1));
            if client.0.fill(soon).await.is_ok() {
                return true;
            }
        }
        false
    };
    assert!(trickle.await, "it is told or cut off");
}
