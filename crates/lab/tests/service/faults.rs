//! Every fault, at its stage.

use std::time::Duration;

use tenantry_lab::pki::{CertificateSpec, Validity};
use tenantry_lab::reply::Refusal;
use tenantry_net::{
    AnonymousTls, ChannelError, HandshakeErrorKind, Trust, UntrustedReason, UpstreamTrust, Verify,
};
use tokio::time::Instant;

use crate::SOON;
use crate::client::{Client, MESSAGE, deadline};
use crate::stand::{NOWHERE, Stand, TENANTS};

async fn with(fault: &str) -> Stand {
    Stand::with(&format!("[[fault]]\n{fault}"), "", TENANTS).await
}

const NOT_NOW: &str = "451 4.3.2 not now\r\n";

#[tokio::test]
async fn a_reply_can_be_given_at_every_stage() {
    for (stage, command) in [
        ("connect", ""),
        ("greeting", ""),
        ("ehlo", "EHLO client.example"),
        ("starttls", "STARTTLS"),
        ("mail", "MAIL FROM:<v@vendor.test>"),
        ("rcpt", "RCPT TO:<a@contoso.com>"),
        ("data", "DATA"),
        ("quit", "QUIT"),
    ] {
        let fault = format!("stage = \"{stage}\"\nreply = \"451 4.3.2 not now\"");
        let stand = with(&fault).await;
        let mut client = Client::connect(NOWHERE, stand.at("EUR")).await;
        if command.is_empty() {
            client.expect(NOT_NOW).await;
            client.rest().await.1.unwrap();
            continue;
        }
        client.expect("220 ").await;
        let before = [
            "EHLO client.example",
            "MAIL FROM:<v@vendor.test>",
            "RCPT TO:<a@contoso.com>",
        ];
        for line in before.into_iter().take_while(|line| *line != command) {
            client.ask(line, "250").await;
        }
        client.ask(command, NOT_NOW).await;
    }
}

#[tokio::test]
async fn a_reply_at_the_end_of_data_refuses_the_message_and_is_recorded() {
    let stand = with("stage = \"end-of-data\"\ntimes = 1\nreply = \"temporary-attr55\"").await;
    let mut client = stand.client().await;
    let reply = client.message("v@vendor.test", &["a@contoso.com"]).await;
    assert!(
        reply.starts_with(Refusal::TemporaryAttr55.text()),
        "{reply}"
    );
    let record = stand.journal().records().pop().unwrap();
    assert!(!record.accepted && record.reply == reply.trim_end());
    let reply = client.message("v@vendor.test", &["a@contoso.com"]).await;
    assert!(reply.starts_with("250 2.6.0"), "{reply}");
}

#[tokio::test]
async fn the_first_chunk_can_be_refused_too() {
    let stand = with("stage = \"data\"\nreply = \"451 4.3.2 not now\"").await;
    for last in ["", " LAST"] {
        let mut client = stand.client().await;
        client.envelope("v@vendor.test", &["a@contoso.com"]).await;
        client.send(format!("BDAT 4{last}\r\nabcd")).await;
        client.expect(NOT_NOW).await;
        client.ask("RCPT TO:<a@contoso.com>", "503").await;
    }
    assert_eq!(stand.journal().totals().accepted, 0);
}

