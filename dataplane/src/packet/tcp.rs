//! What does the TCP header say? RFC 9293, section 3.1.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------------------------------+-------------------------------+
//! |          source port          |       destination port        |
//! +-------------------------------+-------------------------------+
//! |                        sequence number                        |
//! +---------------------------------------------------------------+
//! |                     acknowledgement number                    |
//! +-------+-------+-+-+-+-+-+-+-+-+-------------------------------+
//! | data  | reser |C|E|U|A|P|R|S|F|                               |
//! | offset| ved   |W|C|R|C|S|S|Y|I|            window             |
//! |       |       |R|E|G|K|H|T|N|N|                               |
//! +-------+-------+-+-+-+-+-+-+-+-+-------------------------------+
//! |           checksum            |        urgent pointer         |
//! +-------------------------------+-------------------------------+
//! |               options, a multiple of 32 bits                  |
//! +---------------------------------------------------------------+
//! ```
//!
//! Which combinations of flags make sense is the tracker's business. Options are read as conntrack reads them:
//! a malformed one ends the reading and is no fault of the packet.

use super::bytes::{be16, be32};
use super::payload::Payload;
use super::{Packet, protocol};
use crate::frame::Frame;
use crate::reason::Reason;

/// What the tracker needs of a TCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tcp {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number, whether or not the ACK flag is set.
    pub acknowledgement: u32,
    /// Window as it is in the header, not scaled.
    pub window: u16,
    /// The eight flag bits CWR ECE URG ACK PSH RST SYN FIN, FIN lowest.
    pub flags: u8,
    /// Data offset in bytes.
    pub header_length: u8,
    /// Payload bytes, SYN and FIN not counted.
    pub payload_length: u32,
    /// Window scale option (RFC 7323), as sent.
    pub window_scale: Option<u8>,
    /// SACK permitted option (RFC 2018).
    pub sack_permitted: bool,
    /// The greatest right edge of the SACK blocks, by serial number arithmetic; `None` if there is none beyond
    /// the acknowledgement number.
    pub sack_right_edge: Option<u32>,
}

/// TCP flag bits.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// Congestion experienced echo.
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;
}

mod field {
    use std::ops::Range;

    pub(super) const SOURCE_PORT: Range<usize> = 0..2;
    pub(super) const DESTINATION_PORT: Range<usize> = 2..4;
    pub(super) const SEQUENCE: Range<usize> = 4..8;
    pub(super) const ACKNOWLEDGEMENT: Range<usize> = 8..12;
    pub(super) const DATA_OFFSET: usize = 12;
    pub(super) const FLAGS: usize = 13;
    pub(super) const WINDOW: Range<usize> = 14..16;
}

mod option {
    pub(super) const END: u8 = 0;
    pub(super) const NO_OPERATION: u8 = 1;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
    /// Most bytes of options a data offset leaves room for.
    pub(super) const MOST: usize = 40;
}

/// Bytes of a header without options.
const FIXED: usize = 20;

#[inline]
pub(super) fn parse<F: Frame + ?Sized>(payload: &Payload<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    let Some(header) = payload.array::<FIXED>(0) else {
        packet.tuple.read_ports(&payload.bytes, payload.offset);
        return Err(Reason::TcpTruncated);
    };
    packet.tuple.source_port = be16(&header, field::SOURCE_PORT);
    packet.tuple.destination_port = be16(&header, field::DESTINATION_PORT);
    let length = payload.length();
    let header_length = usize::from(header[field::DATA_OFFSET] >> 4) * 4;
    packet.tcp = Tcp {
        sequence: be32(&header, field::SEQUENCE),
        acknowledgement: be32(&header, field::ACKNOWLEDGEMENT),
        window: be16(&header, field::WINDOW),
        flags: header[field::FLAGS],
        header_length: header_length as u8,
        payload_length: length.saturating_sub(header_length) as u32,
        ..Tcp::default()
    };
    if header_length < FIXED || header_length > length {
        return Err(Reason::TcpDataOffset);
    }
    if !payload.checksum_holds(Some(protocol::TCP), length) {
        return Err(Reason::TcpChecksum);
    }
    if header_length > FIXED {
        let range = payload.offset + FIXED..payload.offset + header_length;
        if let Some(options) = payload.bytes.slice(range, &mut [0; option::MOST]) {
            packet.tcp.read_options(options);
        }
    }
    Ok(())
}

