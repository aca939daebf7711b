//! Did both answer a refused packet alike? A RST with the same numbers, an ICMP error of the same kind that quotes the
//! same bytes. Addresses of ICMP errors, identifications and times to live are each firewall's own.

use dataplane::packet::{Network, parse, protocol};

/// In what the answers differ.
pub(super) fn difference(kernel: &[Vec<u8>], sluice: &[Vec<u8>]) -> Option<String> {
    if kernel.len() != sluice.len() {
        return Some(format!("{} answers of the kernel, {} of Sluice", kernel.len(), sluice.len()));
    }
    let (kernel, sluice) = (kernel.first()?, sluice.first()?);
    let [ours, theirs] = [sluice, kernel].map(|frame| Answer::of(frame));
    (ours != theirs).then(|| format!("another answer: {theirs:?} of the kernel, {ours:?} of Sluice"))
}

/// Whether a packet goes from one host to one other, over more than the link.
pub(super) fn is_between_hosts(frame: &[u8]) -> bool {
    let tuple = parse(frame).tuple;
    let is_host = |address: u128| match tuple.network {
        Network::Ipv4 => !matches!(address >> 24, 0 | 127 | 224..),
        Network::Ipv6 => address > 1 && address >> 120 != 0xff && address >> 118 != 0x3fa,
        Network::Other => false,
    };
    is_host(tuple.source) && is_host(tuple.destination)
}

/// What of an answer matters.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    receiver: u128,
    protocol: u8,
    /// The TCP header, the ICMP message; without its checksum, which must be right.
    transport: Vec<u8>,
    fault: bool,
}

impl Answer {
    fn of(frame: &[u8]) -> Self {
        let packet = parse(frame);
        let tuple = &packet.tuple;
        let start = usize::from(packet.transport_offset);
        let end = usize::from(packet.network_offset) + packet.network_length as usize;
        let mut transport = frame.get(start..end).unwrap_or_default().to_vec();
        let checksum = match tuple.protocol {
            protocol::TCP => 16..18,
            _ => 2..4,
        };
        if let Some(bytes) = transport.get_mut(checksum) {
            bytes.fill(0);
        }
        debug_assert!(tuple.network != Network::Other);
        Self {
            receiver: tuple.destination,
            protocol: tuple.protocol,
            transport,
            fault: packet.fault.is_some(),
        }
    }
}
