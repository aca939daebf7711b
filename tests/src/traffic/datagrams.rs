//! What is there beside TCP? UDP, ICMP and its errors, neighbour discovery, unknown protocols, broken packets.

use std::net::IpAddr;

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::flag::{ACK, SYN};

use super::{CALLED_PORTS, Hosts, Random, Sent, protocols};

/// A question, its answer, errors about either.
pub(super) fn udp(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let ports = [40_000 + random.below(8) as u16, random.pick(&CALLED_PORTS)];
    let mut sent = Vec::new();
    for _ in 0..1 + random.below(5) {
        let end = random.below(3) / 2;
        let frame = hosts.from(end).udp(ports[end], ports[1 - end]).payload(&vec![b'q'; random.below(64)]);
        match random.below(10) {
            0 => sent.extend(error(random, &hosts, end, &frame.packet())),
            1 => {
                // No checksum: IPv4 allows it.
                sent.push(hosts.sent(end, &frame.overwrite(hosts.transport() + 6, &[0, 0])));
            }
            _ => sent.push(hosts.sent(end, &frame)),
        }
    }
    sent
}

/// Requests and replies, right and wrong.
pub(super) fn echo(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let (request, reply) = if hosts.is_ipv6() { (128, 129) } else { (8, 0) };
    let identifier = random.below(6) as u16;
    let mut sent = Vec::new();
    for sequence in 0..1 + random.below(3) as u16 {
        let kinds =
            [(0, request, 0), (1, reply, 0), (1, reply, 0), (1, reply, 1), (1, request, 0), (0, reply, 0)];
        let first = hosts.from(0).icmp_query(request, identifier, sequence).payload(b"ping");
        if random.chance(80) {
            sent.push(hosts.sent(0, &first));
        }
        let (end, kind, other) = random.pick(&kinds);
        sent.push(
            hosts.sent(end, &hosts.from(end).icmp_query(kind, identifier + other, sequence).payload(b"ping")),
        );
        if random.chance(10) {
            sent.extend(error(random, &hosts, 0, &first.packet()));
        }
    }
    if !hosts.is_ipv6() && random.chance(30) {
        let kind = random.pick(&[13, 14, 15, 16, 17, 18, 9, 10, 30, 255]);
        sent.push(hosts.sent(0, &hosts.from(0).icmp_query(kind, identifier, 1).payload(&[0; 12])));
    }
    sent
}

/// Errors about a packet that nobody sent.
pub(super) fn stray_errors(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let end = random.below(2);
    let quoted = match random.below(5) {
        4 => protocols::of_any(random, &hosts, end),
        0 => hosts.from(end).tcp(50_000, 80, ACK).packet(),
        1 => hosts.from(end).udp(50_000, 53).payload(b"?").packet(),
        _ => {
            let kind =
                if hosts.is_ipv6() { random.pick(&[128, 1, 135]) } else { random.pick(&[8, 3, 11, 40]) };
            match random.below(3) {
                0 => hosts.from(end).raw(253).payload(&[0; 16]).packet(),
                1 => hosts.from(end).icmp_query(kind, 1, 1).payload(&[0; 40]).packet(),
                _ => hosts
                    .from(end)
                    .fragment(random.pick(&[0, 1]), true)
                    .udp(50_000, 53)
                    .payload(b"?")
                    .packet(),
            }
        }
    };
    error(random, &hosts, end, &quoted).into_iter().collect()
}

