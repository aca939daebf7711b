//! Which packet is an ICMP error about? The one it quotes behind its header, or as much of it as there is; a redirect of
//! ICMPv6 has it in its first option.
//!
//! Checksums within are not looked at, nor is the version: routers change what they quote, and cut it (RFC 792: the
//! header and eight bytes; RFC 4443: what fits). The four bytes of the ports are needed, and of an ICMP query all
//! eight.

use super::bytes::Bytes;
use super::{Network, Packet, Tuple, gre, icmp, icmpv6, ipv4, ipv6, protocol};
use crate::frame::Frame;
use crate::reason::Reason;

/// The packet an ICMP error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    /// Who talked to whom, as the quoted packet was sent.
    pub tuple: Tuple,
    /// Offset of its transport header in the frame.
    pub transport_offset: u32,
}

/// Reads the packet that the ICMP or ICMPv6 error `packet`, parsed from `frame`, is about.
///
/// # Errors
/// [`Reason::IcmpErrorInner`] if `packet` is no ICMP error and no redirect of a router on the link, or what it quotes is cut off, malformed, a later
/// fragment, or an ICMP message that is neither query nor answer: an error about an error is invalid.
pub fn quoted<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Result<Quoted, Reason> {
    read(frame, packet).ok_or(Reason::IcmpErrorInner)
}

fn read<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Option<Quoted> {
    let bytes = packet.bytes_of(frame);
    let start = if packet.is_redirect() {
        icmpv6::redirected(&bytes, packet)?
    } else if packet.is_icmp_error() {
        usize::from(packet.transport_offset) + icmp::HEADER
    } else {
        return None;
    };
    let (mut tuple, offset) = match packet.tuple.network {
        Network::Ipv4 => ipv4::quoted(&bytes, start)?,
        Network::Ipv6 => ipv6::quoted(&bytes, start)?,
        Network::Other => return None,
    };
    read_transport(&bytes, offset, &mut tuple)?;
    Some(Quoted { tuple, transport_offset: offset as u32 })
}

