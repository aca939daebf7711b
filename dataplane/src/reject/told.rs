//! Which refused packets are answered? Those whose sender would understand: the first fragment or all of a datagram, to and
//! from one host, with a right checksum; and no message that reports an error itself.
//!
//! The checksum of a first fragment, which rules meet where nothing is tracked, is taken over its own bytes: hardly ever is it
//! right, unless there is none.
//!
//! The checksum is the one that Linux takes (`nf_reject_verify_csum`): over everything behind the IP header, with the
//! pseudo-header under TCP, UDP and all of IPv6. So a protocol without such a checksum is answered only if its bytes
//! happen to add up, unless it is one of those that are known to have none.

use crate::frame::Frame;
use crate::packet::checksum::Sum;
use crate::packet::{Checksums, Fragment, Network, Packet, protocol};

/// Whether the sender of `packet` may be told.
pub(super) fn is_told<F: Frame + ?Sized>(packet: &Packet, frame: &F, checksums: Checksums) -> bool {
    packet.fragment != Fragment::Later
        && is_to_one_host(packet, frame)
        && has_transport(packet)
        && (checksums == Checksums::Trusted || is_sound(packet, frame))
}

/// Whether `packet` is an ICMP message that reports an error, or may be one; nothing is answered to those, nor to one
/// without a type (RFC 1122 section 3.2.2, RFC 4443 section 2.4). Of IPv4 those count that Linux does not know.
pub(super) fn is_error<F: Frame + ?Sized>(packet: &Packet, frame: &F) -> bool {
    let mut first = [0];
    let has_type =
        transport_length(packet) > 0 && frame.copy(usize::from(packet.transport_offset), &mut first);
    match (packet.tuple.network, packet.tuple.protocol) {
        (Network::Ipv4, protocol::ICMP) => !has_type || !matches!(first[0], 0 | 8 | 13..=18),
        (Network::Ipv6, protocol::ICMPV6) => !has_type || first[0] < 128,
        _ => false,
    }
}

/// Bytes behind the IP header.
pub(super) fn transport_length(packet: &Packet) -> u32 {
    let end = u32::from(packet.network_offset) + packet.network_length;
    end.saturating_sub(u32::from(packet.transport_offset))
}

/// Over IPv6 there must be something behind the extension headers.
fn has_transport(packet: &Packet) -> bool {
    match packet.tuple.network {
        Network::Ipv4 => true,
        Network::Ipv6 => {
            packet.has_transport && packet.tuple.protocol != NO_NEXT_HEADER && transport_length(packet) > 0
        }
        Network::Other => false,
    }
}

/// Whether both ends are single hosts: nothing is ever answered to or for a group, nor to a host's own addresses.
fn is_to_one_host<F: Frame + ?Sized>(packet: &Packet, frame: &F) -> bool {
    let mut first = [1];
    let group_frame = !frame.copy(0, &mut first) || first[0] & 1 != 0;
    let tuple = &packet.tuple;
    let is_host = |address: u128| match tuple.network {
        Network::Ipv4 => address != 0 && address >> 28 < 0xe && address >> 24 != 127,
        Network::Ipv6 => address > 1 && address >> 120 != 0xff,
        Network::Other => false,
    };
    !group_frame && is_host(tuple.source) && is_host(tuple.destination)
}

/// Whether the bytes are as they were sent, as far as anybody can tell.
fn is_sound<F: Frame + ?Sized>(packet: &Packet, frame: &F) -> bool {
    let tuple = &packet.tuple;
    let start = usize::from(packet.transport_offset);
    match tuple.protocol {
        // checksums of their own kinds, or none at all
        protocol::GRE | protocol::ESP | protocol::AH | protocol::SCTP | protocol::UDPLITE => return true,
        protocol::UDP => {
            let mut checksum = [1; 2];
            if transport_length(packet) >= 8 && frame.copy(start + 6, &mut checksum) && checksum == [0; 2] {
                return true;
            }
        }
        _ => {}
    }
    let length = transport_length(packet);
    let mut sum = match (tuple.network, tuple.protocol) {
        (Network::Ipv4, protocol) if !matches!(protocol, protocol::TCP | protocol::UDP) => {
            Sum::default().plus(0xffff) // the IPv4 header, which is right
        }
        _ => super::pseudo_header(packet, tuple.protocol, length as usize),
    };
    let (mut at, end) = (start, start + length as usize);
    let mut piece = [0; 256];
    while at < end {
        let piece = &mut piece[..(end - at).min(256)];
        if !frame.copy(at, piece) {
            return false;
        }
        sum = sum.then(piece);
        at += piece.len();
    }
    sum.holds()
}

/// "No next header" (RFC 8200 section 4.7).
const NO_NEXT_HEADER: u8 = 59;

#[cfg(test)]
mod tests {
    use super::is_told;
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Checksums, parse};

    fn told(frame: &FrameBuilder) -> bool {
        let frame = frame.build();
        is_told(&parse(&frame[..]), &frame[..], Checksums::Verified)
    }

    fn v4() -> FrameBuilder {
        FrameBuilder::new().ip([198, 51, 100, 1], [192, 0, 2, 10])
    }

    fn v6() -> FrameBuilder {
        let host = |net| [0x2001, 0xdb8, net, 0, 0, 0, 0, 1];
        FrameBuilder::new().ip(host(1), host(2))
    }

    /// Found by `make parity`.
    #[test]
    fn a_udp_length_that_lies_is_told_of_if_the_checksum_holds() {
        assert!(told(&v4().udp(1, 2).payload(b"12345678").transport_bytes(4, &[0, 7])));
    }

    /// Found by `make parity`: Linux takes the checksum of what has none.
    #[test]
    fn an_unknown_protocol_is_told_of_only_if_its_bytes_add_up() {
        assert!(!told(&v4().raw(253).payload(&[7; 24])));
        assert!(told(&v4().raw(253).payload(&[0; 24])));
        assert!(told(&v4().raw(50).payload(&[7; 24])), "ESP is known to have none");
        assert!(!told(&v6().raw(253).payload(&[0; 24])), "the pseudo-header counts");
    }

    /// Found by `make parity`.
    #[test]
    fn a_first_fragment_is_told_of_if_its_checksum_is_right_or_there_is_none() {
        for ip in [v4(), v6()] {
            assert!(told(&ip.clone().fragment(0, true).udp(1, 2).payload(&[7; 8])));
            assert!(told(&ip.clone().fragment(0, true).raw(50).payload(&[7; 24])));
            assert!(!told(
                &ip.clone()
                    .fragment(0, true)
                    .udp(1, 2)
                    .payload(&[7; 8])
                    .padding(0)
                    .transport_bytes(6, &[1, 1])
            ));
            assert!(!told(&ip.fragment(2, true).raw(50).payload(&[7; 24])));
        }
    }

    #[test]
    fn udp_without_a_checksum_is_told_of() {
        assert!(told(&v4().udp(1, 2).overwrite(14 + 20 + 6, &[0, 0])));
        assert!(!told(&v4().udp(1, 2).overwrite(14 + 20 + 6, &[1, 1])));
    }

    #[test]
    fn nothing_behind_the_headers_of_ipv6_is_not_told_of() {
        assert!(!told(&v6().raw(59)));
        assert!(!told(&v6().raw(132)));
    }
}