/// An error about a packet that `end` sent, from the other end or from a router, rarely to the wrong host.
pub(super) fn error(random: &mut Random, hosts: &Hosts, end: usize, quoted: &[u8]) -> Option<Sent> {
    let (kind, code, rest) = if hosts.is_ipv6() {
        random.pick(&[(1, 4, 0), (1, 0, 0), (2, 0, 1280), (3, 0, 0), (4, 1, 0), (100, 0, 0)])
    } else {
        random.pick(&[(3, 3, 0), (3, 1, 0), (3, 4, 1400), (11, 0, 0), (12, 0, 0), (5, 1, 0), (4, 0, 0)])
    };
    let target = if random.chance(92) { hosts.addresses[end] } else { hosts.addresses[1 - end] };
    let router = if hosts.is_ipv6() {
        [0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfe].into()
    } else {
        [198, 51, 100, 254].into()
    };
    let source = if random.chance(70) { hosts.addresses[1 - end] } else { router };
    let length = if random.chance(90) { quoted.len() } else { random.below(quoted.len()) };
    let mut quoted = quoted.to_vec();
    if random.chance(12) {
        // forged: a byte of its headers is another one
        let at = random.below(quoted.len().min(60));
        quoted[at] ^= random.pick(&[1, 2, 0x80, 0xff]);
    }
    if hosts.is_ipv6() && random.chance(15) {
        return Some(hosts.sent(1 - end, &redirect(random, target, &quoted[..length])));
    }
    let frame = FrameBuilder::new().ip(source, target).icmp(kind, code, u32::to_be_bytes(rest));
    Some(hosts.sent(1 - end, &frame.payload(&quoted[..length])))
}

/// A router on the link says that another is nearer (RFC 4861, section 4.5); seldom as none may.
fn redirect(random: &mut Random, target: IpAddr, quoted: &[u8]) -> FrameBuilder {
    let router: IpAddr = if random.chance(85) {
        [0xfe80, 0, 0, 0, 0, 0, 0, 0xfe].into()
    } else {
        [0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfe].into()
    };
    let (code, hops) = (u8::from(random.chance(8)), if random.chance(90) { 255 } else { 64 });
    let option = [random.pick(&[4, 4, 4, 4, 4, 4, 2]), random.pick(&[9, 9, 9, 9, 1, 0]), 0, 0, 0, 0, 0, 0];
    let body = [&[0x20; 32][..], &option, quoted].concat();
    FrameBuilder::new().ip(router, target).time_to_live(hops).icmp(137, code, [0; 4]).payload(&body)
}

/// Neighbour discovery, groups joined and left, and what only looks like it.
pub(super) fn neighbours(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    if !hosts.is_ipv6() {
        let arp =
            [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 198, 51, 100, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 10];
        return vec![hosts.sent(0, &FrameBuilder::new().ethertype(0x0806).payload(&arp))];
    }
    let one = |random: &mut Random| {
        let kind = random.pick(&[133, 134, 135, 136, 136, 130, 131, 132, 137, 143, 150, 151, 152, 153]);
        let hops = random.pick(&[255, 255, 64]);
        let mut body = [0_u8; 16];
        body[15] = 10;
        let end = random.below(4) / 3;
        let frame = hosts.from(end).time_to_live(hops).icmp(kind, random.below(9) as u8 / 8, [0; 4]);
        hosts.sent(end, &frame.payload(&body))
    };
    (0..1 + random.below(4)).map(|_| one(random)).collect()
}

/// To many hosts at once, from nobody, to oneself, of port 0.
pub(super) fn groups(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let own = hosts.addresses[random.below(2)];
    let (group, nobody): (IpAddr, IpAddr) = if hosts.is_ipv6() {
        let groups =
            [[0xff02, 0, 0, 0, 0, 0, 0, 1], [0xff02, 0, 0, 0, 0, 0, 0, 0xfb], [0, 0, 0, 0, 0, 0, 0, 1]];
        (random.pick(&groups).into(), [0_u16; 8].into())
    } else {
        let groups = [[224, 0, 0, 251], [255, 255, 255, 255], [239, 1, 2, 3], [127, 0, 0, 1], [240, 0, 0, 1]];
        (random.pick(&groups).into(), [0_u8; 4].into())
    };
    let (from, to) = random.pick(&[(own, group), (nobody, group), (own, own), (group, own), (nobody, own)]);
    let ports = random.pick(&[[5353, 5353], [68, 67], [0, 80], [40_000, 0], [0, 0]]);
    let frame = FrameBuilder::new().ip(from, to);
    let frame = match random.below(3) {
        0 => frame.tcp(ports[0], ports[1], random.pick(&[SYN, ACK, SYN | ACK])),
        1 => frame.icmp_query(if hosts.is_ipv6() { 128 } else { 8 }, 1, 1),
        _ => frame.udp(ports[0], ports[1]).payload(b"all"),
    };
    let count = 1 + random.below(2);
    (0..count).map(|_| hosts.sent(random.below(2), &frame)).collect()
}

