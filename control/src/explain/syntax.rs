//! How is a packet written down? As [`crate::describe`] prints it; what is left out is zero.
//!
//!     tcp 198.51.100.7:4242 > 192.0.2.10:80 flags S [seq N] [ack N] [len N] [win N] [ttl N]
//!     udp [2001:db8::1]:53 > [2001:db8::2]:4000 [len N] [ttl N]
//!     icmp 198.51.100.7 > 192.0.2.10 type 8 code 0 [id N] [ttl N]
//!     protocol 47 198.51.100.7 > 192.0.2.10 [fragment] [len N] [ttl N]
//!     ethertype 0x0806, 42 bytes

use dataplane::packet::{flag, protocol};
use std::net::{IpAddr, SocketAddr};

/// Most bytes of payload: what fits in an IPv4 packet behind the longest header written here.
const LONGEST: u32 = 65_535 - 60;

/// The frame that `text` describes. Transport checksums are left at zero; whoever parses it does not look at them.
pub fn frame(text: &str) -> Result<Vec<u8>, String> {
    let words: Vec<&str> = text.split([' ', '\t', ',']).filter(|word| !word.is_empty()).collect();
    let Some((&kind, rest)) = words.split_first() else {
        return Err(format!("no packet is written here; {EXAMPLE}"));
    };
    match kind {
        "ethertype" => other(rest),
        "tcp" => between(protocol::TCP, true, rest),
        "udp" => between(protocol::UDP, true, rest),
        "icmp" => between(protocol::ICMP, false, rest),
        "icmpv6" => between(protocol::ICMPV6, false, rest),
        "protocol" => {
            let (number, rest) = rest.split_first().ok_or("a number is missing behind 'protocol'")?;
            between(number_of("protocol", number, 255)? as u8, false, rest)
        }
        other => Err(format!("'{other}' is no kind of packet; {EXAMPLE}")),
    }
}

/// `0x0806 42 bytes`
fn other(words: &[&str]) -> Result<Vec<u8>, String> {
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
    let mut frame = ethernet(ethertype);
    frame.resize(length as usize, 0);
    Ok(frame)
}

/// What may be said of a packet.
#[derive(Debug, Default)]
struct Said {
    flags: u8,
    seq: u32,
    ack: u32,
    len: u32,
    window: Option<u16>,
    ttl: Option<u8>,
    icmp_type: u8,
    code: u8,
    id: u16,
    fragment: bool,
}

/// `SOURCE > DESTINATION WORD VALUE ...`
fn between(number: u8, ports: bool, words: &[&str]) -> Result<Vec<u8>, String> {
    let [source, arrow, destination, rest @ ..] = words else {
        return Err(format!("two ends are missing: SOURCE > DESTINATION; {EXAMPLE}"));
    };
    if *arrow != ">" {
        return Err(format!("between the two ends stands '>', not '{arrow}'"));
    }
    let (source, destination) = (end(source, ports)?, end(destination, ports)?);
    let said = said(number, rest)?;
    let mut body = transport(number, source.1, destination.1, &said);
    body.resize(body.len() + said.len as usize, 0);
    match (source.0, destination.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Ok(ipv4(number, from.octets(), to.octets(), &said, &body)),
        (IpAddr::V6(from), IpAddr::V6(to)) => Ok(ipv6(number, from.octets(), to.octets(), &said, &body)),
        _ => Err("one end is IPv4 and the other IPv6".to_owned()),
    }
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

/// The words behind the ends.
fn said(number: u8, words: &[&str]) -> Result<Said, String> {
    let mut said = Said::default();
    let mut words = words.iter();
    let tcp = number == protocol::TCP;
    let icmp = matches!(number, protocol::ICMP | protocol::ICMPV6);
    while let Some(&word) = words.next() {
        if word == "fragment" {
            said.fragment = true;
            continue;
        }
        let value = *words.next().ok_or_else(|| format!("a value is missing behind '{word}'"))?;
        match word {
            "flags" if tcp => said.flags = flags(value)?,
            "seq" if tcp => said.seq = number_of(word, value, u32::MAX)?,
            "ack" if tcp => said.ack = number_of(word, value, u32::MAX)?,
            "win" if tcp => said.window = Some(number_of(word, value, 65_535)? as u16),
            "type" if icmp => said.icmp_type = number_of(word, value, 255)? as u8,
            "code" if icmp => said.code = number_of(word, value, 255)? as u8,
            "id" if icmp => said.id = number_of(word, value, 65_535)? as u16,
            "len" => said.len = number_of(word, value, LONGEST)?,
            "ttl" => said.ttl = Some(number_of(word, value, 255)? as u8),
            _ => return Err(format!("'{word}' is nothing that can be said of this packet")),
        }
    }
    Ok(said)
}

fn number_of(what: &str, text: &str, most: u32) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| format!("{what}: '{text}' is not a number of 0 to {most}"))
}

