//! What does a packet carry, as far as helpers read it?

use crate::frame::Frame;
use crate::packet::Packet;

/// Bytes of a packet that are read by helpers that look for words in it.
pub const LONGEST_TEXT: usize = 4096;

/// Where the payload is of a TCP or UDP packet, in its frame: from, and how long.
pub(super) fn place(packet: &Packet, header: usize) -> Option<(usize, usize)> {
    let start = usize::from(packet.transport_offset) + header;
    let end = usize::from(packet.network_offset) + packet.network_length as usize;
    Some((start, end.checked_sub(start).filter(|length| *length > 0)?))
}

/// The first bytes of a payload, as many as have room in `buffer`: where they lie, or copied if that is not in one run.
pub(super) fn bytes<'a, F: Frame + ?Sized>(
    frame: &'a F,
    (start, length): (usize, usize),
    buffer: &'a mut [u8; LONGEST_TEXT],
) -> Option<&'a [u8]> {
    let read = length.min(buffer.len());
    if let Some(bytes) = frame.head().get(start..start + read) {
        return Some(bytes);
    }
    let room = &mut buffer[..read];
    frame.copy(start, room).then_some(room)
}

/// What `text` says as a decimal number, taken modulo 2^64, and what comes behind it; 0 if it begins with none.
pub(super) fn number(text: &[u8]) -> (u64, &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let add = |all: u64, digit: &u8| all.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
    (text[..digits].iter().fold(0, add), &text[digits..])
}

/// Where `word` begins in `text`.
pub(super) fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|found| found == word)
}

/// Bytes of a UDP header.
pub(super) const UDP_HEADER: usize = 8;