impl Tcp {
    #[inline]
    pub(super) fn read_options(&mut self, options: &[u8]) {
        match *options {
            // RFC 7323, appendix A: two no-operations and a timestamp, as most segments of a connection have.
            [1, 1, 8, 10, _, _, _, _, _, _, _, _] | [2, 4, _, _] => {}
            // Greatest segment, SACK permitted, timestamps, window scale, in the order of some well-known hosts.
            [2, 4, _, _, 4, 2, 8, 10, _, _, _, _, _, _, _, _, 1, 3, 3, shift]
            | [2, 4, _, _, 1, 3, 3, shift, 1, 1, 8, 10, _, _, _, _, _, _, _, _, 4, 2, 0, 0]
            | [2, 4, _, _, 1, 3, 3, shift, 1, 1, 4, 2]
            | [2, 4, _, _, 1, 1, 4, 2, 1, 3, 3, shift] => {
                (self.window_scale, self.sack_permitted) = (Some(shift), true);
            }
            _ => self.walk_options(options),
        }
    }

    fn walk_options(&mut self, options: &[u8]) {
        let mut rest = options;
        while let [kind, behind @ ..] = rest {
            match *kind {
                option::END => return,
                option::NO_OPERATION => rest = behind,
                kind => {
                    let Some(data) =
                        behind.first().and_then(|length| behind.get(1..usize::from(*length).checked_sub(1)?))
                    else {
                        return;
                    };
                    self.read_option(kind, data);
                    rest = &behind[1 + data.len()..];
                }
            }
        }
    }

