//! PIPELINING and BDAT (group PL, RFC 2920, RFC 3030).

use bytes::BytesMut;
use tenantry_smtp::{
    Command, Content, ContentFault, ContentLimits, Reply, ServerEvent, ServerLimits, ServerSession,
    State, TlsState,
};

use super::play::{Player, full_offer};

const ENVELOPE: &str = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";

#[test]
fn pl_01_a_whole_envelope_in_one_segment_is_answered_in_order() {
    let mut player = Player::greeted();
    let group = "MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<bad@d>\r\nRCPT TO:<3@d>\r\nDATA\r\n";
    assert_eq!(player.say(group), ["250", "250", "550 5.1.1", "250", "354"]);
    assert_eq!(player.say("x\r\n.\r\n"), ["250"]);
    assert_eq!(player.messages[0].0, ["1@d", "3@d"]);
}

#[test]
fn recipients_and_data_are_handed_out_before_any_answer() {
    let mut session = ServerSession::new(ServerLimits::default(), full_offer(), TlsState::Active);
    let mut input = BytesMut::from("EHLO x\r\n");
    assert!(session.next(&mut input).is_some());
    assert_eq!(session.next(&mut input), None, "the answer is due first");
    session.answer(&Reply::plain(250, "x"));
    input.extend_from_slice(
        b"MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nDATA\r\nNOOP\r\n",
    );
    assert!(session.next(&mut input).is_some());
    assert_eq!(
        session.next(&mut input),
        None,
        "MAIL is answered before its recipients"
    );
    session.answer(&Reply::new(250, (2, 1, 0), "Ok"));
    let mut verbs = Vec::new();
    while let Some(ServerEvent::Command(command)) = session.next(&mut input) {
        verbs.push(command.verb());
    }
    assert_eq!(verbs, ["RCPT", "RCPT", "DATA"]);
    assert_eq!(session.outstanding(), 3);
    session.answer(&Reply::new(250, (2, 1, 5), "Ok"));
    session.answer(&Reply::new(450, (4, 2, 1), "Later"));
    assert_eq!(
        (session.outstanding(), session.accepted_recipients()),
        (1, 1)
    );
    session.answer(&Reply::plain(354, "Go on"));
    assert!(session.in_content());
    assert_eq!(&input[..], b"NOOP\r\n", "from here on it is content");
}

#[test]
fn what_does_not_belong_to_the_group_waits_for_the_answers() {
    for waiting in [
        "NOOP",
        "RSET",
        "QUIT",
        "FOO",
        "RCPT TO:<>",
        "RCPT TO:<x@-d>",
        "DATA junk",
        "BDAT x",
        "NO\nOP",
        "",
    ] {
        let mut player = Player::greeted();
        player.say("MAIL FROM:<a@b>\r\n");
        let input = &mut player.input;
        input.extend_from_slice(format!("RCPT TO:<1@d>\r\n{waiting}\r\n").as_bytes());
        assert!(matches!(
            player.session.next(input),
            Some(ServerEvent::Command(Command::Rcpt(_)))
        ));
        assert_eq!(player.session.next(input), None, "{waiting}");
        assert_eq!(player.session.next(input), None, "{waiting}");
        player.session.answer(&Reply::new(250, (2, 1, 5), "Ok"));
        assert!(player.session.next(input).is_some(), "{waiting}");
    }
}

#[test]
fn pl_02_the_next_transaction_may_follow_the_final_dot() {
    let mut player = Player::greeted();
    let one = format!("{ENVELOPE}DATA\r\n");
    player.say(&one);
    let replies = player.say(format!("first\r\n.\r\n{one}"));
    assert_eq!(replies, ["250", "250", "250", "354"]);
    assert_eq!(player.say("second\r\n.\r\nQUIT\r\n"), ["250", "221"]);
    let contents: Vec<_> = player
        .messages
        .iter()
        .map(|(_, content)| &content[..])
        .collect();
    assert_eq!(contents, [b"first\r\n".as_slice(), b"second\r\n"]);
}

