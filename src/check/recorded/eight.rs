//! Eight bytes at a time, in a word whose lowest byte is the first of them.
//!
//! The ways are well known: Lamport, "Multiple Byte Processing with Full-Word Instructions" (1975), and Lemire, "Quickly
//! parsing eight digits" (2018).

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = ONES << 7;

/// The eight bytes from a place on, with zeros after the last there is.
#[inline]
pub(super) fn eight(bytes: &[u8], at: usize) -> u64 {
    if let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        return u64::from_le_bytes(*eight);
    }
    match bytes.last_chunk() {
        _ if at >= bytes.len() => 0,
        Some(last) => u64::from_le_bytes(*last) >> (8 * (at + 8 - bytes.len())),
        None => packed(&bytes[at..]),
    }
}

/// The sixteen bytes from a place on, with zeros after the last there is.
#[inline]
pub(super) fn sixteen(bytes: &[u8], at: usize) -> u128 {
    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(sixteen) => u128::from_le_bytes(*sixteen),
        None => u128::from(eight(bytes, at)) | u128::from(eight(bytes, at + 8)) << 64,
    }
}

/// Up to eight bytes, with zeros after the last.
#[inline]
pub(super) fn packed(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    match length {
        0 => 0,
        1..=3 => {
            let byte = |at: usize| u64::from(bytes[at]) << (8 * at);
            byte(0) | byte(length / 2) | byte(length - 1)
        }
        _ => {
            // Two halves, which say the same of the bytes that are in both.
            let half = |half: Option<&[u8; 4]>| half.map_or(0, |half| u64::from(u32::from_le_bytes(*half)));
            half(bytes.first_chunk()) | half(bytes.last_chunk()) << (8 * (length - 4))
        }
    }
}

/// Where the first of two bytes is; 8 if neither is there.
#[inline]
pub(super) fn find(word: u64, one: u8, other: u8) -> usize {
    // What is borrowed goes to later bytes, so the first one found is right.
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let found = is_zero(word ^ (ONES * u64::from(one))) | is_zero(word ^ (ONES * u64::from(other)));
    found.trailing_zeros() as usize / 8
}

/// How many of the first bytes are decimal digits.
#[inline]
pub(super) fn digits(word: u64) -> usize {
    // A digit is 0x30 to 0x39: without the 0x30 it stays below 0x80 when 0x76 is added, and nothing else does. What is
    // carried goes to later bytes.
    let rest = word ^ (ONES * 0x30);
    let other = (rest.wrapping_add(ONES * 0x76) | rest) & TOPS;
    other.trailing_zeros() as usize / 8
}

/// The number that the first so many bytes are, all of them digits.
#[inline]
pub(super) fn number(word: u64, digits: usize) -> u64 {
    if digits == 0 {
        return 0;
    }
    // As eight digits, the first of them zeros; then pairs, fours, and all eight at once.
    let word = (word ^ (ONES * 0x30)) << (64 - 8 * digits);
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let even = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let odd = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    even.wrapping_add(odd) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_say_what_a_loop_would() {
        let mut texts: Vec<Vec<u8>> = vec![vec![], b"00000000".to_vec(), b"99999999".to_vec(), b"007\xb0".to_vec()];
        for number in (0..1 << 16).step_by(7) {
            texts.push(crate::base::hash::mix(number, 5).to_string().into_bytes());
            texts.push(crate::base::hash::mix(number, 6).to_le_bytes().to_vec());
        }
        for byte in 0..=255 {
            texts.extend([vec![byte], vec![b'7', byte], vec![byte, b'1', b'"'], vec![byte; 7], vec![b'5', byte, byte]]);
        }
        for text in texts {
            for length in 0..=text.len().min(8) {
                let (some, word) = (&text[..length], packed(&text[..length]));
                let eight_of = |text: &[u8]| text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
                assert_eq!(word, eight_of(some), "{some:?}");
                for at in 0..=length + 1 {
                    let rest = &some[at.min(length)..];
                    assert_eq!((eight(some, at), sixteen(some, at)), (eight_of(rest), u128::from(eight_of(rest))));
                    let long = [b"abcdefgh", some].concat();
                    let later = u128::from(eight_of(some)) << (64 - 8 * at.min(8));
                    let expected = u128::from(eight_of(&long[at.min(8)..8])) | later;
                    assert_eq!((sixteen(&long, at.min(8)), eight(&long, at.min(8))), (expected, expected as u64));
                }
                let count = some.iter().take_while(|byte| byte.is_ascii_digit()).count();
                assert_eq!(digits(word), count, "{some:?}");
                let value = some[..count].iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
                assert_eq!(number(word, count), value, "{some:?}");
                let place = some.iter().position(|byte| matches!(byte, b'"' | b'\\'));
                assert_eq!(find(word, b'"', b'\\'), place.unwrap_or(8), "{some:?}");
            }
        }
    }
}
