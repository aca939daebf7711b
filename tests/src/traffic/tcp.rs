//! How do TCP connections go, and how do they go wrong?

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::flag::{ACK, FIN, PSH, RST, SYN, URG};

use super::{CALLED_PORTS, Hosts, Random, Sent, datagrams};

/// A connection in the making: what either end has sent and announced.
struct Connection {
    hosts: Hosts,
    ports: [u16; 2],
    /// The next sequence number of each end.
    next: [u32; 2],
    windows: [u16; 2],
    sent: Vec<Sent>,
}

impl Connection {
    fn new(random: &mut Random, hosts: Hosts) -> Self {
        let caller =
            if random.chance(3) { random.pick(&CALLED_PORTS) } else { 40_000 + random.below(12) as u16 };
        let start = |random: &mut Random| match random.below(4) {
            0 => u32::MAX - random.below(2000) as u32,
            1 => i32::MAX as u32 - random.below(2000) as u32,
            _ => random.next() as u32,
        };
        Self {
            hosts,
            ports: [caller, random.pick(&CALLED_PORTS)],
            next: [start(random), start(random)],
            windows: [random.pick(&[1024, 8192, 65_535]), random.pick(&[512, 29_200, 65_535])],
            sent: Vec::new(),
        }
    }

    fn segment(&self, end: usize, flags: u8) -> FrameBuilder {
        let frame = self.hosts.from(end).tcp(self.ports[end], self.ports[1 - end], flags);
        let acknowledgement = if flags & ACK == 0 { 0 } else { self.next[1 - end] };
        frame.sequence(self.next[end]).acknowledgement(acknowledgement).window(self.windows[end])
    }

    /// Sends a segment as it should be; now and then it is lost before the firewall, or seen twice.
    fn send(&mut self, random: &mut Random, end: usize, flags: u8, options: &[u8], data: usize) {
        let frame = self.segment(end, flags).tcp_options(options).payload(&vec![b'x'; data]);
        let taken = data as u32 + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        self.next[end] = self.next[end].wrapping_add(taken);
        let copies = match random.below(100) {
            0..4 => 0,
            4..8 => 2,
            _ => 1,
        };
        let sent = self.hosts.sent(end, &frame);
        self.sent.extend(std::iter::repeat_n(sent, copies));
    }

    /// Something that does not belong: any flags, at the edges of the windows.
    fn disturb(&mut self, random: &mut Random) {
        let end = random.below(2);
        let window = u32::from(self.windows[1 - end]);
        let offsets = [0, 1, 2, window, window + 1, 2 * window, 66_000, 66_001, 70_000, 1 << 20, 1 << 31];
        let shift = |random: &mut Random, base: u32| {
            let by = if random.chance(40) { 0 } else { random.pick(&offsets) };
            if random.chance(50) { base.wrapping_add(by) } else { base.wrapping_sub(by) }
        };
        let flags = random.pick(&[
            ACK,
            ACK,
            ACK | PSH,
            RST,
            RST,
            RST | ACK,
            SYN,
            SYN,
            SYN | ACK,
            FIN | ACK,
            FIN,
            0,
            SYN | FIN,
            FIN | PSH | URG,
            ACK | URG,
            SYN | RST,
            SYN | URG,
            FIN | ACK | URG,
            PSH,
            RST | FIN,
        ]);
        let sequence = shift(random, self.next[end]);
        let acknowledgement = match random.below(8) {
            0 => 0,
            _ => shift(random, self.next[1 - end]),
        };
        let data = random.pick(&[0, 0, 0, 1, 100, 1200]);
        let frame = self.segment(end, flags).sequence(sequence).acknowledgement(acknowledgement);
        let frame = if random.chance(10) { frame.window(random.pick(&[0, 1, 65_535])) } else { frame };
        let mut sent = self.hosts.sent(end, &frame.payload(&vec![b'y'; data]));
        if random.chance(6) {
            datagrams::break_checksum(&mut sent.1);
        }
        self.sent.push(sent);
    }

    /// An ICMP error about the last segment, to its sender or to somebody else.
    fn error(&mut self, random: &mut Random) {
        let end = random.below(2);
        let quoted = self.segment(end, ACK).payload(&[b'x'; 40]).packet();
        self.sent.extend(datagrams::error(random, &self.hosts, end, &quoted));
    }

