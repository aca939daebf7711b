//! How do SCTP associations go, and how do they go wrong? RFC 9260.

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::sctp::chunk;

use super::{CALLED_PORTS, Hosts, Random, Sent, datagrams};

/// An association in the making.
struct Association {
    hosts: Hosts,
    ports: [u16; 2],
    /// The tag that packets of each end carry: what the other end chose.
    tags: [u32; 2],
    sent: Vec<Sent>,
}

impl Association {
    fn new(random: &mut Random, hosts: Hosts) -> Self {
        let tag = |random: &mut Random| if random.chance(5) { 0 } else { random.next() as u32 };
        Self {
            hosts,
            ports: [40_000 + random.below(8) as u16, random.pick(&CALLED_PORTS)],
            tags: [tag(random), tag(random)],
            sent: Vec::new(),
        }
    }

    fn frame(&self, end: usize, tag: u32, chunks: &[u8]) -> FrameBuilder {
        self.hosts.from(end).sctp(self.ports[end], self.ports[1 - end], tag).payload(chunks)
    }

    /// A packet with these chunks; now and then lost, seen twice, with a wrong tag, a wrong CRC.
    fn send(&mut self, random: &mut Random, end: usize, tag: u32, chunks: &[u8]) {
        let tag = if random.chance(4) { tag.wrapping_add(1) } else { tag };
        let mut sent = self.hosts.sent(end, &self.frame(end, tag, chunks));
        if random.chance(3) {
            datagrams::break_checksum(&mut sent.1);
        }
        if random.chance(4) {
            let quoted = self.frame(end, tag, chunks).packet();
            self.sent.extend(datagrams::error(random, &self.hosts, end, &quoted));
        }
        let copies = random.pick(&[0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        self.sent.extend(std::iter::repeat_n(sent, copies));
    }

    /// A chunk of this type in the proper form.
    fn say(&mut self, random: &mut Random, end: usize, kind: u8) {
        let (tag, body) = match kind {
            // both carry the tag that the other end is to use
            chunk::INIT => (0, self.initiate(1 - end)),
            chunk::INIT_ACK => (self.tags[end], self.initiate(1 - end)),
            chunk::DATA => (self.tags[end], vec![0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, b'd', b'a', b't', b'a']),
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK => (self.tags[end], vec![0, 1, 0, 8, 1, 2, 3, 4]),
            chunk::SHUTDOWN => (self.tags[end], vec![0, 0, 0, 1]),
            chunk::COOKIE_ECHO => (self.tags[end], b"cookie!!".to_vec()),
            _ => (self.tags[end], Vec::new()),
        };
        let flags =
            if matches!(kind, chunk::ABORT | chunk::SHUTDOWN_COMPLETE) && random.chance(25) { 1 } else { 0 };
        // with the T bit the tag is the one the receiver sends
        let tag = if flags == 1 && random.chance(70) { self.tags[1 - end] } else { tag };
        self.send(random, end, tag, &one(kind, flags, &body));
    }

    fn initiate(&self, receiver: usize) -> Vec<u8> {
        let mut body = self.tags[receiver].to_be_bytes().to_vec();
        body.extend([0, 0, 0x40, 0, 0, 10, 0, 10, 0, 0, 0, 1]);
        body
    }

    fn open(&mut self, random: &mut Random) {
        self.say(random, 0, chunk::INIT);
        self.say(random, 1, chunk::INIT_ACK);
        self.say(random, 0, chunk::COOKIE_ECHO);
        self.say(random, 1, chunk::COOKIE_ACK);
    }

    fn talk(&mut self, random: &mut Random) {
        for _ in 0..random.below(6) {
            let end = random.below(2);
            match random.below(10) {
                0..5 => self.say(random, end, chunk::DATA),
                5 => self.say(random, end, 3),
                6 => {
                    self.say(random, end, chunk::HEARTBEAT);
                    self.say(random, 1 - end, chunk::HEARTBEAT_ACK);
                }
                7 => {
                    let chunks = [one(3, 0, &[0; 12]), one(chunk::DATA, 3, &[0; 20])].concat();
                    self.send(random, end, self.tags[end], &chunks);
                }
                _ => self.disturb(random),
            }
        }
    }

    /// Any chunk, from anybody; bundles that may not be, chunks that lie about their length.
    fn disturb(&mut self, random: &mut Random) {
        let end = random.below(2);
        match random.below(8) {
            0 => {
                let pair = [random.below(16) as u8, random.below(16) as u8];
                let chunks = pair.map(|kind| one(kind, 0, &[0; 16])).concat();
                let tag = random.pick(&[0, self.tags[end], self.tags[1 - end]]);
                self.send(random, end, tag, &chunks);
            }
            1 => {
                let mut chunks = one(random.below(16) as u8, 0, &[0; 16]);
                chunks[2..4].copy_from_slice(&(random.pick(&[0_u16, 3, 4, 19, 21, 400])).to_be_bytes());
                self.send(random, end, self.tags[end], &chunks);
            }
            2 => self.send(random, end, self.tags[end], &[]),
            3 => {
                let at = random.below(4);
                self.send(random, end, self.tags[end], &[chunk::DATA, 0, 0, 4][..at]);
            }
            _ => {
                let kind = random.below(15) as u8;
                self.say(random, end, kind);
            }
        }
    }

    fn close(&mut self, random: &mut Random) {
        let end = random.below(2);
        if random.chance(25) {
            self.say(random, end, chunk::ABORT);
            return;
        }
        self.say(random, end, chunk::SHUTDOWN);
        if random.chance(20) {
            self.say(random, 1 - end, chunk::SHUTDOWN);
        }
        self.say(random, 1 - end, chunk::SHUTDOWN_ACK);
        self.say(random, end, chunk::SHUTDOWN_COMPLETE);
    }
}

/// A chunk: type, flags, length, value, filled up to four bytes.
fn one(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let length = (4 + value.len()) as u16;
    let mut bytes = vec![kind, flags];
    bytes.extend(length.to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Opened, used, closed, started over, disturbed at every stage.
pub(super) fn association(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let mut association = Association::new(random, hosts);
    match random.below(10) {
        0 => association.say(random, 0, chunk::HEARTBEAT),
        1 => association.disturb(random),
        2 => {
            // both ends call at once
            association.say(random, 0, chunk::INIT);
            association.say(random, 1, chunk::INIT);
            association.say(random, 0, chunk::INIT_ACK);
            association.say(random, 1, chunk::INIT_ACK);
            association.say(random, 0, chunk::COOKIE_ECHO);
            association.say(random, 1, chunk::COOKIE_ACK);
        }
        _ => association.open(random),
    }
    association.talk(random);
    if random.chance(60) {
        association.close(random);
    }
    if random.chance(25) {
        association.tags = association.tags.map(|tag| tag.wrapping_add(77));
        association.open(random);
        association.talk(random);
    }
    association.sent
}
