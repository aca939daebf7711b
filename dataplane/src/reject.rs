//! How is the sender of a rejected packet told? With a RST or an unreachable, built from the packet itself.
//!
//! The answer goes back where the packet came from, with its addresses turned round, in the name of the host the
//! packet was for. As in the kernel, some packets are refused in silence ([`told`]), and so is a RST. Sources: RFC
//! 9293 section 3.5.2 (resets), RFC 792 and RFC 1812 section 4.3.2.3 (at most 576 bytes), RFC 4443 section 2.4 (at
//! most 1280 bytes).

pub mod pace;
mod told;

use crate::frame::Frame;
use crate::packet::checksum::Sum;
use crate::packet::{Checksums, Network, Packet, flag, protocol};
use config::policy::{Icmpx, Reject};

/// Most bytes an answer has: two VLAN tags before an ICMPv6 error of the least IPv6 link size.
pub const LONGEST: usize = ETHERNET + 8 + ICMPV6_LIMIT;

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const IPV6: usize = 40;
const TCP: usize = 20;
const ICMP: usize = 8;
const ICMP_LIMIT: usize = 576;
const ICMPV6_LIMIT: usize = 1280;
/// Time to live and hop limit of what the firewall sends itself, as Linux by default.
const HOPS: u8 = 64;

/// Writes the answer to `packet` into `into` and says how many bytes it has; `None` if it is refused in silence.
pub fn answer<F: Frame + ?Sized>(
    reject: Reject,
    packet: &Packet,
    frame: &F,
    checksums: Checksums,
    into: &mut [u8; LONGEST],
) -> Option<usize> {
    if !told::is_told(packet, frame, checksums) {
        return None;
    }
    let link = usize::from(packet.network_offset);
    if link > ETHERNET + 8 || !frame.copy(0, &mut into[..link]) {
        return None;
    }
    let (receiver, rest) = into.split_at_mut(6);
    receiver.swap_with_slice(&mut rest[..6]);
    let body = &mut into[link..];
    let length = match (reject, packet.tuple.network) {
        (Reject::TcpReset, _) => reset(packet, frame, body)?,
        (Reject::Icmp(code), Network::Ipv4) => unreachable_v4(code, packet, frame, body)?,
        (Reject::Icmpx(reason), Network::Ipv4) => unreachable_v4(icmp_code(reason), packet, frame, body)?,
        (Reject::Icmpv6(code), Network::Ipv6) => unreachable_v6(code, packet, frame, body)?,
        (Reject::Icmpx(reason), Network::Ipv6) => unreachable_v6(icmpv6_code(reason), packet, frame, body)?,
        _ => return None,
    };
    Some(link + length)
}

/// A RST that the sender takes: RFC 9293 section 3.5.2.
fn reset<F: Frame + ?Sized>(packet: &Packet, frame: &F, body: &mut [u8]) -> Option<usize> {
    let tcp = &packet.tcp;
    let length = told::transport_length(packet);
    if packet.tuple.protocol != protocol::TCP || length < TCP as u32 || tcp.flags & flag::RST != 0 {
        return None;
    }
    // what the data offset says, be it possible or not, and as Linux takes it
    let mut offset = [0];
    frame.copy(usize::from(packet.transport_offset) + 12, &mut offset).then_some(())?;
    let data = length.wrapping_sub(u32::from(offset[0] >> 4) * 4);
    let counted = tcp.flags & (flag::SYN | flag::FIN);
    let (sequence, acknowledgement, flags) = if tcp.flags & flag::ACK != 0 {
        (tcp.acknowledgement, 0, flag::RST)
    } else {
        let past = tcp.sequence.wrapping_add(data).wrapping_add(counted.count_ones());
        (0, past, flag::RST | flag::ACK)
    };
    let header = ip_header(packet, protocol::TCP, TCP, 0, body)?;
    let segment = body.get_mut(header..header + TCP)?;
    segment.fill(0);
    segment[0..2].copy_from_slice(&packet.tuple.destination_port.to_be_bytes());
    segment[2..4].copy_from_slice(&packet.tuple.source_port.to_be_bytes());
    segment[4..8].copy_from_slice(&sequence.to_be_bytes());
    segment[8..12].copy_from_slice(&acknowledgement.to_be_bytes());
    segment[12] = (TCP as u8 / 4) << 4;
    segment[13] = flags;
    let sum = pseudo_header(packet, protocol::TCP, TCP).and(Sum::of(segment)).checksum();
    segment[16..18].copy_from_slice(&sum);
    Some(header + TCP)
}

