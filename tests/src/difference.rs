//! Where do the kernel and Sluice differ? At the first packet they judge differently, shown with what came
//! before it in the same flow and with both explanations.

mod answer;

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use dataplane::packet::parse;

use crate::capture::{Record, Side, is_fragment};
use crate::firewall::Decision;
use crate::oracle::{Judgement, Ruleset};
use crate::sluice::{self, Verdict};

/// Compares verdict, ct state and, for what a rule dropped, the rule; `None` if all agree.
#[must_use]
pub fn first(records: &[Record], kernel: &[Judgement], sluice: &[Verdict]) -> Option<String> {
    if records.len() != sluice.len() {
        return Some(format!("{} packets, but {} verdicts of Sluice", records.len(), sluice.len()));
    }
    let at = (0..records.len()).find(|&at| difference(&records[at], &kernel[at], &sluice[at]).is_some())?;
    let mut text = String::new();
    let what = difference(&records[at], &kernel[at], &sluice[at]).unwrap_or_default();
    let count =
        (at..records.len()).filter(|&at| difference(&records[at], &kernel[at], &sluice[at]).is_some());
    let _ =
        writeln!(text, "packet {} of {}: {what} ({} packets differ)", at + 1, records.len(), count.count());
    let before: Vec<usize> = (0..at).filter(|&other| same_flow(&records[at], &records[other])).collect();
    for &other in before.iter().rev().take(SHOWN_BEFORE).rev() {
        let state = (kernel[other].accepted, kernel[other].state);
        let _ = writeln!(text, "  {:6} {} {state:?}", other + 1, describe(&records[other]));
    }
    let _ = writeln!(text, "  {:6} {}", at + 1, describe(&records[at]));
    let hex: String = records[at].frame.iter().take(128).map(|byte| format!("{byte:02x}")).collect();
    let _ = writeln!(text, "         {hex}");
    let _ = writeln!(text, "kernel:  {}", kernel[at]);
    let _ = writeln!(text, "sluice:  {:?}", sluice[at]);
    Some(text)
}

/// The kernel's word on each packet, `+` accepted and `-` dropped, where Sluice says the same of all.
///
/// # Panics
/// If it says anything else of one.
#[must_use]
pub fn none(records: &[Record], rulesets: &[Ruleset], kernel: &[Judgement]) -> String {
    let word = |accepted| if accepted { '+' } else { '-' };
    let words: String = kernel.iter().map(|judgement| word(judgement.accepted)).collect();
    let ours = sluice::replay(rulesets, records, false);
    if let Some(text) = first(records, kernel, &ours) {
        let ours: String = ours.iter().map(|verdict| word(verdict.verdict == "accept")).collect();
        panic!("{rulesets:?}\nkernel {words}\nsluice {ours}\n{text}");
    }
    words
}

/// In what both differ about a packet: verdict, ct state, direction, the rule that drops or lets pass, the answer.
#[must_use]
pub fn between(record: &Record, kernel: &Judgement, sluice: &Decision) -> Option<String> {
    difference(record, kernel, &sluice.verdict).or_else(|| {
        // a bridge, as the oracle is one, does not see that an address is a group's or nobody's, and has none of the link; a
        // host does
        let is_told = answer::is_between_hosts(&record.frame);
        is_told.then(|| answer::difference(&kernel.answers, &sluice.answers))?
    })
}

/// Bytes as digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn difference(record: &Record, kernel: &Judgement, sluice: &Verdict) -> Option<String> {
    let accepted = match sluice.verdict.as_str() {
        "accept" => true,
        "drop" | "reject" => false,
        other => return Some(format!("'{other}' is no verdict")),
    };
    if accepted != kernel.accepted {
        return Some("another verdict".to_owned());
    }
    if kernel.path.is_empty() && is_untraceable(record) {
        return None;
    }
    // the kernel says nothing of fragments that waited for one that ends their datagram; Sluice says what became of that
    let waited = is_fragment(&record.frame) && kernel.dropped_by().is_none() && kernel.state == "none";
    if waited && !accepted && matches!(&*sluice.ct, "invalid" | "untracked") {
        return None;
    }
    if sluice.ct != kernel.state {
        return Some("another ct state".to_owned());
    }
    let side = if sluice.dir == "in" { Side::Outside } else { Side::Inside };
    if side != record.side {
        return Some("another direction".to_owned());
    }
    let step = kernel.dropped_by()?;
    if sluice.rule.as_ref() != Some(&step.rule) {
        return Some("another rule".to_owned());
    }
    let rejects = step.text.to_ascii_lowercase().contains("reject");
    (sluice.verdict == "reject" && !rejects).then(|| "rejected, where the kernel drops".to_owned())
}

