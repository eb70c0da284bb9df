//! JSON as an API server reads it: Go's decoder replaces each invalid byte with U+FFFD, where
//! others fail.

use serde::de::DeserializeOwned;

const REPLACEMENT: &str = "\u{fffd}";
/// High surrogates are below this, low ones from here on.
const SECOND_HALVES: u32 = 0xdc00;
/// `\u` and its digits.
const ESCAPE: usize = 6;

/// Reads JSON.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(body).or_else(|_| serde_json::from_str(&repaired(body)))
}

/// The same JSON with U+FFFD for each byte outside a valid character, and for each escape of an
/// unpaired surrogate.
fn repaired(body: &[u8]) -> String {
    without_lone_surrogates(&without_other_bytes(body))
}

fn without_other_bytes(body: &[u8]) -> String {
    let chunk = |chunk: std::str::Utf8Chunk<'_>| {
        chunk.valid().to_owned() + &REPLACEMENT.repeat(chunk.invalid().len())
    };
    body.utf8_chunks().map(chunk).collect()
}

fn without_lone_surrogates(text: &str) -> String {
    let mut repaired = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at..];
        let (kept, length) = match (surrogate(escape), escape.get(ESCAPE..).and_then(surrogate)) {
            (Some(first), Some(second)) if first < SECOND_HALVES && second >= SECOND_HALVES => {
                (&escape[..2 * ESCAPE], 2 * ESCAPE)
            }
            (Some(_), _) => (REPLACEMENT, ESCAPE),
            // The backslash and what it escapes.
            (None, _) => {
                let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
                (&escape[..length], length)
            }
        };
        repaired.push_str(&rest[..at]);
        repaired.push_str(kept);
        rest = &escape[length..];
    }
    repaired + rest
}

/// The escaped surrogate at the start of a text.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..ESCAPE - 2)?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    (0xd800..0xe000).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_text_is_replaced_byte_by_byte() {
        for (bytes, text) in [
            (&b"a\xffb"[..], "a\u{fffd}b"),
            (b"\xe2\x82x", "\u{fffd}\u{fffd}x"),
            (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
            (br"\ud800", "\u{fffd}"),
            (br"\ud800\u0041", "\u{fffd}\\u0041"),
            (br"\udc00\ud800", "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(repaired(bytes), text);
        }
        for kept in [r"\ud83d\ude00", r"\\ud800", r#"\"\n\u00e9"#, "plain", r"\u", r"\ud8"] {
            assert_eq!(repaired(kept.as_bytes()), kept);
        }
    }
}
