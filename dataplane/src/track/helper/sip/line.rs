//! Where in a message of SIP does a header stand, and what does it say? RFC 3261, section 7.3.
//!
//! A header begins a line and may go on in lines that begin with a blank. Places are offsets in the message. What is
//! sought within a line must have a byte behind it, and the byte that a line goes on with is stepped over, as in Linux.

use super::{address, text};
use crate::packet::Network;

/// A header, and what of it is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    name: &'static [u8],
    short: Option<&'static [u8]>,
    /// A number, or the host of an address behind `sip:`.
    is_number: bool,
}

pub(super) const CSEQ: Header = Header { name: b"CSeq", short: None, is_number: true };
pub(super) const EXPIRES: Header = Header { name: b"Expires", short: None, is_number: true };
pub(super) const LENGTH: Header = Header { name: b"Content-Length", short: Some(b"l"), is_number: true };
pub(super) const CONTACT: Header = Header { name: b"Contact", short: Some(b"m"), is_number: false };

/// Where in a message something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) length: usize,
}

impl Place {
    pub(super) const fn end(self) -> usize {
        self.at + self.length
    }
}

/// What there is of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    Found(Place),
    /// It is there, but does not say what it should; go on behind.
    Broken(usize),
    None,
}

impl Sought {
    pub(super) const fn found(self) -> Option<Place> {
        match self {
            Self::Found(place) => Some(place),
            _ => None,
        }
    }
}

pub(super) fn begins(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word)
}

const fn is_line_end(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The next place from `at` on that begins a line, or the end of the text before; none behind.
pub(super) fn next_line(text: &[u8], mut at: usize) -> Option<usize> {
    while !is_line_end(*text.get(at)?) {
        at += 1;
    }
    behind_line_end(text, at)
}

/// The byte behind a line end.
fn behind_line_end(text: &[u8], at: usize) -> Option<usize> {
    let both = text[at] == b'\r' && text.get(at + 1) == Some(&b'\n');
    Some(at + if both { 2 } else { 1 }).filter(|at| *at < text.len())
}

/// Behind a line end and the blanks that the next line must begin with to go on with this one.
fn go_on(text: &[u8], at: usize) -> Option<usize> {
    let next = behind_line_end(text, at).filter(|next| is_blank(text[*next]))?;
    Some(next + text[next..].iter().take_while(|byte| is_blank(**byte)).count())
}

fn skip_blanks(text: &[u8], at: usize) -> Option<usize> {
    let at = at + text[at..].iter().take_while(|byte| is_blank(**byte)).count();
    match text.get(at) {
        Some(byte) if is_line_end(*byte) => go_on(text, at),
        _ => Some(at),
    }
}

/// Where `word` begins in a header's value, from `at` on.
pub(super) fn search(text: &[u8], mut at: usize, word: &[u8]) -> Option<usize> {
    let last = text.len().checked_sub(word.len())?;
    while at < last {
        if is_line_end(text[at]) {
            at = go_on(&text[..last], at)?;
        } else if begins(&text[at..], word) {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn matched(text: &[u8], at: usize, header: Header, network: Network) -> Option<Place> {
    if header.is_number {
        let length = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        return (length > 0).then_some(Place { at, length });
    }
    let line = &text[at..];
    let user = line.iter().take_while(|byte| **byte != b'@' && !is_line_end(**byte)).count();
    let at = if line.get(user) == Some(&b'@') { at + user + 1 } else { at };
    let (_, end) = address::host(text, at, network)?;
    let end = match text.get(end) {
        Some(b':') => port(text, end + 1)?.1,
        _ => end,
    };
    Some(Place { at, length: end - at })
}

/// A port that a call may come to, in five digits, and where it ends.
pub(super) fn port(text: &[u8], at: usize) -> Option<(u16, usize)> {
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let port = number(&text[at..]).filter(|port| digits <= 5 && *port >= 1024)?;
    Some((u16::try_from(port).ok()?, at + digits))
}

/// What a text begins with, if that is a number of 32 bits in eleven digits.
pub(super) fn number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    u32::try_from(text::number(text).0).ok().filter(|_| (1..=11).contains(&digits))
}

/// The first such header from `at` on.
pub(super) fn header(text: &[u8], mut at: usize, header: Header, network: Network) -> Sought {
    while let Some(line) = next_line(text, at) {
        // What is stepped over is no line's beginning, even if it is a line end.
        at = line + 1;
        let rest = &text[line..];
        let name = match header.short {
            _ if begins(rest, header.name) => header.name,
            Some(short)
                if begins(rest, short)
                    && rest.get(short.len()).is_some_and(|byte| !byte.is_ascii_alphabetic()) =>
            {
                short
            }
            _ => continue,
        };
        let Some(colon) = skip_blanks(text, line + name.len()) else { return Sought::None };
        if text.get(colon) != Some(&b':') || colon + 1 >= text.len() {
            return Sought::None;
        }
        let Some(value) = skip_blanks(text, colon + 1) else { return Sought::None };
        let start =
            if header.is_number { Some(value) } else { search(text, value, SIP).map(|at| at + SIP.len()) };
        let found = start.and_then(|at| matched(text, at, header, network));
        return found.map_or(Sought::Broken(value), Sought::Found);
    }
    Sought::None
}

/// The next value of a header with several, behind a comma.
fn next_value(text: &[u8], at: usize, header: Header, network: Network) -> Sought {
    let found = search(text, at, b",").and_then(|comma| search(text, comma, SIP));
    let Some(at) = found.map(|at| at + SIP.len()) else { return Sought::None };
    matched(text, at, header, network).map_or(Sought::Broken(at), Sought::Found)
}

/// Values of a header, over all that have its name; `in_value` says whether the last stands at `at`.
pub(super) fn next(
    text: &[u8],
    mut at: usize,
    which: Header,
    in_value: &mut bool,
    network: Network,
) -> Option<Place> {
    while std::mem::take(in_value) {
        match next_value(text, at, which, network) {
            Sought::Found(place) => {
                *in_value = true;
                return Some(place);
            }
            Sought::Broken(behind) => {
                *in_value = true;
                at = behind;
            }
            Sought::None => {}
        }
    }
    loop {
        match header(text, at, which, network) {
            Sought::Found(place) => {
                *in_value = true;
                return Some(place);
            }
            Sought::Broken(behind) => at = behind,
            Sought::None => return None,
        }
    }
}

/// What stands behind `name` in the parameters from `at` on of one value.
pub(super) fn parameter(text: &[u8], at: usize, name: &[u8]) -> Option<usize> {
    let end = search(text, at, b",").unwrap_or(text.len());
    search(&text[..end], at, name).map(|at| at + name.len())
}

const SIP: &[u8] = b"sip:";