/// Whether the kernel cannot tell what it did: extension headers say that the transport header begins behind the
/// end of the packet, and the trace, which would show it, is not sent.
#[must_use]
pub fn is_untraceable(record: &Record) -> bool {
    let packet = parse(&record.frame[..]);
    let end = u32::from(packet.network_offset) + packet.network_length;
    packet.has_transport && u32::from(packet.transport_offset) >= end
}

/// Whether both are between the same two addresses and, where there are any, the same L4 ports.
fn same_flow(one: &Record, other: &Record) -> bool {
    let ends = |record: &Record| {
        let (ip, addresses, protocol, transport) = match (record.frame.get(12..14)?, record.frame.get(14..)?)
        {
            ([8, 0], ip) if ip.len() >= 24 => (ip, 12..20, ip[9], 20),
            ([0x86, 0xdd], ip) if ip.len() >= 44 => (ip, 8..40, ip[6], 40),
            _ => return None,
        };
        let (source, destination) = ip[addresses.clone()].split_at(addresses.len() / 2);
        let ports = if [6, 17].contains(&protocol) { &ip[transport..transport + 4] } else { &[0; 4] };
        Some([(source.to_vec(), ports[..2].to_vec()), (destination.to_vec(), ports[2..].to_vec())])
    };
    let (Some([a, b]), Some([c, d])) = (ends(one), ends(other)) else { return false };
    (&a, &b) == (&c, &d) || (&a, &b) == (&d, &c)
}

/// One line about a frame: enough to follow a conversation, nothing checked.
#[must_use]
pub fn describe(record: &Record) -> String {
    let frame = &record.frame;
    let arrow = if record.side == Side::Outside { "in " } else { "out" };
    let (ip, source, destination, protocol, transport) = match (frame.get(12..14), frame.get(14..)) {
        (Some([8, 0]), Some(ip)) if ip.len() >= 20 => {
            let address =
                |at| Ipv4Addr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap_or_default()).to_string();
            (ip, address(12), address(16), ip[9], usize::from(ip[0] & 15) * 4)
        }
        (Some([0x86, 0xdd]), Some(ip)) if ip.len() >= 40 => {
            let address =
                |at| Ipv6Addr::from(<[u8; 16]>::try_from(&ip[at..at + 16]).unwrap_or_default()).to_string();
            (ip, address(8), address(24), ip[6], 40)
        }
        _ => return format!("{arrow} not IP, {} bytes", frame.len()),
    };
    let bytes = ip.get(transport..).unwrap_or_default();
    let short = |at: usize| bytes.get(at..at + 2).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
    let long = |at: usize| u32::from(short(at)) << 16 | u32::from(short(at + 2));
    let payload = match protocol {
        6 if bytes.len() >= 20 => {
            let names = [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, 'A'), (32, 'U')];
            let flags: String =
                names.iter().filter(|(bit, _)| bytes[13] & bit != 0).map(|(_, name)| *name).collect();
            let data = bytes.len().saturating_sub(usize::from(bytes[12] >> 4) * 4);
            format!(
                "tcp {}->{} [{flags}] seq {} ack {} win {} data {data}",
                short(0),
                short(2),
                long(4),
                long(8),
                short(14)
            )
        }
        17 => format!("udp {}->{} length {}", short(0), short(2), short(4)),
        1 | 58 => format!("icmp type {} code {} id {}", short(0) >> 8, short(0) & 255, short(4)),
        other => format!("protocol {other}, {} bytes", bytes.len()),
    };
    format!("{arrow} {source} -> {destination} {payload}")
}

/// How many earlier packets of the same flow are shown.
const SHOWN_BEFORE: usize = 20;
