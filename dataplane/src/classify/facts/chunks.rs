//! Does an SCTP packet bear the chunks that are wanted? Every chunk is looked at, as xtables does.

use super::Facts;
use crate::frame::Frame;
use crate::packet::{Fragment, protocol};
use config::policy::{CHUNK_TYPES, ChunkMode, Chunks, FLAGGED_CHUNKS, whole};

impl<F: Frame + ?Sized> Facts<'_, F> {
    /// One of [`whole`].
    pub(super) fn chunks(&self, wanted: Chunks) -> u8 {
        let packet = self.packet;
        let is_there = packet.has_transport && packet.fragment != Fragment::Later;
        if !is_there || packet.tuple.protocol != protocol::SCTP {
            return whole::NONE;
        }
        let mut missing = wanted.types;
        let mut at = usize::from(packet.transport_offset) + COMMON_HEADER;
        loop {
            let Some([kind, flags, high, low]) = self.bytes_at(at) else { return whole::CUT };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length == 0 {
                return whole::CUT;
            }
            at += length.next_multiple_of(4);
            let bit = bit_of(kind);
            let fits = wanted.types & bit != 0 && flags_fit(wanted.flags, kind, flags);
            match wanted.mode {
                ChunkMode::Any if fits => return whole::ALL,
                ChunkMode::All if fits => missing &= !bit,
                ChunkMode::Only if !fits => return whole::NONE,
                _ => {}
            }
            if at >= self.end() {
                break;
            }
        }
        match wanted.mode {
            ChunkMode::All if missing != 0 => whole::NONE,
            ChunkMode::Any => whole::NONE,
            _ => whole::ALL,
        }
    }
}

/// The bit of a chunk type; the last for one without a name.
fn bit_of(kind: u8) -> u32 {
    CHUNK_TYPES.iter().position(|known| *known == kind).map_or(1 << 31, |at| 1 << at)
}

fn flags_fit(wanted: u32, kind: u8, flags: u8) -> bool {
    let Some(at) = FLAGGED_CHUNKS.iter().position(|known| *known == kind) else { return true };
    let asked = (wanted >> (8 * at)) as u8;
    flags & (asked >> 4) == asked & 0xf
}

/// Bytes before the first chunk.
const COMMON_HEADER: usize = 12;
