//! Texts that have caused trouble somewhere: in databases, shells, templates, terminals, logs and
//! code that counts characters.

use fastrand::Rng;

/// Texts that are hostile as written.
pub const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "a\u{0}b",
    "\u{1}\u{7}\u{8}\u{1b}[2J\u{1b}[31mred",
    "\u{7f}\u{80}\u{9f}",
    "line\nbreak",
    "2026-01-01T00:00:00Z ERROR forged: yes\r\n2026-01-01T00:00:00Z  INFO forged: too",
    "tab\tand\u{b}\u{c}",
    "\u{2028}\u{2029}\u{85}",
    "\u{202e}txet detrevni\u{202c}\u{2066}\u{200f}",
    "\u{200b}\u{200d}\u{feff}",
    "\u{fffd}\u{fffe}\u{ffff}\u{fdd0}",
    "\u{10ffff}\u{1f4a3}\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "ünï/cödé/İıſßŉ",
    "مرحبا/עולם",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}",
    "'; DROP TABLE machine; --",
    "\" OR \"\"=\"",
    "$1 ? :name @p %s %n {0}",
    "`id` $(id) ${HOME} %PATH%",
    "{{.Values.secret}}{{template \"x\"}}{% raw %}",
    "~0~1/a~/b//",
    "/",
    "//",
    ".",
    "..",
    "../../etc/passwd",
    "a/../../b/./c",
    "%00%2e%2e%2f%c0%ae",
    "a%20b+c",
    "&anchor *alias !!python/object {a: b} [c] # d",
    "- a: |\n  b\n---\n...",
    "\"\\u0000\\ud800\"",
    "\\",
    "<script>alert(1)</script>&amp;&#0;",
    "true",
    "null",
    "~",
    "0",
    "-1",
    "1e309",
    "9223372036854775808",
    "NaN",
    "0x1F",
    "1_000",
    "12:30:45",
    "2026-01-01",
    "!**",
    "*",
    "!git@example.com:team/**",
    "https://example.com/team/*",
    "[a-z]{b,c}?\\",
    "https://",
    "https://user:password@example.com/team/app",
    "https://[::1]:8080/team/app",
    "git@example.com:team/app.git",
    "file:///etc/passwd",
    "ext::sh -c id",
    "--upload-pack=id",
    "HEAD~1^{/fix}",
    "CreateNamespace=true\u{0}",
    "app-project-",
    "gitopsdepl-",
    "in-cluster",
    "default",
    "kube-system",
    "gitops-service-argocd",
    "__proto__",
];

/// Bytes that are not valid UTF-8: a lone byte of a sequence, an overlong sequence, half a
/// surrogate pair, and a code point beyond the last.
pub const NO_TEXTS: [&[u8]; 4] = [b"a\xffb", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"];

/// A prefix of this length identifies a text.
pub const SHORT: usize = 300;
/// The length of the longest of the merely long texts.
const LONG: usize = 300 << 10;

/// A random hostile text.
pub fn any(random: &mut Rng) -> String {
    match random.u8(..12) {
        0 => long(random),
        1 | 2 => of_any_characters(random),
        3 => format!("{}{}", some(random), some(random)),
        // A valid beginning with an invalid rest.
        4 => format!("https://example.com/{}", some(random)),
        5 => format!("one/{}", some(random)),
        _ => some(random).to_owned(),
    }
}

/// One from the list, unchanged.
pub fn some(random: &mut Rng) -> &'static str {
    TEXTS[random.usize(..TEXTS.len())]
}

fn long(random: &mut Rng) -> String {
    let unit = some(random);
    let unit = if unit.is_empty() { "x" } else { unit };
    // Around the known limits, and far beyond them.
    let lengths = [255, 256, 257, 1_023, 1_024, 1_025, 16_384, LONG];
    let length = lengths[random.usize(..lengths.len())];
    unit.chars().cycle().take(length / unit.len().div_ceil(unit.chars().count())).collect()
}

fn of_any_characters(random: &mut Rng) -> String {
    let number = random.usize(1..40);
    // Each plane equally often, and often the first 256.
    let character = |random: &mut Rng| {
        let plane = random.u32(..17) << 16;
        let of_plane = plane | random.u32(..1 << 16);
        let code = if random.bool() { random.u32(..256) } else { of_plane };
        char::from_u32(code).unwrap_or('\u{fffd}')
    };
    (0..number).map(|_| character(random)).collect()
}
