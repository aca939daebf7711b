//! What control connections of PPTP announce, to the letter of nf_conntrack_pptp of Linux 6.18.

use super::{CLIENT, SERVER, four};
use crate::flow::{FlowHash, FlowHasher};
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, PSH};
use crate::packet::{parse, protocol};
use crate::reason::Reason;
use crate::time::Tick;
use crate::track::expect::{Announced, Announcer, Class, End, Expectations, Handle, Own, Refused};
use crate::track::helper::{Expected, Heard, Hearer, Helped, follow};
use crate::track::{CtState, Direction};
use config::policy::HelperKind;
use proptest::prelude::*;

/// A control connection from `CLIENT` to `SERVER`, and what is expected of it.
struct Lab {
    helped: Helped,
    ear: Ear,
}

struct Ear {
    expectations: Expectations,
    own: Own,
}

const NOW: Tick = Tick(1000);
const CONTROL: FlowHash = FlowHash(1);

impl Hearer for Ear {
    fn expect(&mut self, expected: Expected) -> Result<(), Refused> {
        assert_eq!((expected.protocol, expected.terms.most), (protocol::GRE, 2));
        let by = Announcer { helper: HelperKind::Pptp, mark: 0, ends: NOW.after(1 << 30), hash: CONTROL };
        self.expectations.expect(&mut self.own, &expected.announced(4, 0), by, expected.terms, NOW)
    }

    fn lasts(&mut self, _: u32) {
        panic!("it lasts as long as TCP does");
    }

    fn unexpect(&mut self, expected: &Expected) {
        self.expectations.unexpect(&mut self.own, &expected.announced(4, 0));
    }

    fn is_expected_elsewhere(&self, _: &Expected) -> bool {
        false
    }

    fn forget(&mut self, _: fn(Class) -> bool) {}

    fn confirm(&mut self, _: (u128, u16), _: u8, _: u32) -> bool {
        false
    }

    fn zone(&self) -> u16 {
        0
    }

    fn name(&mut self, handle: &mut Handle, sender: End, receiver: End) -> Result<(), Refused> {
        self.expectations.calls().name(handle, sender, receiver, CONTROL)
    }

    fn take_back(&mut self, handle: &mut Handle) {
        self.expectations.calls().take_back(handle);
    }

    fn end_call(&mut self, one: End, other: End) {
        for (from, to) in [(one, other), (other, one)] {
            self.expectations.unexpect_any(&Announced::of_call(from, to, 0), NOW);
        }
    }
}

impl Lab {
    fn with_room(slots: usize) -> Self {
        let expectations = Expectations::with_capacity(slots, FlowHasher::new([1, 2, 3, 4]));
        Self { helped: Helped::by(HelperKind::Pptp), ear: Ear { expectations, own: Own::default() } }
    }

    fn started() -> Self {
        Self::started_with_room(64)
    }

    fn started_with_room(slots: usize) -> Self {
        let mut lab = Self::with_room(slots);
        lab.says(Direction::Original, 1, &[0; 144]).unwrap();
        lab.says(Direction::Reply, 2, &padded(&[1, 0, 1], 144)).unwrap();
        lab
    }

    fn says(&mut self, direction: Direction, kind: u8, message: &[u8]) -> Result<(), Reason> {
        let header = [0, 0, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, kind, 0, 0];
        self.sends(direction, &[&header, message].concat())
    }

    fn sends(&mut self, direction: Direction, payload: &[u8]) -> Result<(), Reason> {
        let (from, to) = match direction {
            Direction::Original => ((CLIENT, 4000), (SERVER, 1723)),
            Direction::Reply => ((SERVER, 1723), (CLIENT, 4000)),
        };
        let frame = FrameBuilder::new().ip(four(from.0), four(to.0)).tcp(from.1, to.1, ACK | PSH);
        let frame = frame.payload(payload).build();
        let heard =
            Heard { packet: &parse(&frame[..]), frame: &frame[..], state: CtState::Established, direction };
        follow(&mut self.helped, heard, &mut self.ear)
    }

    /// An outgoing call, numbered so by client and server.
    fn calls(&mut self, client: u8, server: u8) -> Result<(), Reason> {
        self.says(Direction::Original, 7, &padded(&[0, client], 156))?;
        self.says(Direction::Reply, 8, &padded(&[0, server, 0, client, 1], 20))
    }

    /// How the sender numbers the call of a packet that names this number, from the client and from the server.
    fn names(&self, number: u16) -> [u16; 2] {
        let calls = self.ear.expectations.calls();
        [calls.number_of_sender(CLIENT, (SERVER, number)), calls.number_of_sender(SERVER, (CLIENT, number))]
    }

    fn expects(&self, from: End, to: End) -> bool {
        let announced = Announced::new(from.0, to, protocol::GRE, 4, 0).from_port(from.1);
        self.ear.expectations.take(&announced, NOW).is_some()
    }
}

fn padded(message: &[u8], length: usize) -> Vec<u8> {
    let mut padded = message.to_vec();
    padded.resize(length, 0);
    padded
}