/// ICMP destination unreachable: RFC 792.
fn unreachable_v4<F: Frame + ?Sized>(code: u8, packet: &Packet, frame: &F, body: &mut [u8]) -> Option<usize> {
    if told::is_error(packet, frame) {
        return None;
    }
    let quoted = (packet.network_length as usize).min(ICMP_LIMIT - IPV4 - ICMP);
    let mut service = [0];
    frame.copy(usize::from(packet.network_offset) + 1, &mut service).then_some(())?;
    // precedence "internetwork control" and the type of service of the packet (RFC 1812 section 4.3.2.5)
    let header = ip_header(packet, protocol::ICMP, ICMP + quoted, service[0] & 0x1e | 0xc0, body)?;
    let message = error_message(3, code, packet, frame, quoted, &mut body[header..])?;
    let sum = Sum::of(message).checksum();
    message[2..4].copy_from_slice(&sum);
    Some(header + ICMP + quoted)
}

/// ICMPv6 destination unreachable: RFC 4443 section 3.1.
fn unreachable_v6<F: Frame + ?Sized>(code: u8, packet: &Packet, frame: &F, body: &mut [u8]) -> Option<usize> {
    if told::is_error(packet, frame) {
        return None;
    }
    let quoted = (packet.network_length as usize).min(ICMPV6_LIMIT - IPV6 - ICMP);
    let header = ip_header(packet, protocol::ICMPV6, ICMP + quoted, 0, body)?;
    let message = error_message(1, code, packet, frame, quoted, &mut body[header..])?;
    let sum = pseudo_header(packet, protocol::ICMPV6, message.len()).and(Sum::of(message)).checksum();
    message[2..4].copy_from_slice(&sum);
    Some(header + ICMP + quoted)
}

/// Type, code and the packet it is about; the checksum is left at 0.
fn error_message<'a, F: Frame + ?Sized>(
    kind: u8,
    code: u8,
    packet: &Packet,
    frame: &F,
    quoted: usize,
    body: &'a mut [u8],
) -> Option<&'a mut [u8]> {
    let message = body.get_mut(..ICMP + quoted)?;
    message[..ICMP].copy_from_slice(&[kind, code, 0, 0, 0, 0, 0, 0]);
    frame.copy(usize::from(packet.network_offset), &mut message[ICMP..]).then_some(message)
}

/// The IP header of an answer with `length` bytes behind it: how many bytes it has itself.
fn ip_header(packet: &Packet, protocol: u8, length: usize, service: u8, body: &mut [u8]) -> Option<usize> {
    let tuple = &packet.tuple;
    match tuple.network {
        Network::Other => None,
        Network::Ipv4 => {
            let header = body.get_mut(..IPV4)?;
            header.fill(0);
            header[0] = 0x45;
            header[1] = service;
            header[2..4].copy_from_slice(&((IPV4 + length) as u16).to_be_bytes());
            header[6] = if protocol == protocol::TCP { 0x40 } else { 0 };
            header[8] = HOPS;
            header[9] = protocol;
            header[12..16].copy_from_slice(&(tuple.destination as u32).to_be_bytes());
            header[16..20].copy_from_slice(&(tuple.source as u32).to_be_bytes());
            let sum = Sum::of(header).checksum();
            header[10..12].copy_from_slice(&sum);
            Some(IPV4)
        }
        Network::Ipv6 => {
            let header = body.get_mut(..IPV6)?;
            header.fill(0);
            header[0] = 0x60;
            header[4..6].copy_from_slice(&(length as u16).to_be_bytes());
            header[6] = protocol;
            header[7] = HOPS;
            header[8..24].copy_from_slice(&tuple.destination.to_be_bytes());
            header[24..40].copy_from_slice(&tuple.source.to_be_bytes());
            Some(IPV6)
        }
    }
}

/// The sum over the pseudo-header of an answer (RFC 9293 section 3.1, RFC 8200 section 8.1): addresses add up the
/// same both ways round.
fn pseudo_header(packet: &Packet, protocol: u8, length: usize) -> Sum {
    let (source, destination) = (packet.tuple.source.to_be_bytes(), packet.tuple.destination.to_be_bytes());
    Sum::of(&source).and(Sum::of(&destination)).plus(length as u32).plus(u32::from(protocol))
}

const fn icmp_code(reason: Icmpx) -> u8 {
    match reason {
        Icmpx::NoRoute => 0,
        Icmpx::PortUnreachable => 3,
        Icmpx::HostUnreachable => 1,
        Icmpx::AdminProhibited => 13,
    }
}

const fn icmpv6_code(reason: Icmpx) -> u8 {
    match reason {
        Icmpx::NoRoute => 0,
        Icmpx::PortUnreachable => 4,
        Icmpx::HostUnreachable => 3,
        Icmpx::AdminProhibited => 1,
    }
}