    fn open(&mut self, random: &mut Random) {
        let options = |random: &mut Random| {
            let mut options = vec![2, 4, 5, 0xb4];
            if random.chance(60) {
                options.extend([1, 3, 3, random.pick(&[0, 1, 7, 14, 15])]);
            }
            if random.chance(60) {
                options.extend([1, 1, 4, 2]);
            }
            options
        };
        let (first, second) = (options(random), options(random));
        self.send(random, 0, SYN, &first, 0);
        if random.chance(8) {
            return; // no answer: the caller tries again, or not
        }
        self.send(random, 1, SYN | ACK, &second, 0);
        self.send(random, 0, ACK, &[], 0);
    }

    fn talk(&mut self, random: &mut Random) {
        for _ in 0..random.below(8) {
            let end = random.below(2);
            match random.below(100) {
                0..50 => {
                    let data = random.pick(&[1, 10, 500, 1300]);
                    self.send(random, end, ACK | PSH, &[], data);
                }
                50..70 => self.send(random, end, ACK, &[], 0),
                70..74 => self.selective(random, end),
                74..78 => self.error(random),
                78..84 => self.habit(random, end),
                _ => self.disturb(random),
            }
        }
    }

    /// What ends do that are slow, far away or idle: probes, windows that close and open, repeated segments.
    fn habit(&mut self, random: &mut Random, end: usize) {
        let before = self.next[end].wrapping_sub(1);
        let frames: Vec<(usize, FrameBuilder)> = match random.below(6) {
            // a keep-alive, with a byte of garbage or none, and its answer
            0 => {
                let data = vec![0; random.below(2)];
                vec![
                    (end, self.segment(end, ACK).sequence(before).payload(&data)),
                    (1 - end, self.segment(1 - end, ACK)),
                ]
            }
            // the window closes, is probed, and opens
            1 => vec![
                (end, self.segment(end, ACK).window(0)),
                (1 - end, self.segment(1 - end, ACK).payload(b"p")),
                (end, self.segment(end, ACK).window(0)),
                (end, self.segment(end, ACK)),
            ],
            // the last segments again
            2 => {
                let again = self.sent.len().saturating_sub(1 + random.below(3));
                let again: Vec<Sent> = self.sent[again..].to_vec();
                self.sent.extend(again);
                return;
            }
            // urgent data, congestion flags
            3 => vec![(end, self.segment(end, ACK | PSH | URG | 0xc0).payload(b"!"))],
            // a RST near the mark, the challenge, and the RST that meets it
            4 => {
                let near = self.next[end].wrapping_add(1 + random.below(500) as u32);
                vec![
                    (end, self.segment(end, RST).sequence(near)),
                    (1 - end, self.segment(1 - end, ACK)),
                    (end, self.segment(end, RST)),
                ]
            }
            // a SYN in the middle, the challenge, and the RST of who knows of no connection
            _ => vec![
                (end, self.segment(end, SYN).sequence(random.next() as u32).acknowledgement(0)),
                (1 - end, self.segment(1 - end, ACK)),
                (end, self.segment(end, RST)),
            ],
        };
        let stamped = random.chance(30);
        for (end, frame) in frames {
            let frame =
                if stamped { frame.tcp_options(&[1, 1, 8, 10, 0, 0, 3, 232, 0, 0, 0, 1]) } else { frame };
            let sent = self.hosts.sent(end, &frame);
            self.sent.push(sent);
        }
    }

    /// An acknowledgement that has a hole.
    fn selective(&mut self, random: &mut Random, end: usize) {
        let right = self.next[1 - end].wrapping_add(random.pick(&[0, 100, 5000, 1 << 20]));
        let mut options = vec![1, 1, 5, 10];
        options.extend(right.wrapping_sub(100).to_be_bytes());
        options.extend(right.to_be_bytes());
        let lower = self.next[1 - end].wrapping_sub(500);
        let frame = self.segment(end, ACK).acknowledgement(lower).tcp_options(&options);
        let sent = self.hosts.sent(end, &frame);
        self.sent.push(sent);
    }

