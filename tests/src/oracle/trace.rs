//! What does a message of nftables' trace say? Netlink attributes, as `linux/netfilter/nf_tables.h` names them.

/// One step of one packet.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) family: &'static str,
    pub(super) table: String,
    pub(super) chain: String,
    pub(super) handle: u64,
    pub(super) kind: Kind,
    pub(super) verdict: &'static str,
}

/// What took the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A rule that matched to its end.
    Rule,
    /// The policy of a base chain.
    Policy,
    /// The end of a chain that was jumped to.
    Return,
}

/// The events in one datagram from the kernel.
pub(super) fn events(datagram: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = datagram;
    while let Some(header) = rest.first_chunk::<16>() {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        let Some(message) = rest.get(16..length) else { break };
        if kind == MESSAGE_TRACE {
            events.extend(event(message));
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    events
}

fn event(message: &[u8]) -> Option<Event> {
    let (family, attributes) = (message.first()?, message.get(4..)?);
    let find =
        |wanted| attributes_of(attributes).find(|(number, _)| *number == wanted).map(|(_, value)| value);
    let text =
        |wanted| Some(String::from_utf8_lossy(find(wanted)?.split(|byte| *byte == 0).next()?).into_owned());
    let number = |value: &[u8]| value.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let kind = match number(find(ATTRIBUTE_TYPE)?) {
        1 => Kind::Policy,
        2 => Kind::Return,
        3 => Kind::Rule,
        _ => return None,
    };
    let code = match kind {
        Kind::Policy => number(find(ATTRIBUTE_POLICY)?),
        _ => {
            let nested = find(ATTRIBUTE_VERDICT)?;
            number(attributes_of(nested).find(|(number, _)| *number == VERDICT_CODE)?.1)
        }
    };
    Some(Event {
        family: match family {
            1 => "inet",
            2 => "ip",
            7 => "bridge",
            10 => "ip6",
            _ => "other",
        },
        table: text(ATTRIBUTE_TABLE)?,
        chain: text(ATTRIBUTE_CHAIN)?,
        handle: find(ATTRIBUTE_HANDLE).map_or(0, number),
        kind,
        verdict: match code as u32 as i32 {
            0 => "drop",
            1 => "accept",
            -1 => "continue",
            -2 => "break",
            -3 => "jump",
            -4 => "goto",
            -5 => "return",
            _ => "other",
        },
    })
}

/// Number and value of each attribute.
fn attributes_of(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header = bytes.first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let number = u16::from_ne_bytes([header[2], header[3]]) & !(NESTED | NETWORK_ORDER);
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((number, value))
    })
}

/// Subsystem nftables, message trace.
const MESSAGE_TRACE: u16 = 10 << 8 | 17;

const NESTED: u16 = 1 << 15;
const NETWORK_ORDER: u16 = 1 << 14;

const ATTRIBUTE_TABLE: u16 = 1;
const ATTRIBUTE_CHAIN: u16 = 2;
const ATTRIBUTE_HANDLE: u16 = 3;
const ATTRIBUTE_TYPE: u16 = 4;
const ATTRIBUTE_VERDICT: u16 = 5;
const ATTRIBUTE_POLICY: u16 = 16;

const VERDICT_CODE: u16 = 1;
