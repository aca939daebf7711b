//! Which connection does a scanner's server announce? SANE's network protocol: the answer to NET_START names the port
//! where the image is to be fetched.
//!
//! ```text
//! request:  | code, 7 | handle |        answer:  | status, 0 | 0    | port | ...
//!            32 bits   32 bits                    32 bits     16     16
//! ```

use zerocopy::FromZeros;

use super::{Expected, text};
use crate::frame::Frame;
use crate::packet::Packet;
use crate::track::Direction;

/// Whether an image was asked for, and the answer is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(transparent)]
pub(super) struct Asked(u8);

/// What a packet of an established connection to a SANE server announces.
pub(super) fn follow<F: Frame + ?Sized>(
    asked: &mut Asked,
    packet: &Packet,
    frame: &F,
    direction: Direction,
) -> Option<Expected> {
    let (start, length) = text::place(packet, usize::from(packet.tcp.header_length))?;
    let mut bytes = [0; 8];
    if direction == Direction::Original {
        if length == bytes.len() && frame.copy(start, &mut bytes) {
            asked.0 = u8::from(bytes[..4] == NET_START);
        }
        return None;
    }
    let was_asked = std::mem::take(asked) != Asked(0);
    if !was_asked || length < bytes.len() || !frame.copy(start, &mut bytes) {
        return None;
    }
    let [0, 0, 0, 0, 0, 0, high, low] = bytes else { return None };
    let port = u16::from_be_bytes([high, low]);
    Some(Expected::over_tcp(Some(packet.tuple.destination), (packet.tuple.source, port), MOST, SECONDS))
}

/// The code of a request.
const NET_START: [u8; 4] = [0, 0, 0, 7];

/// Connections that one may announce at a time, and for how long each is expected.
const MOST: usize = 1;
const SECONDS: u32 = 300;
