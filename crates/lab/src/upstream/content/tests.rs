//! Any split of the input gives the same content and the same end.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing step is a failing test"
)]

use super::*;

/// Feeds the input in pieces of one size; gives the contents and what is left.
fn decode(mode: EndOfData, input: &[u8], piece: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut buffer = BytesMut::new();
    let mut messages = Vec::new();
    let mut decoder = Decoder::new(mode);
    let mut collector = Collector::new(Keep::Content, u64::MAX);
    for piece in input.chunks(piece) {
        buffer.extend_from_slice(piece);
        while decoder.decode(&mut buffer, &mut collector) != Progress::More {
            let done = std::mem::replace(&mut collector, Collector::new(Keep::Content, u64::MAX));
            messages.push(done.finish().content.unwrap().to_vec());
            decoder = Decoder::new(mode);
        }
    }
    let rest = collector.finish().content.unwrap().to_vec();
    (messages, [rest, buffer.to_vec()].concat())
}

#[test]
fn the_true_end_is_found_however_it_is_cut() {
    let cases: [(&[u8], &[u8]); 8] = [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b".a\r\n\r\n..b\r\n.\r\n", b"a\r\n\r\n.b\r\n"),
        (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
        (b"a\r\n.\r\r\nb\r\n.\r\n", b"a\r\n\r\r\nb\r\n"),
        (b"a\r\r\n.\r\n", b"a\r\r\n"),
        (
            b"a\n.\r\nb\r.\r\n\r\n.\nc\r\n.\r\n",
            b"a\n.\r\nb\r.\r\n\r\n\nc\r\n",
        ),
    ];
    for (input, expected) in cases {
        for piece in 1..=input.len() {
            let (messages, rest) = decode(EndOfData::Strict, input, piece);
            let shown = String::from_utf8_lossy(input);
            assert_eq!(messages, [expected], "{shown:?} in pieces of {piece}");
            assert!(rest.is_empty(), "{shown:?} in pieces of {piece}");
        }
    }
}

#[test]
fn the_lax_sink_takes_every_bad_end_for_an_end() {
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r.\n",
        "\n.\r",
        "\r.\r\n",
        "\r\n.\r",
        "\r\n.\r\n",
        "\r\n\0.\r\n",
        "\r\n.\0\r\n",
        "\r\n.\r\r\n",
        "\r\r\n.\r\n",
    ] {
        let input = format!("body{end}rest");
        let mut buffer = BytesMut::from(input.as_bytes());
        let mut collector = Collector::new(Keep::Content, u64::MAX);
        let progress = Decoder::new(EndOfData::Lax).decode(&mut buffer, &mut collector);
        assert_ne!(progress, Progress::More, "{end:?}");
        assert!(buffer.ends_with(b"rest"), "{end:?}");
        assert!(collector.finish().content.unwrap().starts_with(b"body"));
        let (strict, _) = decode(EndOfData::Strict, input.as_bytes(), input.len());
        assert_eq!(
            strict.len(),
            usize::from(end.ends_with("\r\n.\r\n")),
            "{end:?}"
        );
    }
}

#[test]
fn stray_line_ends_are_counted_across_pieces() {
    for (content, carriage_returns, line_feeds, nuls) in [
        ("a\r\nb\r\n", 0, 0, 0),
        ("a\nb\r\n", 0, 1, 0),
        ("a\rb\r\n", 1, 0, 0),
        ("a\r\r\n", 1, 0, 0),
        ("a\r\0\n", 1, 1, 1),
        ("a\n\r", 1, 1, 0),
        ("\r\r\r", 3, 0, 0),
        ("a\r\n\n\n\0\0", 0, 2, 2),
    ] {
        for piece in 1..=content.len() {
            let mut collector = Collector::new(Keep::Digest, u64::MAX);
            content
                .as_bytes()
                .chunks(piece)
                .for_each(|piece| collector.take(piece));
            let expected = Stray {
                carriage_returns,
                line_feeds,
                nuls,
            };
            assert_eq!(
                collector.finish().stray,
                expected,
                "{content:?} in pieces of {piece}"
            );
        }
    }
}

#[test]
fn the_digest_after_the_trace_is_that_of_what_was_sent() {
    let sent = b"Received: from elsewhere\r\nSubject: x\r\n\r\nbody\r\n";
    let relayed = [b"Received: from a\r\n\tby b; now\r\n".as_slice(), sent].concat();
    let plain = b"Subject: x\r\n\r\nReceived: no\r\n";
    for piece in 1..=relayed.len() {
        let collect = |content: &[u8]| {
            let mut collector = Collector::new(Keep::Digest, u64::MAX);
            content
                .chunks(piece)
                .for_each(|piece| collector.take(piece));
            collector.finish()
        };
        let digest = |content: &[u8]| {
            let digest = aws_lc_rs::digest::digest(&SHA256, content);
            Some(<[u8; 32]>::try_from(digest.as_ref()).unwrap())
        };
        let with_trace = collect(&relayed);
        assert_eq!(with_trace.sha256, digest(&relayed));
        assert_eq!(with_trace.sha256_after_trace, digest(sent));
        assert_eq!(with_trace.trace.unwrap().len(), relayed.len() - sent.len());
        let without = collect(plain);
        assert_eq!(
            (without.trace, without.sha256_after_trace),
            (None, digest(plain))
        );
        let only = collect(&relayed[..relayed.len() - sent.len()]);
        assert_eq!(only.sha256_after_trace, digest(b""));
        assert_eq!(collect(b"").sha256_after_trace, digest(b""));
    }
}