#[test]
fn pl_05_chunks_make_a_message() {
    for (octets, content) in [
        ("BDAT 0 LAST\r\n", ""),
        ("BDAT 3 LAST\r\nabc", "abc"),
        (
            "BDAT 5\r\nab\r\n.BDAT 0\r\nBDAT 4 LAST\r\n\r\n.x",
            "ab\r\n.\r\n.x",
        ),
        ("BDAT 3\r\nab\rBDAT 3 LAST\r\n\ncd", "ab\r\ncd"),
        ("BDAT 8\r\nQUIT\r\n\r\nBDAT 0 LAST\r\n", "QUIT\r\n\r\n"),
    ] {
        let mut player = Player::greeted();
        player.say(ENVELOPE);
        let replies = player.say(octets);
        assert!(
            replies.iter().all(|reply| reply == "250"),
            "{octets:?}: {replies:?}"
        );
        assert_eq!(
            player.messages,
            [(vec!["c@d".into()], content.as_bytes().to_vec())]
        );
        assert_eq!(player.say("NOOP\r\n"), ["250"]);
    }
}

#[test]
fn pl_05_bdat_and_data_do_not_mix() {
    let mut player = Player::greeted();
    player.say(ENVELOPE);
    assert_eq!(player.say("BDAT 1\r\nx"), ["250"]);
    for line in ["DATA\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n"] {
        assert_eq!(player.say(line), ["503 5.5.1"], "{line}");
    }
    assert_eq!(player.say("NOOP\r\nBDAT 0 LAST\r\n"), ["250", "250"]);
    player.say([ENVELOPE, "DATA\r\n"].concat());
    assert_eq!(
        player.say("BDAT 1 LAST\r\n.\r\nBDAT 1 LAST\r\nx"),
        ["250", "503 5.5.1"],
        "a line of text"
    );
    assert_eq!(player.messages[1].1, b"BDAT 1 LAST\r\n");
}

#[test]
fn a_refused_chunk_is_consumed_and_ends_the_transaction() {
    let smuggled = "RSET\r\nMAIL FROM:<evil@b>\r\n";
    let size = smuggled.len();
    for (before, expected) in [
        ("", "503 5.5.1"),
        ("MAIL FROM:<a@b>\r\n", "503 5.5.1"),
        ("MAIL FROM:<a@b>\r\nRCPT TO:<bad@d>\r\n", "554 5.5.1"),
    ] {
        for last in ["", " LAST"] {
            let mut player = Player::greeted();
            player.say(before);
            let octets = format!("BDAT {size}{last}\r\n{smuggled}NOOP\r\n");
            assert_eq!(player.say(&octets), [expected, "250"], "{before} {last}");
            assert_eq!(player.session.state(), State::Greeted);
            let mut player = Player::greeted();
            let replies = player.say(format!("{before}{octets}"));
            assert_eq!(
                replies[replies.len() - 2..],
                [expected, "250"],
                "pipelined: {before} {last}"
            );
        }
    }
}

#[test]
fn chunks_after_a_refused_one_are_refused_and_not_counted_as_errors() {
    let mut player = Player::greeted();
    player.say(ENVELOPE);
    let chunks = "BDAT 3\r\na\nb".repeat(15) + "BDAT 2 LAST\r\nab";
    let replies = player.say(chunks);
    assert_eq!(replies[0], "550 5.5.2");
    assert_eq!(replies[1..], ["503 5.5.1"; 15]);
    assert_eq!(
        player.say("NOOP\r\nRCPT TO:<c@d>\r\n"),
        ["250", "503 5.5.1"]
    );
    assert!(player.messages.is_empty());
}

#[test]
fn the_rules_for_text_hold_across_chunks() {
    for (octets, expected) in [
        ("BDAT 2\r\na\rBDAT 1 LAST\r\nb", "550 5.5.2"),
        ("BDAT 2 LAST\r\na\r", "550 5.5.2"),
        ("BDAT 1\r\naBDAT 1 LAST\r\n\n", "550 5.5.2"),
        ("BDAT 1 LAST\r\n\0", "550 5.5.2"),
    ] {
        let mut player = Player::greeted();
        player.say(ENVELOPE);
        assert_eq!(player.say(octets).last().unwrap(), expected, "{octets:?}");
        assert!(player.messages.is_empty());
    }
}

