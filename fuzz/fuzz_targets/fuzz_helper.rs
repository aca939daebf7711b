//! Any packets of a connection with any helper: nothing panics, nothing is allocated, however they lie in memory; and
//! what is expected is between the hosts of the connection, of a protocol and in numbers that the helper has.
//!
//! Input: one byte for the connection, the rest are packets: way and state, length, where it is cut, bytes.
#![no_main]

use config::policy::HelperKind;
use dataplane::flow::{FlowHash, FlowHasher};
use dataplane::packet::build::FrameBuilder;
use dataplane::packet::{Packet, flag, parse};
use dataplane::time::Tick;
use dataplane::track::expect::{Announced, Announcer, Class, End, Handle, MOST_OF_ONE, Own, Refused};
use dataplane::track::helper::{Expected, Heard, Hearer, Helped, follow};
use dataplane::track::{CtState, Direction, Expectations};
use libfuzzer_sys::fuzz_target;
use std::net::IpAddr;

fuzz_target!(|data: &[u8]| {
    let Some((circumstances, mut rest)) = data.split_first() else { return };
    let kind = HelperKind::ALL[usize::from(*circumstances & 0x3f) % HelperKind::ALL.len()];
    let protocols = kind.protocols();
    let protocol = protocols[usize::from(*circumstances >> 6 & 1) % protocols.len()];
    let version = if circumstances & 0x80 == 0 || kind.is_of_ipv4() { 4 } else { 6 };
    let mut lab = Lab::new(kind, protocol, version);
    while let Some(([way, length, high, cut], more)) = rest.split_first_chunk() {
        let length = (usize::from(*length) | usize::from(high & 15) << 8).min(more.len());
        let (payload, behind) = more.split_at(length);
        lab.meets(*way, payload, usize::from(*cut) * 8);
        rest = behind;
    }
});

/// A connection with a helper, and what it has announced.
struct Lab {
    helped: Helped,
    ear: Ear,
    next: [u32; 2],
}

struct Ear {
    kind: HelperKind,
    ends: [u128; 2],
    version: u8,
    expectations: Expectations,
    own: Own,
    now: Tick,
    is_udp: bool,
    /// What names GRE, and handles to say so by.
    names: Vec<(Handle, End, End)>,
    handles: Vec<Handle>,
}

impl Lab {
    fn new(kind: HelperKind, protocol: u8, version: u8) -> Self {
        let ends = hosts(version).map(|host| match host {
            IpAddr::V4(host) => u128::from(host.to_bits()),
            IpAddr::V6(host) => host.to_bits(),
        });
        let hasher = FlowHasher::new([1, 2, 3, 4]);
        let expectations = Expectations::with_capacity(64, hasher);
        let (own, now) = (Own::default(), Tick(1000));
        let handle = |number| {
            let mut handle = Handle::default();
            expectations.calls().name(&mut handle, (0, number), (0, number), FlowHash(1)).expect("room");
            handle
        };
        let (names, handles) = (Vec::new(), (0..4).map(handle).collect());
        let ear = Ear { kind, ends, version, expectations, own, now, is_udp: protocol == 17, names, handles };
        Self { helped: Helped::by(kind), ear, next: [1000; 2] }
    }

    fn meets(&mut self, way: u8, payload: &[u8], cut: usize) {
        let direction = if way & 1 == 0 { Direction::Original } else { Direction::Reply };
        let state = if way & 2 == 0 { CtState::Established } else { CtState::New };
        self.ear.now = self.ear.now.after(u32::from(way >> 2) * 1000);
        let [client, server] = hosts(self.ear.version);
        let (ends, ports) = match direction {
            Direction::Original => ((client, server), (4000, 21)),
            Direction::Reply => ((server, client), (21, 4000)),
        };
        let frame = FrameBuilder::new().ip(ends.0, ends.1);
        let next = &mut self.next[direction as usize];
        let frame = if self.ear.is_udp {
            frame.udp(ports.0, ports.1)
        } else {
            frame.tcp(ports.0, ports.1, flag::ACK | flag::PSH).sequence(*next)
        };
        *next = next.wrapping_add(payload.len() as u32);
        let frame = frame.payload(payload).build();
        let (head, tail) = frame.split_at(cut.clamp(14, frame.len()));
        let packet: Packet = parse(&frame[..]);
        let (before, names) = (self.helped, self.ear.names.clone());
        let heard = Heard { packet: &packet, frame: &frame[..], state, direction };
        let said = follow(&mut self.helped, heard, &mut self.ear);
        let after = self.helped;
        // In two segments it is the same.
        (self.helped, self.ear.names) = (before, names);
        let parts = [head, tail];
        let heard = Heard { packet: &packet, frame: &parts[..], state, direction };
        let again = follow(&mut self.helped, heard, &mut self.ear);
        assert_eq!(said.is_ok(), again.is_ok());
        assert_eq!(after, self.helped, "however it lies in memory");
        assert!(self.ear.expectations.len() <= MOST_OF_ONE);
    }
}

