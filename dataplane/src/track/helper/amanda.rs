//! Which connections does an Amanda client announce? The answer to a backup server's request says where its data, messages
//! and index are to be fetched: `CONNECT DATA 1283 MESG 1284 INDEX 1285`.

use super::text::{self, LONGEST_TEXT, UDP_HEADER};
use super::{Expected, Hearer};
use crate::frame::Frame;
use crate::packet::Packet;
use crate::reason::Reason;
use crate::track::Direction;

/// Tells what an answer announces; the next may be long in coming.
///
/// # Errors
/// [`Reason::HelperExpectation`] if one of them cannot be expected, [`Reason::HelperPartial`] if it is too long to be read.
pub(super) fn follow<F: Frame + ?Sized, H: Hearer>(
    packet: &Packet,
    frame: &F,
    direction: Direction,
    hearer: &mut H,
) -> Result<(), Reason> {
    if direction == Direction::Original {
        return Ok(());
    }
    hearer.lasts(ANSWERED_WITHIN);
    let Some((start, length)) = text::place(packet, UDP_HEADER) else { return Ok(()) };
    if length > LONGEST_TEXT {
        return Err(Reason::HelperPartial);
    }
    let mut buffer = [0; LONGEST_TEXT];
    let Some(text) = text::bytes(frame, (start, length), &mut buffer) else { return Ok(()) };
    let mut said = Ok(());
    for port in announced(text) {
        let (from, to) = (packet.tuple.destination, (packet.tuple.source, port));
        if hearer.expect(Expected::over_tcp(Some(from), to, MOST, SECONDS)).is_err() {
            said = Err(Reason::HelperExpectation);
        }
    }
    said
}

/// The ports an answer names, up to the first that is none.
pub(super) fn announced(text: &[u8]) -> impl Iterator<Item = u16> {
    let line = text::find(text, CONNECT).and_then(|at| {
        let rest = &text[at + CONNECT.len()..];
        Some(&rest[..rest.iter().position(|byte| *byte == b'\n')?])
    });
    let line = line.unwrap_or_default();
    let named = WORDS.iter().filter_map(move |word| Some(&line[text::find(line, word)? + word.len()..]));
    // A port has five digits at most.
    named.map(|rest| text::number(&rest[..rest.len().min(5)]).0 as u16).take_while(|port| *port != 0)
}

const CONNECT: &[u8] = b"CONNECT ";
const WORDS: &[&[u8]] = &[b"DATA ", b"MESG ", b"INDEX ", b"STATE "];

/// How long an answer may be in coming, in milliseconds.
const ANSWERED_WITHIN: u32 = 300_000;

/// Connections that one may announce at a time, and for how long each is expected.
const MOST: usize = 4;
const SECONDS: u32 = 180;
