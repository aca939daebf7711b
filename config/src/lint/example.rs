//! Which packet shows it? One whose bytes are written down, so that every rule can be asked about it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::policy::{Ct, Field, HeaderBase, Load, Meta, Sought, Value, ct_state, whole};

/// A packet and what is known of it besides its bytes. Shows itself as
/// `tcp 198.51.100.7:4242 > 192.0.2.10:80 flags S ct new`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Whether it is IPv6; otherwise it is IPv4.
    pub v6: bool,
    /// Its transport protocol.
    pub protocol: u8,
    /// The Ethernet header, the network header and what follows. Checksums of the transport layer are not filled in.
    pub frame: Vec<u8>,
    /// One bit of [`ct_state`].
    pub ct_state: u32,
    /// 0 original, 1 reply; none without a connection.
    pub ct_direction: Option<u8>,
    /// The interface it comes in by, as [`crate::policy::interface_value`] gives it; 0 is none.
    pub iif: Value,
    /// The interface it goes out by; 0 is none.
    pub oif: Value,
}

impl Example {
    /// A packet from a stranger to the server, or the other way: of a connection that the sender opens, or, if it
    /// goes out and is of a known one, that the other opened.
    pub(super) fn template(v6: bool, protocol: u8, ct_state: u32, outward: bool) -> Self {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        let transport = transport(protocol, ct_state);
        let length = u16::try_from(transport.len()).unwrap_or(0);
        if v6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            let hop_limit = if protocol == ICMPV6 { 255 } else { 64 };
            frame.extend([protocol, hop_limit]);
            frame.extend(Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, 7).octets());
            frame.extend(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x10).octets());
        } else {
            frame.extend([0x08, 0x00, 0x45, 0]);
            frame.extend((length + 20).to_be_bytes());
            frame.extend([0, 1, 0, 0, 64, protocol, 0, 0, 198, 51, 100, 7, 192, 0, 2, 10]);
        }
        frame.extend(transport);
        let answers = outward && ct_state != ct_state::NEW;
        if outward {
            let (at, length) = if v6 { (ETHERNET + 8, 16) } else { (ETHERNET + 12, 4) };
            frame[at..at + 2 * length].rotate_left(length);
        }
        if answers && PORTS.contains(&protocol) {
            let at = ETHERNET + if v6 { 40 } else { 20 };
            frame[at..at + 4].rotate_left(2);
        }
        let ct_direction = match ct_state {
            ct_state::INVALID | ct_state::UNTRACKED => None,
            _ => Some(u8::from(answers)),
        };
        Self { v6, protocol, frame, ct_state, ct_direction, iif: 0, oif: 0 }
    }

    /// The number at `load`; `None` if the packet has nothing there, or if only running can tell.
    pub(super) fn load(&self, load: &Load) -> Option<Value> {
        match *load {
            Load::Payload { base, offset, width } => {
                let start = self.start(base)? * 8 + usize::from(offset);
                read(&self.frame, start, usize::from(width))
            }
            Load::Meta(meta) => Some(match meta {
                Meta::Length => (self.frame.len() - ETHERNET) as Value,
                Meta::Protocol => {
                    if self.v6 {
                        0x86dd
                    } else {
                        0x0800
                    }
                }
                Meta::NfProto => {
                    if self.v6 {
                        10
                    } else {
                        2
                    }
                }
                Meta::L4Proto => self.protocol.into(),
                Meta::IifName => self.iif,
                Meta::OifName => self.oif,
                Meta::Mark | Meta::PacketType => 0,
                _ => return None,
            }),
            Load::Ct(Ct::State) => Some(self.ct_state.into()),
            Load::Ct(Ct::Direction) => self.ct_direction.map(Value::from),
            Load::Exists(_) => Some(0),
            Load::Whole(_) => Some(whole::ALL.into()),
            Load::Sought(Sought::MonthDay { .. }) => None,
            Load::Sought(_) => Some(whole::NONE.into()),
            _ => None,
        }
    }

    /// Makes `field` yield `value`, as far as it is for the packet to say.
    pub(super) fn store(&mut self, field: &Field, value: Value) {
        let raw = if field.shift >= 0 { value << field.shift } else { value >> -field.shift };
        let before = self.load(&field.load).unwrap_or(0);
        let loaded = before & !field.mask | (raw ^ field.xor) & field.mask;
        match field.load {
            Load::Payload { base, offset, width } => {
                if let Some(start) = self.start(base) {
                    write(&mut self.frame, start * 8 + usize::from(offset), usize::from(width), loaded);
                }
            }
            Load::Meta(Meta::Length) => {
                let length = usize::try_from(loaded).unwrap_or(0).min(0xffff) + ETHERNET;
                if length > self.frame.len() {
                    self.frame.resize(length, 0);
                    let (at, counted) = if self.v6 { (ETHERNET + 4, 40) } else { (ETHERNET + 2, 0) };
                    let said = u16::try_from(length - ETHERNET - counted).unwrap_or(u16::MAX);
                    self.frame[at..at + 2].copy_from_slice(&said.to_be_bytes());
                }
            }
            Load::Meta(Meta::IifName) => self.iif = loaded,
            Load::Meta(Meta::OifName) => self.oif = loaded,
            Load::Ct(Ct::Direction) => self.ct_direction = u8::try_from(loaded).ok(),
            _ => {}
        }
    }

    /// Fills in the checksum of an IPv4 header (RFC 791).
    pub(super) fn finish(&mut self) {
        if self.v6 {
            return;
        }
        let header = &mut self.frame[ETHERNET..ETHERNET + 20];
        header[10..12].fill(0);
        let words = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
        let sum: u32 = words.sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        header[10..12].copy_from_slice(&(!folded as u16).to_be_bytes());
    }

    /// Whether its bytes are those of a packet as the data path would read it.
    pub(super) fn is_sound(&self) -> bool {
        let network = &self.frame[ETHERNET..];
        let ether_type = u16::from_be_bytes([self.frame[12], self.frame[13]]);
        if self.v6 {
            let length = usize::from(u16::from_be_bytes([network[4], network[5]]));
            let plain = network[6] == self.protocol && !EXTENSIONS.contains(&self.protocol);
            return ether_type == 0x86dd && network[0] >> 4 == 6 && length + 40 == network.len() && plain;
        }
        let length = usize::from(u16::from_be_bytes([network[2], network[3]]));
        let whole = (u16::from_be_bytes([network[6], network[7]]) & 0x3fff) == 0;
        let plain = network[0] == 0x45 && network[9] == self.protocol;
        ether_type == 0x0800 && plain && whole && length == network.len()
    }

    fn start(&self, base: HeaderBase) -> Option<usize> {
        Some(match base {
            HeaderBase::Link => 0,
            HeaderBase::Network => ETHERNET,
            HeaderBase::Transport => ETHERNET + if self.v6 { 40 } else { 20 },
        })
    }

    fn addresses(&self) -> (String, String) {
        let network = &self.frame[ETHERNET..];
        if self.v6 {
            let address = |at: usize| {
                let octets: [u8; 16] = network[at..at + 16].try_into().unwrap_or_default();
                Ipv6Addr::from(octets).to_string()
            };
            return (address(8), address(24));
        }
        let address = |at: usize| {
            let octets: [u8; 4] = network[at..at + 4].try_into().unwrap_or_default();
            Ipv4Addr::from(octets).to_string()
        };
        (address(12), address(16))
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = &self.frame[self.start(HeaderBase::Transport).unwrap_or(ETHERNET)..];
        let (mut from, mut to) = self.addresses();
        let name = PROTOCOLS.iter().find(|(number, _)| *number == self.protocol);
        match name {
            Some((_, name)) => write!(f, "{name} ")?,
            None => write!(f, "proto {} ", self.protocol)?,
        }
        if PORTS.contains(&self.protocol) {
            if self.v6 {
                (from, to) = (format!("[{from}]"), format!("[{to}]"));
            }
            let port = |at: usize| u16::from_be_bytes([transport[at], transport[at + 1]]);
            write!(f, "{from}:{} > {to}:{}", port(0), port(2))?;
        } else {
            write!(f, "{from} > {to}")?;
        }
        match self.protocol {
            TCP => write!(f, " flags {}", flags(transport[13]))?,
            ICMP | ICMPV6 => write!(f, " type {} code {}", transport[0], transport[1])?,
            _ => {}
        }
        let (hops, usual) = if self.v6 {
            (self.frame[ETHERNET + 7], if self.protocol == ICMPV6 { 255 } else { 64 })
        } else {
            (self.frame[ETHERNET + 8], 64)
        };
        if hops != usual {
            write!(f, " ttl {hops}")?;
        }
        for (word, interface) in [("iif", self.iif), ("oif", self.oif)] {
            if interface != 0 {
                let bytes = interface.to_be_bytes();
                let name = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
                write!(f, " {word} {}", String::from_utf8_lossy(name))?;
            }
        }
        let state = STATES.iter().find(|(bit, _)| *bit == self.ct_state).map_or("none", |(_, name)| name);
        write!(f, " ct {state}")
    }
}

