//! How is a packet written? As other commands and lints print them, and a little more.
//!
//!     tcp 198.51.100.7:4242 > 192.0.2.10:80 flags S [seq N] [ack N] [win N] [mss N] [wscale N] [sackok] [len N]
//!     udp [2001:db8::1]:53 > [2001:db8::2]:4000 [len N]          udplite the same
//!     sctp 198.51.100.7:4242 > 192.0.2.10:80 [chunk N] [tag N]    dccp ... [type N]
//!     icmp 198.51.100.7 > 192.0.2.10 type 8 code 0 [id N]        icmpv6, igmp the same
//!     gre, esp, protocol 112 198.51.100.7 > 192.0.2.10
//!     ethertype 0x0806, 42 bytes
//!
//! Behind any with addresses: `ttl N`, `tos N`, `vlan N`, `fragment` (a later one) or `more` (the first), for IPv6 `hbh`,
//! `dstopts`, `routing`; and what is known of it besides: `iif NAME`, `oif NAME`, `ct STATE`.

// Where they are is said for `fuzz_packet`, which takes this file in by its path.
#[path = "syntax/bytes.rs"]
mod bytes;
#[path = "syntax/words.rs"]
mod words;

use config::policy::interface_value;
use dataplane::packet::protocol;
use dataplane::track::CtState;
use std::net::{IpAddr, SocketAddr};
use words::{number_of, said};

/// A packet as it was written.
#[derive(Debug)]
pub struct Written {
    pub frame: Vec<u8>,
    /// The interface it comes in by, if that was said.
    pub iif: Option<String>,
    /// The interface it goes out by.
    pub oif: Option<String>,
    /// Its connection state.
    pub ct: Option<CtState>,
}

/// Whether `word` begins a packet, or is meant to be one.
pub fn begins(word: &str) -> bool {
    let first = word.split([' ', '\t', ',']).find(|part| !part.is_empty()).unwrap_or_default();
    KINDS.iter().any(|(name, ..)| *name == first) || OTHERS.contains(&first) || word.contains('>')
}

/// The packet that `text` describes.
pub fn packet(text: &str) -> Result<Written, String> {
    let words: Vec<&str> = text.split([' ', '\t', ',']).filter(|word| !word.is_empty()).collect();
    let Some((&kind, rest)) = words.split_first() else {
        return Err("no packet is written here".to_owned());
    };
    if let Some(&(_, number, ports)) = KINDS.iter().find(|(name, ..)| *name == kind) {
        return between(number, ports, rest);
    }
    match kind {
        "ethertype" => other(rest),
        "protocol" | "proto" => {
            let (number, rest) =
                rest.split_first().ok_or_else(|| format!("a number is missing behind '{kind}'"))?;
            between(number_of(kind, number, 255)? as u8, false, rest)
        }
        other => Err(format!("'{other}' is no kind of packet")),
    }
}

/// `0x0806 42 bytes`
fn other(words: &[&str]) -> Result<Written, String> {
    let (Some(kind), length) = (words.first(), words.get(1)) else {
        return Err("a number is missing behind 'ethertype'".to_owned());
    };
    let digits = kind.strip_prefix("0x").unwrap_or(kind);
    let ethertype =
        u16::from_str_radix(digits, 16).map_err(|_| format!("'{kind}' is no EtherType, as 0x0806 is"))?;
    let length = length.map_or(Ok(60), |word| number_of("length", word, 65_535))?;
    if let Some(word) = words.get(2..).unwrap_or_default().iter().find(|word| **word != "bytes") {
        return Err(format!("'{word}' has no place behind an EtherType"));
    }
    let mut frame = bytes::ethernet(None, ethertype);
    frame.resize(length as usize, 0);
    Ok(Written { frame, iif: None, oif: None, ct: None })
}

