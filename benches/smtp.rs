//! How fast the protocol is: commands, replies, content in both directions.
//!
//! `cargo bench --bench smtp` prints time per command or reply, and octets per second of content.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tenantry_smtp::{
    Command, ContentCheck, ContentLimits, DataDecoder, DataEncoder, Offer, Reply, ReplyParser,
    ServerEvent, ServerLimits, ServerSession, TlsState,
};

fn offer() -> Offer {
    Offer {
        size: Some(150 << 20),
        pipelining: true,
        eight_bit_mime: true,
        smtputf8: true,
        enhanced_status_codes: true,
        chunking: true,
        dsn: true,
        ..Offer::default()
    }
}

/// Lines of 76 octets, as base64 attachments have them; every `dots`-th begins with a dot.
fn mail(octets: usize, dots: usize) -> Vec<u8> {
    let mut mail = Vec::with_capacity(octets + 78);
    let mut line = 0;
    while mail.len() < octets {
        line += 1;
        mail.extend_from_slice(if line % dots == 0 { b"." } else { b"A" });
        mail.extend_from_slice(&[b'x'; 75]);
        mail.extend_from_slice(b"\r\n");
    }
    mail
}

fn commands(criterion: &mut Criterion) {
    let offer = offer();
    let mut group = criterion.benchmark_group("command");
    for (name, line) in [
        (
            "mail",
            &b"MAIL FROM:<newsletter@contoso.example> SIZE=123456 BODY=8BITMIME"[..],
        ),
        (
            "rcpt",
            b"RCPT TO:<someone.else@fabrikam.example> NOTIFY=FAILURE,DELAY",
        ),
        ("rcpt plain", b"RCPT TO:<someone.else@fabrikam.example>"),
        ("data", b"DATA"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Command::parse(black_box(line), &offer));
        });
    }
    group.finish();
}

fn replies(criterion: &mut Criterion) {
    let line = b"250 2.6.0 <id@host.example> [InternalId=1] Queued mail for delivery\r\n";
    criterion.bench_function("reply/parse", |bencher| {
        let mut parser = ReplyParser::new();
        bencher.iter_batched_ref(
            || BytesMut::from(&line[..]),
            |input| parser.next(black_box(input)),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("reply/write", |bencher| {
        let reply = Reply::new(250, (2, 1, 5), "Recipient ok");
        let mut out = BytesMut::with_capacity(64);
        bencher.iter(|| {
            out.clear();
            reply.write_to(black_box(&mut out));
        });
    });
}

/// A whole envelope through the session machine: EHLO is past, MAIL, three RCPT, DATA, answers.
fn session(criterion: &mut Criterion) {
    let lines: &[u8] = b"MAIL FROM:<a@contoso.example> SIZE=1000\r\nRCPT TO:<b@one.example>\r\n\
        RCPT TO:<c@two.example>\r\nRCPT TO:<d@three.example>\r\nDATA\r\n";
    let content: &[u8] = b"Subject: short\r\n\r\nbody\r\n.\r\n";
    let (ok, go_on) = (Reply::new(250, (2, 0, 0), "Ok"), Reply::plain(354, "Go on"));
    criterion.bench_function("session/transaction", |bencher| {
        let limits = ServerLimits {
            messages: u64::MAX,
            ..ServerLimits::default()
        };
        let mut session = ServerSession::new(limits, offer(), TlsState::Active);
        let mut input = BytesMut::from(&b"EHLO bench.example\r\n"[..]);
        let mut out = BytesMut::with_capacity(4096);
        assert!(session.next(&mut input).is_some());
        session.answer(&ok);
        bencher.iter(|| {
            input.extend_from_slice(lines);
            while !session.in_content() {
                match session.next(&mut input) {
                    Some(ServerEvent::Command(Command::Data)) => {
                        (0..3).for_each(|_| session.answer(&ok));
                        session.answer(&go_on);
                    }
                    Some(ServerEvent::Command(Command::Mail(_))) => session.answer(&ok),
                    event => drop(black_box(event)),
                }
            }
            input.extend_from_slice(content);
            out.clear();
            black_box(session.content(&mut input, &mut out));
            session.answer(&ok);
        });
    });
}

fn content(criterion: &mut Criterion) {
    let limits = ContentLimits::default();
    let mut group = criterion.benchmark_group("content");
    for (name, dots) in [
        ("clean", usize::MAX),
        ("a dot in 100 lines", 100),
        ("only dots", 1),
    ] {
        let mail = mail(64 * 1024, dots);
        group.throughput(Throughput::Bytes(mail.len() as u64));
        let mut out = BytesMut::with_capacity(2 * mail.len());
        group.bench_function(format!("encode/{name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                DataEncoder::new().encode(black_box(&mail), &mut out)
            });
        });
        let mut wire = BytesMut::new();
        assert!(DataEncoder::new().encode(&mail, &mut wire).is_ok());
        group.bench_function(format!("decode/{name}"), |bencher| {
            bencher.iter_batched_ref(
                || wire.clone(),
                |input| {
                    out.clear();
                    DataDecoder::new(limits).decode(black_box(input), &mut out)
                },
                BatchSize::LargeInput,
            );
        });
        group.bench_function(format!("check/{name}"), |bencher| {
            bencher.iter(|| ContentCheck::default().check(black_box(&mail)));
        });
    }
    group.finish();
}

criterion_group!(benches, commands, replies, session, content);
criterion_main!(benches);
