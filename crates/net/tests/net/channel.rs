//! The channel: buffers, deadlines, quiet connections, the boundary at STARTTLS.

use std::time::Duration;

use bytes::Bytes;
use tenantry_net::{Channel, ChannelError, Deadline, LeftoverPlaintext, Stream};
use tokio::io::AsyncWriteExt;

use crate::pki::{Authority, Issued, leaf};
use crate::world::{Server, pair, shake, soon};

async fn plain() -> (Channel, Channel) {
    let (accepted, connected) = pair().await;
    (
        Channel::new(Stream::Plain(accepted)),
        Channel::new(Stream::Plain(connected)),
    )
}

async fn encrypted() -> (Channel, Channel) {
    let server = Server::requesting(Authority::root("Clients").policy());
    let client = server.client(Issued::self_signed(&leaf(&["a.example"])).identity());
    let (accepted, connected) = shake(&server.tls, &client).await;
    (
        Channel::new(accepted.unwrap().stream),
        Channel::new(connected.unwrap().0),
    )
}

async fn both() -> [(Channel, Channel); 2] {
    [plain().await, encrypted().await]
}

fn very_soon() -> Deadline {
    Deadline::after("a-short-wait", Duration::from_millis(30))
}

async fn send(channel: &mut Channel, octets: &[u8]) {
    channel.output.extend_from_slice(octets);
    assert!(channel.has_output());
    channel.flush(soon()).await.unwrap();
    assert!(!channel.has_output());
}

/// A wait that comes to nothing: the channel goes to rest.
async fn wait_in_vain(channel: &mut Channel) {
    let outcome = channel.fill(very_soon()).await;
    assert!(matches!(
        outcome,
        Err(ChannelError::Timeout("a-short-wait"))
    ));
}

#[tokio::test]
async fn octets_go_both_ways() {
    for (mut server, mut client) in both().await {
        send(&mut server, b"220 hello\r\n").await;
        assert_eq!(client.fill(soon()).await.unwrap(), 11);
        assert_eq!(&client.input[..], b"220 hello\r\n");
        send(&mut client, b"EHLO x\r\n").await;
        send(&mut client, b"MAIL").await;
        while server.input.len() < 12 {
            server.fill(soon()).await.unwrap();
        }
        assert_eq!(&server.input[..], b"EHLO x\r\nMAIL");
    }
}

