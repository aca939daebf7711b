//! What else is carried by IP? UDP-Lite, DCCP, GRE, IPsec, tunnels, and protocols nobody knows.

use super::{CALLED_PORTS, Hosts, Random, Sent, datagrams};

/// Questions and answers of UDP-Lite, with every kind of coverage.
pub(super) fn udplite(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let ports = [40_000 + random.below(8) as u16, random.pick(&CALLED_PORTS)];
    let mut sent = Vec::new();
    for _ in 0..1 + random.below(4) {
        let end = random.below(2);
        let coverage = random.pick(&[0, 0, 8, 12, 7, 500]);
        let frame = hosts.from(end).udplite(ports[end], ports[1 - end], coverage);
        let mut one = hosts.sent(end, &frame.payload(&vec![b'l'; random.below(40)]));
        if random.chance(10) {
            datagrams::break_checksum(&mut one.1);
        }
        sent.push(one);
        if random.chance(15) {
            let quoted = hosts.from(end).udplite(ports[end], ports[1 - end], 8).payload(&[b'l'; 20]).packet();
            sent.extend(datagrams::error(random, &hosts, end, &quoted));
        }
    }
    sent
}

/// A DCCP connection (RFC 4340), and packets that do not belong.
pub(super) fn dccp(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let ports = [40_000 + random.below(8) as u16, random.pick(&CALLED_PORTS)];
    // request, response, ack, data, dataack, closereq, close, reset
    let mut course = vec![(0, 0), (1, 1), (0, 3), (0, 4), (1, 3), (1, 5), (0, 6), (1, 7)];
    for _ in 0..random.below(3) {
        let at = random.below(course.len());
        course[at] = (random.below(2), random.below(12) as u8);
    }
    course.truncate(1 + random.below(course.len()));
    let mut sent = Vec::new();
    for (number, (end, kind)) in (1_u64..).zip(course) {
        let body = if kind == 2 { &[][..] } else { &[0; 8] };
        let frame = hosts.from(end).dccp([ports[end], ports[1 - end]], kind, number, body);
        let mut one = hosts.sent(end, &frame.payload(&vec![b'd'; random.below(20)]));
        if random.chance(6) {
            datagrams::break_checksum(&mut one.1);
        }
        sent.push(one);
        if random.chance(10) {
            let quoted = hosts.from(end).dccp([ports[end], ports[1 - end]], 4, number, &[0; 8]).packet();
            sent.extend(datagrams::error(random, &hosts, end, &quoted));
        }
    }
    sent
}

/// GRE of both versions, with keys, and cut short.
pub(super) fn gre(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let (flags, protocol) = random.pick(&[
        (0, 0x0800),
        (0x2000, 0x0800),
        (0x3001, 0x880b),
        (0x3081, 0x880b),
        (0x2001, 0x0800),
        (0x8000, 0x86dd),
    ]);
    let call = [random.below(3) as u8, random.below(3) as u8];
    let mut sent = Vec::new();
    for _ in 0..1 + random.below(4) {
        let end = random.below(2);
        let payload = [&[0, 12, 0, call[end], 0, 0, 0, 1], &[9; 12][..]].concat();
        let length = if random.chance(15) { random.below(4) } else { payload.len() };
        let frame = hosts.from(end).gre(flags, protocol).payload(&payload[..length]);
        sent.push(hosts.sent(end, &frame));
        if random.chance(15) {
            sent.extend(datagrams::error(random, &hosts, end, &frame.packet()));
        }
    }
    if random.chance(10) {
        sent.push(hosts.sent(0, &hosts.from(0).raw(47).payload(&[0, 0, 8][..random.below(4)])));
    }
    sent
}

/// ESP, AH, compressed packets, tunnels, routing protocols, what nobody knows.
pub(super) fn others(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let number = random.pick(&[4, 41, 50, 51, 108, 2, 89, 103, 112, 0, 253, 254, 255, 61]);
    let mut sent = Vec::new();
    for _ in 0..1 + random.below(4) {
        let end = random.below(2);
        let payload: Vec<u8> = match number {
            50 => [&[0, 0, 0, random.below(200) as u8][..], &[0, 0, 0, 1], &[7; 24]].concat(),
            51 => {
                [&[17, 4, 0, 0, 0, 0, 0, 100, 0, 0, 0, 1][..], &[0; 12], &[0, 53, 0, 53, 0, 8, 0, 0]].concat()
            }
            108 => [&[6, 0, 0, 2][..], &[5; 20]].concat(),
            4 => hosts.from(end).udp(1, 2).payload(b"inner").packet(),
            _ => vec![7; random.below(30)],
        };
        let length = if random.chance(15) { random.below(payload.len() + 1) } else { payload.len() };
        let frame = hosts.from(end).raw(number).payload(&payload[..length]);
        sent.push(hosts.sent(end, &frame));
        if random.chance(15) {
            sent.extend(datagrams::error(random, &hosts, end, &frame.packet()));
        }
    }
    sent
}

/// A packet of one of these protocols, for an error to quote.
pub(super) fn of_any(random: &mut Random, hosts: &Hosts, end: usize) -> Vec<u8> {
    let frame = hosts.from(end);
    match random.below(4) {
        0 => frame.udplite(50_000, 53, 8).payload(b"12345678").packet(),
        1 => frame.dccp([50_000, 80], random.below(10) as u8, 1, &[0; 8]).packet(),
        2 => frame.gre(0x3001, 0x880b).payload(&[0, 4, 0, 1, 9, 9, 9, 9]).packet(),
        _ => frame.sctp(50_000, 80, 1).payload(&[1, 0, 0, 20, 0, 0, 0, 9]).packet(),
    }
}
