//! Which words, numbers and signs is a text made of? Nothing is looked up here.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// First byte.
    pub(super) start: u32,
    /// One past the last byte.
    pub(super) end: u32,
}

/// What the piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, perhaps with `*` at its end.
    Word,
    /// What stands between two quotes, and they.
    Text,
    Number(u128),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    Mac([u8; 6]),
    /// Punctuation and operators.
    Sign(&'static str),
    Newline,
    /// The text ends here.
    End,
    /// No token; why.
    Bad(&'static str),
}

/// The token at byte `at` of `text`, or the first behind blanks and comments.
pub(super) fn next(text: &str, at: usize) -> Token {
    let start = skip_blanks(text.as_bytes(), at);
    let (kind, length) = read(&text[start..]);
    let place = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    Token { kind, start: place(start), end: place(start + length) }
}

fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at..).unwrap_or_default() {
            [b' ' | b'\t' | b'\r', ..] => at += 1,
            [b'\\', b'\n', ..] => at += 2,
            [b'\\', b'\r', b'\n', ..] => at += 3,
            [b'#', ..] => {
                let rest = bytes[at..].iter();
                at += rest.take_while(|&&byte| byte != b'\n').count();
            }
            _ => return at,
        }
    }
}

fn read(rest: &str) -> (Kind, usize) {
    let Some(first) = rest.chars().next() else {
        return (Kind::End, 0);
    };
    match first {
        '\n' => (Kind::Newline, 1),
        '"' => quoted(rest),
        _ if first.is_ascii_hexdigit() || first == ':' => address(rest).unwrap_or_else(|| plain(rest, first)),
        _ => plain(rest, first),
    }
}

fn plain(rest: &str, first: char) -> (Kind, usize) {
    match first {
        '0'..='9' if rest.starts_with("8021q") || rest.starts_with("8021ad") => {
            (Kind::Word, word_length(rest))
        }
        '0'..='9' => hour(rest).or_else(|| dotted(rest)).unwrap_or_else(|| number(rest)),
        'a'..='z' | 'A'..='Z' | '_' => (Kind::Word, word_length(rest)),
        _ => SIGNS
            .iter()
            .find(|sign| rest.starts_with(**sign))
            .map_or((Kind::Bad("unexpected character"), first.len_utf8()), |s| (Kind::Sign(s), s.len())),
    }
}

fn quoted(rest: &str) -> (Kind, usize) {
    if let Some(length) = rest[1..].find('"') {
        return (Kind::Text, length + 2);
    }
    let line = rest.find('\n').unwrap_or(rest.len());
    (Kind::Bad("this quote is never closed"), line)
}

fn word_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let inside = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte);
    let length = bytes.iter().take_while(inside).count();
    match &bytes[length..] {
        [b'*', ..] => length + 1,
        [b'\\', b'*', ..] => length + 2,
        _ => length,
    }
}

/// Numbers with dots between them that are no address.
fn dotted(rest: &str) -> Option<(Kind, usize)> {
    let inside = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let length = rest.bytes().take_while(inside).count();
    let length = rest[..length].trim_end_matches('.').len();
    rest[..length].contains('.').then_some((Kind::Bad("this is not an IPv4 address"), length))
}

/// `17:00`
fn hour(rest: &str) -> Option<(Kind, usize)> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let minutes = rest[digits..].strip_prefix(':')?;
    let more = minutes.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b':');
    let are_minutes = more.count() == 2 && minutes.bytes().take(2).all(|byte| byte.is_ascii_digit());
    (digits <= 2 && are_minutes).then_some((Kind::Word, digits + 3))
}

/// A number as C reads it: decimal, `0x` hexadecimal, or octal behind a zero.
fn number(rest: &str) -> (Kind, usize) {
    let (digits, radix, skipped) = match rest.as_bytes() {
        [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => (&rest[2..], 16, 2),
        [b'0', b'0'..=b'9', ..] => (&rest[1..], 8, 1),
        _ => (rest, 10, 0),
    };
    let length = digits
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || radix == 16 && byte.is_ascii_hexdigit())
        .count();
    let kind = match u128::from_str_radix(&digits[..length], radix) {
        Ok(value) => Kind::Number(value),
        Err(_) if radix == 8 => Kind::Bad("a number that starts with 0 is octal"),
        Err(_) => Kind::Bad("this number is too large"),
    };
    (kind, skipped + length)
}

