//! Which packets have something in every field that a rule can look at? Single ones, from outside: options,
//! extension headers, chunks and types of all protocols, rarely as they should be.

use dataplane::packet::build::FrameBuilder;

use super::{Hosts, Nets, Random, Sent};
use crate::capture::Side;

/// So many of them.
#[must_use]
pub fn fields(random: &mut Random, count: usize) -> Vec<Sent> {
    (0..count).map(|_| (Side::Outside, packet(random).build())).collect()
}

/// A few of them, between two hosts and either way.
pub(super) fn some(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let one = |random: &mut Random| {
        let end = random.below(2);
        hosts.sent(end, &about(random, hosts.from(end), !hosts.is_ipv6()))
    };
    (0..1 + random.below(4)).map(|_| one(random)).collect()
}

fn packet(random: &mut Random) -> FrameBuilder {
    let inside = Nets { inside: 10, vlans: false }.inside + random.below(2) as u8;
    let outside = 1 + random.below(6) as u8;
    let is_ipv4 = random.chance(55);
    let frame = if is_ipv4 {
        FrameBuilder::new().ip([198, 51, 100, outside], [192, 0, 2, inside])
    } else {
        let host = |net: u16, host: u8| [0x2001, 0xdb8, net, 0, 0, 0, 0, u16::from(host)];
        FrameBuilder::new().ip(host(1, outside), host(2, inside))
    };
    let frame = about(random, frame, is_ipv4);
    match random.below(10) {
        // Another sender on the link, and another kind of address.
        0 => frame.overwrite(6, &[0x02, 0xaa, 0, 0, 0, random.below(3) as u8]),
        _ => frame,
    }
}

/// Fields of every layer for a frame between two hosts.
fn about(random: &mut Random, frame: FrameBuilder, is_ipv4: bool) -> FrameBuilder {
    let frame = if is_ipv4 { ipv4(random, frame) } else { ipv6(random, frame) };
    transport(random, frame, is_ipv4)
}

fn ipv4(random: &mut Random, frame: FrameBuilder) -> FrameBuilder {
    let route = [10, 0, 0, 1 + random.below(2) as u8];
    let [a, b, c, d] = route;
    let pointer = random.pick(&[4, 8]);
    let options: Vec<u8> = match random.below(12) {
        0 => vec![7, 7, pointer, a, b, c, d],
        1 => vec![1, 131, 7, pointer, a, b, c, d],
        2 => vec![137, 7, pointer, a, b, c, d],
        3 => vec![148, 4, 0, random.below(2) as u8],
        4 => vec![1, 1, 148, 4, 0, 5],
        5 => vec![68, 8, 5, 0, 0, 0, 0, 9],
        _ => Vec::new(),
    };
    let service = random.pick(&[0, 0, 1, 2, 3, 0x20, 0x28, 0xb8, 0xfc]);
    let flags = random.pick(&[0x00, 0x40, 0x40, 0x80]);
    frame
        .ipv4_options(&options)
        .identification(random.pick(&[0, 1, 0x1234, 0xffff]))
        .time_to_live(random.pick(&[1, 2, 63, 64, 128, 255]))
        .network_bytes(1, &[service])
        .network_bytes(6, &[flags])
}

