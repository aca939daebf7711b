//! Where is the option, or chunk, of a kind? Walked as the kernel's `nft_exthdr` does.

use super::Facts;
use crate::frame::Frame;
use crate::packet::{Fragment, protocol};
use config::policy::OptionOf;
use std::ops::Range;

impl<F: Frame + ?Sized> Facts<'_, F> {
    /// The bytes of the frame that hold the first option of this kind.
    pub(super) fn option(&self, of: OptionOf, kind: u8) -> Option<Range<usize>> {
        match of {
            OptionOf::Ipv4 => self.ipv4_option(kind),
            OptionOf::Tcp => self.tcp_option(kind),
            OptionOf::Sctp => self.sctp_chunk(kind),
            OptionOf::Dccp => self.dccp_option(kind),
        }
    }

    /// Where the transport header begins, if it is one of this protocol.
    pub(super) fn transport(&self, of: u8) -> Option<usize> {
        let (number, at) = self.transport_header()?;
        (number == of && self.packet.fragment != Fragment::Later).then_some(at)
    }

    /// The end of the list does not end the walk; a header that is cut off has no options.
    fn tcp_option(&self, kind: u8) -> Option<Range<usize>> {
        let start = self.transport(protocol::TCP)?;
        let fixed: [u8; TCP_FIXED] = self.bytes_at(start)?;
        let length = usize::from(fixed[12] >> 4) * 4;
        let mut room = [0; TCP_MOST];
        let header = &mut room[..length];
        if length < TCP_FIXED || start + length > self.end() || !self.frame.copy(start, header) {
            return None;
        }
        let mut at = TCP_FIXED;
        while at + 1 < length {
            let size = match (header[at], header[at + 1]) {
                (0 | 1, _) | (_, 0) => 1,
                (_, size) => usize::from(size),
            };
            if header[at] == kind {
                return (at + size <= length).then_some(start + at..start + at + size);
            }
            at += size;
        }
        None
    }

    fn sctp_chunk(&self, kind: u8) -> Option<Range<usize>> {
        let mut at = self.transport(protocol::SCTP)? + SCTP_HEADER;
        while at < self.end() {
            let [this, _, high, low] = self.bytes_at(at)?;
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length == 0 {
                return None;
            }
            if this == kind {
                return Some(at..at + length);
            }
            at += length.next_multiple_of(4);
        }
        None
    }

    fn dccp_option(&self, kind: u8) -> Option<Range<usize>> {
        let start = self.transport(protocol::DCCP)?;
        let fixed: [u8; DCCP_FIXED] = self.bytes_at(start)?;
        let end = start + usize::from(fixed[4]) * 4;
        if end > self.end() {
            return None;
        }
        let mut at = start + super::header::dccp_fixed(fixed[8]);
        while at < end {
            let [this] = self.bytes_at(at)?;
            let is_long = this >= DCCP_LONG;
            let length = match self.bytes_at(at) {
                Some([_, length]) if is_long && at + 1 < end => usize::from(length),
                _ => 1,
            };
            if this == kind {
                return Some(at..(at + length).min(end));
            }
            if is_long && length < 2 {
                return None;
            }
            at += length;
        }
        None
    }
}

/// Bytes of a TCP header without and with most options.
const TCP_FIXED: usize = 20;
const TCP_MOST: usize = 60;
const SCTP_HEADER: usize = 12;
/// Bytes of a DCCP header that every type has.
const DCCP_FIXED: usize = 12;
/// Options from this number on have a length.
const DCCP_LONG: u8 = 32;