#[tokio::test]
async fn a_fault_of_a_tenant_strikes_that_tenant_from_where_it_is_known() {
    let message = format!("{MESSAGE}\r\n.");
    let dialogue = [
        ("mail", "MAIL FROM:<u@contoso.com>"),
        ("rcpt", "RCPT TO:<x@gmail.test>"),
        ("data", "DATA"),
        ("end-of-data", &message),
    ];
    for (stage, _) in dialogue {
        let fault = format!("stage = \"{stage}\"\ntenant = \"A\"\nreply = \"451 4.3.2 not now\"");
        let stand = with(&fault).await;
        let mut other = stand.client().await;
        let reply = other.message("v@vendor.test", &["y@fabrikam.com"]).await;
        assert!(reply.starts_with("250 2.6.0"), "{stage}: {reply}");
        let mut a = stand.client_with("mail.a.contoso.com").await;
        for (at, line) in dialogue {
            let reply = a.ask(line, "").await;
            assert_eq!(reply == NOT_NOW, at == stage, "{stage} {at}: {reply}");
            if at == stage {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_fault_of_a_region_strikes_its_endpoint_only() {
    let fault = "stage = \"greeting\"\nregion = \"NAM\"\nreply = \"554 5.3.2 closed\"";
    let stand = with(fault).await;
    let mut nam = Client::connect(NOWHERE, stand.at("NAM")).await;
    nam.expect("554 5.3.2 closed\r\n").await;
    let mut eur = Client::connect(NOWHERE, stand.at("EUR")).await;
    eur.expect("220 ").await;
}

#[tokio::test]
async fn a_session_can_be_dropped_half_closed_or_reset() {
    for stage in ["connect", "greeting", "ehlo", "end-of-data"] {
        for action in ["drop", "half-close", "reset"] {
            let stand = with(&format!("stage = \"{stage}\"\naction = \"{action}\"")).await;
            let mut client = Client::connect(NOWHERE, stand.at("EUR")).await;
            match stage {
                "ehlo" => {
                    client.expect("220 ").await;
                    client.send("EHLO x\r\n").await;
                }
                "end-of-data" => {
                    client.expect("220 ").await;
                    client.ask("EHLO x", "250-").await;
                    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
                    client.ask("DATA", "354").await;
                    client.send(format!("{MESSAGE}\r\n.\r\n")).await;
                }
                _ => {}
            }
            let (rest, ended) = client.rest().await;
            assert_eq!(rest, "", "{stage} {action}");
            match (action, ended) {
                ("reset", Err(ChannelError::Disconnected(_))) | ("drop" | "half-close", Ok(())) => {
                }
                (_, ended) => panic!("{stage} {action}: {ended:?}"),
            }
            assert_eq!(stand.journal().totals().accepted, 0);
        }
    }
}

#[tokio::test]
async fn a_half_closed_session_still_reads() {
    let stand = with("stage = \"ehlo\"\naction = \"half-close\"").await;
    let mut client = Client::connect(NOWHERE, stand.at("EUR")).await;
    client.expect("220 ").await;
    client.send("EHLO x\r\n").await;
    client.rest().await.1.unwrap();
    for _ in 0..10 {
        client.send("NOOP\r\n").await;
    }
    assert_eq!(stand.service.sessions(), 1);
}

#[tokio::test]
async fn bad_tls_is_no_tls() {
    let stand = with("stage = \"starttls\"\naction = \"bad-tls\"").await;
    let kind = handshake(&stand, Verify::None).await.unwrap_err();
    assert_eq!(kind, HandshakeErrorKind::Protocol);
}

#[tokio::test]
async fn an_expired_certificate_of_the_server_is_presented() {
    let fault = "stage = \"starttls\"\naction = \"expired-certificate\"\ntimes = 2";
    let stand = with(fault).await;
    handshake(&stand, Verify::None).await.unwrap();
    let kind = handshake(&stand, Verify::NameAndChain).await.unwrap_err();
    assert!(
        matches!(kind, HandshakeErrorKind::Certificate(_)),
        "{kind:?}"
    );
    handshake(&stand, Verify::NameAndChain).await.unwrap();
}

#[tokio::test]
async fn an_expired_certificate_of_a_known_authority_is_called_expired() {
    let fault = "[[fault]]\nstage = \"starttls\"\naction = \"expired-certificate\"";
    let server = "expired_certificate = \"old.pem\"\nexpired_key = \"old.key\"";
    let prepared = Stand::prepare(fault, server, TENANTS).await;
    let old = CertificateSpec::server(&["lab.example"]).with_validity(Validity::Expired);
    let old = prepared.authority.issue(&old).unwrap();
    old.write(prepared.folder.path(), "old").unwrap();
    let stand = prepared.start().await;
    let kind = handshake(&stand, Verify::NameAndChain).await.unwrap_err();
    let expected = HandshakeErrorKind::Certificate(UntrustedReason::Expired);
    assert_eq!(kind, expected);
    handshake(&stand, Verify::None).await.unwrap();
}

async fn handshake(stand: &Stand, verify: Verify) -> Result<(), HandshakeErrorKind> {
    let mut client = stand.client().await;
    client.ask("STARTTLS", "220 2.0.0").await;
    let mut trust = Trust::builder();
    let authority = stand.authority.certificate_pem();
    trust.add_pem(authority.as_bytes()).unwrap();
    let trust = UpstreamTrust::Roots(trust.build().unwrap());
    let tls = AnonymousTls::new(&trust, verify, None).unwrap();
    let plain = client.0.into_plain().unwrap();
    let connected = tls.connect(plain, "lab.example", deadline()).await;
    connected.map(|_| ()).map_err(|error| error.kind)
}

/// Sends a message and does not wait for its answer.
async fn send_message(client: &mut Client) {
    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
    client.ask("DATA", "354").await;
    client.send(format!("{MESSAGE}\r\n.\r\n")).await;
}

#[tokio::test]
async fn a_message_can_be_taken_and_the_connection_closed_without_an_answer() {
    let stand = with("stage = \"end-of-data\"\naction = \"close-after-dot\"\ntimes = 1").await;
    let mut client = stand.client().await;
    send_message(&mut client).await;
    let (rest, _) = client.rest().await;
    assert_eq!(rest, "");
    let record = stand.journal().records().pop().unwrap();
    assert!(record.accepted && record.unanswered);
    assert!(record.reply.starts_with("250 2.6.0"));
}

#[tokio::test]
async fn a_late_reply_comes_after_the_message_was_journalled() {
    let fault = "stage = \"end-of-data\"\naction = \"late-reply\"\ndelay = \"300ms\"";
    let stand = with(fault).await;
    let mut client = stand.client().await;
    send_message(&mut client).await;
    let begun = Instant::now();
    stand.journal().wait_for(1, SOON).await.unwrap();
    client.expect("250 2.6.0").await;
    assert!(begun.elapsed() >= Duration::from_millis(250));
}

#[tokio::test]
async fn a_delay_and_a_tarpit_take_their_time_and_hold_up_no_earlier_answer() {
    let stand = with("stage = \"mail\"\ndelay = \"50ms\"\ntarpit = \"1ms\"").await;
    let mut client = stand.client().await;
    let begun = Instant::now();
    client.send("NOOP\r\nMAIL FROM:<v@vendor.test>\r\n").await;
    client.expect("250 2.0.0 OK").await;
    assert!(client.0.input.is_empty());
    let answer = "250 2.1.0 Sender OK\r\n";
    client.expect(answer).await;
    let least = Duration::from_millis(50 + answer.len() as u64);
    assert!(begun.elapsed() >= least, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_throttled_source_hears_that_the_server_is_busy() {
    let throttle = "{ messages_per_second = 0.001, burst = 2, reply = \"server-busy\" }";
    let stand = with(&format!("stage = \"mail\"\nthrottle = {throttle}")).await;
    let mut client = stand.client().await;
    for _ in 0..2 {
        client.ask("MAIL FROM:<v@vendor.test>", "250").await;
        client.ask("RSET", "250").await;
    }
    let busy = "451 4.7.500 Server busy. Please try again later from [203.0.113.9]. (S77714) [";
    client.ask("MAIL FROM:<v@vendor.test>", busy).await;
}

#[tokio::test]
async fn the_dice_of_a_seed_fall_alike_over_sockets() {
    let play = async || {
        let fault = "stage = \"mail\"\nprobability = 0.5\nreply = \"server-busy\"";
        let stand = Stand::with(&format!("seed = 42\n[[fault]]\n{fault}"), "", TENANTS).await;
        let mut client = stand.client().await;
        let mut refused = Vec::new();
        for _ in 0..16 {
            let reply = client.ask("MAIL FROM:<v@vendor.test>", "").await;
            refused.push(reply.starts_with('4'));
            client.ask("RSET", "250").await;
        }
        refused
    };
    let first = play().await;
    assert_eq!(first, play().await);
    assert!(first.contains(&true) && first.contains(&false));
}
