//! Which connection does an FTP control connection announce? RFC 959 (PORT and the answer 227), RFC 2428 (EPRT and
//! the answer 229).
//!
//! Only what stands at the start of a line is read, and a line starts where an earlier packet of the same side ended
//! with one: what each side sent behind its last two line ends is remembered by sequence number. A command that names
//! another host than its sender announces nothing. One that is cut off must not pass: the other half would not be read.

use std::net::Ipv6Addr;

use zerocopy::FromZeros;

use super::Expected;
use crate::frame::Frame;
use crate::packet::{Network, Packet};
use crate::reason::Reason;
use crate::track::Direction;

/// Bytes of a packet that are read. A line with more of them before its numbers end counts as cut off.
pub const LONGEST_LINE: usize = 512;

/// Where lines begin, by direction: the sequence numbers behind the last two line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub(super) struct Lines {
    known: [u8; 2],
    begin: [[u32; 2]; 2],
}

impl Lines {
    fn begins(&self, direction: Direction, sequence: u32) -> bool {
        let (known, begin) = (self.known[direction as usize], &self.begin[direction as usize]);
        begin[..usize::from(known).min(2)].contains(&sequence)
    }

    /// A line of that side ended before this number. The older of two makes room, unless the new one is older still.
    fn add(&mut self, direction: Direction, sequence: u32) {
        if self.begins(direction, sequence) {
            return;
        }
        let (known, begin) = (&mut self.known[direction as usize], &mut self.begin[direction as usize]);
        if *known < 2 {
            begin[usize::from(*known)] = sequence;
            *known += 1;
            return;
        }
        let oldest = usize::from(!is_before(begin[0], begin[1]));
        if is_before(begin[oldest], sequence) {
            begin[oldest] = sequence;
        }
    }
}

/// Whether `one` comes before `other` in sequence space.
const fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

/// What a packet of an established control connection announces.
///
/// # Errors
/// [`Reason::HelperPartial`]: it says half of it.
pub(super) fn follow<F: Frame + ?Sized>(
    lines: &mut Lines,
    packet: &Packet,
    frame: &F,
    direction: Direction,
) -> Result<Option<Expected>, Reason> {
    let length = packet.tcp.payload_length as usize;
    let Some(last) = length.checked_sub(1) else { return Ok(None) };
    let start = usize::from(packet.transport_offset) + usize::from(packet.tcp.header_length);
    let mut end = [0];
    let mut bytes = [0; LONGEST_LINE];
    let read = length.min(LONGEST_LINE);
    if !frame.copy(start + last, &mut end) || !frame.copy(start, &mut bytes[..read]) {
        return Ok(None);
    }
    let mut expected = None;
    if lines.begins(direction, packet.tcp.sequence) {
        let sender = packet.tuple.source;
        match announced(&bytes[..read], direction, packet.tuple.network, sender) {
            Line::Other => {}
            Line::CutOff => return Err(Reason::HelperPartial),
            Line::Announces(address, port) if address == sender => {
                let (caller, called) = (packet.tuple.destination, (address, port));
                expected = Some(Expected::over_tcp(Some(caller), called, MOST, SECONDS));
            }
            Line::Announces(..) => {}
        }
    }
    if end == *b"\n" {
        lines.add(direction, packet.tcp.sequence.wrapping_add(packet.tcp.payload_length));
    }
    Ok(expected)
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing that matters here.
    Other,
    /// It begins like one that announces a connection, and does not go on like one.
    CutOff,
    /// A connection to this address and L4 port.
    Announces(u128, u16),
}

/// What a line says that `sender` sends.
pub(super) fn announced(line: &[u8], direction: Direction, network: Network, sender: u128) -> Line {
    let words: [&[u8]; 2] = match direction {
        Direction::Original => [b"PORT", b"EPRT"],
        Direction::Reply => [b"227 ", b"229 "],
    };
    for (number, word) in words.into_iter().enumerate() {
        let common = word.len().min(line.len());
        if !line[..common].eq_ignore_ascii_case(&word[..common]) {
            continue;
        }
        if line.len() <= word.len() {
            return Line::CutOff;
        }
        let rest = &line[word.len()..];
        let found = match (direction, number) {
            (Direction::Original, 0) => behind(rest, b' ').and_then(|rest| six_numbers(rest, Some(b'\r'))),
            (Direction::Original, _) => behind(rest, b' ').and_then(|rest| extended(rest, network)),
            (Direction::Reply, 0) => {
                let first = rest.iter().position(u8::is_ascii_digit);
                first.and_then(|first| six_numbers(&rest[first..], None))
            }
            (Direction::Reply, _) => behind(rest, b'(').and_then(passive).map(|port| (sender, port)),
        };
        return found.map_or(Line::CutOff, |(address, port)| Line::Announces(address, port));
    }
    Line::Other
}

