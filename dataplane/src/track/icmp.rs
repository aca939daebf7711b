//! What may an ICMP packet do? Ask, answer, report an error about a known flow, or pass untracked.
//!
//! A query opens a flow named by its identifier, type and code; the matching reply belongs to it. An error
//! belongs to the flow of the packet it quotes if it goes back to that packet's sender. Who sent the error and
//! whether the quoted checksum is right are not asked: any router on the way may report, and it quotes little.

use super::{Direction, Flow};
use crate::flow::FlowKey;
use crate::packet::{Network, Packet, Tuple, protocol};
use crate::reason::Reason;

/// What an ICMP packet may do, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Opens a flow or goes on with it.
    Request,
    /// Belongs to a flow that a request opened.
    Reply,
    /// Reports about a packet it quotes.
    Error,
    /// Neighbour discovery and multicast listener discovery: never tracked, forged or not.
    Untracked,
    /// Nothing the tracker knows, or ICMP of the other family.
    Unknown,
}

/// What a packet with this tuple may do; [`Role::Unknown`] if it is not ICMP at all.
#[must_use]
pub const fn role(tuple: &Tuple) -> Role {
    match (tuple.network, tuple.protocol) {
        (Network::Ipv4, protocol::ICMP) => match tuple.icmp_type {
            // echo, timestamp, information, address mask (RFC 792, RFC 950)
            8 | 13 | 15 | 17 => Role::Request,
            0 | 14 | 16 | 18 => Role::Reply,
            // unreachable, source quench, redirect, time exceeded, parameter problem
            3 | 4 | 5 | 11 | 12 => Role::Error,
            _ => Role::Unknown,
        },
        (Network::Ipv6, protocol::ICMPV6) => match tuple.icmp_type {
            // echo (RFC 4443), node information (RFC 4620)
            128 | 139 => Role::Request,
            129 | 140 => Role::Reply,
            // every error there is or will be (RFC 4443, section 2.1)
            0..=127 => Role::Error,
            // MLD 130 to 132, neighbour discovery 133 to 136 (redirect, 137, is not among them), MLDv2 143,
            // multicast router discovery (RFC 4286), but for its end, 153
            130..=136 | 143 | 151 | 152 => Role::Untracked,
            _ => Role::Unknown,
        },
        _ => Role::Unknown,
    }
}

/// An ICMP error about a packet with the tuple `quoted`, whose flow (by [`FlowKey::of`]) is `flow`.
///
/// The error is `ct state related` and goes against the quoted packet: its direction is returned. The flow stays
/// as it is, its deadline too.
///
/// # Errors
/// `ct state invalid`: no such flow, or the error does not go to the sender of the quoted packet.
pub fn relate(packet: &Packet, quoted: &Tuple, flow: Option<&Flow>) -> Result<Direction, Reason> {
    if let Some(fault) = packet.fault {
        return Err(fault);
    }
    let flow = flow.ok_or(Reason::IcmpErrorNoFlow)?;
    let (key, orientation) = FlowKey::of(quoted).ok_or(Reason::IcmpErrorInner)?;
    if (FlowKey { zone: flow.key().zone, ..key }) != *flow.key() {
        return Err(Reason::IcmpErrorNoFlow);
    }
    if packet.tuple.destination != quoted.source || packet.tuple.network != quoted.network {
        return Err(Reason::IcmpErrorAddress);
    }
    Ok(flow.direction(orientation).reversed())
}

#[cfg(test)]
mod tests {
    use super::{Role, relate, role};
    use crate::flow::FlowKey;
    use crate::packet::{Network, Packet, Tuple, protocol};
    use crate::reason::Reason;
    use crate::time::Tick;
    use crate::track::{Direction, Flow, Protocol};

    fn message(network: Network, protocol: u8, icmp_type: u8) -> Tuple {
        Tuple { network, protocol, icmp_type, ..Tuple::default() }
    }

    #[test]
    fn every_type_has_its_role() {
        for icmp_type in 0..=u8::MAX {
            let expected = match icmp_type {
                8 | 13 | 15 | 17 => Role::Request,
                0 | 14 | 16 | 18 => Role::Reply,
                3 | 4 | 5 | 11 | 12 => Role::Error,
                _ => Role::Unknown,
            };
            assert_eq!(role(&message(Network::Ipv4, protocol::ICMP, icmp_type)), expected, "{icmp_type}");
            let expected = match icmp_type {
                ..=127 => Role::Error,
                128 | 139 => Role::Request,
                129 | 140 => Role::Reply,
                130..=136 | 143 | 151 | 152 => Role::Untracked,
                _ => Role::Unknown,
            };
            assert_eq!(role(&message(Network::Ipv6, protocol::ICMPV6, icmp_type)), expected, "{icmp_type}");
            for tuple in [
                message(Network::Ipv6, protocol::ICMP, icmp_type),
                message(Network::Ipv4, protocol::ICMPV6, icmp_type),
                message(Network::Ipv4, protocol::UDP, icmp_type),
            ] {
                assert_eq!(role(&tuple), Role::Unknown, "the other family");
            }
        }
    }

    const CLIENT: u128 = 0x0a00_0001;
    const SERVER: u128 = 0x0a00_0002;

    fn datagram(source: u128, destination: u128) -> Tuple {
        let (network, protocol) = (Network::Ipv4, protocol::UDP);
        let (source_port, destination_port) = if source == CLIENT { (4242, 53) } else { (53, 4242) };
        Tuple { network, protocol, source, destination, source_port, destination_port, ..Tuple::default() }
    }

    fn error(from: u128, to: u128) -> Packet {
        let tuple = Tuple { source: from, destination: to, ..message(Network::Ipv4, protocol::ICMP, 3) };
        Packet { tuple, ..Packet::default() }
    }

    fn flow() -> Flow {
        let (key, orientation) = FlowKey::of(&datagram(CLIENT, SERVER)).unwrap();
        Flow::new(key, orientation, Tick(0), Protocol::Udp)
    }

    #[test]
    fn an_error_goes_against_what_it_quotes() {
        let (flow, router) = (flow(), 0x0a00_00fe);
        let (asked, answered) = (datagram(CLIENT, SERVER), datagram(SERVER, CLIENT));
        for sender in [SERVER, router] {
            assert_eq!(relate(&error(sender, CLIENT), &asked, Some(&flow)), Ok(Direction::Reply));
        }
        for sender in [CLIENT, router] {
            assert_eq!(relate(&error(sender, SERVER), &answered, Some(&flow)), Ok(Direction::Original));
        }
    }

    #[test]
    fn an_error_to_anyone_else_is_forged() {
        let flow = flow();
        for (to, quoted) in [
            (SERVER, datagram(CLIENT, SERVER)),
            (CLIENT, datagram(SERVER, CLIENT)),
            (7, datagram(CLIENT, SERVER)),
        ] {
            assert_eq!(relate(&error(9, to), &quoted, Some(&flow)), Err(Reason::IcmpErrorAddress));
        }
    }

    #[test]
    fn an_error_about_nothing_known() {
        let (flow, quoted) = (flow(), datagram(CLIENT, SERVER));
        assert_eq!(relate(&error(9, CLIENT), &quoted, None), Err(Reason::IcmpErrorNoFlow));
        let other = Tuple { source_port: 1, ..quoted };
        assert_eq!(relate(&error(9, CLIENT), &other, Some(&flow)), Err(Reason::IcmpErrorNoFlow));
        let broken = Packet { fault: Some(Reason::IcmpChecksum), ..error(9, CLIENT) };
        assert_eq!(relate(&broken, &quoted, Some(&flow)), Err(Reason::IcmpChecksum));
    }
}