fn hosts(version: u8) -> [IpAddr; 2] {
    let hosts =
        if version == 4 { ["198.51.100.1", "192.0.2.10"] } else { ["2001:db8:1::1", "2001:db8:2::10"] };
    hosts.map(|host| host.parse().expect("an address"))
}

impl Ear {
    fn announced(&self, expected: &Expected) -> Announced {
        expected.announced(self.version, 0)
    }
}

impl Hearer for Ear {
    fn expect(&mut self, expected: Expected) -> Result<(), Refused> {
        let [client, server] = self.ends;
        let is_far = self.kind == HelperKind::Ras;
        assert!(is_far || [client, server].contains(&expected.to.0), "to a host of the connection: {expected:?}");
        match expected.from {
            Some(from) => {
                assert!([client, server].contains(&from) && (is_far || from != expected.to.0), "{expected:?}");
            }
            None => assert_eq!(self.kind, HelperKind::Irc, "from anyone"),
        }
        let protocols: &[u8] = if self.kind == HelperKind::Pptp { &[47] } else { &[6, 17] };
        assert!(protocols.contains(&expected.protocol) && expected.terms.most <= MOST_OF_ONE);
        let announced = self.announced(&expected);
        let by = Announcer { helper: self.kind, mark: 0, ends: self.now.after(1 << 30), hash: FlowHash(1) };
        self.expectations.expect(&mut self.own, &announced, by, expected.terms, self.now)
    }

    fn lasts(&mut self, milliseconds: u32) {
        assert!(self.is_udp || self.kind == HelperKind::Sip, "only what has no end of its own lasts");
        assert!(milliseconds <= 3_600_000 || self.kind == HelperKind::Ras);
    }

    fn unexpect(&mut self, expected: &Expected) {
        let announced = self.announced(expected);
        self.expectations.unexpect(&mut self.own, &announced);
    }

    fn is_expected_elsewhere(&self, expected: &Expected) -> bool {
        let kind = (self.kind, expected.terms.class);
        self.expectations.is_expected_elsewhere(&self.own, &self.announced(expected), kind, self.now)
    }

    fn forget(&mut self, is_meant: fn(Class) -> bool) {
        self.expectations.forget(&mut self.own, is_meant);
    }

    fn confirm(&mut self, to: (u128, u16), protocol: u8, milliseconds: u32) -> bool {
        let announced = Announced::new(0, to, protocol, self.version, 0);
        self.expectations.confirm(&self.own, &announced, self.now, milliseconds)
    }

    fn zone(&self) -> u16 {
        0
    }

    fn name(&mut self, handle: &mut Handle, sender: End, receiver: End) -> Result<(), Refused> {
        if let Some(known) = self.names.iter().find(|known| known.0 == *handle) {
            return if known.2 == receiver { Ok(()) } else { Err(Refused::Known) };
        }
        let is_free = |handle: &&Handle| self.names.iter().all(|known| known.0 != **handle);
        *handle = *self.handles.iter().find(is_free).ok_or(Refused::Full)?;
        self.names.push((*handle, sender, receiver));
        assert!(self.names.len() <= 2, "one call, both ways");
        Ok(())
    }

    fn take_back(&mut self, handle: &mut Handle) {
        self.names.retain(|known| known.0 != *handle);
        *handle = Handle::default();
    }

    fn end_call(&mut self, one: End, other: End) {
        assert_eq!([one.0, other.0], self.ends);
        self.expectations.end_call(one, other, 0, self.now);
    }
}
