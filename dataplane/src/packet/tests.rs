//! Does the parser hold for every frame, not only for those someone thought of?

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::build::FrameBuilder;
use super::{Checksums, Fragment, Network, Packet, Quoted, Tcp, Tuple, parse, parse_with, protocol, quoted};
use crate::frame::Frame;
use crate::reason::Reason;

/// A valid frame and what is in it.
#[derive(Debug, Clone)]
struct Valid {
    frame: FrameBuilder,
    expected: Packet,
    /// Bytes from the transport header on that its checksum covers; 0 where there is none.
    covered: usize,
}

/// The layers below the transport protocol.
fn ip_packet() -> impl Strategy<Value = (FrameBuilder, Packet)> {
    let tags = vec(any::<u16>(), 0..=2);
    let addresses = any::<[u128; 2]>();
    let headers = vec(prop_oneof![Just(0_u8), Just(43), Just(44), Just(51), Just(60)], 0..4);
    (tags, any::<bool>(), addresses, 0..=10_usize, headers, 1..60_usize).prop_map(
        |(tags, is_v6, addresses, words, headers, padding)| {
            let mut frame = FrameBuilder::new().padding(padding);
            let mut expected = Packet {
                ethertype: if is_v6 { 0x86dd } else { 0x0800 },
                vlan_tags: tags.len() as u8,
                network_offset: 14 + 4 * tags.len() as u16,
                has_transport: true,
                fragment: Fragment::Whole,
                ..Packet::default()
            };
            for (at, control) in tags.iter().enumerate() {
                frame = frame.vlan([0x8100, 0x88a8, 0x9100][usize::from(control % 3)], *control);
                expected.vlan[at] = *control;
            }
            let (frame, header) = if is_v6 {
                let [source, destination] = addresses.map(u128::to_be_bytes);
                let mut frame = frame.ip(source, destination);
                let mut length = 40;
                for (at, number) in headers.into_iter().enumerate() {
                    // Hop-by-hop options come first and a fragment header, an atomic one, once.
                    let number = match number {
                        0 if at > 0 => 60,
                        44 if at > 0 => 43,
                        number => number,
                    };
                    if number == 44 {
                        expected.fragment = Fragment::Atomic;
                    }
                    let second = u8::from(number == protocol::AH);
                    let bytes =
                        if number == 44 { [0; 12] } else { [0, second, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] };
                    let size = if number == protocol::AH { 12 } else { 8 };
                    frame = frame.extension(number, &bytes[..size]);
                    length += size;
                }
                expected.tuple = tuple(Network::Ipv6, addresses);
                (frame, length)
            } else {
                let addresses = addresses.map(|address| address & 0xffff_ffff);
                let [source, destination] = addresses.map(|address| (address as u32).to_be_bytes());
                expected.tuple = tuple(Network::Ipv4, addresses);
                (frame.ip(source, destination).ipv4_options(&vec![1; 4 * words]), 20 + 4 * words)
            };
            expected.transport_offset = expected.network_offset + header as u16;
            (frame, expected)
        },
    )
}

fn tuple(network: Network, [source, destination]: [u128; 2]) -> Tuple {
    Tuple { network, source, destination, ..Tuple::default() }
}