fn ipv6(random: &mut Random, frame: FrameBuilder) -> FrameBuilder {
    let class = random.pick(&[0, 0, 1, 2, 3, 0x28, 0xb8]);
    let label = random.pick(&[0, 1, 0xf_ffff]);
    let word = 0x6000_0000 | class << 20 | label;
    let mut frame = frame.time_to_live(random.pick(&[1, 64, 255])).network_bytes(0, &u32::to_be_bytes(word));
    if random.chance(20) {
        frame = frame.extension(0, &[0, 0, 1, 4, 0, 0, 0, 0]);
    }
    if random.chance(15) {
        let left = random.below(2) as u8;
        let mut route =
            vec![0, 2, random.pick(&[0, 2, 4]), left, 0, random.below(3) as u8, 0, random.below(3) as u8];
        route.extend([0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 + left]);
        frame = frame.extension(43, &route);
    }
    if random.chance(15) {
        frame = frame.extension(60, &[0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    frame
}

fn transport(random: &mut Random, frame: FrameBuilder, is_ipv4: bool) -> FrameBuilder {
    let (from, to) = (40_000 + random.below(4) as u16, random.pick(&[22, 53, 80, 443, 5060]));
    let byte = random.pick(&[0, 1, 2, 7, 128, 255]);
    match random.below(24) {
        0..7 => tcp(random, frame, from, to),
        7 | 8 => {
            let size = random.pick(&[0, 1, 8, 40]);
            frame.udp(from, to).payload(&vec![byte; size])
        }
        9 => frame.udplite(from, to, random.pick(&[0, 8, 12])).payload(&[byte; 16]),
        10..13 => sctp(random, frame, from, to),
        13 => {
            let kind = random.below(11) as u8;
            let body = [byte, 0, 0, byte, 0, 0, 0, 0, 0, 0, 0, 0];
            frame.dccp([from, to], kind, random.pick(&[1, 0x1_0000_0001]), &body)
        }
        14 => frame
            .raw(51)
            .payload(&[59, 4, 0, byte, 0, 0, 1, byte, 0, 0, 0, byte, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9]),
        15 => frame.raw(50).payload(&[0, 0, 1, byte, 0, 0, 0, byte, 1, 2, 3, 4, 5, 6, 7, 8]),
        16 => frame.raw(108).payload(&[random.pick(&[6, 17]), random.pick(&[0, 1]), 0, byte, 1, 2, 3, 4]),
        17 => {
            let flags = random.pick(&[0, 0x2000, 0x8000, 1]);
            frame.gre(flags, random.pick(&[0x0800, 0x86dd, 0x880b])).payload(&[byte; 16])
        }
        18 if is_ipv4 => {
            let kind = random.pick(&[0x11, 0x12, 0x16, 0x17, 0x22]);
            frame.raw(2).payload(&[kind, byte, 0, 0, 224, 0, 0, random.below(3) as u8])
        }
        18 => {
            frame.raw(135).payload(&[59, 1, random.below(8) as u8, byte, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        }
        _ => icmp(random, frame, is_ipv4, byte),
    }
}

fn tcp(random: &mut Random, frame: FrameBuilder, from: u16, to: u16) -> FrameBuilder {
    let number = random.pick(&[0, 1, 1460, 0x7fff_ffff]);
    let [a, b, c, d] = u32::to_be_bytes(number);
    let mut options: Vec<u8> = Vec::new();
    for _ in 0..random.below(4) {
        let one: &[u8] = match random.below(13) {
            0 | 1 => &[2, 4, random.pick(&[5, 2]), 0xb4],
            2 => &[3, 3, random.pick(&[0, 7, 15])],
            3 => &[4, 2],
            4 => &[5, 10, a, b, c, d, 0, 0, 0, 9],
            5 => &[5, 18, a, b, c, d, 0, 0, 0, 9, a, b, c, 1, 0, 0, 0, 8],
            6 | 7 => &[8, 10, a, b, c, d, 0, 0, 0, random.pick(&[0, 1])],
            8 => &[30, 4, random.pick(&[0x00, 0x10, 0x21]), 0],
            9 => &[34, 2],
            10 => &[254, 4, a, d],
            11 => &[1],
            _ => &[random.pick(&[2, 8]), random.pick(&[0, 1, 40])],
        };
        if options.len() + one.len() <= 40 {
            options.extend(one);
        }
    }
    let flags = random.pick(&[0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x00, 0x29, 0x3f, 0x42, 0xc2, 0x30]);
    let frame = frame
        .tcp(from, to, flags)
        .sequence(random.pick(&[0, 1, 0x8000_0000, 0xffff_ffff]))
        .acknowledgement(random.pick(&[0, 5, 0xffff_0000]))
        .window(random.pick(&[0, 1, 1024, 0xffff]))
        .tcp_options(&options)
        .payload(&vec![b'x'; random.pick(&[0, 0, 3, 20])]);
    match random.below(8) {
        0 => frame.transport_bytes(18, &[0, 1]),
        _ => frame,
    }
}

fn sctp(random: &mut Random, frame: FrameBuilder, from: u16, to: u16) -> FrameBuilder {
    let mut chunks: Vec<u8> = Vec::new();
    for _ in 0..1 + random.below(3) {
        let kind = random.pick(&[0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0x80, 0xc0, 0xc1, 99]);
        let body = random.pick(&[4_usize, 12, 16]);
        let length = 4 + body as u8;
        chunks.extend([kind, random.pick(&[0, 1, 3]), 0, length]);
        let mut filler = vec![0; body];
        filler[3] = random.pick(&[0, 1, 7]);
        if body > 4 {
            filler[5] = 5;
            filler[7] = 2;
        }
        chunks.extend(filler);
    }
    frame.sctp(from, to, random.pick(&[0, 1, 0xdead_beef])).payload(&chunks)
}

fn icmp(random: &mut Random, frame: FrameBuilder, is_ipv4: bool, byte: u8) -> FrameBuilder {
    let kind = if is_ipv4 {
        random.pick(&[0, 3, 4, 5, 8, 8, 9, 10, 11, 12, 13, 14, 17, 40])
    } else {
        random.pick(&[1, 2, 3, 4, 128, 128, 129, 130, 133, 134, 135, 136, 137, 143, 200])
    };
    let code = random.below(5) as u8;
    let rest = [0, random.below(4) as u8, byte, random.below(3) as u8];
    frame.icmp(kind, code, rest).payload(&[byte; 40])
}