/// Puts into `tuple` what its protocol has at `offset`.
fn read_transport<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, offset: usize, tuple: &mut Tuple) -> Option<()> {
    match (tuple.network, tuple.protocol) {
        (Network::Ipv4, protocol::ICMP) => icmp::quoted(&bytes.array(offset)?, tuple),
        (Network::Ipv6, protocol::ICMPV6) => icmpv6::quoted(&bytes.array(offset)?, tuple),
        (_, protocol::ICMP | protocol::ICMPV6) => None,
        (_, protocol::GRE) => gre::read(bytes, offset, tuple),
        (_, number) if protocol::has_ports(number) => tuple.read_ports(bytes, offset),
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Quoted, quoted};
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Network, Tuple, flag, parse, protocol};
    use crate::reason::Reason;

    const BAD: Result<Quoted, Reason> = Err(Reason::IcmpErrorInner);

    fn v4() -> FrameBuilder {
        FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2])
    }

    fn v6() -> FrameBuilder {
        FrameBuilder::new().ip([0xfd00, 0, 0, 0, 0, 0, 0, 1], [0xfd00, 0, 0, 0, 0, 0, 0, 2])
    }

    /// What is read from an error of the packet's family, from a router, about `inner`.
    fn error_about(inner: &[u8]) -> Result<Quoted, Reason> {
        let frame = if inner.first().is_some_and(|byte| byte >> 4 == 6) {
            let router = [0xfd00, 0, 0, 0, 0, 0, 0, 9];
            FrameBuilder::new().ip(router, [0xfd00, 0, 0, 0, 0, 0, 0, 1]).icmp(3, 0, [0; 4])
        } else {
            FrameBuilder::new().ip([10, 0, 0, 9], [10, 0, 0, 1]).icmp(11, 0, [0; 4])
        };
        let frame = frame.payload(inner).padding(20).build();
        let packet = parse(&frame[..]);
        assert_eq!((packet.fault, packet.is_icmp_error()), (None, true));
        quoted(&frame[..], &packet)
    }

    fn ports(inner: &FrameBuilder) -> Result<(u8, u16, u16), Reason> {
        let tuple = error_about(&inner.packet())?.tuple;
        Ok((tuple.protocol, tuple.source_port, tuple.destination_port))
    }

    #[test]
    fn the_tuple_is_that_of_the_quoted_packet() {
        let inner = v4().ipv4_options(&[1; 8]).tcp(40000, 80, flag::SYN).packet();
        let tuple = Tuple {
            network: Network::Ipv4,
            protocol: protocol::TCP,
            source: 0x0a00_0001,
            destination: 0x0a00_0002,
            source_port: 40000,
            destination_port: 80,
            ..Tuple::default()
        };
        let expected = Ok(Quoted { tuple, transport_offset: 14 + 20 + 8 + 28 });
        assert_eq!(error_about(&inner), expected);
        for length in 0..inner.len() {
            let result = error_about(&inner[..length]);
            assert_eq!(result, if length < 28 + 4 { BAD } else { expected }, "{length}");
        }
    }

    #[test]
    fn every_protocol() {
        for ip in [v4(), v6()] {
            assert_eq!(ports(&ip.clone().udp(5, 6)), Ok((protocol::UDP, 5, 6)));
            assert_eq!(ports(&ip.clone().udplite(5, 6, 0)), Ok((protocol::UDPLITE, 5, 6)));
            assert_eq!(ports(&ip.clone().sctp(5, 6, 0)), Ok((protocol::SCTP, 5, 6)));
            assert_eq!(ports(&ip.clone().dccp([5, 6], 0, 0, &[])), Ok((protocol::DCCP, 0, 0)));
            assert_eq!(ports(&ip.clone().raw(protocol::ESP)), Ok((protocol::ESP, 0, 0)));
            let call = ip.gre(0x3001, 0x880b).payload(&[0, 0, 0, 7]);
            assert_eq!(ports(&call), Ok((protocol::GRE, 0, 7)));
        }
        assert_eq!(ports(&v4().gre(0x3001, 0x0800).payload(&[0, 0, 0, 7])), Err(Reason::IcmpErrorInner));
    }

    #[test]
    fn an_error_about_an_error_is_bad() {
        for icmp_type in 0..=255 {
            let v4 = ports(&v4().icmp(icmp_type, 0, [0, 5, 0, 1]));
            assert_eq!(v4.is_ok(), [0, 8, 13, 14, 15, 16, 17, 18].contains(&icmp_type), "{icmp_type}");
            let v6 = ports(&v6().icmp(icmp_type, 0, [0, 5, 0, 1]));
            assert_eq!(v6.is_ok(), [128, 129, 139, 140].contains(&icmp_type), "{icmp_type}");
        }
        assert_eq!(ports(&v4().icmp_query(8, 5, 1)), Ok((protocol::ICMP, 5, 0)));
        let echo = v6().icmp_query(128, 5, 1).packet();
        assert_eq!(error_about(&echo[..47]), BAD, "all eight bytes are needed");
        assert_eq!(ports(&v6().raw(protocol::ICMP).payload(&[8; 8])), Err(Reason::IcmpErrorInner));
        assert_eq!(ports(&v4().raw(protocol::ICMPV6).payload(&[128; 8])), Err(Reason::IcmpErrorInner));
    }

    #[test]
    fn fragments_and_extension_headers() {
        let options = [0, 0, 1, 4, 0, 0, 0, 0];
        assert_eq!(ports(&v6().extension(60, &options).udp(5, 6)), Ok((protocol::UDP, 5, 6)));
        assert_eq!(ports(&v4().udp(5, 6).fragment(0, true)), Ok((protocol::UDP, 5, 6)));
        assert_eq!(ports(&v6().udp(5, 6).fragment(0, true)), Ok((protocol::UDP, 5, 6)));
        assert_eq!(ports(&v6().udp(5, 6).fragment(0, false)), Ok((protocol::UDP, 5, 6)));
        for bad in [
            v4().udp(5, 6).fragment(1, false),
            v6().udp(5, 6).fragment(1, false),
            v6().raw(60).payload(&[17, 9, 0, 0]),
            v6().raw(59),
            v4().network_bytes(0, &[0x4f]).udp(5, 6),
        ] {
            assert_eq!(error_about(&bad.packet()), BAD, "{bad:?}");
        }
    }

    #[test]
    fn a_header_that_says_it_is_too_short_is_believed() {
        assert_eq!(ports(&v4().network_bytes(0, &[0x44]).raw(protocol::DCCP)), Ok((protocol::DCCP, 0, 0)));
        assert_eq!(ports(&v4().network_bytes(0, &[0x44]).udp(5, 6)), Ok((protocol::UDP, 0x0a00, 2)));
        assert_eq!(ports(&v4().network_bytes(0, &[0x40]).udp(5, 6)), Ok((protocol::UDP, 0x4000, 28)));
    }

    #[test]
    fn nothing_is_quoted_but_by_errors() {
        for frame in [v4().icmp_query(8, 1, 1).payload(&v4().udp(5, 6).packet()), v4().udp(5, 6)] {
            let frame = frame.build();
            assert_eq!(quoted(&frame[..], &parse(&frame[..])), BAD);
        }
    }
}
