//! Is this one of the packets that nearly all of a connection's packets are? Read in one go if it is.
//!
//! Plain is a whole IP packet without tags, options and extension headers, to one station, that bears TCP with a header
//! and, if it has options, the timestamps that most segments carry or what a SYN offers, or UDP; without a fault. All of
//! it lies in the frame's first segment. What [`parse`](super::parse) says of it follows from what is kept here
//! ([`Short::packet`]); every other frame is left to that.

use super::checksum::{Checksums, Sum};
use super::{Fragment, Network, Packet, Tcp, Tuple, ethernet, flag, protocol};
use crate::frame::Frame;

/// A plain packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Short {
    /// Sender.
    pub source: u32,
    /// Receiver.
    pub destination: u32,
    /// L4 port of the sender.
    pub source_port: u16,
    /// L4 port of the receiver.
    pub destination_port: u16,
    /// Bytes of the frame.
    pub frame_length: u16,
    /// Bytes of the packet.
    pub network_length: u16,
    /// TCP or UDP.
    pub protocol: u8,
    /// TCP: the flag bits, as in [`Tcp::flags`].
    pub flags: u8,
    /// TCP: window as it is in the header.
    pub window: u16,
    /// TCP: sequence number.
    pub sequence: u32,
    /// TCP: acknowledgement number.
    pub acknowledgement: u32,
    /// TCP: bytes of payload.
    pub payload_length: u16,
    /// TCP: bytes of its header.
    pub header_length: u8,
    /// TCP: the window scale it offers, as [`Tcp::window_scale`].
    pub window_scale: Option<u8>,
    /// TCP: whether it permits selective acknowledgements.
    pub sack_permitted: bool,
    /// It is one of IPv6: who it is between is told apart.
    pub is_v6: bool,
}

/// Reads `frame` if it is a plain packet.
#[inline(always)]
#[must_use]
pub fn read<F: Frame + ?Sized>(frame: &F, checksums: Checksums) -> Option<Short> {
    let head = frame.head();
    let (ethernet, rest) = head.split_first_chunk::<ETHERNET>()?;
    let (ip, behind) = rest.split_first_chunk::<IP>()?;
    let word = |at: usize| u32::from_be_bytes([ip[at], ip[at + 1], ip[at + 2], ip[at + 3]]);
    let length = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let transport = rest.get(IP..length)?;
    let is_plain = (ethernet[0] & GROUP == 0)
        & (ethernet[12..] == ethernet::IPV4.to_be_bytes())
        & (ip[0] == VERSION_AND_LENGTH)
        & (u16::from_be_bytes([ip[6], ip[7]]) & FRAGMENTED == 0)
        & (frame.length() == head.len())
        & (behind.len() <= usize::from(u16::MAX) - ETHERNET - IP);
    if !is_plain || !Sum::of(ip).holds() {
        return None;
    }
    let short = Short {
        source: word(12),
        destination: word(16),
        frame_length: head.len() as u16,
        network_length: length as u16,
        protocol: ip[9],
        ..Short::default()
    };
    let (short, is_summed) = match short.protocol {
        protocol::TCP => read_tcp(transport, short)?,
        protocol::UDP => read_udp(transport, short)?,
        _ => return None,
    };
    if is_summed && checksums == Checksums::Verified {
        let addresses: &[u8; 8] = ip.last_chunk()?;
        let sum = sum_of(transport).and(Sum::of(addresses));
        if !sum.plus(transport.len() as u32).plus(u32::from(short.protocol)).holds() {
            return None;
        }
    }
    Some(short)
}

