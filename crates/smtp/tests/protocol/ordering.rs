//! Which command may come when, and how often (groups CM and PL).

use tenantry_smtp::{Command, ContentLimits, Reply, ServerEvent, ServerLimits, State, TlsState};

use super::play::Player;

const MAIL: &str = "MAIL FROM:<a@b>\r\n";
const RCPT: &str = "RCPT TO:<c@d>\r\n";

#[test]
fn a_message_from_beginning_to_end() {
    let mut player = Player::new();
    assert_eq!(player.say("EHLO x\r\n"), ["250"]);
    assert_eq!(player.session.state(), State::Greeted);
    assert_eq!(player.say(MAIL), ["250"]);
    assert_eq!(player.say(RCPT), ["250"]);
    assert_eq!(player.say("DATA\r\n"), ["354"]);
    assert!(player.session.in_content());
    assert_eq!(player.say("x: y\r\n\r\nz\r\n.\r\n"), ["250"]);
    assert_eq!(player.say("QUIT\r\n"), ["221"]);
    assert!(player.session.closed());
    assert_eq!(
        player.messages,
        [(vec!["c@d".into()], b"x: y\r\n\r\nz\r\n".to_vec())]
    );
    assert!(player.say("NOOP\r\n").is_empty());
}

#[test]
fn cm_01_commands_out_of_order_get_503() {
    for (lines, expected) in [
        (vec!["MAIL FROM:<a@b>"], "503 5.5.1"),
        (vec!["RCPT TO:<a@b>"], "503 5.5.1"),
        (vec!["DATA"], "503 5.5.1"),
        (vec!["STARTTLS"], "503 5.5.1"),
        (vec!["BDAT 0 LAST"], "503 5.5.1"),
        (vec!["EHLO x", "RCPT TO:<c@d>"], "503 5.5.1"),
        (vec!["EHLO x", "DATA"], "503 5.5.1"),
        (vec!["EHLO x", "MAIL FROM:<a@b>", "DATA"], "503 5.5.1"),
        (
            vec!["EHLO x", "MAIL FROM:<a@b>", "MAIL FROM:<a@b>"],
            "503 5.5.1",
        ),
        (
            vec!["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "MAIL FROM:<>"],
            "503 5.5.1",
        ),
        (
            vec!["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<bad@d>", "DATA"],
            "554 5.5.1",
        ),
        (
            vec![
                "EHLO x",
                "MAIL FROM:<a@b>",
                "RCPT TO:<c@d>",
                "RSET",
                "RCPT TO:<c@d>",
            ],
            "503 5.5.1",
        ),
        (
            vec![
                "EHLO x",
                "MAIL FROM:<a@b>",
                "RCPT TO:<c@d>",
                "EHLO y",
                "DATA",
            ],
            "503 5.5.1",
        ),
        (
            vec![
                "EHLO x",
                "MAIL FROM:<a@b>",
                "RCPT TO:<c@d>",
                "HELO y",
                "DATA",
            ],
            "503 5.5.1",
        ),
        (vec!["HELO x", "MAIL FROM:<a@b> SIZE=1"], "555 5.5.4"),
        (vec!["HELO x", "BDAT 0 LAST"], "502 5.5.1"),
    ] {
        let mut player = Player::new();
        let mut last = Vec::new();
        for line in &lines {
            last = player.say(format!("{line}\r\n"));
        }
        assert_eq!(last, [expected], "{lines:?}");
        assert_eq!(player.say("NOOP\r\n"), ["250"], "in step after {lines:?}");
    }
}

#[test]
fn cm_02_lines_up_to_their_limit() {
    let noop = |octets: usize| format!("NOOP {}\r\n", "x".repeat(octets - 7));
    let mail = |octets: usize| format!("mail FROM:<a@b>{}\r\n", " ".repeat(octets - 17));
    let mut player = Player::greeted();
    for (line, expected) in [
        (noop(513), "250"),
        (noop(1024), "250"),
        (noop(1025), "500 5.5.2"),
        (noop(2049), "500 5.5.2"),
        (mail(2049), "500 5.5.2"),
        (noop(65_536), "500 5.5.2"),
        (mail(2048), "250"),
    ] {
        assert_eq!(player.say(&line), [expected], "{} octets", line.len());
        assert_eq!(player.say("NOOP\r\n"), ["250"]);
    }
    assert_eq!(player.say(noop(65_537)), ["421 4.7.0", "close"]);
}

#[test]
fn cm_02_a_line_without_end_is_dropped_as_it_comes() {
    let mut player = Player::greeted();
    for _ in 0..65 {
        assert!(player.say([b'x'; 1000]).is_empty());
        assert!(player.input.len() < 1024, "nothing piles up");
    }
    assert_eq!(player.say([b'x'; 1000]), ["421 4.7.0", "close"]);
}

#[test]
fn only_crlf_ends_a_line() {
    let mut player = Player::greeted();
    assert_eq!(player.say("NOOP\n"), ["500 5.5.2"], "answered at once");
    assert!(
        player.say("MAIL FROM:<a@b>\n").is_empty(),
        "still the same line"
    );
    assert!(player.say("QUIT\r\n").is_empty());
    assert_eq!(player.say("NOOP\r\n"), ["250"]);
    assert_eq!(
        player.say("MAIL FROM:<a@b>\nRCPT TO:<c@d>\r\nNOOP\r\n"),
        ["500 5.5.2", "250"]
    );
    assert_eq!(player.say("NOOP\rQUIT\r\n"), ["500 5.5.1"]);
    assert_eq!(player.say("NOOP \rQUIT\r\n"), ["501 5.5.2"]);
    assert_eq!(player.say("NOOP\r\r\n"), ["500 5.5.1"]);
    assert_eq!(player.session.state(), State::Greeted);
}

#[test]
fn cm_05_the_eleventh_error_closes() {
    let mut player = Player::greeted();
    for _ in 0..10 {
        assert_eq!(player.say("FOO\r\n"), ["500 5.5.1"]);
    }
    assert_eq!(player.say("FOO\r\n"), ["421 4.7.0", "close"]);
    let mut player = Player::greeted();
    let replies = player.say("DATA junk\r\n".repeat(20));
    assert_eq!(replies[9..], ["501 5.5.4", "421 4.7.0", "close"]);
}

#[test]
fn other_protocols_get_three_tries_before_the_greeting() {
    let mut player = Player::new();
    assert_eq!(player.say("Host: x\r\nA: b\r\nC: d\r\n"), ["500 5.5.1"; 3]);
    assert_eq!(player.say("\r\n"), ["421 4.7.0", "close"]);
    let mut player = Player::new();
    assert_eq!(
        player.say("EHLO\r\nHELO\r\nRCPT\r\nMAIL\r\nDATA\r\n").len(),
        5
    );
    assert_eq!(player.say("EHLO x\r\n"), ["250"], "clumsy SMTP is SMTP");
}

#[test]
fn cm_06_recipients_beyond_the_limit_are_deferred() {
    let mut player = Player::greeted();
    player.say(MAIL);
    let replies = player.say(RCPT.repeat(503));
    assert_eq!(replies[..500], ["250"; 500]);
    assert_eq!(replies[500..], ["452 4.5.3"; 3]);
    assert_eq!(player.say("DATA\r\n.\r\n"), ["354", "250"]);
    assert_eq!(player.messages[0].0.len(), 500);
}

#[test]
fn recipients_for_ever_close_the_connection() {
    let mut player = Player::greeted();
    player.say(MAIL);
    let replies = player.say("RCPT TO:<bad@d>\r\n".repeat(2000));
    assert_eq!(replies[replies.len() - 2..], ["421 4.7.0", "close"]);
    assert_eq!(replies.len(), 1502);
}

#[test]
fn cm_07_messages_beyond_the_limit_close() {
    let limits = ServerLimits {
        messages: 2,
        ..ServerLimits::default()
    };
    let mut player = Player::greeted_with(limits);
    for _ in 0..2 {
        player.say([MAIL, RCPT, "DATA\r\n", "x\r\n.\r\n"].concat());
    }
    assert_eq!(player.session.messages(), 2);
    assert_eq!(player.say(MAIL), ["421 4.7.0", "close"]);
    assert_eq!(player.messages.len(), 2);
}

#[test]
fn cm_09_declared_and_real_size() {
    let content = ContentLimits {
        max_octets: 1000,
        ..ContentLimits::default()
    };
    let limits = ServerLimits {
        content,
        ..ServerLimits::default()
    };
    let mut player = Player::greeted_with(limits);
    for _ in 0..12 {
        assert_eq!(
            player.say("MAIL FROM:<a@b> SIZE=1001\r\n"),
            ["552 5.3.4"],
            "never counted"
        );
    }
    assert_eq!(player.say("MAIL FROM:<a@b> SIZE=1000\r\n"), ["250"]);
    player.say([RCPT, "DATA\r\n"].concat());
    assert_eq!(
        player.say([&"0123456789\r\n".repeat(84), ".\r\n"].concat()),
        ["552 5.3.4"]
    );
    assert_eq!(
        player.say([RCPT, "NOOP\r\n"].concat()),
        ["503 5.5.1", "250"],
        "nothing is left"
    );
}

#[test]
fn cm_14_commands_without_mail_are_counted() {
    for line in [
        "NOOP\r\n",
        "VRFY x\r\n",
        "EXPN x\r\n",
        "HELP\r\n",
        "RSET\r\n",
        "EHLO x\r\n",
    ] {
        let mut player = Player::greeted();
        let replies = player.say(line.repeat(60));
        assert_eq!(replies.len(), 52, "{line}");
        assert_eq!(replies[50..], ["421 4.7.0", "close"], "{line}");
    }
}

#[test]
fn cl_03_resets_between_messages_are_no_junk() {
    let mut player = Player::greeted();
    for _ in 0..100 {
        player.say([MAIL, RCPT, "RSET\r\n", MAIL, RCPT, "DATA\r\n"].concat());
        assert_eq!(player.say("x\r\n.\r\nRSET\r\nNOOP\r\n"), ["250"; 3]);
    }
    assert_eq!(player.messages.len(), 100);
}

#[test]
fn cm_11_other_protocols_close_at_once() {
    for octets in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n"[..],
        b"\x16",
        b"\x16\x03\x01",
        b"\0",
        b"\x80\x2e",
        b"PROXY TCP4 1\r\n",
    ] {
        for mut player in [Player::new(), Player::greeted()] {
            assert_eq!(
                player.say(octets),
                ["554 5.5.0", "close"],
                "{}",
                octets.escape_ascii()
            );
            assert!(player.say("QUIT\r\n").is_empty());
        }
    }
}

