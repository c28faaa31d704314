//! Any line is a command or a refusal, and what is a command can be said again.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tenantry_smtp::{ClientSession, Command, Offer};

fuzz_target!(|line: &[u8]| {
    let offer = Offer {
        size: Some(1 << 20),
        eight_bit_mime: true,
        smtputf8: true,
        chunking: true,
        binary_mime: true,
        dsn: true,
        xoorg: true,
        ..Offer::default()
    };
    let command = match Command::parse(line, &offer) {
        Ok(command) => command,
        Err(error) => {
            assert!(error.reply().code() >= 500);
            return;
        }
    };
    let mut session = ClientSession::new();
    let mut out = BytesMut::new();
    match &command {
        Command::Mail(mail) => {
            let parameters = mail.parameters.iter().map(|parameter| parameter.pair());
            session.mail(&mail.path, parameters, &mut out);
        }
        Command::Rcpt(rcpt) => {
            let parameters = rcpt.parameters.iter().map(|parameter| parameter.pair());
            session.rcpt(&rcpt.path, parameters, &mut out);
        }
        _ => return,
    }
    let said = out.strip_suffix(b"\r\n").expect("a line");
    assert!(!said.contains(&b'\r') && !said.contains(&b'\n') && !said.contains(&0));
    assert_eq!(Command::parse(said, &offer).as_ref(), Ok(&command));
});