#[tokio::test]
async fn the_end_of_the_stream_is_zero_octets() {
    for (mut server, client) in both().await {
        client.shutdown(very_soon()).await;
        assert_eq!(server.fill(soon()).await.unwrap(), 0);
    }
    // Without close_notify too: SMTP knows where things end.
    for (mut server, mut client) in both().await {
        if client.stream().is_tls() {
            // With tickets unread the system would send a reset instead of an end.
            settle(&client).await;
            assert!(client.is_quiet());
        }
        client.abort();
        assert_eq!(server.fill(soon()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_wait_ends_at_its_deadline_whatever_came_before() {
    for (mut server, mut client) in both().await {
        // An early timer does not fire for a later deadline, nor a late one too late.
        wait_in_vain(&mut server).await;
        send(&mut client, b"a").await;
        let later = Deadline::after("later", Duration::from_secs(60));
        assert_eq!(server.fill(later).await.unwrap(), 1);
        wait_in_vain(&mut server).await;
        wait_in_vain(&mut server).await;
        let passed = Deadline::after("passed", Duration::ZERO);
        let outcome = server.fill(passed).await;
        assert!(matches!(outcome, Err(ChannelError::Timeout("passed"))));
        send(&mut client, b"b").await;
        server.fill(soon()).await.unwrap();
        assert_eq!(&server.input[..], b"ab");
    }
}

#[tokio::test]
async fn one_timer_serves_deadlines_in_any_order() {
    let (mut server, _client) = plain().await;
    for (name, milliseconds) in [("long", 120), ("short", 20), ("longer", 200), ("short", 5)] {
        let wait = Duration::from_millis(milliseconds);
        let begin = std::time::Instant::now();
        let outcome = server.fill(Deadline::after(name, wait)).await;
        assert!(matches!(outcome, Err(ChannelError::Timeout(found)) if found == name));
        assert!(begin.elapsed() >= wait);
    }
    // A wait that ends early leaves a timer behind that must not end the next one.
    let armed = Deadline::after("armed", Duration::from_secs(300));
    let cut_off = tokio::time::timeout(Duration::from_millis(5), server.fill(armed)).await;
    assert!(cut_off.is_err());
    wait_in_vain(&mut server).await;
}

// SL-05, PL-06
#[tokio::test]
async fn a_peer_that_does_not_read_is_given_up_at_the_deadline() {
    for (mut server, client) in both().await {
        server.output.extend_from_slice(&vec![b'x'; 32 << 20]);
        let outcome = server.flush(very_soon()).await;
        assert!(matches!(
            outcome,
            Err(ChannelError::Timeout("a-short-wait"))
        ));
        assert!(server.has_output());
        drop(client);
    }
}

#[tokio::test]
async fn a_flush_that_was_cancelled_goes_on_where_it_was() {
    for (mut server, mut client) in both().await {
        let sent: Vec<u8> = (0..8_u32 << 20).map(|n| (n % 251) as u8).collect();
        server.output.extend_from_slice(&sent);
        let receiving = tokio::spawn(async move {
            let mut received = Vec::new();
            while received.len() < 8 << 20 {
                assert_ne!(client.fill(soon()).await.unwrap(), 0);
                received.extend_from_slice(&client.input.split());
            }
            received
        });
        while server.has_output() {
            // Each attempt is cut off after a moment.
            let _ = tokio::time::timeout(Duration::from_micros(300), server.flush(soon())).await;
        }
        assert!(receiving.await.unwrap() == sent);
    }
}

#[tokio::test]
async fn large_content_passes_unchanged_through_bounded_buffers() {
    for (mut server, mut client) in both().await {
        let block: Vec<u8> = (0..48_u32 * 1024).map(|n| (n % 253) as u8).collect();
        let expected = Bytes::from(block.clone());
        let sending = tokio::spawn(async move {
            for _ in 0..400 {
                send(&mut client, &block).await;
            }
            client
        });
        let mut taken = 0;
        let mut most = 0;
        while taken < 400 * expected.len() {
            server.fill(soon()).await.unwrap();
            most = most.max(server.input.capacity());
            let piece = server.input.split();
            for octet in &piece {
                assert_eq!(*octet, expected[taken % expected.len()]);
                taken += 1;
            }
        }
        assert!(most <= 2 * 64 * 1024, "{most}");
        sending.await.unwrap();
    }
}

#[tokio::test]
async fn a_resting_channel_holds_no_buffers() {
    for (mut server, mut client) in both().await {
        send(&mut client, &vec![b'x'; 300 * 1024]).await;
        let mut taken = 0;
        while taken < 300 * 1024 {
            server.fill(soon()).await.unwrap();
            taken += server.input.split().len();
        }
        wait_in_vain(&mut server).await;
        assert_eq!(server.input.capacity(), 0);
        // A piece of a command costs what it is long.
        send(&mut client, b"MAIL FR").await;
        server.fill(soon()).await.unwrap();
        server.output.reserve(100_000);
        wait_in_vain(&mut server).await;
        assert_eq!(&server.input[..], b"MAIL FR");
        assert!(
            server.input.capacity() <= 1024,
            "{}",
            server.input.capacity()
        );
        assert!(
            server.output.capacity() <= 1024,
            "{}",
            server.output.capacity()
        );
        client.rest();
        assert!(
            client.output.capacity() <= 1024,
            "{}",
            client.output.capacity()
        );
    }
}

#[tokio::test]
async fn input_that_nobody_takes_is_bounded() {
    let (mut server, mut client) = plain().await;
    let sending = tokio::spawn(async move {
        client.output.extend_from_slice(&vec![b'x'; 4 << 20]);
        let _ = client.flush(soon()).await;
    });
    let error = loop {
        if let Err(error) = server.fill(soon()).await {
            break error;
        }
    };
    assert!(matches!(error, ChannelError::InputFull(_)), "{error}");
    assert!(server.input.len() < 1 << 20);
    drop(server);
    sending.await.unwrap();
}

// UR-10
#[tokio::test]
async fn a_connection_at_rest_is_quiet_until_the_peer_says_something() {
    for (mut server, mut client) in both().await {
        // Under TLS 1.3 the server's session tickets are on their way to the client now.
        send(&mut server, b"220 hello\r\n").await;
        client.fill(soon()).await.unwrap();
        client.input.clear();
        for _ in 0..3 {
            assert!(client.is_quiet());
        }
        // It can still be used afterwards.
        send(&mut client, b"NOOP\r\n").await;
        server.fill(soon()).await.unwrap();
        assert!(client.is_quiet());
        send(&mut server, b"421 bye\r\n").await;
        settle(&client).await;
        assert!(!client.is_quiet());
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_is_not_quiet() {
    for (server, mut client) in both().await {
        assert!(client.is_quiet());
        let closing = tokio::spawn(server.shutdown(very_soon()));
        settle(&client).await;
        assert!(!client.is_quiet());
        closing.await.unwrap();
    }
    for (server, mut client) in both().await {
        server.abort();
        settle(&client).await;
        assert!(!client.is_quiet());
    }
}

#[tokio::test]
async fn tickets_that_nobody_has_read_yet_are_not_something_said() {
    for (server, mut client) in [encrypted().await] {
        settle(&client).await;
        assert!(client.is_quiet(), "only tickets have come");
        assert!(client.is_quiet());
        drop(server);
    }
}

#[tokio::test]
async fn what_was_read_and_not_taken_is_not_quiet() {
    for (mut server, mut client) in both().await {
        send(&mut server, b"250 late\r\n").await;
        client.fill(soon()).await.unwrap();
        assert!(!client.is_quiet());
    }
}

// ST-01, UT-06
#[tokio::test]
async fn plaintext_before_the_handshake_is_an_error() {
    let (mut server, mut client) = plain().await;
    send(&mut client, b"STARTTLS\r\nEHLO x\r\n").await;
    while server.input.len() < 18 {
        server.fill(soon()).await.unwrap();
    }
    let _command = server.input.split_to(10);
    assert_eq!(
        server.into_plain().unwrap_err(),
        LeftoverPlaintext { octets: 8 }
    );
    // The connection is closed, without a word.
    assert_eq!(client.fill(soon()).await.unwrap(), 0);

    let (server, _client) = plain().await;
    server.into_plain().unwrap();
    let (server, _client) = encrypted().await;
    server.into_plain().unwrap_err();
}

#[tokio::test]
async fn the_last_reply_arrives_although_input_was_left_unread() {
    for (mut server, mut client) in both().await {
        send(&mut client, &vec![b'x'; 100_000]).await;
        server.fill(soon()).await.unwrap();
        server.output.extend_from_slice(b"421 bye\r\n");
        let closing = tokio::spawn(server.shutdown(soon()));
        while client.fill(soon()).await.unwrap() != 0 {}
        assert_eq!(&client.input[..], b"421 bye\r\n");
        drop(client);
        closing.await.unwrap();
    }
}

#[tokio::test]
async fn the_refusal_of_our_certificate_is_an_alert_at_the_first_read() {
    // In TLS 1.3 the client is through with its handshake before the server has judged.
    let root = Authority::root("Clients");
    let server_authority = Authority::root("Server");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    let der = rustls_pki_types::pem::PemObject::from_pem_slice(root.pem.as_bytes()).unwrap();
    roots.add(der).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        std::sync::Arc::new(roots),
        provider.clone(),
    )
    .build()
    .unwrap();
    let issued = server_authority.issue(&leaf(&[crate::world::HOST]));
    let key = crate::inbound_tls::certified(&issued.chain, &issued.key);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(std::sync::Arc::new(rustls::sign::SingleCertAndKey::from(
            key,
        )));
    let client = crate::world::upstream_tls(
        Issued::self_signed(&leaf(&["a.example"])).identity(),
        &server_authority,
        tenantry_net::CertificateRequest::Optional,
    );
    let (accepted, connected) = pair().await;
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let (refused, connected) = tokio::join!(
        acceptor.accept(accepted),
        client.connect(connected, crate::world::HOST, soon())
    );
    refused.unwrap_err();
    let error = Channel::new(connected.unwrap().0)
        .fill(soon())
        .await
        .unwrap_err();
    assert!(matches!(error, ChannelError::Alert(_)), "{error}");
}

// SM-11
#[tokio::test]
async fn empty_records_are_neither_octets_nor_the_end() {
    let (mut server, client) = encrypted().await;
    let Stream::Tls(_) = client.stream() else {
        panic!("encrypted");
    };
    let mut client = client;
    send(&mut client, b".\r").await;
    // An empty write makes no record; the nearest thing is a split in the middle.
    send(&mut client, b"\n").await;
    while server.input.len() < 3 {
        assert_ne!(server.fill(soon()).await.unwrap(), 0);
    }
    assert_eq!(&server.input[..], b".\r\n");
}

#[tokio::test]
async fn garbage_inside_tls_is_the_peers_fault() {
    let (mut server, client) = encrypted().await;
    let descriptor = socket2::SockRef::from(client.stream().tcp())
        .try_clone()
        .unwrap();
    descriptor
        .send(b"this is no TLS record, and it never will be one")
        .unwrap();
    let error = server.fill(soon()).await.unwrap_err();
    assert!(matches!(error, ChannelError::Tls(_)), "{error}");
}

/// Waits until the system has something to read for this end.
async fn settle(channel: &Channel) {
    let mut octet = [0];
    let socket = socket2::SockRef::from(channel.stream().tcp())
        .try_clone()
        .unwrap();
    socket.set_nonblocking(true).unwrap();
    let tcp = tokio::net::TcpStream::from_std(socket.into()).unwrap();
    tcp.peek(&mut octet).await.ok();
    let mut tcp = tcp;
    tcp.flush().await.unwrap();
}
