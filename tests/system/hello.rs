//! A ClientHello by hand, as no decent TLS library would send it any more.

/// A ClientHello (RFC 5246 section 7.4.1.2) of that version, with these cipher suites, in a record.
pub(crate) fn client_hello(version: u16, suites: &[u16]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend_from_slice(b"a random number of 32 octets....");
    body.push(0);
    body.extend_from_slice(&length(suites.len() * 2));
    for suite in suites {
        body.extend_from_slice(&suite.to_be_bytes());
    }
    body.extend_from_slice(&[1, 0]);
    if version >= 0x0301 {
        body.extend(extensions());
    }
    let mut message = vec![1, 0];
    message.extend_from_slice(&length(body.len()));
    message.extend(body);
    let mut record = vec![0x16, 0x03, if version == 0x0300 { 0 } else { 1 }];
    record.extend_from_slice(&length(message.len()));
    record.extend(message);
    record
}

/// Groups, point formats and signature algorithms as TLS 1.2 clients have them.
fn extensions() -> Vec<u8> {
    let all: &[&[u8]] = &[
        &[0, 0x0a, 0, 6, 0, 4, 0, 0x1d, 0, 0x17],
        &[0, 0x0b, 0, 2, 1, 0],
        &[0, 0x0d, 0, 8, 0, 6, 4, 3, 4, 1, 8, 4],
    ];
    let all = all.concat();
    [length(all.len()).to_vec(), all].concat()
}

fn length(octets: usize) -> [u8; 2] {
    u16::try_from(octets).unwrap().to_be_bytes()
}
