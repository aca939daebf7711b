//! What does the datagram look like that these fragments make? The frame of its first, with the rest put in.
//!
//! The IPv4 header gets the whole length, no fragment offset, "don't fragment" only if the longest fragment had it, and
//! a checksum; of IPv6 the fragment header goes. Either is marked as congested if a fragment was.

use super::cache::Part;
use super::datagram::Summary;
use crate::frame::Frame;
use crate::packet::checksum::Sum;
use crate::packet::{Network, Piece};

/// Room for one datagram, taken once.
#[derive(Debug)]
pub struct Room {
    bytes: Box<[u8]>,
    length: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: vec![0; LONGEST].into(), length: 0 }
    }
}

impl Room {
    /// Puts a datagram together from its parts, in the order of their bytes: the frame as the rules are to see it.
    /// `None` if a part is not as it was when it was taken in.
    pub fn assemble<T, F: Frame + ?Sized>(
        &mut self,
        network: Network,
        summary: &Summary,
        parts: &[Part<T>],
        frame_of: impl Fn(&T) -> &F,
    ) -> Option<&[u8]> {
        let first = parts.first()?;
        let head = usize::from(first.piece.head);
        self.length = head + summary.length as usize;
        let bytes = self.bytes.get_mut(..self.length)?;
        frame_of(&first.item).copy(0, &mut bytes[..head]).then_some(())?;
        for Part { piece, item } in parts {
            let place = bytes.get_mut(head + piece.start as usize..head + piece.end as usize)?;
            frame_of(item).copy(piece.payload as usize, place).then_some(())?;
        }
        match network {
            Network::Ipv4 => mend_ipv4(&mut bytes[usize::from(first.piece.network)..head], summary),
            _ => mend_ipv6(&mut bytes[..head], &first.piece, summary),
        }
        Some(bytes)
    }
}

fn mend_ipv4(header: &mut [u8], summary: &Summary) {
    let length = header.len() as u32 + summary.length;
    header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
    header[6..8].copy_from_slice(&[if summary.dont_fragment { 0x40 } else { 0 }, 0]);
    header[1] |= if summary.is_congested { 3 } else { 0 };
    header[10..12].fill(0);
    let sum = Sum::of(header).checksum();
    header[10..12].copy_from_slice(&sum);
}

fn mend_ipv6(head: &mut [u8], first: &Piece, summary: &Summary) {
    head[usize::from(first.previous)] = first.next;
    let header = &mut head[usize::from(first.network)..];
    let length = header.len() as u32 - IPV6_HEADER + summary.length;
    header[4..6].copy_from_slice(&(length as u16).to_be_bytes());
    header[1] |= if summary.is_congested { 0x30 } else { 0 };
}

const IPV6_HEADER: u32 = 40;
/// Ethernet with two tags, an IPv6 header and what its length can count.
const LONGEST: usize = 22 + IPV6_HEADER as usize + u16::MAX as usize;