fn valid() -> impl Strategy<Value = Valid> {
    let numbers = (any::<[u16; 2]>(), any::<u32>(), any::<u32>(), any::<u8>());
    (ip_packet(), 0..9_u8, numbers, vec(any::<u8>(), 0..80)).prop_map(
        |((frame, mut expected), kind, ([source, destination], one, two, flags), data)| {
            let network = expected.tuple.network;
            let (frame, number, length, covered) = match kind {
                0 => {
                    let options = [[1, 1, 1, 3, 3, 7, 4, 2], [0; 8], [8, 2, 4, 2, 3, 3, 7, 1], [1; 8]];
                    let options = &options[two as usize % 4][..(one as usize % 3) * 4];
                    expected.tcp = Tcp {
                        sequence: one,
                        acknowledgement: two,
                        window: source,
                        flags,
                        header_length: 20 + options.len() as u8,
                        payload_length: data.len() as u32,
                        window_scale: (options.starts_with(&[1, 1, 1, 3, 3, 7])
                            || options.starts_with(&[8, 2, 4, 2, 3, 3]))
                        .then_some(7),
                        sack_permitted: options.ends_with(&[7, 4, 2]) || options.starts_with(&[8, 2, 4, 2]),
                        sack_right_edge: None,
                    };
                    let frame = frame.tcp(source, destination, flags).tcp_options(options);
                    let frame = frame.sequence(one).acknowledgement(two).window(source);
                    (frame, protocol::TCP, 20 + options.len(), usize::MAX)
                }
                1 => (frame.udp(source, destination), protocol::UDP, 8, usize::MAX),
                2 => {
                    let coverage = 8 + one as usize % (data.len() + 1);
                    (frame.udplite(source, destination, coverage as u16), protocol::UDPLITE, 8, coverage)
                }
                3 => (frame.udplite(source, destination, 0), protocol::UDPLITE, 8, usize::MAX),
                4 => {
                    let chunk = [0, flags, 0, 4 + data.len() as u8];
                    let frame = frame.sctp(source, destination, one).payload(&[&chunk[..], &data].concat());
                    (frame, protocol::SCTP, 16, usize::MAX)
                }
                5 => (frame.dccp([source, destination], 0, 7, &[1; 4]), protocol::DCCP, 20, 0),
                6 if network == Network::Ipv4 => (frame.icmp_query(8, source, 1), 1, 8, usize::MAX),
                6 => (frame.icmp_query(128, source, 1), protocol::ICMPV6, 8, usize::MAX),
                7 => {
                    (frame.gre(0x3001, 0x880b).payload(&[&[0; 8][..], &data].concat()), protocol::GRE, 12, 0)
                }
                _ => (frame.raw(253), 253, 0, 0),
            };
            expected.tuple.protocol = number;
            match kind {
                0..=4 => {
                    expected.tuple.source_port = source;
                    expected.tuple.destination_port = destination;
                }
                6 => {
                    expected.tuple.icmp_type = if network == Network::Ipv4 { 8 } else { 128 };
                    expected.tuple.source_port = source;
                }
                _ => {}
            }
            let frame = if matches!(kind, 4 | 7) { frame } else { frame.payload(&data) };
            let header = expected.transport_offset - expected.network_offset;
            expected.network_length = u32::from(header) + (length + data.len()) as u32;
            expected.frame_length = frame.build().len() as u32;
            Valid { frame, expected, covered: covered.min(length + data.len()) }
        },
    )
}

/// A valid frame with some bytes changed and its end cut off, or any bytes at all.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changed = (valid(), vec((any::<Index>(), any::<u8>()), 0..4), any::<Option<Index>>()).prop_map(
        |(valid, changes, end)| {
            let mut bytes = valid.frame.build();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(end) = end {
                bytes.truncate(end.index(bytes.len() + 1));
            }
            bytes
        },
    );
    prop_oneof![8 => changed, 1 => vec(any::<u8>(), 0..150)]
}

/// An ICMP error that quotes any part of such a frame.
fn damaged_error() -> impl Strategy<Value = Vec<u8>> {
    (ip_packet(), damaged(), any::<u8>(), 0..30_usize).prop_map(|((ip, _), inner, icmp_type, from)| {
        ip.icmp(icmp_type % 16, 0, [0; 4]).payload(inner.get(from..).unwrap_or_default()).build()
    })
}