/// Reads `frame` if it is a plain packet of IPv6, without extension headers. Says also from whom to whom it goes.
#[inline(never)]
#[must_use]
pub fn read_v6<F: Frame + ?Sized>(frame: &F, checksums: Checksums) -> Option<(Short, [u128; 2])> {
    let head = frame.head();
    let (ethernet, rest) = head.split_first_chunk::<ETHERNET>()?;
    let (ip, _) = rest.split_first_chunk::<IP_V6>()?;
    let length = IP_V6 + usize::from(u16::from_be_bytes([ip[4], ip[5]]));
    let transport = rest.get(IP_V6..length)?;
    let is_plain = (ethernet[0] & GROUP == 0)
        & (ethernet[12..] == ethernet::IPV6.to_be_bytes())
        & (ip[0] >> 4 == 6)
        & (frame.length() == head.len())
        & (rest.len() <= usize::from(u16::MAX) - ETHERNET);
    if !is_plain {
        return None;
    }
    let short = Short {
        frame_length: head.len() as u16,
        network_length: length as u16,
        protocol: ip[6],
        is_v6: true,
        ..Short::default()
    };
    let (short, is_summed) = match short.protocol {
        protocol::TCP => read_tcp(transport, short)?,
        protocol::UDP => read_udp(transport, short)?,
        _ => return None,
    };
    let addresses: &[u8; 32] = ip.last_chunk()?;
    if is_summed && checksums == Checksums::Verified {
        let sum = sum_of(transport).and(Sum::of(addresses));
        if !sum.plus(transport.len() as u32).plus(u32::from(short.protocol)).holds() {
            return None;
        }
    }
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    Some((short, [u128::from_be_bytes(*source), u128::from_be_bytes(*destination.first_chunk()?)]))
}

/// The sum of a header and what follows it: so many bytes as most headers have need no loop.
#[inline(always)]
fn sum_of(transport: &[u8]) -> Sum {
    match transport.split_first_chunk::<TCP>() {
        Some((header, rest)) => Sum::of(header).and(Sum::of(rest)),
        None => Sum::of(transport),
    }
}

/// With what its header says, and whether it has a checksum; nothing if it is not plain.
#[inline(always)]
fn read_tcp(bytes: &[u8], short: Short) -> Option<(Short, bool)> {
    let header: &[u8; TCP] = bytes.first_chunk()?;
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let header_length = header[12] >> 4;
    let options = usize::from(header_length) * 4;
    let is_plain =
        options == TCP || options == TCP + TIMESTAMPS && bytes.get(TCP..TCP + 4) == Some(&TIMESTAMPS_FIRST);
    if options > bytes.len() || !is_plain && header[13] & flag::SYN == 0 {
        return None;
    }
    let acknowledgement = word(8);
    let (window_scale, sack_permitted) =
        if is_plain { (None, false) } else { read_offer(bytes.get(TCP..options)?, acknowledgement)? };
    let short = Short {
        source_port: u16::from_be_bytes([header[0], header[1]]),
        destination_port: u16::from_be_bytes([header[2], header[3]]),
        sequence: word(4),
        acknowledgement,
        flags: header[13],
        window: u16::from_be_bytes([header[14], header[15]]),
        header_length: options as u8,
        payload_length: (bytes.len() - options) as u16,
        window_scale,
        sack_permitted,
        ..short
    };
    Some((short, true))
}

/// Reads what a SYN offers; nothing if it says something else besides.
#[inline(never)]
fn read_offer(options: &[u8], acknowledgement: u32) -> Option<(Option<u8>, bool)> {
    let mut tcp = Tcp { acknowledgement, ..Tcp::default() };
    tcp.read_options(options);
    tcp.sack_right_edge.is_none().then_some((tcp.window_scale, tcp.sack_permitted))
}

/// As [`read_tcp`].
#[inline(always)]
fn read_udp(bytes: &[u8], short: Short) -> Option<(Short, bool)> {
    let header: &[u8; UDP] = bytes.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if length < UDP || length > bytes.len() {
        return None;
    }
    let short = Short {
        source_port: u16::from_be_bytes([header[0], header[1]]),
        destination_port: u16::from_be_bytes([header[2], header[3]]),
        ..short
    };
    Some((short, header[6] | header[7] != 0))
}

