//! How does a sender cut a datagram into fragments? RFC 791, section 3.2; RFC 8200, section 4.5.

use std::ops::Range;

use super::checksum;

/// The bytes of a datagram that a sender may cut: `frame` without what each fragment repeats.
///
/// # Panics
/// If `frame` is not IP.
#[must_use]
pub fn fragmentable(frame: &[u8]) -> &[u8] {
    &frame[head(frame)..]
}

/// The fragment of `frame`, an unfragmented one, with these bytes of what can be cut, to which `more` bytes follow or not.
/// Nothing is checked: ranges may overlap, and need not be multiples of eight long. They are to start at one.
///
/// # Panics
/// If `frame` is not IP or has no such bytes.
#[must_use]
pub fn cut(frame: &[u8], identification: u32, bytes: Range<usize>, more: bool) -> Vec<u8> {
    fragment(frame, identification, bytes.start, &fragmentable(frame)[bytes], more)
}

/// A fragment that belongs to `frame`, with any bytes at any place of it, in bytes.
///
/// # Panics
/// If `frame` is not IP.
#[must_use]
pub fn fragment(frame: &[u8], identification: u32, start: usize, bytes: &[u8], more: bool) -> Vec<u8> {
    let (network, head) = (network(frame), head(frame));
    let offset = start as u16 | u16::from(more);
    let mut made = frame[..head].to_vec();
    if frame[network] >> 4 == 4 {
        let length = (head - network + bytes.len()) as u16;
        made[network + 2..network + 4].copy_from_slice(&length.to_be_bytes());
        made[network + 4..network + 6].copy_from_slice(&(identification as u16).to_be_bytes());
        let kept = u16::from(made[network + 6] & 0x40) << 8;
        let bits = kept | (start / 8) as u16 | u16::from(more) << 13;
        made[network + 6..network + 8].copy_from_slice(&bits.to_be_bytes());
        made[network + 10..network + 12].fill(0);
        let sum = checksum(&made[network..]);
        made[network + 10..network + 12].copy_from_slice(&sum.to_be_bytes());
    } else {
        let previous = if head - network == 40 { network + 6 } else { network + 40 };
        let next = std::mem::replace(&mut made[previous], 44);
        let length = (head - network - 40 + 8 + bytes.len()) as u16;
        made[network + 4..network + 6].copy_from_slice(&length.to_be_bytes());
        made.extend([next, 0]);
        made.extend(offset.to_be_bytes());
        made.extend(identification.to_be_bytes());
    }
    made.extend(bytes);
    made
}

fn network(frame: &[u8]) -> usize {
    let mut at = 12;
    while !matches!(frame[at..at + 2], [0x08, 0x00] | [0x86, 0xdd]) {
        at += 4;
    }
    at + 2
}

/// Behind the IPv4 header; behind the IPv6 header and hop-by-hop options.
fn head(frame: &[u8]) -> usize {
    let at = network(frame);
    match frame[at] >> 4 {
        4 => at + usize::from(frame[at] & 15) * 4,
        _ if frame[at + 6] == 0 => at + 48 + usize::from(frame[at + 41]) * 8,
        _ => at + 40,
    }
}