    fn close(&mut self, random: &mut Random) {
        let end = random.below(2);
        match random.below(6) {
            // one side goes on talking
            5 => {
                self.send(random, end, FIN | ACK, &[], 0);
                for _ in 0..random.below(4) {
                    self.send(random, 1 - end, ACK | PSH, &[], 200);
                    self.send(random, end, ACK, &[], 0);
                }
                self.send(random, 1 - end, FIN | ACK, &[], 0);
                self.send(random, end, ACK, &[], 0);
            }
            0 => self.send(random, end, RST | ACK, &[], 0),
            1 => self.send(random, end, RST, &[], 0),
            2 => {
                let both = [end, 1 - end].map(|end| self.hosts.sent(end, &self.segment(end, FIN | ACK)));
                self.sent.extend(both);
                self.next = self.next.map(|next| next.wrapping_add(1));
                self.send(random, end, ACK, &[], 0);
                self.send(random, 1 - end, ACK, &[], 0);
            }
            _ => {
                self.send(random, end, FIN | ACK, &[], 0);
                self.send(random, 1 - end, ACK, &[], 0);
                if random.chance(30) {
                    self.disturb(random);
                }
                self.send(random, 1 - end, FIN | ACK, &[], 0);
                self.send(random, end, ACK, &[], 0);
            }
        }
    }
}

/// Opened, used, closed, disturbed at every stage; sometimes opened again from the same port.
pub(super) fn connection(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let mut connection = Connection::new(random, hosts);
    if random.chance(90) {
        connection.open(random); // else it is taken up in the middle
    }
    connection.talk(random);
    if random.chance(70) {
        connection.close(random);
    }
    if random.chance(30) {
        for _ in 0..1 + random.below(4) {
            connection.disturb(random);
        }
    }
    if random.chance(25) {
        let step = random.pick(&[1, 100_000, 1 << 30, u32::MAX - 5000]);
        connection.next = connection.next.map(|next| next.wrapping_add(step));
        connection.open(random);
        connection.talk(random);
    }
    reordered(random, connection.sent)
}

/// Some packets overtake others.
fn reordered(random: &mut Random, mut sent: Vec<Sent>) -> Vec<Sent> {
    if random.chance(30) {
        for at in 1..sent.len() {
            if random.chance(15) {
                sent.swap(at - 1, at);
            }
        }
    }
    sent
}

/// The called answers a SYN with a SYN alone, and takes the SYN+ACK (split handshake).
pub(super) fn split_handshake(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let mut connection = Connection::new(random, hosts);
    connection.send(random, 0, SYN, &[], 0);
    if random.chance(50) {
        connection.send(random, 1, ACK, &[], 0);
    }
    connection.send(random, 1, SYN, &[], 0);
    connection.next[0] = connection.next[0].wrapping_sub(1);
    connection.send(random, 0, SYN | ACK, &[], 0);
    connection.send(random, 1, ACK, &[], 0);
    connection.talk(random);
    if random.chance(60) {
        connection.close(random);
    }
    connection.sent
}

/// Both call at once (RFC 9293, section 3.5).
pub(super) fn simultaneous_open(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let mut connection = Connection::new(random, hosts);
    let calls = [0, 1].map(|end| connection.hosts.sent(end, &connection.segment(end, SYN)));
    connection.sent.extend(calls);
    let answers = [0, 1].map(|end| {
        let acknowledgement = connection.next[1 - end].wrapping_add(1);
        connection.hosts.sent(end, &connection.segment(end, SYN | ACK).acknowledgement(acknowledgement))
    });
    connection.sent.extend(answers);
    connection.next = connection.next.map(|next| next.wrapping_add(1));
    connection.send(random, 0, ACK, &[], 0);
    connection.talk(random);
    connection.close(random);
    connection.sent
}

/// One kind of probe at several ports; the open ones answer, the closed ones refuse.
pub(super) fn scan(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let flags = random.pick(&[SYN, SYN, ACK, FIN, 0, FIN | PSH | URG, FIN | ACK, SYN | ACK, RST]);
    let mut sent = Vec::new();
    for _ in 0..1 + random.below(5) {
        let mut connection = Connection::new(random, hosts);
        sent.push(hosts.sent(0, &connection.segment(0, flags)));
        connection.next[0] = connection.next[0].wrapping_add(1);
        match random.below(3) {
            0 if flags == SYN => {
                sent.push(hosts.sent(1, &connection.segment(1, SYN | ACK)));
                sent.push(hosts.sent(0, &connection.segment(0, RST)));
            }
            1 => sent.push(hosts.sent(1, &connection.segment(1, RST | ACK).sequence(0))),
            _ => {}
        }
    }
    sent
}
