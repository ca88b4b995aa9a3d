//! Finding the characters of a JSON string that need a look, sixteen at a time, and what escapes stand for.

use crate::cloudevents::error::{AttributeFault, ParseErrorKind, Scan, fail, fail_attribute};

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// The lowest set bit is in the first byte that is a quote, a backslash, a control or, if `PLAIN`, not printable ASCII.
///
/// Bits above the lowest may be wrong: a subtraction borrows from the next byte.
#[inline(always)]
fn marks<const PLAIN: bool>(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let slash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let mut marks = quote | slash | control;
    if PLAIN {
        marks |= word | zero(word ^ (ONES * 0x7F));
    }
    marks & HIGH
}

#[inline(always)]
fn is_marked<const PLAIN: bool>(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1F) || PLAIN && byte >= 0x7F
}

/// Where the first such byte at or after `from` is; the end if there is none.
///
/// Sixteen at a time: most names fit, so that no branch depends on how long one is.
#[inline(always)]
pub(crate) fn find<const PLAIN: bool>(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(sixteen) = bytes[at..].first_chunk::<16>() {
        let word = u128::from_le_bytes(*sixteen);
        let low = marks::<PLAIN>(word as u64);
        let high = marks::<PLAIN>((word >> 64) as u64);
        if low | high != 0 {
            let (marks, before) = if low != 0 { (low, 0) } else { (high, 8) };
            return at + before + marks.trailing_zeros() as usize / 8;
        }
        at += 16;
    }
    let rest = bytes[at..]
        .iter()
        .position(|&byte| is_marked::<PLAIN>(byte));
    rest.map_or(bytes.len(), |rest| at + rest)
}

/// The text of a string whose escapes are known to be well-formed. `at` is where it lies, and `name` whose value it is.
#[cold]
pub(crate) fn unescape(raw: &str, at: usize, name: &str) -> Scan<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(slash) = rest.find('\\') {
        text.push_str(&rest[..slash]);
        let here = at + raw.len() - rest.len() + slash;
        let kind = rest.as_bytes()[slash + 1];
        rest = &rest[slash + 2..];
        text.push(match kind {
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = hex(rest);
                rest = &rest[4..];
                let low = rest
                    .strip_prefix("\\u")
                    .filter(|_| (0xD800..0xDC00).contains(&first))
                    .map(hex);
                let code = match low {
                    Some(low @ 0xDC00..0xE000) => {
                        rest = &rest[6..];
                        0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00)
                    }
                    _ => first,
                };
                match char::from_u32(code) {
                    Some(character) => character,
                    None => return fail_attribute(here, name, AttributeFault::Character),
                }
            }
            other => other.into(),
        });
    }
    text.push_str(rest);
    Ok(text)
}

fn hex(text: &str) -> u32 {
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0);
    text.bytes()
        .take(4)
        .fold(0, |sum, byte| sum << 4 | digit(byte))
}

/// Goes over an escape, `at` its backslash, and says where it ends.
pub(crate) fn skip_escape(bytes: &[u8], at: usize) -> Scan<usize> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            for place in at + 2..at + 6 {
                match bytes.get(place) {
                    Some(digit) if digit.is_ascii_hexdigit() => {}
                    Some(_) => return fail(place, ParseErrorKind::Expected("a hexadecimal digit")),
                    None => return fail(place, ParseErrorKind::UnexpectedEnd),
                }
            }
            Ok(at + 6)
        }
        Some(_) => fail(at, ParseErrorKind::Escape),
        None => fail(at + 1, ParseErrorKind::UnexpectedEnd),
    }
}