#[test]
fn a_421_answer_ends_the_session() {
    let mut player = Player::greeted();
    player.input.extend_from_slice(b"NOOP\r\nNOOP\r\n");
    assert!(matches!(
        player.session.next(&mut player.input),
        Some(ServerEvent::Command(Command::Noop))
    ));
    player
        .session
        .answer(&Reply::new(421, (4, 3, 2), "Going down"));
    assert!(player.session.closed());
    assert_eq!(player.session.next(&mut player.input), None);
    assert_eq!(player.session.outstanding(), 0);
}

#[test]
fn required_tls_admits_little() {
    let mut player = Player::with(ServerLimits::default(), TlsState::Required);
    player.say("EHLO x\r\n");
    for line in [
        "MAIL FROM:<a@b>",
        "MAIL FROM:<a@b> NEVER=heard",
        "RCPT TO:<a@b>",
        "DATA",
        "VRFY x",
        "BDAT 0",
    ] {
        assert_eq!(player.say(format!("{line}\r\n")), ["530 5.7.0"], "{line}");
    }
    assert_eq!(
        player.say("NOOP\r\nRSET\r\nSTARTTLS\r\n"),
        ["250", "250", "220"]
    );
}

const BUSY: &str = "MAIL FROM:<busy@client.example>\r\n";