/// What comes behind the first `sign`.
fn behind(text: &[u8], sign: u8) -> Option<&[u8]> {
    let at = text.iter().position(|byte| *byte == sign)?;
    Some(&text[at + 1..])
}

/// `h1,h2,h3,h4,p1,p2` and then `end`, or anything else.
fn six_numbers(text: &[u8], end: Option<u8>) -> Option<(u128, u16)> {
    let ([h1, h2, h3, h4, p1, p2], _) = numbers(text, b',', end)?;
    Some((address([h1, h2, h3, h4]), (p1 << 8 | p2) as u16))
}

/// An address of four numbers, as if each were a byte: what is above goes to its neighbour.
fn address([a, b, c, d]: [u32; 4]) -> u128 {
    u128::from(a.wrapping_shl(24) | b.wrapping_shl(16) | c << 8 | d)
}

/// So many numbers with a sign between, up to `end` or, without one, to anything else; and how long they are.
fn numbers<const COUNT: usize>(text: &[u8], sign: u8, end: Option<u8>) -> Option<([u32; COUNT], usize)> {
    let (mut found, mut at) = ([0_u32; COUNT], 0);
    for (length, byte) in text.iter().enumerate() {
        match *byte {
            digit @ b'0'..=b'9' => {
                found[at] = found[at].wrapping_mul(10).wrapping_add(u32::from(digit - b'0'));
            }
            byte if byte == sign => {
                at += 1;
                if at == COUNT {
                    return None;
                }
            }
            byte => {
                let over = end.is_none_or(|end| byte == end) && at == COUNT - 1;
                return over.then_some((found, length));
            }
        }
    }
    None
}

/// `|1|132.235.1.2|6275|` or `|2|1080::8:800:200c:417a|5282|`: RFC 2428, section 2.
fn extended(text: &[u8], network: Network) -> Option<(u128, u16)> {
    let &[sign, family, again, ref rest @ ..] = text else { return None };
    if rest.is_empty() || !is_sign(sign) || again != sign {
        return None;
    }
    let (address, length) = match (network, family) {
        (Network::Ipv4, b'1') => {
            let (four, length) = numbers(rest, b'.', Some(sign))?;
            (address(four), length)
        }
        (Network::Ipv6, b'2') => {
            let length = rest.iter().take(LONGEST_ADDRESS + 1).position(|byte| *byte == sign)?;
            let text = std::str::from_utf8(&rest[..length]).ok()?;
            (u128::from(text.parse::<Ipv6Addr>().ok()?), length)
        }
        _ => return None,
    };
    if length == 0 {
        return None;
    }
    Some((address, port(rest.get(length + 1..)?, sign)?))
}

/// `|||6446|`: RFC 2428, section 3.
fn passive(text: &[u8]) -> Option<u16> {
    let &[sign, second, third, ref rest @ ..] = text else { return None };
    let signs = is_sign(sign) && second == sign && third == sign;
    if signs { port(rest, sign) } else { None }
}

const fn is_sign(byte: u8) -> bool {
    !byte.is_ascii_digit() && byte >= 33 && byte <= 126
}

/// A port other than 0, and the sign behind it. Its digits are taken modulo 2^16.
fn port(text: &[u8], end: u8) -> Option<u16> {
    let mut port = 0_u16;
    for byte in text {
        match *byte {
            byte if byte == end => return (port != 0).then_some(port),
            digit @ b'0'..=b'9' => {
                port = port.wrapping_mul(10).wrapping_add(u16::from(digit - b'0'));
            }
            _ => return None,
        }
    }
    None
}

/// Bytes of an IPv6 address as text.
const LONGEST_ADDRESS: usize = 45;

/// Connections that one may announce at a time, and for how long each is expected.
const MOST: usize = 1;
const SECONDS: u32 = 300;