/// The header of a typical packet of `protocol`.
fn transport(protocol: u8, state: u32) -> Vec<u8> {
    let mut bytes = vec![0; 20];
    if PORTS.contains(&protocol) {
        bytes[..4].copy_from_slice(&[0x10, 0x92, 0, 80]);
    }
    match protocol {
        TCP => {
            let flags = match state {
                ct_state::NEW => 0x02,
                ct_state::INVALID => 0x29,
                _ => 0x10,
            };
            bytes[12..16].copy_from_slice(&[0x50, flags, 0x72, 0x10]);
        }
        UDP | UDPLITE => bytes[5] = 20,
        ICMP => bytes[0] = 8,
        ICMPV6 => bytes[0] = 128,
        _ => {}
    }
    bytes
}

fn flags(byte: u8) -> String {
    let set = FLAGS.iter().filter(|(bit, _)| byte & bit != 0).map(|(_, letter)| letter);
    let letters: String = set.collect();
    if letters.is_empty() { "none".to_owned() } else { letters }
}

fn read(bytes: &[u8], start: usize, width: usize) -> Option<Value> {
    if start + width > bytes.len() * 8 {
        return None;
    }
    Some(
        (start..start + width)
            .fold(0, |value, bit| value << 1 | Value::from(bytes[bit / 8] >> (7 - bit % 8) & 1)),
    )
}