#[test]
fn what_was_sent_together_with_a_refused_mail_is_no_error() {
    let mut player = Player::greeted();
    for round in 0..200 {
        let group = [BUSY, RCPT, RCPT, "DATA\r\n"].concat();
        let expected = ["451 4.7.500", "503 5.5.1", "503 5.5.1", "503 5.5.1"];
        assert_eq!(player.say(group), expected, "{round}");
        assert_eq!(player.say("RSET\r\n"), ["250"], "{round}");
    }
    let chunks = [BUSY, RCPT, "BDAT 2\r\nx\n", "BDAT 2 LAST\r\ny\n"].concat();
    for _ in 0..50 {
        let expected = ["451 4.7.500", "503 5.5.1", "503 5.5.1", "503 5.5.1"];
        assert_eq!(player.say(&chunks), expected);
    }
    assert_eq!(
        player.say([MAIL, RCPT, "DATA\r\n"].concat()),
        ["250", "250", "354"]
    );
    assert_eq!(player.say("x\r\n.\r\n"), ["250"]);
}

#[test]
fn a_refused_mail_excuses_its_own_group_only() {
    for lines in [
        "DATA\r\n",
        "NOOP\r\nRCPT TO:<c@d.example>\r\n",
        "BDAT 0 LAST\r\n",
    ] {
        let mut player = Player::greeted();
        player.say(BUSY);
        player.say(lines);
        let errors = player.say(RCPT.repeat(20));
        assert_eq!(errors.last().map(String::as_str), Some("close"), "{lines}");
        assert!(errors.len() <= 12, "{lines}: {errors:?}");
    }
}

