//! A session with any client, against an agreeable server: the replies do not depend on the
//! pieces, and everything is bounded.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tenantry_smtp::{
    Command, Content, ContentLimits, Offer, Reply, ServerEvent, ServerLimits, ServerSession,
    TlsState,
};

fn limits() -> ServerLimits {
    ServerLimits {
        command_line: 64,
        mail_line: 96,
        swallow: 256,
        content: ContentLimits {
            max_octets: 256,
            max_line: 64,
        },
        recipients: 3,
        messages: 5,
        chunks: 4,
        ..ServerLimits::default()
    }
}

fn answer(session: &mut ServerSession, verb: &str) -> u16 {
    let code = match verb {
        "DATA" if session.accepted_recipients() == 0 => 554,
        "DATA" => 354,
        "STARTTLS" => 454,
        "BDAT" | "message" if session.accepted_recipients() == 0 => 554,
        "BDAT" | "message" if session.content_fault().is_some() => 550,
        _ => 250,
    };
    session.answer(&Reply::plain(code, ""));
    code
}

fn play(pieces: &[&[u8]]) -> (Vec<u16>, Vec<u8>) {
    let offer = Offer {
        size: Some(256),
        smtputf8: true,
        chunking: true,
        binary_mime: true,
        ..Offer::default()
    };
    let mut session = ServerSession::new(limits(), offer, TlsState::Offered);
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    let mut codes = Vec::new();
    let mut handed: Vec<&'static str> = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            if session.in_content() {
                match session.content(&mut input, &mut out) {
                    Content::More => break,
                    Content::ChunkEnd { .. } => codes.push(answer(&mut session, "BDAT")),
                    Content::MessageEnd => codes.push(answer(&mut session, "message")),
                }
                continue;
            }
            match session.next(&mut input) {
                Some(ServerEvent::Command(Command::Bdat { .. })) => {
                    codes.extend(handed.drain(..).map(|verb| answer(&mut session, verb)));
                }
                Some(ServerEvent::Command(command)) => handed.push(command.verb()),
                Some(ServerEvent::Refuse(reply)) => {
                    assert_eq!(session.outstanding(), 0);
                    codes.push(reply.code());
                }
                Some(ServerEvent::Close(reply)) => {
                    codes.push(reply.code());
                    assert!(session.closed());
                    return (codes, out.to_vec());
                }
                None if handed.is_empty() => break,
                None => codes.extend(handed.drain(..).map(|verb| answer(&mut session, verb))),
            }
        }
        assert!(
            session.closed() || input.len() < 256,
            "unread octets pile up"
        );
    }
    (codes, out.to_vec())
}

fuzz_target!(|octets: &[u8]| {
    let Some((cut, wire)) = octets.split_first() else {
        return;
    };
    let cut = usize::from(*cut) * wire.len() / 255;
    let whole = play(&[wire]);
    assert_eq!(play(&[&wire[..cut], &wire[cut..]]), whole);
});