#[test]
fn a_call_is_expected_and_named_both_ways() {
    let mut lab = Lab::started();
    lab.calls(5, 7).unwrap();
    assert_eq!((lab.names(7), lab.names(5)), ([5, 0], [0, 7]));
    assert!(!lab.expects((CLIENT, 6), (SERVER, 7)), "by another number");
    assert!(lab.expects((CLIENT, 5), (SERVER, 7)));
    assert!(lab.expects((SERVER, 7), (CLIENT, 5)));
}

#[test]
fn an_incoming_call_stands_when_it_is_connected() {
    let mut lab = Lab::started();
    lab.says(Direction::Reply, 9, &padded(&[0, 7], 208)).unwrap();
    lab.says(Direction::Original, 10, &padded(&[0, 5, 0, 7, 1], 12)).unwrap();
    assert_eq!(lab.names(7), [0, 0]);
    lab.says(Direction::Reply, 11, &padded(&[0, 6], 16)).unwrap();
    assert_eq!(lab.names(7), [0, 0], "another number");
    lab.says(Direction::Reply, 11, &padded(&[0, 5], 16)).unwrap();
    assert_eq!(lab.names(7), [5, 0]);
}

#[test]
fn a_call_that_is_over_is_neither_expected_nor_named() {
    let mut lab = Lab::started();
    lab.calls(5, 7).unwrap();
    lab.says(Direction::Original, 12, &[0, 5, 0, 0]).unwrap();
    assert_eq!(lab.names(7), [5, 0], "asked for only");
    lab.says(Direction::Reply, 13, &padded(&[0, 7], 136)).unwrap();
    assert_eq!((lab.names(7), lab.names(5)), ([0, 0], [0, 0]));
    assert!(!lab.expects((CLIENT, 5), (SERVER, 7)) && !lab.expects((SERVER, 7), (CLIENT, 5)));
    lab.calls(6, 8).unwrap();
    assert_eq!(lab.names(8), [6, 0]);
}

#[test]
fn the_end_of_the_connection_is_that_of_its_call() {
    let mut lab = Lab::started();
    lab.calls(5, 7).unwrap();
    assert!(lab.helped.is_missed() && lab.helped.is_missed_at_once());
    lab.helped.announced = lab.ear.own;
    lab.helped.finish(&lab.ear.expectations, NOW);
    assert_eq!((lab.names(7), lab.names(5)), ([0, 0], [0, 0]));
    assert!(!lab.expects((CLIENT, 5), (SERVER, 7)));
}

#[test]
fn one_call_at_a_time() {
    let mut lab = Lab::started();
    lab.calls(5, 7).unwrap();
    lab.calls(6, 8).unwrap();
    assert_eq!((lab.names(7), lab.names(8)), ([5, 0], [0, 0]));
    assert!(!lab.expects((CLIENT, 6), (SERVER, 8)) && !lab.expects((CLIENT, 5), (SERVER, 7)), "neither");
}

#[test]
fn out_of_turn_or_too_short_is_not_heard() {
    let mut lab = Lab::with_room(64);
    lab.calls(5, 7).unwrap();
    assert_eq!(lab.names(7), [0, 0], "no session");
    let mut lab = Lab::started();
    lab.says(Direction::Reply, 8, &padded(&[0, 7, 0, 0, 1], 20)).unwrap();
    assert_eq!(lab.names(7), [0, 0], "not asked for");
    lab.says(Direction::Original, 7, &padded(&[0, 5], 155)).unwrap();
    lab.says(Direction::Reply, 8, &padded(&[0, 7, 0, 5, 1], 20)).unwrap();
    assert_eq!(lab.names(7), [0, 0], "the request was cut off");
    lab.calls(5, 7).unwrap();
    assert_eq!(lab.names(7), [5, 0]);
}

#[test]
fn without_room_for_its_names_a_call_does_not_pass() {
    let mut lab = Lab::started_with_room(4);
    let calls = lab.ear.expectations.calls();
    for number in 1..=8 {
        calls.name(&mut Handle::default(), (CLIENT + 1, number), (SERVER, number), CONTROL).unwrap();
    }
    assert_eq!(lab.calls(5, 7), Err(Reason::HelperExpectation));
    assert_eq!((lab.names(7), lab.names(5)), ([0, 0], [0, 0]));
    assert!(!lab.expects((CLIENT, 5), (SERVER, 7)) && !lab.expects((SERVER, 7), (CLIENT, 5)));
}

proptest! {
    #[test]
    fn nothing_panics_and_one_call_is_named_at_most(
        packets in proptest::collection::vec((any::<bool>(), 0_u8..17, proptest::collection::vec(0_u8..3, 0..230)), 0..40),
        cut in 0_usize..20,
    ) {
        let mut lab = Lab::started();
        for (is_client, kind, message) in packets {
            let direction = if is_client { Direction::Original } else { Direction::Reply };
            prop_assert_eq!(lab.says(direction, kind, &message), Ok(()));
            let header = [0, 0, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, kind, 0, 0];
            prop_assert_eq!(lab.sends(direction, &[&header, &message[..]].concat()[..cut.min(12 + message.len())]), Ok(()));
            prop_assert!(lab.ear.expectations.len() <= 2);
        }
    }
}
