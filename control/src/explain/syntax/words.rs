//! What may be said of a packet behind its ends?

use dataplane::packet::{flag, protocol};
use dataplane::track::CtState;

/// All of it; what is not said is nothing.
#[derive(Debug, Default)]
pub struct Said {
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub len: u32,
    pub window: Option<u16>,
    /// Options of TCP, as they stand in the header.
    pub options: Vec<u8>,
    pub ttl: Option<u8>,
    pub tos: Option<u8>,
    /// The type of an ICMP, IGMP or DCCP message.
    pub message: u8,
    pub code: u8,
    pub id: u16,
    pub chunk: Option<u8>,
    pub tag: u32,
    pub vlan: Option<u16>,
    /// Extension headers of IPv6, by their numbers.
    pub extensions: Vec<u8>,
    /// A later fragment.
    pub fragment: bool,
    /// More fragments follow.
    pub more: bool,
    pub iif: Option<String>,
    pub oif: Option<String>,
    pub ct: Option<CtState>,
}

/// The words behind the ends of a packet of protocol `number`.
pub fn said(number: u8, v6: bool, words: &[&str]) -> Result<Said, String> {
    let mut said = Said::default();
    let mut words = words.iter();
    let tcp = number == protocol::TCP;
    let icmp = matches!(number, protocol::ICMP | protocol::ICMPV6);
    let typed = icmp || matches!(number, IGMP | protocol::DCCP);
    let sctp = number == protocol::SCTP;
    while let Some(&word) = words.next() {
        if let Some((_, header)) = EXTENSIONS.iter().find(|(name, _)| *name == word) {
            if !v6 {
                return Err(format!("'{word}' is a header of IPv6"));
            }
            said.extensions.push(*header);
            continue;
        }
        match word {
            "fragment" => {
                said.fragment = true;
                continue;
            }
            "more" => {
                said.more = true;
                continue;
            }
            "sackok" if tcp => {
                said.options.extend([1, 1, 4, 2]);
                continue;
            }
            _ => {}
        }
        let value = *words.next().ok_or_else(|| format!("a value is missing behind '{word}'"))?;
        match word {
            "flags" if tcp => said.flags = flags(value)?,
            "seq" if tcp => said.seq = number_of(word, value, u32::MAX)?,
            "ack" if tcp => said.ack = number_of(word, value, u32::MAX)?,
            "win" if tcp => said.window = Some(number_of(word, value, 65_535)? as u16),
            "mss" if tcp => {
                let bytes = (number_of(word, value, 65_535)? as u16).to_be_bytes();
                said.options.extend([2, 4, bytes[0], bytes[1]]);
            }
            "wscale" if tcp => said.options.extend([1, 3, 3, number_of(word, value, 255)? as u8]),
            "type" if typed => said.message = number_of(word, value, 255)? as u8,
            "code" if typed => said.code = number_of(word, value, 255)? as u8,
            "id" if icmp => said.id = number_of(word, value, 65_535)? as u16,
            "chunk" if sctp => said.chunk = Some(number_of(word, value, 255)? as u8),
            "tag" if sctp => said.tag = number_of(word, value, u32::MAX)?,
            "len" => said.len = number_of(word, value, LONGEST)?,
            "ttl" => said.ttl = Some(number_of(word, value, 255)? as u8),
            "tos" => said.tos = Some(number_of(word, value, 255)? as u8),
            "vlan" => said.vlan = Some(number_of(word, value, 4095)? as u16),
            "iif" => said.iif = Some(value.to_owned()),
            "oif" => said.oif = Some(value.to_owned()),
            "ct" => said.ct = Some(state(value)?),
            _ => return Err(format!("'{word}' is nothing that can be said of this packet")),
        }
    }
    Ok(said)
}

pub fn number_of(what: &str, text: &str, most: u32) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| format!("{what}: '{text}' is not a number of 0 to {most}"))
}

fn state(text: &str) -> Result<CtState, String> {
    let known = [CtState::New, CtState::Established, CtState::Related, CtState::Invalid, CtState::Untracked];
    let found = known.into_iter().find(|state| state.label() == text);
    found.ok_or_else(|| format!("ct: '{text}' is none of new, established, related, invalid, untracked"))
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

/// Extension headers that can be written, and their numbers.
const EXTENSIONS: [(&str, u8); 3] = [("hbh", 0), ("routing", 43), ("dstopts", 60)];
const IGMP: u8 = 2;
/// Most bytes of payload: what fits in an IPv4 packet behind the longest header written here.
const LONGEST: u32 = 65_535 - 160;
