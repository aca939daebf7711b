//! Of which datagram is a fragment, as the kernel sees it?
//!
//! It says nothing of a fragment that waits, nor which of them it has dropped. So all fragments go once more through rules
//! that accept everything: what comes out behind one is the datagram it has completed, and of the fragments that came
//! before those belong to it whose bytes are in it. For that no two fragments may have the same bytes in one place.
//!
//! What the kernel holds it holds for longer than a test lasts. In each passage all fragments therefore have other
//! identifications than in those before.

use super::{Gathered, Oracle};
use crate::capture::{Record, fragment_header, is_fragment};

/// Where the bytes of a frame that can be cut lie, and in which place of the datagram.
#[derive(Debug, Clone, Copy)]
struct Bytes {
    /// Offset in the frame, without VLAN tags.
    at: usize,
    start: usize,
    end: usize,
}

impl Oracle {
    /// For each record the number of the one that completes its datagram; nothing for what is no fragment, and for
    /// fragments that are dropped or never completed. Of the fragments those are asked about that come so far.
    pub(super) fn datagrams(
        &mut self,
        records: &[Record],
        comes_so_far: impl Fn(usize) -> bool,
    ) -> Vec<Option<usize>> {
        let mut found = vec![None; records.len()];
        // the oracle's own rules ask for the state, and accept
        self.load(&[], Gathered { tracked: [true; 2], incoming: false }).expect("the oracle's own rules");
        self.passages += 1;
        let mut waiting: Vec<usize> = Vec::new();
        let fragments = records.iter().enumerate().filter(|(_, record)| is_fragment(&record.frame));
        for (number, record) in fragments.filter(|(number, _)| comes_so_far(*number)) {
            waiting.push(number);
            self.forget_trace();
            let sent = renumbered(&record.frame, self.passages);
            let out: Vec<Vec<u8>> =
                self.send(record.side, &sent).0.into_iter().filter(|out| same_ends(out, &sent)).collect();
            if let [alone] = &out[..]
                && sent.starts_with(alone)
            {
                waiting.pop();
                found[number] = Some(number);
                continue;
            }
            waiting.retain(|&other| {
                let belongs = records[other].side == record.side
                    && number_of(&records[other].frame) == number_of(&record.frame)
                    && same_ends(&records[other].frame, &record.frame)
                    && is_in(&records[other].frame, &out);
                if belongs {
                    found[other] = Some(number);
                }
                !belongs
            });
        }
        self.forget_trace();
        found
    }
}

/// The same fragment of another datagram; what is no fragment stays as it is. A checksum that is wrong stays wrong.
pub(super) fn renumbered(frame: &[u8], passage: u32) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if !is_fragment(&frame) {
        return frame;
    }
    if frame[12] == 8 {
        change(&mut frame[14..34], (passage as u16).wrapping_mul(STEP as u16));
    } else if let Some(at) = fragment_header(&frame)
        && let Some(identification) = frame.get_mut(at + 4..at + 8)
    {
        let old =
            u32::from_be_bytes([identification[0], identification[1], identification[2], identification[3]]);
        identification.copy_from_slice(&old.wrapping_add(passage.wrapping_mul(STEP)).to_be_bytes());
    }
    frame
}

/// The identification that an ICMP error quotes, as it was before [`renumbered`]. Over IPv4 its header's checksum goes with
/// it, so that the sum over both, and the checksum of the error, stays.
pub(super) fn renumber_back(answer: &mut [u8], passage: u32) {
    let is_error =
        answer.len() >= 62 && answer[12..15] == [8, 0, 0x45] && answer[23] == 1 && answer[42] == 0x45;
    if is_error {
        change(&mut answer[42..62], (passage as u16).wrapping_mul(STEP as u16).wrapping_neg());
    } else if answer.len() >= 110 && answer[12..14] == [0x86, 0xdd] && answer[20] == 58 && answer[68] == 44 {
        // the quoted fragment header, and the error's own checksum
        let field = |at: usize| u16::from_be_bytes([answer[at], answer[at + 1]]);
        let old = u32::from(field(106)) << 16 | u32::from(field(108));
        let new = old.wrapping_sub(passage.wrapping_mul(STEP));
        let halves = |number: u32| (number >> 16) + (number & 0xffff);
        let sum = u32::from(!field(56)) + halves(!old) + halves(new);
        let sum = !(halves(halves(sum)) as u16);
        answer[106..110].copy_from_slice(&new.to_be_bytes());
        answer[56..58].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Adds to the identification of an IPv4 header, and to its checksum what that makes (RFC 1624).
fn change(header: &mut [u8], more: u16) {
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (old, sum) = (field(4), field(10));
    let new = old.wrapping_add(more);
    let sum = u32::from(!sum) + u32::from(!old) + u32::from(new);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !(((sum & 0xffff) + (sum >> 16)) as u16);
    header[4..6].copy_from_slice(&new.to_be_bytes());
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// The identification of a fragment's datagram.
fn number_of(frame: &[u8]) -> Option<&[u8]> {
    match fragment_header(frame) {
        Some(at) => frame.get(at + 4..at + 8),
        None => frame.get(18..20),
    }
}

/// Whether both are IP of one version between the same addresses.
pub(super) fn same_ends(one: &[u8], other: &[u8]) -> bool {
    let addresses = if one.get(12) == Some(&8) { 26..34 } else { 22..54 };
    one.get(12..14) == other.get(12..14)
        && one.get(addresses.clone()).is_some_and(|ends| Some(ends) == other.get(addresses))
}

/// Whether the bytes of `fragment` are among those of the datagram that came `out`, whole or in fragments of its own.
fn is_in(fragment: &[u8], out: &[Vec<u8>]) -> bool {
    // what stands before the part that is cut stays where it is
    let before = fragment_header(fragment).unwrap_or(54);
    let Some(bytes) = bytes_of(fragment, before) else {
        return out.iter().any(|out| out.starts_with(&fragment[..54]));
    };
    let has = |place: usize| {
        out.iter().find_map(|out| {
            let of = bytes_of(out, before)?;
            let range = of.start..of.end;
            range.contains(&place).then(|| out.get(of.at + place - of.start).copied())?
        })
    };
    bytes.start < bytes.end
        && (bytes.start..bytes.end).all(|place| {
            has(place).is_some() && has(place) == fragment.get(bytes.at + place - bytes.start).copied()
        })
}

/// Of an IPv6 packet that is whole, the part `from` there.
fn bytes_of(frame: &[u8], from: usize) -> Option<Bytes> {
    let field = |at: usize| Some(usize::from(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?])));
    if frame.get(12) == Some(&8) {
        let (at, end, bits) = (14 + usize::from(frame[14] & 15) * 4, 14 + field(16)?, field(20)?);
        let length = end.checked_sub(at)?;
        let length = if bits & 0x2000 != 0 { length & !7 } else { length };
        let start = (bits & 0x1fff) * 8;
        return Some(Bytes { at, start, end: start + length });
    }
    let end = 54 + field(18)?;
    let Some(header) = fragment_header(frame) else {
        return Some(Bytes { at: from, start: 0, end: end.checked_sub(from)? });
    };
    let (at, start) = (header + 8, field(header + 2)? & !7);
    Some(Bytes { at, start, end: start + end.checked_sub(at)? })
}

/// Between the identifications of two passages; those of a test lie below it.
const STEP: u32 = 64;
