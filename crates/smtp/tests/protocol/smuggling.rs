//! Group SM through a whole session: nothing inside a message is ever taken for a command.

use super::play::Player;

const ENVELOPE: &str = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
const SMUGGLED: &str = "MAIL FROM:<evil@b>\r\nRCPT TO:<victim@d>\r\nDATA\r\nevil\r\n.\r\n";

/// What stands where a lax server would see an end.
const BAD_ENDS: [&str; 20] = [
    "\n.\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r",
    "\r.\n",
    "\n.\r",
    "\r.\r\n",
    "\r\n.\r",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\r\n.\r\0\n",
    "\r\n.\r\r\n",
    "\r\r\n.\n",
    "\n\n.\n\n",
    "\n\r.\n\r",
    "\r\n .\n",
    "\n..\n",
    "\r..\r",
    "\n\r\n.\n",
    "\r\n.\r.\n",
];

#[test]
fn sm_01_to_07_and_13_smuggled_envelopes_stay_inside_the_message() {
    for end in BAD_ENDS {
        let body = format!("Subject: x\r\n\r\nfirst{end}{SMUGGLED}");
        let octets = format!("{ENVELOPE}{body}NOOP\r\n");
        for size in [1, 2, 3, 7, octets.len()] {
            let pieces: Vec<&[u8]> = octets.as_bytes().chunks(size).collect();
            let mut player = Player::greeted().say_in(&pieces);
            let replies = player.replies[1..].to_vec();
            let shown = end.escape_default();
            assert_eq!(
                replies,
                ["250", "250", "354", "550 5.5.2", "250"],
                "{shown} by {size}"
            );
            assert_eq!(player.commands.len(), 4, "{shown} by {size}");
            assert!(player.messages.is_empty());
            assert_eq!(
                player.say("RCPT TO:<c@d>\r\n"),
                ["503 5.5.1"],
                "nothing is left over"
            );
        }
    }
}

#[test]
fn sm_08_a_bare_lf_in_the_header_is_refused() {
    let mut player = Player::greeted();
    player.say(ENVELOPE);
    assert_eq!(
        player.say("Subject: x\nBcc: y\r\n\r\nbody\r\n.\r\n"),
        ["550 5.5.2"]
    );
    assert!(player.messages.is_empty());
}

#[test]
fn sm_09_a_bare_cr_in_the_body_is_refused() {
    let mut player = Player::greeted();
    player.say(ENVELOPE);
    assert_eq!(
        player.say("Subject: x\r\n\r\nbo\rdy\r\n.\r\n"),
        ["550 5.5.2"]
    );
    assert!(player.messages.is_empty());
}

#[test]
fn sm_12_an_empty_message_is_a_message() {
    let mut player = Player::greeted();
    assert_eq!(
        player.say([ENVELOPE, ".\r\n"].concat()),
        ["250", "250", "354", "250"]
    );
    assert_eq!(player.messages, [(vec!["c@d".into()], Vec::new())]);
}

#[test]
fn sm_14_dots_reach_the_message() {
    let mut player = Player::greeted();
    player.say(ENVELOPE);
    assert_eq!(player.say("..\r\n...\r\na.\r\n..b\r\n.\r\n"), ["250"]);
    assert_eq!(player.messages[0].1, b".\r\n..\r\na.\r\n.b\r\n");
}

/// RFC 5321 section 4.1.1.4: an over-size message is read to its end before it is refused.
#[test]
fn a_refused_message_leaves_the_session_in_step() {
    let mut player = Player::greeted();
    player.say(ENVELOPE);
    let long = "x".repeat(70 * 1024);
    assert_eq!(player.say(format!("{long}\r\n{SMUGGLED}")), ["554 5.6.0"]);
    assert_eq!(player.commands.len(), 3);
    player.say(ENVELOPE);
    assert_eq!(player.say("fine\r\n.\r\n"), ["250"]);
    assert_eq!(player.messages.len(), 1);
}

#[test]
fn pl_04_data_sent_against_a_refusal_ends_at_the_error_limit() {
    let mut player = Player::greeted();
    let refused = "MAIL FROM:<a@b>\r\nRCPT TO:<bad@d>\r\nDATA\r\n";
    let body = "Subject: x\r\n".repeat(20);
    let replies = player.say([refused, &body, ".\r\n"].concat());
    assert_eq!(replies[..3], ["250", "550 5.1.1", "554 5.5.1"]);
    assert_eq!(replies[3..13], ["500 5.5.1"; 10]);
    assert_eq!(replies[13..], ["421 4.7.0", "close"]);
    assert!(player.messages.is_empty());
}