impl Short {
    /// What [`parse`](super::parse) makes of the frame, one of IPv6 from and to these ends.
    #[must_use]
    pub fn packet_between(&self, [source, destination]: [u128; 2]) -> Packet {
        let packet = self.packet();
        Packet {
            ethertype: ethernet::IPV6,
            transport_offset: (ETHERNET + IP_V6) as u16,
            tuple: Tuple { network: Network::Ipv6, source, destination, ..packet.tuple },
            ..packet
        }
    }

    /// What [`parse`](super::parse) makes of the frame, one of IPv4.
    #[inline]
    #[must_use]
    pub fn packet(&self) -> Packet {
        let tcp = Tcp {
            sequence: self.sequence,
            acknowledgement: self.acknowledgement,
            window: self.window,
            flags: self.flags,
            header_length: self.header_length,
            payload_length: self.payload_length.into(),
            window_scale: self.window_scale,
            sack_permitted: self.sack_permitted,
            ..Tcp::default()
        };
        Packet {
            frame_length: self.frame_length.into(),
            ethertype: ethernet::IPV4,
            network_offset: ETHERNET as u16,
            transport_offset: (ETHERNET + IP) as u16,
            has_transport: true,
            fragment: Fragment::Whole,
            network_length: self.network_length.into(),
            tuple: Tuple {
                network: Network::Ipv4,
                protocol: self.protocol,
                source: self.source.into(),
                destination: self.destination.into(),
                source_port: self.source_port,
                destination_port: self.destination_port,
                ..Tuple::default()
            },
            tcp,
            ..Packet::default()
        }
    }

    /// Whether it may be the first of a connection that is not picked up in its middle.
    #[inline]
    #[must_use]
    pub const fn may_open(&self) -> bool {
        self.protocol == protocol::UDP || self.flags & flag::SYN != 0
    }

    /// Whether this is what a connection that stands is made of: a datagram, or a segment with ACK and at most PSH and
    /// what concerns congestion besides.
    #[inline]
    #[must_use]
    pub const fn goes_on(&self) -> bool {
        Self::may_go_on(self.protocol, self.flags)
    }

    #[inline]
    pub(super) const fn may_go_on(protocol: u8, flags: u8) -> bool {
        const CONCERN: u8 = !(flag::PSH | flag::ECE | flag::CWR);
        protocol == protocol::UDP || flags & CONCERN == flag::ACK
    }
}

/// Bytes of an Ethernet header without tags.
const ETHERNET: usize = 14;
/// Bytes of an IPv4 header without options.
const IP: usize = 20;
/// Bytes of an IPv6 header.
const IP_V6: usize = 40;
/// Bytes of a TCP header without options.
const TCP: usize = 20;
/// Bytes of a UDP header.
const UDP: usize = 8;
/// The bit of an Ethernet address that is set in those of many stations.
const GROUP: u8 = 1;
/// Version 4, five words.
const VERSION_AND_LENGTH: u8 = 0x45;
/// More fragments, or an offset.
const FRAGMENTED: u16 = 0x3fff;
/// Bytes of two no-operations and a timestamp (RFC 7323, appendix A), and how they begin.
pub(super) const TIMESTAMPS: usize = 12;
pub(super) const TIMESTAMPS_FIRST: [u8; 4] = [1, 1, 8, 10];

