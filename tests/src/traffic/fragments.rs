//! What may happen to a datagram in fragments? In order, reversed, mixed up, twice, overlapping, tiny, empty, beyond its
//! end, never complete, with contradicting ends and marks, under a number that another datagram has.
//!
//! No two fragments have the same bytes in the same place, so that it can be told which of them a datagram was made of.

use dataplane::packet::build::{checksum, cut, fragment, fragmentable};
use dataplane::packet::flag::{ACK, SYN};

use super::{CALLED_PORTS, Hosts, Random, Sent, datagrams};

/// A few datagrams between two hosts, mostly in fragments.
pub(super) fn conversation(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let ports = [41_000 + random.below(4) as u16, random.pick(&CALLED_PORTS)];
    let kind = random.below(10);
    let identification = random.below(60) as u32;
    let mut sent: Vec<Sent> = Vec::new();
    for number in 0..1 + random.below(4) as u32 {
        let end = random.below(3) / 2;
        let identification = identification + if random.chance(90) { number } else { 0 };
        let frame = whole(random, &hosts, end, kind, ports);
        let frames = if random.chance(10) && frame.len() < LINK {
            vec![frame]
        } else {
            fragments(random, &frame, identification)
        };
        let at = sent.len() - if random.chance(20) { random.below(sent.len() + 1) } else { 0 };
        let quoted = frames.first().map(|first| first[14..].to_vec());
        sent.splice(at..at, frames.into_iter().map(|frame| (hosts.side(end), frame)));
        if let Some(quoted) = quoted.filter(|_| random.chance(10)) {
            sent.extend(datagrams::error(random, &hosts, end, &quoted[..quoted.len().min(500)]));
        }
    }
    sent
}

/// A datagram in one piece.
fn whole(random: &mut Random, hosts: &Hosts, end: usize, kind: usize, ports: [u16; 2]) -> Vec<u8> {
    let most = if random.chance(10) { 3000 } else { 300 };
    let payload: Vec<u8> = (0..random.below(most)).map(|_| random.next() as u8).collect();
    let frame = hosts.from(end);
    let frame = match kind {
        0..5 => frame.udp(ports[end], ports[1 - end]),
        5..8 => {
            let echo = if hosts.is_ipv6() { 128 } else { 8 };
            let request = if hosts.is_ipv6() { echo + end as u8 } else { echo - 8 * end as u8 };
            frame.icmp_query(request, 7, 1)
        }
        8 => {
            let flags = if random.chance(80) { SYN } else { ACK };
            let [sequence, acknowledgement, window] = [random.next(), random.next(), random.next()];
            let frame = frame.tcp(ports[end], ports[1 - end], flags).window(window as u16);
            frame.sequence(sequence as u32).acknowledgement(acknowledgement as u32)
        }
        _ => frame.raw(253),
    };
    let mut frame = frame.payload(&payload).build();
    // a wrong byte where a checksum covers it
    if let (true, Some(byte)) = (random.chance(5), frame.get_mut(if hosts.is_ipv6() { 56 } else { 36 })) {
        *byte ^= 0x77;
    }
    frame
}

/// The fragments of a datagram and what else comes under its number.
fn fragments(random: &mut Random, frame: &[u8], identification: u32) -> Vec<Vec<u8>> {
    let length = fragmentable(frame).len();
    if length == 0 {
        return vec![frame.to_vec()];
    }
    let unit = match random.below(10) {
        0..2 => 8,
        2..5 => 8 * (1 + random.below(8)),
        _ => (length / (1 + random.below(4))).next_multiple_of(8).max(8),
    };
    let unit = unit.max((length / 60).next_multiple_of(8)).min(LINK / 8 * 8 - 64);
    let mut pieces: Vec<(usize, usize, bool)> = (0..length)
        .step_by(unit)
        .map(|start| (start, (start + unit).min(length), start + unit < length))
        .collect();
    match random.below(8) {
        0..3 => {}
        3 | 4 => pieces.reverse(),
        5 => {
            let at = random.below(pieces.len());
            pieces.rotate_left(at);
        }
        _ => {
            for at in (1..pieces.len()).rev() {
                pieces.swap(at, random.below(at + 1));
            }
        }
    }
    if random.chance(10) {
        pieces.remove(random.below(pieces.len()));
    }
    let made = pieces.into_iter().map(|(start, end, more)| cut(frame, identification, start..end, more));
    let mut made: Vec<Vec<u8>> = made.collect();
    if random.chance(40) {
        let stray = stray(random, frame, identification, length);
        made.insert(random.below(made.len() + 1), stray);
    }
    if random.chance(10) {
        let at = random.below(made.len().max(1));
        if let Some(frame) = made.get_mut(at) {
            mark(random, frame);
        }
    }
    made
}

/// A fragment that no sender would send with the others.
fn stray(random: &mut Random, frame: &[u8], identification: u32, length: usize) -> Vec<u8> {
    let units = length.div_ceil(8);
    let start = 8 * random.below(units + 2);
    let size = 8 * (1 + random.below(units.clamp(2, LINK / 8 - 16)));
    let mut bytes = |size: usize| -> Vec<u8> { (0..size).map(|_| random.next() as u8).collect() };
    let (aligned, odd) = (bytes(size), bytes(size + 3));
    match random.below(12) {
        0..4 => fragment(frame, identification, start, &aligned, true),
        4 => fragment(frame, identification, start, &aligned, false),
        5 => fragment(frame, identification, start, &odd, true),
        6 => fragment(frame, identification, start, &odd, false),
        7 => fragment(frame, identification, start, &[], random.chance(50)),
        8 => fragment(frame, identification, 65_528, &aligned, false),
        9 => fragment(frame, identification, 0, &aligned, false),
        10 => fragment(frame, identification, 0, &odd[..1 + random.below(11)], true),
        // not a multiple of eight long: of IPv6 this goes on alone
        _ => {
            let all = fragmentable(frame);
            let mut bytes = all[..all.len().min(65)].to_vec();
            if frame[12] == 8 {
                bytes.iter_mut().for_each(|byte| *byte ^= 1);
            }
            fragment(frame, identification, 0, &bytes, true)
        }
    }
}

/// Another congestion mark, or "don't fragment".
fn mark(random: &mut Random, frame: &mut [u8]) {
    let bits = 1 + random.below(3) as u8;
    if frame[12] == 8 {
        frame[15] |= bits;
        frame[20] |= if random.chance(50) { 0x40 } else { 0 };
        frame[24..26].fill(0);
        let sum = checksum(&frame[14..34]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
    } else {
        frame[15] |= bits << 4;
    }
}

/// Bytes of the longest frame.
const LINK: usize = 1500;
