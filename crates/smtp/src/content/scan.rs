//! Tells quickly how much of a piece of content has nothing in it that needs a closer look.

const LF: u8 = b'\n';
const CR: u8 = b'\r';

/// Large blocks for speed; small ones so that one dot costs little.
const LARGE: usize = 1024;
const SMALL: usize = 64;

/// What makes a block not clean, besides NUL and unpaired CR or LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dots {
    /// A dot at the beginning of a line (DATA).
    Matter,
    /// Nothing (BDAT).
    Ignored,
}

/// How many octets from `at` on, in whole blocks, are clean. `at` is not 0: the octet in front of
/// it is needed, and known to be in order.
pub(super) fn clean_length(octets: &[u8], at: usize, dots: Dots) -> usize {
    let mut end = at;
    while block_is_clean(octets, end, LARGE, dots) {
        end += LARGE;
    }
    while block_is_clean(octets, end, SMALL, dots) {
        end += SMALL;
    }
    end - at
}

/// How many octets at the front are neither CR, LF nor NUL.
pub(super) fn plain_length(octets: &[u8]) -> usize {
    memchr::memchr3(b'\r', b'\n', 0, octets).unwrap_or(octets.len())
}

fn block_is_clean(octets: &[u8], at: usize, length: usize, dots: Dots) -> bool {
    let before = at.wrapping_sub(1)..at + length - 1;
    match (octets.get(before), octets.get(at..at + length)) {
        (Some(before), Some(block)) => match dots {
            Dots::Matter => faults::<true>(before, block) == 0,
            Dots::Ignored => faults::<false>(before, block) == 0,
        },
        _ => false,
    }
}

/// One pass without branches, which the compiler turns into vector code.
fn faults<const DOTS: bool>(before: &[u8], block: &[u8]) -> u8 {
    before.iter().zip(block).fold(0, |faults, (&last, &octet)| {
        let nul = u8::from(octet == 0);
        let unpaired = u8::from(last == CR) ^ u8::from(octet == LF);
        let dot = u8::from(DOTS & (last == LF) & (octet == b'.'));
        faults | nul | unpaired | dot
    })
}