    fn read_option(&mut self, kind: u8, data: &[u8]) {
        match (kind, data) {
            (option::WINDOW_SCALE, [shift]) => self.window_scale = Some(*shift),
            (option::SACK_PERMITTED, []) => self.sack_permitted = true,
            (option::SACK, blocks) if blocks.len().is_multiple_of(8) => {
                for block in blocks.as_chunks::<8>().0 {
                    let edge = be32(block, 4..8);
                    let greatest = self.sack_right_edge.unwrap_or(self.acknowledgement);
                    if (greatest.wrapping_sub(edge) as i32) < 0 {
                        self.sack_right_edge = Some(edge);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Tcp, flag};
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Packet, parse};
    use crate::reason::Reason;
    use proptest::prelude::*;

    fn segment() -> FrameBuilder {
        FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).tcp(40000, 443, flag::PSH | flag::ACK)
    }

    fn with_options(options: &[u8]) -> Tcp {
        let packet = parse(&segment().acknowledgement(1000).tcp_options(options).build()[..]);
        assert_eq!(packet.fault, None);
        packet.tcp
    }

    #[test]
    fn every_field() {
        let frame = segment()
            .sequence(0xdead_beef)
            .acknowledgement(0x0bad_cafe)
            .window(8192)
            .tcp_options(&[2, 4, 5, 0xb4])
            .payload(&[7; 100])
            .padding(3);
        let Packet { tuple, tcp, fault, .. } = parse(&frame.build()[..]);
        assert_eq!((tuple.source_port, tuple.destination_port, fault), (40000, 443, None));
        let expected = Tcp {
            sequence: 0xdead_beef,
            acknowledgement: 0x0bad_cafe,
            window: 8192,
            flags: flag::PSH | flag::ACK,
            header_length: 24,
            payload_length: 100,
            ..Tcp::default()
        };
        assert_eq!(tcp, expected);
    }

    #[test]
    fn bad_headers() {
        let fault = |frame: FrameBuilder| parse(&frame.build()[..]).fault;
        assert_eq!(fault(segment().transport_bytes(12, &[0x40])), Some(Reason::TcpDataOffset));
        assert_eq!(fault(segment().transport_bytes(12, &[0x60])), Some(Reason::TcpDataOffset));
        assert_eq!(fault(segment().overwrite(50, &[1, 2])), Some(Reason::TcpChecksum));
        for length in 0..20 {
            let packet = parse(&segment().raw(6).payload(&vec![1; length]).build()[..]);
            assert_eq!((packet.fault, packet.has_transport), (Some(Reason::TcpTruncated), true));
            assert_eq!(packet.tuple.source_port, if length < 4 { 0 } else { 0x0101 });
        }
    }

    #[test]
    fn options_of_a_syn() {
        // MSS 1460, SACK permitted, timestamps, NOP, window scale 7: the order Linux sends them in
        let tcp = with_options(&[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]);
        assert_eq!((tcp.window_scale, tcp.sack_permitted, tcp.sack_right_edge), (Some(7), true, None));
        assert_eq!(with_options(&[3, 3, 200]).window_scale, Some(200), "as sent");
    }

    #[test]
    fn the_greatest_sack_edge() {
        let sack = |edges: &[u32]| {
            let blocks =
                edges.iter().flat_map(|edge| [edge.wrapping_sub(10).to_be_bytes(), edge.to_be_bytes()]);
            let blocks: Vec<u8> = blocks.flatten().collect();
            with_options(&[&[1, 1, 5, 2 + blocks.len() as u8][..], &blocks].concat()).sack_right_edge
        };
        assert_eq!(sack(&[2000, 4000, 3000]), Some(4000));
        assert_eq!(sack(&[1000 + 0x7fff_ffff]), Some(1000 + 0x7fff_ffff));
        assert_eq!(sack(&[1000 + 0x8000_0001]), None, "behind 1000 on the circle");
        assert_eq!(sack(&[900, 1000]), None, "nothing beyond the acknowledgement");
        assert_eq!(sack(&[]), None);
    }

    #[test]
    fn malformed_options_end_the_reading() {
        let scale = [3, 3, 7];
        for (options, read) in [
            (&[1, 1, 1][..], true),
            (&[254, 4, 0, 0], true),
            (&[0], false),
            (&[254, 1], false),
            (&[254, 0], false),
            (&[254, 30], false),
        ] {
            let tcp = with_options(&[options, &scale].concat());
            assert_eq!(tcp.window_scale.is_some(), read, "{options:?}");
        }
        assert_eq!(with_options(&[3, 4, 7, 7]).window_scale, None, "of another length");
        assert!(!with_options(&[4, 3, 0]).sack_permitted, "of another length");
        assert_eq!(with_options(&[1, 1, 1, 3]), with_options(&[1, 1, 1, 1]), "no length");
    }

    proptest! {
        #[test]
        fn well_known_orders_say_what_each_option_says(which in 0..6_usize, random: [u8; 24]) {
            let order: &[Option<u8>] = match which {
                0 => &[Some(1), Some(1), Some(8), Some(10), None, None, None, None, None, None, None, None],
                1 => &[Some(2), Some(4), None, None],
                2 => &[Some(2), Some(4), None, None, Some(4), Some(2), Some(8), Some(10), None, None, None, None, None,
                       None, None, None, Some(1), Some(3), Some(3), None],
                3 => &[Some(2), Some(4), None, None, Some(1), Some(3), Some(3), None, Some(1), Some(1), Some(8),
                       Some(10), None, None, None, None, None, None, None, None, Some(4), Some(2), Some(0), Some(0)],
                4 => &[Some(2), Some(4), None, None, Some(1), Some(3), Some(3), None, Some(1), Some(1), Some(4), Some(2)],
                _ => &[Some(2), Some(4), None, None, Some(1), Some(1), Some(4), Some(2), Some(1), Some(3), Some(3), None],
            };
            let options: Vec<u8> = order.iter().zip(random).map(|(known, random)| known.unwrap_or(random)).collect();
            let (mut read, mut walked) = (Tcp::default(), Tcp::default());
            read.read_options(&options);
            walked.walk_options(&options);
            prop_assert_eq!(read, walked);
        }

        #[test]
        fn any_options_are_no_fault(options in proptest::collection::vec(any::<u8>(), 0..=40)) {
            with_options(&options);
        }
    }
}
