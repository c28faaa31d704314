//! Lower-case hexadecimal, the spelling of fingerprints and digests everywhere in this project.

/// The octets as lower-case hexadecimal digits.
pub(crate) fn encode(octets: &[u8]) -> String {
    octets.iter().fold(
        String::with_capacity(octets.len().saturating_mul(2)),
        |mut text, octet| {
            text.push(digit(octet >> 4));
            text.push(digit(octet & 0x0f));
            text
        },
    )
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0')
}