/// Parses `frame` and what it quotes.
fn read<F: Frame + ?Sized>(frame: &F) -> (Packet, Option<Quoted>) {
    let packet = parse(frame);
    (packet, quoted(frame, &packet).ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn valid_frames_have_no_fault(valid in valid()) {
        prop_assert_eq!(parse(&valid.frame.build()[..]), valid.expected);
    }

    #[test]
    fn segments_do_not_show(frame in prop_oneof![damaged(), damaged_error()], cuts in vec(any::<Index>(), 0..6)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(frame.len() + 1)).collect();
        cuts.extend([0, frame.len()]);
        cuts.sort_unstable();
        let segments: Vec<&[u8]> = cuts.windows(2).map(|ends| &frame[ends[0]..ends[1]]).collect();
        prop_assert_eq!(read(&segments[..]), read(&frame[..]));
    }

    #[test]
    fn what_was_read_lies_in_the_frame(frame in prop_oneof![damaged(), damaged_error()]) {
        let (packet, inner) = read(&frame[..]);
        let end = usize::from(packet.network_offset) + packet.network_length as usize;
        prop_assert!(end <= frame.len());
        if packet.has_transport {
            prop_assert!(packet.network_offset < packet.transport_offset);
            prop_assert!(usize::from(packet.transport_offset) <= end);
        }
        if packet.tcp != Tcp::default() {
            prop_assert!(usize::from(packet.transport_offset) + 20 <= end);
        }
        if let Some(inner) = inner {
            prop_assert!(inner.transport_offset as usize <= end);
        }
    }

    #[test]
    fn padding_does_not_show(valid in valid(), byte: u8) {
        let mut frame = valid.frame.build();
        let end = usize::from(valid.expected.network_offset) + valid.expected.network_length as usize;
        frame[end..].fill(byte);
        prop_assert_eq!(parse(&frame[..]), valid.expected);
    }

    #[test]
    fn a_flipped_bit_is_a_fault(valid in valid(), at: Index, bit in 0..8_u32) {
        let mut frame = valid.frame.build();
        let network = usize::from(valid.expected.network_offset);
        let transport = usize::from(valid.expected.transport_offset);
        // The pseudo-header covers the addresses of IPv6; SCTP has none.
        let has_pseudo_header = valid.covered > 0 && valid.expected.tuple.protocol != protocol::SCTP;
        let header = match valid.expected.tuple.network {
            Network::Ipv4 => network..transport,
            _ if has_pseudo_header => network + 8..network + 40,
            _ => 0..0,
        };
        let summed: Vec<usize> = header.chain(transport..transport + valid.covered).collect();
        prop_assume!(!summed.is_empty());
        let at = summed[at.index(summed.len())];
        frame[at] ^= 1_u8 << bit;
        let is_udp = valid.expected.tuple.protocol == protocol::UDP;
        prop_assume!(!(is_udp && frame[transport + 6..transport + 8] == [0, 0]));
        prop_assert!(parse(&frame[..]).fault.is_some(), "byte {} bit {}", at, bit);
    }

    #[test]
    fn trusted_checksums_are_not_looked_at(valid in valid(), sum in any::<[u8; 4]>()) {
        let transport = usize::from(valid.expected.transport_offset);
        let at = match valid.expected.tuple.protocol {
            protocol::TCP => 16..18,
            protocol::UDP | protocol::UDPLITE => 6..8,
            protocol::ICMP | protocol::ICMPV6 => 2..4,
            protocol::SCTP => 8..12,
            _ => 0..0,
        };
        let mut frame = valid.frame.build();
        frame[transport..][at.clone()].copy_from_slice(&sum[..at.len()]);
        // UDP-Lite must have a checksum, whoever looks at it.
        prop_assume!(valid.expected.tuple.protocol != protocol::UDPLITE || sum[..2] != [0, 0]);
        prop_assert_eq!(parse_with(&frame[..], Checksums::Trusted), valid.expected);
    }

    #[test]
    fn a_cut_packet_is_a_fault(valid in valid()) {
        let frame = valid.frame.build();
        let end = usize::from(valid.expected.network_offset) + valid.expected.network_length as usize;
        for length in 0..end {
            let packet = parse(&frame[..length]);
            prop_assert!(packet.fault.is_some_and(Reason::is_before_rules), "{}", length);
        }
    }
}
