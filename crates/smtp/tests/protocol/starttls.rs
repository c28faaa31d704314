//! STARTTLS as the server's machine sees it (group ST).

use tenantry_smtp::{Offer, ServerLimits, State, TlsState};

use super::play::{Player, full_offer};

fn secured(player: &mut Player) {
    assert_eq!(player.say("STARTTLS\r\n"), ["220"]);
    assert!(player.session.starttls_pending());
    player.session.tls_established(Offer {
        starttls: false,
        ..full_offer()
    });
}

#[test]
fn st_01_and_06_nothing_is_read_between_220_and_the_handshake() {
    let mut player = Player::greeted();
    assert_eq!(player.say("STARTTLS\r\nEHLO injected\r\n"), ["220"]);
    assert!(player.session.starttls_pending());
    assert_eq!(
        &player.input[..],
        b"EHLO injected\r\n",
        "left for the caller to find"
    );
    assert!(player.say("NOOP\r\n").is_empty());
    assert_eq!(player.session.state(), State::StartTls);
}

#[test]
fn st_02_the_envelope_before_tls_is_forgotten() {
    let mut player = Player::greeted();
    player.say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
    secured(&mut player);
    assert_eq!(player.session.accepted_recipients(), 0);
    assert_eq!(player.session.state(), State::Connected);
    assert_eq!(
        player.say("DATA\r\nRCPT TO:<c@d>\r\nMAIL FROM:<a@b>\r\n"),
        ["503 5.5.1"; 3]
    );
    assert_eq!(player.say("EHLO x\r\nDATA\r\n"), ["250", "503 5.5.1"]);
}

#[test]
fn st_03_mail_before_required_tls() {
    let mut player = Player::with(ServerLimits::default(), TlsState::Required);
    assert_eq!(
        player.say("MAIL FROM:<a@b>\r\nEHLO x\r\nMAIL FROM:<a@b>\r\n"),
        ["530 5.7.0", "250", "530 5.7.0"]
    );
    secured(&mut player);
    assert_eq!(player.say("EHLO x\r\nMAIL FROM:<a@b>\r\n"), ["250", "250"]);
}

#[test]
fn st_04_tls_comes_once() {
    let mut player = Player::greeted();
    secured(&mut player);
    assert_eq!(
        player.say("STARTTLS\r\nEHLO x\r\nSTARTTLS\r\n"),
        ["503 5.5.1", "250", "503 5.5.1"]
    );
}

#[test]
fn st_05_an_argument_is_refused() {
    let mut player = Player::greeted();
    assert_eq!(player.say("STARTTLS now\r\nNOOP\r\n"), ["501 5.5.4", "250"]);
    assert!(!player.session.starttls_pending());
}

#[test]
fn starttls_without_offer_is_unknown() {
    let mut player = Player::with(ServerLimits::default(), TlsState::Off);
    assert_eq!(player.say("EHLO x\r\nSTARTTLS\r\n"), ["250", "502 5.5.1"]);
}

#[test]
fn a_refused_starttls_changes_nothing() {
    use tenantry_smtp::Reply;
    let mut player = Player::greeted();
    player.say("MAIL FROM:<a@b>\r\n");
    player.input.extend_from_slice(b"STARTTLS\r\n");
    assert!(player.session.next(&mut player.input).is_some());
    player
        .session
        .answer(&Reply::new(454, (4, 7, 0), "Not now"));
    assert_eq!(player.session.state(), State::Mail);
    assert_eq!(player.say("RCPT TO:<c@d>\r\n"), ["250"]);
}

#[test]
fn errors_count_across_tls() {
    let mut player = Player::greeted();
    player.say("FOO\r\n".repeat(8));
    secured(&mut player);
    assert_eq!(
        player.say("DATA x\r\n".repeat(3)),
        ["501 5.5.4", "501 5.5.4", "421 4.7.0", "close"]
    );
}