/// The longest address at the start of `rest`.
fn address(rest: &str) -> Option<(Kind, usize)> {
    let inside = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':' || *byte == b'.';
    let run = rest.bytes().take(LONGEST_ADDRESS).take_while(inside).count();
    let run = &rest[..run];
    if run.bytes().filter(|&byte| byte == b':').count() >= 2 {
        let colons = (2..=run.len()).rev().map(|length| &run[..length]);
        for candidate in colons {
            if let Some(mac) = mac(candidate) {
                return Some((Kind::Mac(mac), candidate.len()));
            }
            if let Ok(ipv6) = candidate.parse() {
                return Some((Kind::Ipv6(ipv6), candidate.len()));
            }
        }
    }
    let run = run.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.');
    let candidate = rest[..run.count()].trim_end_matches('.');
    let found = ipv4(candidate)?;
    Some((Kind::Ipv4(found), candidate.len()))
}

/// Four decimal numbers; leading zeros do not make them octal.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        *octet = part.parse().ok().filter(|_| part.len() <= 3)?;
    }
    parts.next().is_none().then(|| octets.into())
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let mut octets = [0; 6];
    let mut parts = text.split(':');
    for octet in &mut octets {
        let part = parts.next()?;
        let whole = matches!(part.len(), 1 | 2);
        *octet = u8::from_str_radix(part, 16).ok().filter(|_| whole)?;
    }
    parts.next().is_none().then_some(octets)
}

const LONGEST_ADDRESS: usize = 48;

/// Longer signs come before those they start with.
const SIGNS: [&str; 30] = [
    "==", "!=", "<=", ">=", "<<", ">>", "<", ">", "=", "!", "&", "|", "^", "~", "+", "-", "*", "/", "(", ")",
    "[", "]", "{", "}", ",", ";", ":", ".", "$", "@",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        let mut at = 0;
        let mut found = Vec::new();
        loop {
            let token = next(text, at);
            if token.kind == Kind::End {
                return found;
            }
            at = token.end as usize;
            found.push(token.kind);
        }
    }

    #[test]
    fn a_number_may_be_octal_or_hexadecimal() {
        let expected = [10, 8, 0x1f].map(Kind::Number);
        assert_eq!(kinds("10 010 0x1F"), expected);
        assert!(matches!(kinds("09")[0], Kind::Bad(_)));
    }

    #[test]
    fn addresses_are_told_from_words_and_numbers() {
        assert_eq!(kinds("10.0.0.1-10.0.0.9").len(), 3);
        assert_eq!(kinds("fe80::/10").len(), 3);
        assert!(matches!(kinds("::ffff:1.2.3.4")[0], Kind::Ipv6(_)));
        assert!(matches!(kinds("0:1:2:a:b:ff")[0], Kind::Mac([0, 1, 2, 10, 11, 255])));
        assert!(matches!(kinds("22:accept")[..], [Kind::Number(22), Kind::Sign(":"), Kind::Word]));
    }

    #[test]
    fn an_hour_is_a_word() {
        assert!(matches!(kinds("17:00-8:30")[..], [Kind::Word, Kind::Sign("-"), Kind::Word]));
        for text in ["22:1", "22:100", "22 :10", "22:a0"] {
            assert!(matches!(kinds(text)[..], [Kind::Number(22), Kind::Sign(":"), ..]), "{text}");
        }
    }

    #[test]
    fn comments_and_continued_lines_are_blank() {
        assert_eq!(kinds("a # b \\\n\\\nc").len(), 3);
    }

    #[test]
    fn a_word_ends_in_one_asterisk() {
        assert_eq!(kinds("eth* eth0").len(), 2);
    }
}