/// Packets that lie about themselves.
pub(super) fn broken(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let transport = hosts.transport();
    let (port, called) = (40_000 + random.below(8) as u16, random.pick(&CALLED_PORTS));
    let tcp = hosts.from(0).tcp(port, called, SYN);
    let udp = hosts.from(0).udp(port, called).payload(b"12345678");
    let protocol = if random.chance(50) { 6 } else { 17 };
    let cut = hosts.from(0).raw(protocol).payload(&vec![0; random.below(8)]);
    let network = transport - if hosts.is_ipv6() { 40 } else { 20 } - hosts.dress.length(hosts.is_ipv6());
    let frame = match random.below(16) {
        0 => {
            let (side, mut frame) = hosts.sent(0, &tcp);
            break_checksum(&mut frame);
            return vec![(side, frame)];
        }
        1 => {
            let (side, mut frame) = hosts.sent(0, &udp);
            break_checksum(&mut frame);
            return vec![(side, frame)];
        }
        2 => tcp.overwrite(transport + 12, &[0x40]),
        3 => tcp.overwrite(transport + 12, &[0xf0]),
        4 => udp.transport_bytes(4, &[0, 7]),
        5 => udp.transport_bytes(4, &[0, 200]),
        6 if !hosts.is_ipv6() => tcp.overwrite(24, &[0xde, 0xad]),
        7 => udp.padding(random.pick(&[1, 10, 40])),
        8 => {
            let length = random.pick(&[0_u16, 8, 19, 25, 28, 200]);
            let length = if hosts.is_ipv6() { length.max(hosts.dress.least_payload()) } else { length };
            udp.network_bytes(if hosts.is_ipv6() { 4 } else { 2 }, &length.to_be_bytes())
        }
        9 => tcp.network_bytes(0, &[random.pick(&[0x00, 0x41, 0x44, 0x46, 0x4f, 0x55, 0x65])]),
        10 => hosts.from(0).tcp(port, called, SYN).tcp_options(random.pick(&BROKEN_OPTIONS)),
        11 => hosts.from(0).tcp(port, called, SYN | ACK).tcp_options(random.pick(&BROKEN_OPTIONS)),
        12 => {
            // the frame ends early
            let (side, mut frame) = hosts.sent(0, &udp);
            frame.truncate(random.pick(&[15, network + 10, network + 20, transport + 1, transport + 9]));
            return vec![(side, frame)];
        }
        13 => FrameBuilder::new()
            .ethertype(random.pick(&[0x88cc, 0x0004, 0x8847, 0x0800, 0x86dd]))
            .payload(&[3; 30]),
        14 => {
            // what a protocol of the other family says
            let kind = if hosts.is_ipv6() { 1 } else { 58 };
            hosts.from(0).raw(kind).payload(&[8, 0, 0xf7, 0xff, 0, 0, 0, 0])
        }
        _ => cut,
    };
    vec![hosts.sent(0, &frame)]
}

/// TCP options that lie about their lengths.
const BROKEN_OPTIONS: [&[u8]; 7] = [
    &[2, 0, 5, 0xb4],
    &[2, 1, 5, 0xb4],
    &[3, 3, 7, 0, 2, 40, 1, 1],
    &[1, 1, 1, 5, 10, 0, 0, 0],
    &[3, 4, 7, 0],
    &[0, 2, 4, 5],
    &[4, 3, 0, 3, 3, 9, 0, 0],
];

/// Makes the transport checksum wrong by changing the last byte.
pub(super) fn break_checksum(frame: &mut [u8]) {
    if let Some(last) = frame.last_mut() {
        *last ^= 0x55;
    }
}