#[test]
fn one_reset_follows_a_refusal_and_is_no_junk() {
    let limits = ServerLimits::default();
    let bad = "RCPT TO:<bad@d.example>\r\n";
    for refused in [
        BUSY.to_owned(),
        "MAIL FROM:<a@b.example> SIZE=999999999999\r\n".to_owned(),
        [MAIL, bad].concat(),
        [MAIL, bad, "DATA\r\n"].concat(),
        [MAIL, bad, "BDAT 0 LAST\r\n"].concat(),
        [MAIL, RCPT, "BDAT 2 LAST\r\n\n\n"].concat(),
    ] {
        let mut player = Player::greeted();
        for round in 0..200 {
            player.say(&refused);
            assert_eq!(player.say("RSET\r\n"), ["250"], "{refused} {round}");
        }
        let resets = player.say("RSET\r\n".repeat(60));
        let most = usize::try_from(limits.non_mail_commands).unwrap();
        assert_eq!(resets.len(), most + 2, "{refused}: the others count");
    }
}

#[test]
fn excuses_come_to_an_end() {
    let limits = ServerLimits {
        excuses: 100,
        ..ServerLimits::default()
    };
    for line in [
        [BUSY, RCPT, "DATA\r\n"].concat(),
        [BUSY, "RSET\r\n"].concat(),
    ] {
        let mut player = Player::greeted_with(limits);
        let replies = player.say(line.repeat(300));
        assert_eq!(replies.last().map(String::as_str), Some("close"), "{line}");
    }
    let mut player = Player::greeted_with(limits);
    let recipients = limits.recipients as usize + 2000;
    let replies = player.say([BUSY, &RCPT.repeat(recipients)].concat());
    assert_eq!(replies.last().map(String::as_str), Some("close"));
    assert!(replies.len() < recipients, "a group has an end");
}