#[test]
fn binary_content_needs_bdat_and_passes_unchanged() {
    let mut player = Player::greeted();
    player.say("MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n");
    assert_eq!(player.say("DATA\r\n"), ["503 5.5.1"]);
    assert_eq!(player.say("BDAT 4 LAST\r\n\0\r\n\n"), ["250"]);
    assert_eq!(player.messages[0].1, b"\0\r\n\n");
}

#[test]
fn sizes_and_numbers_of_chunks_are_bounded() {
    let content = ContentLimits {
        max_octets: 10,
        ..ContentLimits::default()
    };
    let limits = ServerLimits {
        content,
        chunks: 3,
        ..ServerLimits::default()
    };
    let mut player = Player::greeted_with(limits);
    player.say(ENVELOPE);
    assert_eq!(
        player.say("BDAT 6\r\n012345BDAT 5 LAST\r\n01234"),
        ["250", "552 5.3.4"]
    );
    player.say(ENVELOPE);
    assert_eq!(
        player.say("BDAT 0\r\n".repeat(4)),
        ["250", "250", "250", "552 5.3.4"]
    );
    assert_eq!(
        player.say("BDAT 99999999999999\r\n"),
        ["552 5.3.4", "close"]
    );
    let mut player = Player::greeted_with(limits);
    assert_eq!(
        player.say("BDAT 18446744073709551616\r\n"),
        ["552 5.3.4", "close"]
    );
    let mut player = Player::greeted_with(limits);
    player.say(ENVELOPE);
    let endless = player.say("BDAT 1\r\n\0".repeat(10));
    assert_eq!(
        endless.last().unwrap(),
        "close",
        "refused chunks are bounded too"
    );
}

#[test]
fn a_fault_is_known_before_the_chunk_ends() {
    let mut player = Player::greeted();
    player.say(ENVELOPE);
    player.say("BDAT 100 LAST\r\nab\ncd");
    assert!(player.session.in_content());
    assert_eq!(player.session.content_fault(), Some(ContentFault::BareLf));
    assert_eq!(player.session.content_octets(), 2);
    assert_eq!(player.say([b'x'; 95]), ["550 5.5.2"]);
}

#[test]
fn an_answer_before_the_end_of_a_chunk_is_remembered() {
    for (code, last, state) in [
        (250, " LAST", State::Greeted),
        (250, "", State::Chunked),
        (451, "", State::Greeted),
        (451, " LAST", State::Greeted),
    ] {
        let mut player = Player::greeted();
        player.say(ENVELOPE);
        player
            .input
            .extend_from_slice(format!("BDAT 4{last}\r\nab").as_bytes());
        let (session, input) = (&mut player.session, &mut player.input);
        assert!(session.next(input).is_some());
        session.answer(&Reply::new(code, (2, 0, 0), "Early"));
        let mut out = BytesMut::new();
        assert_eq!(session.content(input, &mut out), Content::More);
        assert_eq!(session.next(input), None);
        input.extend_from_slice(b"cdNOOP\r\n");
        let end = Content::ChunkEnd {
            last: !last.is_empty(),
        };
        assert_eq!(session.content(input, &mut out), end);
        assert_eq!((session.state(), session.outstanding()), (state, 0));
        assert!(matches!(
            session.next(input),
            Some(ServerEvent::Command(Command::Noop))
        ));
    }
}

#[test]
fn pl_05_nothing_behind_a_chunk_without_a_size_is_a_command() {
    let endless = format!("BDAT 140 {}\r\n", "L".repeat(1_100));
    for line in [
        "BDAT 140 FOO\r\n",
        "BDAT LAST 140\r\n",
        "BDAT +140 LAST\r\n",
        "BDAT\r\n",
        "bdat 140\0\r\n",
        "BDAT 140 LAST\n",
        &endless,
    ] {
        let mut player = Player::greeted();
        assert_eq!(player.say(ENVELOPE), ["250", "250"]);
        let answers = player.say(format!("{line}RSET\r\nMAIL FROM:<evil@b>\r\n"));
        assert_eq!(answers, ["501 5.5.4", "close"], "{line}");
    }
}
