//! What does a packet that was written look like on the wire? Its header checksum is right; those of transport headers are
//! left at zero, and whoever parses it does not look at them.

use super::words::Said;
use super::{ESP, IGMP};
use dataplane::packet::protocol;
use std::net::IpAddr;

/// A packet of protocol `number` between two ends.
pub fn frame(number: u8, source: (IpAddr, u16), destination: (IpAddr, u16), said: &Said) -> Vec<u8> {
    let mut body = if said.fragment { Vec::new() } else { transport(number, source.1, destination.1, said) };
    body.resize(body.len() + said.len as usize, 0);
    // an empty fragment is malformed, and so is one of IPv6 before the last that is cut at another place
    if said.fragment && body.is_empty() {
        body.resize(FRAGMENT_UNIT, 0);
    }
    if said.more {
        body.resize(body.len().next_multiple_of(FRAGMENT_UNIT), 0);
    }
    match (source.0, destination.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            [ethernet(said.vlan, 0x0800), ipv4(number, from.octets(), to.octets(), said, body.len()), body]
                .concat()
        }
        (from, to) => {
            let octets = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            let (first, extensions) = extensions(number, said);
            let length = extensions.len() + body.len();
            let header = ipv6(first, octets(from), octets(to), said, length);
            [ethernet(said.vlan, 0x86dd), header, extensions, body].concat()
        }
    }
}

/// An Ethernet header, tagged if there is a VLAN.
pub fn ethernet(vlan: Option<u16>, ethertype: u16) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01];
    if let Some(vlan) = vlan {
        frame.extend([0x81, 0]);
        frame.extend(vlan.to_be_bytes());
    }
    frame.extend(ethertype.to_be_bytes());
    frame
}

fn transport(number: u8, source: u16, destination: u16, said: &Said) -> Vec<u8> {
    let mut body = Vec::new();
    let ports = || [source.to_be_bytes(), destination.to_be_bytes()].concat();
    match number {
        protocol::TCP => {
            let mut options = said.options.clone();
            options.resize(options.len().next_multiple_of(4).min(40), 0);
            body.extend(ports());
            body.extend(said.seq.to_be_bytes());
            body.extend(said.ack.to_be_bytes());
            body.extend([((20 + options.len()) << 2) as u8, said.flags]);
            body.extend(said.window.unwrap_or(0xffff).to_be_bytes());
            body.extend([0; 4]);
            body.extend(options);
        }
        protocol::UDP => {
            body.extend(ports());
            body.extend(((8 + said.len) as u16).to_be_bytes());
            body.extend([0; 2]);
        }
        // a coverage of 0 is the whole datagram, and a checksum is never absent (RFC 3828)
        protocol::UDPLITE => {
            body.extend(ports());
            body.extend([0, 0, 0xff, 0xff]);
        }
        protocol::SCTP => {
            body.extend(ports());
            body.extend(said.tag.to_be_bytes());
            body.extend([0; 4]);
            let chunk = said.chunk.unwrap_or(INIT);
            let length: u8 = if chunk == INIT { 20 } else { 4 };
            body.extend([chunk, 0, 0, length]);
            if chunk == INIT {
                body.extend([0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
            }
        }
        // RFC 4340: the long header with its service code; 5 words
        protocol::DCCP => {
            body.extend(ports());
            body.extend([5, 0, 0, 0, said.message << 1 | 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
        }
        protocol::ICMP | protocol::ICMPV6 => {
            body.extend([said.message, said.code, 0, 0]);
            body.extend(said.id.to_be_bytes());
            body.extend([0; 2]);
        }
        protocol::GRE => body.extend([0, 0, 0x08, 0]),
        IGMP => body.extend([said.message, said.code, 0, 0, 0, 0, 0, 0]),
        ESP => body.extend([0, 0, 0, 1, 0, 0, 0, 1]),
        _ => {}
    }
    body
}

fn ipv4(number: u8, from: [u8; 4], to: [u8; 4], said: &Said, length: usize) -> Vec<u8> {
    let mut header = vec![0x45, said.tos.unwrap_or(0)];
    header.extend((20 + length as u16).to_be_bytes());
    header.extend([0, 0]);
    header.extend((u16::from(said.more) << 13 | u16::from(said.fragment)).to_be_bytes());
    header.extend([said.ttl.unwrap_or(64), number, 0, 0]);
    header.extend(from);
    header.extend(to);
    let sum = header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !(((folded & 0xffff) + (folded >> 16)) as u16);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

fn ipv6(first: u8, from: [u8; 16], to: [u8; 16], said: &Said, length: usize) -> Vec<u8> {
    let class = said.tos.unwrap_or(0);
    let mut header = vec![0x60 | class >> 4, class << 4, 0, 0];
    header.extend((length as u16).to_be_bytes());
    header.extend([first, said.ttl.unwrap_or(64)]);
    header.extend(from);
    header.extend(to);
    header
}

/// The extension headers before protocol `number`, and what the first header is.
fn extensions(number: u8, said: &Said) -> (u8, Vec<u8>) {
    let mut chain = said.extensions.clone();
    if said.fragment || said.more {
        chain.push(FRAGMENT);
    }
    chain.push(number);
    let mut bytes = Vec::new();
    for pair in chain.windows(2) {
        bytes.extend(match pair[0] {
            FRAGMENT => {
                let place = u16::from(said.fragment) << 3 | u16::from(said.more);
                let [high, low] = place.to_be_bytes();
                [pair[1], 0, high, low, 0, 0, 0, 0]
            }
            // nothing left to visit (RFC 8200)
            ROUTING => [pair[1], 0, 4, 0, 0, 0, 0, 0],
            // filled up
            _ => [pair[1], 0, 1, 4, 0, 0, 0, 0],
        });
    }
    (chain[0], bytes)
}

/// The chunk that opens an association.
const INIT: u8 = 1;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;

/// What fragments but the last are a multiple of.
const FRAGMENT_UNIT: usize = 8;