fn write(bytes: &mut [u8], start: usize, width: usize, value: Value) {
    if start + width > bytes.len() * 8 {
        return;
    }
    for (place, bit) in (start..start + width).rev().enumerate() {
        let mask = 1 << (7 - bit % 8);
        if value >> place & 1 == 1 { bytes[bit / 8] |= mask } else { bytes[bit / 8] &= !mask }
    }
}

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP: u8 = 1;
pub(super) const ICMPV6: u8 = 58;
const UDPLITE: u8 = 136;
const ETHERNET: usize = 14;
/// Protocols whose header begins with two ports.
const PORTS: [u8; 5] = [TCP, UDP, 33, 132, UDPLITE];
/// Next headers of IPv6 that are no transport.
const EXTENSIONS: [u8; 8] = [0, 43, 44, 51, 59, 60, 135, 140];
const PROTOCOLS: [(u8, &str); 10] = [
    (ICMP, "icmp"),
    (2, "igmp"),
    (TCP, "tcp"),
    (UDP, "udp"),
    (33, "dccp"),
    (47, "gre"),
    (50, "esp"),
    (ICMPV6, "icmpv6"),
    (132, "sctp"),
    (UDPLITE, "udplite"),
];
const FLAGS: [(u8, char); 8] =
    [(2, 'S'), (1, 'F'), (4, 'R'), (8, 'P'), (16, 'A'), (32, 'U'), (64, 'E'), (128, 'C')];
const STATES: [(u32, &str); 5] = [
    (ct_state::NEW, "new"),
    (ct_state::ESTABLISHED, "established"),
    (ct_state::RELATED, "related"),
    (ct_state::INVALID, "invalid"),
    (ct_state::UNTRACKED, "untracked"),
];