/// `SOURCE > DESTINATION WORD VALUE ...`
fn between(number: u8, ports: bool, words: &[&str]) -> Result<Written, String> {
    let [source, arrow, destination, rest @ ..] = words else {
        return Err("two ends are missing: SOURCE > DESTINATION".to_owned());
    };
    if *arrow != ">" {
        return Err(format!("between the two ends stands '>', not '{arrow}'"));
    }
    let (source, destination) = (end(source, ports)?, end(destination, ports)?);
    if source.0.is_ipv4() != destination.0.is_ipv4() {
        return Err("one end is IPv4 and the other IPv6".to_owned());
    }
    let said = said(number, source.0.is_ipv6(), rest)?;
    for name in [&said.iif, &said.oif].into_iter().flatten() {
        if name.is_empty() || interface_value(name).is_none() {
            return Err(format!("'{name}' is no name of an interface"));
        }
    }
    let frame = bytes::frame(number, source, destination, &said);
    Ok(Written { frame, iif: said.iif, oif: said.oif, ct: said.ct })
}

fn end(text: &str, ports: bool) -> Result<(IpAddr, u16), String> {
    if ports {
        let end: SocketAddr = text.parse().map_err(|_| {
            format!("'{text}' is no address with a port, as 192.0.2.10:80 and [2001:db8::1]:80 are")
        })?;
        return Ok((end.ip(), end.port()));
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse().map_err(|_| format!("'{text}' is no IP address (this protocol has no ports)"))?;
    Ok((address, 0))
}

/// What can be said first, its number, and whether it has ports.
const KINDS: [(&str, u8, bool); 10] = [
    ("tcp", protocol::TCP, true),
    ("udp", protocol::UDP, true),
    ("udplite", protocol::UDPLITE, true),
    ("sctp", protocol::SCTP, true),
    ("dccp", protocol::DCCP, true),
    ("icmp", protocol::ICMP, false),
    ("icmpv6", protocol::ICMPV6, false),
    ("igmp", IGMP, false),
    ("gre", protocol::GRE, false),
    ("esp", ESP, false),
];
const OTHERS: [&str; 3] = ["protocol", "proto", "ethertype"];
const IGMP: u8 = 2;
const ESP: u8 = 50;

/// A packet to show to who wrote none.
pub const EXAMPLE: &str = "tcp 198.51.100.7:4242 > 192.0.2.10:80 flags S";

#[cfg(test)]
mod tests {
    use super::{begins, packet};
    use crate::describe::Described;
    use dataplane::packet::{Checksums, parse_with};

    fn read_back(text: &str) -> String {
        let frame = packet(text).unwrap_or_else(|error| panic!("{text}: {error}")).frame;
        Described(&parse_with(&frame[..], Checksums::Trusted)).to_string()
    }

    /// Numbers that look random and are the same each time.
    fn numbers() -> impl FnMut() -> u64 {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let mut number = numbers();
        for round in 0..4000 {
            let v6 = number().is_multiple_of(2);
            let address = |bits: u64| match v6 {
                true => std::net::Ipv6Addr::from(u128::from(bits) << 64 | u128::from(bits.rotate_left(9)))
                    .to_string(),
                false => std::net::Ipv4Addr::from(bits as u32).to_string(),
            };
            let (a, b) = (address(number()), address(number()));
            let (p, q) = (number() as u16, number() as u16);
            let with_port = |a: &str, p: u16| if v6 { format!("[{a}]:{p}") } else { format!("{a}:{p}") };
            let text = match round % 6 {
                0 => {
                    let bits = number() as u8;
                    let letters: String =
                        [(2, 'S'), (1, 'F'), (4, 'R'), (8, 'P'), (16, 'A'), (32, 'U'), (64, 'E'), (128, 'C')]
                            .iter()
                            .filter(|(bit, _)| bits & bit != 0)
                            .map(|(_, letter)| *letter)
                            .collect();
                    let letters = if letters.is_empty() { "none" } else { &letters };
                    let (seq, ack, len) = (number() as u32, number() as u32, number() % 60_000);
                    let (a, b) = (with_port(&a, p), with_port(&b, q));
                    format!("tcp {a} > {b} flags {letters} seq {seq} ack {ack} len {len}")
                }
                1 => format!("udp {} > {}", with_port(&a, p), with_port(&b, q)),
                2 if v6 => format!("icmpv6 {a} > {b} type 128 code {} id {}", p as u8, q.max(1)),
                2 => format!("icmp {a} > {b} type 8 code {} id {}", p as u8, q.max(1)),
                3 if v6 => format!("icmpv6 {a} > {b} type 135 code 0"),
                3 => format!("icmp {a} > {b} type 3 code {}", p as u8),
                4 => format!("protocol {} {a} > {b} fragment", [6, 17, 1, 89, 132][p as usize % 5]),
                _ => format!("protocol {} {a} > {b}", [89, 132, 50, 112, 253][p as usize % 5]),
            };
            assert_eq!(read_back(&text), text);
        }
        assert_eq!(read_back("ethertype 0x0806, 42 bytes"), "ethertype 0x0806, 42 bytes");
    }

    #[test]
    fn what_is_no_packet_is_refused_in_words() {
        for (text, word) in [
            ("", "no packet"),
            ("tpc 1.2.3.4:1 > 1.2.3.5:2", "'tpc'"),
            ("tcp 1.2.3.4 > 1.2.3.5:2", "with a port"),
            ("udp 1.2.3.4:1 > [::1]:2", "IPv6"),
            ("udp 1.2.3.4:1 < 1.2.3.4:2", "'<'"),
            ("udp 1.2.3.4:1 > 1.2.3.4:2 flags S", "'flags'"),
            ("tcp 1.2.3.4:1 > 1.2.3.4:2 flags X", "'X'"),
            ("tcp 1.2.3.4:1 > 1.2.3.4:2 seq", "missing behind"),
            ("tcp 1.2.3.4:1 > 1.2.3.4:2 seq 4294967296", "4294967295"),
            ("icmp 1.2.3.4:1 > 1.2.3.4 type 8", "no ports"),
            ("protocol 300 1.2.3.4 > 1.2.3.5", "255"),
            ("tcp 1.2.3.4:1", "two ends"),
            ("udp 1.2.3.4:1 > 1.2.3.4:2 hbh", "IPv6"),
            ("udp 1.2.3.4:1 > 1.2.3.4:2 vlan 5000", "4095"),
            ("udp 1.2.3.4:1 > 1.2.3.4:2 ct olf", "'olf'"),
            ("udp 1.2.3.4:1 > 1.2.3.4:2 iif a-name-that-is-too-long", "interface"),
        ] {
            let error = packet(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    /// Every header has its place: what is written comes out of the parser.
    #[test]
    fn protocols_headers_and_options_are_parsed() {
        for (text, protocol, bytes) in [
            ("sctp 10.0.0.1:1 > 10.0.0.2:2", 132, 14 + 20 + 12 + 20),
            ("sctp 10.0.0.1:1 > 10.0.0.2:2 chunk 0 tag 7", 132, 14 + 20 + 12 + 4),
            ("udplite [fd00::1]:1 > [fd00::2]:2 len 3", 136, 14 + 40 + 8 + 3),
            ("tcp 10.0.0.1:1 > 10.0.0.2:2 flags S mss 1460 wscale 7 vlan 5", 6, 18 + 20 + 28),
            ("udp [fd00::1]:1 > [fd00::2]:2 hbh dstopts routing tos 184", 17, 14 + 40 + 24 + 8),
            ("igmp 10.0.0.1 > 224.0.0.22 type 34", 2, 14 + 20 + 8),
            ("gre 10.0.0.1 > 10.0.0.2", 47, 14 + 20 + 4),
            ("proto 112 10.0.0.1 > 10.0.0.2 len 4", 112, 14 + 20 + 4),
        ] {
            let frame = packet(text).unwrap_or_else(|error| panic!("{text}: {error}")).frame;
            let parsed = parse_with(&frame[..], Checksums::Trusted);
            assert_eq!((parsed.tuple.protocol, parsed.fault, frame.len()), (protocol, None, bytes), "{text}");
            assert!(begins(text), "{text}");
        }
    }

    #[test]
    fn what_is_known_besides_is_kept() {
        let written = packet("tcp 10.0.0.1:1 > 10.0.0.2:2 flags S iif eth0 ct new").unwrap();
        assert_eq!((written.iif.as_deref(), written.oif), (Some("eth0"), None));
        assert_eq!(written.ct, Some(dataplane::track::CtState::New));
    }
}