#[cfg(test)]
mod tests {
    use super::{Short, read, read_v6};
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Checksums, Frame, Packet, flag, parse_with};
    use proptest::prelude::*;

    fn frames() -> Vec<Vec<u8>> {
        let ip = FrameBuilder::new().ip([10, 0, 0, 1], [192, 168, 255, 254]);
        let segment = |flags| ip.clone().tcp(443, 50_000, flags);
        vec![
            segment(flag::ACK).payload(&[7; 11]).build(),
            segment(flag::SYN).build(),
            ip.clone().udp(53, 4242).payload(&[1, 2, 3]).build(),
            segment(flag::ACK).tcp_options(&[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]).build(),
            segment(flag::SYN)
                .tcp_options(&[2, 4, 6, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7])
                .build(),
            segment(flag::SYN | flag::ACK).tcp_options(&[2, 4, 6, 180, 1, 3, 3, 8, 1, 4, 2, 0]).build(),
        ]
    }

    #[test]
    fn plain_packets_are_read() {
        for frame in frames() {
            let short = read(&frame[..], Checksums::Verified).expect("plain");
            assert_eq!(short.packet(), parse_with(&frame[..], Checksums::Verified));
        }
    }

    #[test]
    fn what_goes_on_has_ack_and_nothing_that_moves_a_connection() {
        let goes_on = |flags| Short { protocol: 6, flags, ..Short::default() }.goes_on();
        for flags in 0..=u8::MAX {
            let moves = flags & (flag::SYN | flag::FIN | flag::RST | flag::URG) != 0;
            assert_eq!(goes_on(flags), flags & flag::ACK != 0 && !moves, "{flags:#x}");
        }
        assert!(Short { protocol: 17, ..Short::default() }.goes_on());
    }

    fn frames_v6() -> Vec<Vec<u8>> {
        let ends = [[0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], [0xfe80, 0, 0, 0, 1, 2, 3, 4]];
        let ip = FrameBuilder::new().ip(ends[0], ends[1]);
        let segment = |flags| ip.clone().tcp(443, 50_000, flags);
        vec![
            segment(flag::ACK).payload(&[7; 11]).build(),
            segment(flag::SYN).build(),
            ip.clone().udp(53, 4242).payload(&[1, 2, 3]).build(),
            segment(flag::ACK).tcp_options(&[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]).build(),
            segment(flag::SYN | flag::ACK).tcp_options(&[2, 4, 6, 180, 1, 3, 3, 8, 1, 4, 2, 0]).build(),
        ]
    }

    #[test]
    fn plain_packets_of_ipv6_are_read() {
        for frame in frames_v6() {
            assert_eq!(read(&frame[..], Checksums::Verified), None);
            let (short, ends) = read_v6(&frame[..], Checksums::Verified).expect("plain");
            assert_eq!(short.packet_between(ends), parse_with(&frame[..], Checksums::Verified));
        }
    }

    /// What is made of a plain packet, of either family.
    fn plain<F: Frame + ?Sized>(frame: &F, checksums: Checksums) -> Option<Packet> {
        let v6 = || read_v6(frame, checksums).map(|(short, ends)| short.packet_between(ends));
        read(frame, checksums).map(|short| short.packet()).or_else(v6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8000))]

        /// Plain packets with bytes changed, checksums made right again or not, cut, padded, in two segments.
        #[test]
        fn what_is_read_is_what_the_parser_reads(
            which in 0..11_usize,
            changes in prop::collection::vec((0..100_usize, any::<u8>()), 0..4),
            is_mended: bool,
            trusts: bool,
            cut in prop::option::of(0..110_usize),
            padding in 0..20_usize,
            split in prop::option::of(0..110_usize),
        ) {
            let v4 = frames();
            let is_v4 = which < v4.len();
            let mut frame = v4.into_iter().chain(frames_v6()).nth(which).expect("there are as many");
            for (at, byte) in changes {
                if let Some(place) = frame.get_mut(at) {
                    *place = byte;
                }
            }
            if is_mended && is_v4 {
                mend(&mut frame);
            }
            frame.resize(frame.len() + padding, 0);
            frame.truncate(cut.unwrap_or(usize::MAX));
            let checksums = if trusts { Checksums::Trusted } else { Checksums::Verified };
            if let Some(read) = plain(&frame[..], checksums) {
                let packet = parse_with(&frame[..], checksums);
                prop_assert_eq!(read, packet);
                prop_assert_eq!(packet.fault, None);
            }
            if let Some((one, other)) = split.and_then(|at| frame.split_at_checked(at)) {
                let segments = [one, other];
                if let Some(read) = plain(&segments[..], checksums) {
                    prop_assert_eq!(read, parse_with(&segments[..], checksums));
                }
            }
        }
    }

    /// Writes the checksum of the IPv4 header anew.
    fn mend(frame: &mut [u8]) {
        let Some(header) = frame.get_mut(14..34) else { return };
        header[10..12].fill(0);
        let sum = crate::packet::build::checksum(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}
