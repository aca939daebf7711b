//! What is this packet, in one line? As tcpdump's readers expect: who to whom, and what matters of the rest.

use dataplane::packet::{Fragment, Network, flag, protocol};
use dataplane::{Packet, Tuple};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Shows a packet in one line.
pub struct Described<'a>(pub &'a Packet);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packet = self.0;
        let tuple = &packet.tuple;
        if tuple.network == Network::Other {
            return write!(f, "ethertype {:#06x}, {} bytes", packet.ethertype, packet.frame_length);
        }
        let ports = packet.fragment != Fragment::Later;
        match tuple.protocol {
            protocol::TCP if ports => {
                write!(f, "tcp {} > {} flags ", source(tuple), destination(tuple))?;
                flags(f, packet.tcp.flags)?;
                write!(
                    f,
                    " seq {} ack {} len {}",
                    packet.tcp.sequence, packet.tcp.acknowledgement, packet.tcp.payload_length
                )
            }
            protocol::UDP if ports => write!(f, "udp {} > {}", source(tuple), destination(tuple)),
            protocol::ICMP | protocol::ICMPV6 if ports => {
                let name = if tuple.protocol == protocol::ICMP { "icmp" } else { "icmpv6" };
                let (source, destination) = (address(tuple, tuple.source), address(tuple, tuple.destination));
                write!(
                    f,
                    "{name} {source} > {destination} type {} code {}",
                    tuple.icmp_type, tuple.icmp_code
                )?;
                if tuple.source_port != 0 { write!(f, " id {}", tuple.source_port) } else { Ok(()) }
            }
            other => {
                let (source, destination) = (address(tuple, tuple.source), address(tuple, tuple.destination));
                write!(f, "protocol {other} {source} > {destination}")?;
                if packet.fragment == Fragment::Later { write!(f, " fragment") } else { Ok(()) }
            }
        }
    }
}

fn flags(f: &mut fmt::Formatter<'_>, bits: u8) -> fmt::Result {
    const LETTERS: [(u8, char); 8] = [
        (flag::SYN, 'S'),
        (flag::FIN, 'F'),
        (flag::RST, 'R'),
        (flag::PSH, 'P'),
        (flag::ACK, 'A'),
        (flag::URG, 'U'),
        (flag::ECE, 'E'),
        (flag::CWR, 'C'),
    ];
    if bits == 0 {
        return f.write_str("none");
    }
    LETTERS.iter().filter(|(bit, _)| bits & bit != 0).try_for_each(|(_, letter)| write!(f, "{letter}"))
}

fn source(tuple: &Tuple) -> String {
    end(tuple, tuple.source, tuple.source_port)
}

fn destination(tuple: &Tuple) -> String {
    end(tuple, tuple.destination, tuple.destination_port)
}

fn end(tuple: &Tuple, of: u128, port: u16) -> String {
    match tuple.network {
        Network::Ipv6 => format!("[{}]:{port}", address(tuple, of)),
        _ => format!("{}:{port}", address(tuple, of)),
    }
}

fn address(tuple: &Tuple, of: u128) -> String {
    match tuple.network {
        Network::Ipv6 => Ipv6Addr::from(of).to_string(),
        _ => Ipv4Addr::from(of as u32).to_string(),
    }
}
