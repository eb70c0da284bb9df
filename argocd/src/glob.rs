//! The patterns of an AppProject, in the grammar of the library with which Argo CD reads them.
//!
//! `*` and `?` stop at a separator, `**` does not; `[abc]`, `[a-z]` and `[!…]` are one character of
//! a class; `{a,b}` is one of several patterns; a backslash escapes what follows it. A pattern that
//! cannot be read matches nothing.

use std::iter::Peekable;
use std::str::Chars;

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(char),
    Any,
    AnyWithSeparators,
    One,
    Class { is_negated: bool, characters: Characters },
    Alternatives(Vec<Vec<Part>>),
}

#[derive(Debug, PartialEq, Eq)]
enum Characters {
    Range(char, char),
    List(Vec<char>),
}

/// Whether a text matches a pattern.
pub(crate) fn matches(pattern: &str, text: &str, separator: Option<char>) -> bool {
    let mut input = pattern.chars().peekable();
    let Some(parts) = sequence(&mut input, false) else { return false };
    let text: Vec<char> = text.chars().collect();
    let mut places = vec![false; text.len() + 1];
    places[0] = true;
    advance(&parts, &text, separator, places)[text.len()]
}

/// Where a match may be after all parts, given where it may be before them: for each place between
/// two characters, whether it is one of them.
fn advance(
    parts: &[Part],
    text: &[char],
    separator: Option<char>,
    mut places: Vec<bool>,
) -> Vec<bool> {
    for part in parts {
        places = match part {
            Part::Text(wanted) => after_one(&places, text, |one| one == *wanted),
            Part::One => after_one(&places, text, |one| Some(one) != separator),
            Part::Class { is_negated, characters } => {
                after_one(&places, text, |one| characters.contain(one) != *is_negated)
            }
            Part::Any => after_any(places, text, |one| Some(one) != separator),
            Part::AnyWithSeparators => after_any(places, text, |_| true),
            Part::Alternatives(patterns) => {
                let mut reached = vec![false; places.len()];
                for parts in patterns {
                    let by_this = advance(parts, text, separator, places.clone());
                    reached.iter_mut().zip(by_this).for_each(|(all, this)| *all |= this);
                }
                reached
            }
        };
    }
    places
}

fn after_one(places: &[bool], text: &[char], is_matched: impl Fn(char) -> bool) -> Vec<bool> {
    let matched = text.iter().zip(places).map(|(one, is_before)| *is_before && is_matched(*one));
    std::iter::once(false).chain(matched).collect()
}

fn after_any(mut places: Vec<bool>, text: &[char], is_matched: impl Fn(char) -> bool) -> Vec<bool> {
    for (at, one) in text.iter().enumerate() {
        places[at + 1] |= places[at] && is_matched(*one);
    }
    places
}

impl Characters {
    fn contain(&self, one: char) -> bool {
        match self {
            Self::Range(low, high) => (*low..=*high).contains(&one),
            Self::List(list) => list.contains(&one),
        }
    }
}

/// The parts up to the end, or up to what ends an alternative; `None` if they cannot be read.
fn sequence(input: &mut Peekable<Chars<'_>>, is_alternative: bool) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while let Some(one) = input.next_if(|one| !(is_alternative && matches!(one, ',' | '}'))) {
        parts.push(match one {
            '*' if input.next_if_eq(&'*').is_some() => Part::AnyWithSeparators,
            '*' => Part::Any,
            '?' => Part::One,
            '[' => class(input)?,
            '{' => alternatives(input)?,
            // Nothing follows the last one: it has no effect.
            '\\' => match input.next() {
                Some(escaped) => Part::Text(escaped),
                None => break,
            },
            text => Part::Text(text),
        });
    }
    Some(parts)
}

/// What follows a `{`; one that is never closed is closed by the end.
fn alternatives(input: &mut Peekable<Chars<'_>>) -> Option<Part> {
    let mut patterns = Vec::new();
    loop {
        patterns.push(sequence(input, true)?);
        if input.next() != Some(',') {
            return Some(Part::Alternatives(patterns));
        }
    }
}

/// What follows a `[`: one range, or characters, of which only `]` and `\` are special.
fn class(input: &mut Peekable<Chars<'_>>) -> Option<Part> {
    let is_negated = input.next_if_eq(&'!').is_some();
    let mut ahead = input.clone();
    if let (Some(low), Some('-')) = (ahead.next(), ahead.next()) {
        let (high, end) = (ahead.next()?, ahead.next()?);
        *input = ahead;
        let is_range = low <= high && end == ']';
        return is_range
            .then_some(Part::Class { is_negated, characters: Characters::Range(low, high) });
    }
    let mut list = Vec::new();
    loop {
        match input.next()? {
            ']' if list.is_empty() => return None,
            ']' => break,
            '\\' => list.push(input.next()?),
            one => list.push(one),
        }
    }
    Some(Part::Class { is_negated, characters: Characters::List(list) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_argo_cds_library_matches_them() {
        // What that library answers, with `/` for the separator.
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("a*", "a/b", false),
            ("a*", "ab", true),
            ("a**", "a/b", true),
            ("*/b", "a/b", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("a?c", "ac", false),
            ("[abc]", "b", true),
            ("[abc]", "d", false),
            ("[!abc]", "d", true),
            ("[!abc]", "a", false),
            ("[!a]", "/", true),
            ("[a-c]", "b", true),
            ("[!a-c]", "b", false),
            ("[ab-d]", "-", true),
            ("[ab-d]", "c", false),
            ("[c-a]", "b", false),
            ("[a-z0-9]", "a", false),
            ("[]", "", false),
            ("[!]", "!", false),
            ("[a", "a", false),
            ("[[]", "[", true),
            (r"[\]]", "]", true),
            (r"[\\]", r"\", true),
            (r"\[a\]", "[a]", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("a]b", "a]b", true),
            ("a}b,c", "a}b,c", true),
            ("{a,b}c", "bc", true),
            ("{a,b}c", "cc", false),
            ("{,a}c", "c", true),
            ("{a,{b,c}d}", "cd", true),
            (r"{a\,b,c}", "a,b", true),
            ("{a,b", "b", true),
        ];
        for (pattern, text, is_matched) in cases {
            assert_eq!(matches(pattern, text, Some('/')), is_matched, "{pattern} {text}");
        }
        assert!(matches("a*", "a/b", None));
        assert!(matches("a?b", "a/b", None));
    }

    #[test]
    fn many_stars_take_no_more_than_a_moment() {
        let pattern = "*a".repeat(200);
        assert!(!matches(&pattern, &"a".repeat(199), None));
        assert!(matches(&pattern, &"a".repeat(5_000), None));
    }
}