fn flags(text: &str) -> Result<u8, String> {
    if text == "none" {
        return Ok(0);
    }
    text.chars().try_fold(0, |bits, letter| {
        let known = [
            ('S', flag::SYN),
            ('F', flag::FIN),
            ('R', flag::RST),
            ('P', flag::PSH),
            ('A', flag::ACK),
            ('.', flag::ACK),
            ('U', flag::URG),
            ('E', flag::ECE),
            ('C', flag::CWR),
        ];
        let found = known.iter().find(|(name, _)| *name == letter.to_ascii_uppercase());
        let (_, bit) = found.ok_or_else(|| format!("flags: '{letter}' is none of S F R P A U E C"))?;
        Ok(bits | bit)
    })
}

fn transport(number: u8, source: u16, destination: u16, said: &Said) -> Vec<u8> {
    let mut body = Vec::new();
    if said.fragment {
        return body;
    }
    match number {
        protocol::TCP => {
            body.extend(source.to_be_bytes());
            body.extend(destination.to_be_bytes());
            body.extend(said.seq.to_be_bytes());
            body.extend(said.ack.to_be_bytes());
            body.extend([0x50, said.flags]);
            body.extend(said.window.unwrap_or(0xffff).to_be_bytes());
            body.extend([0; 4]);
        }
        protocol::UDP => {
            body.extend(source.to_be_bytes());
            body.extend(destination.to_be_bytes());
            body.extend(((8 + said.len) as u16).to_be_bytes());
            body.extend([0; 2]);
        }
        protocol::ICMP | protocol::ICMPV6 => {
            body.extend([said.icmp_type, said.code, 0, 0]);
            body.extend(said.id.to_be_bytes());
            body.extend([0; 2]);
        }
        _ => {}
    }
    body
}

fn ethernet(ethertype: u16) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01];
    frame.extend(ethertype.to_be_bytes());
    frame
}

fn ipv4(number: u8, from: [u8; 4], to: [u8; 4], said: &Said, body: &[u8]) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend((20 + body.len() as u16).to_be_bytes());
    header.extend([0, 0]);
    header.extend(u16::from(said.fragment).to_be_bytes());
    header.extend([said.ttl.unwrap_or(64), number, 0, 0]);
    header.extend(from);
    header.extend(to);
    let sum = header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !(((folded & 0xffff) + (folded >> 16)) as u16);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    [ethernet(0x0800), header, body.to_vec()].concat()
}

fn ipv6(number: u8, from: [u8; 16], to: [u8; 16], said: &Said, body: &[u8]) -> Vec<u8> {
    let tail: &[u8] = if said.fragment { &[number, 0, 0, 8, 0, 0, 0, 0] } else { &[] };
    let next = if said.fragment { FRAGMENT } else { number };
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(((tail.len() + body.len()) as u16).to_be_bytes());
    header.extend([next, said.ttl.unwrap_or(64)]);
    header.extend(from);
    header.extend(to);
    [&ethernet(0x86dd), &header, tail, body].concat()
}

/// The IPv6 fragment header.
const FRAGMENT: u8 = 44;

const EXAMPLE: &str = "write, for one, 'tcp 198.51.100.7:4242 > 192.0.2.10:80 flags S'";

#[cfg(test)]
mod tests {
    use super::frame;
    use crate::describe::Described;
    use dataplane::packet::{Checksums, parse_with};

    fn read_back(text: &str) -> String {
        let frame = frame(text).unwrap_or_else(|error| panic!("{text}: {error}"));
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
        ] {
            let error = frame(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
