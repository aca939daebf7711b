//! What answers of a SANE server announce, to the letter of nf_conntrack_sane of Linux 6.18.

use super::{CLIENT, SERVER, call, follow, four};
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, PSH};
use crate::packet::parse;
use crate::track::helper::{Expected, Helped};
use crate::track::{CtState, Direction};
use config::policy::HelperKind;
use proptest::prelude::*;

const START: &[u8] = &[0, 0, 0, 7, 0, 0, 0, 1];
const ANSWER: &[u8] = &[0, 0, 0, 0, 0, 0, 5, 3, 9, 9];

fn says(helped: &mut Helped, direction: Direction, payload: &[u8]) -> Option<Expected> {
    let (from, to) = match direction {
        Direction::Original => ((CLIENT, 4000), (SERVER, 6566)),
        Direction::Reply => ((SERVER, 6566), (CLIENT, 4000)),
    };
    let frame = FrameBuilder::new().ip(four(from.0), four(to.0)).tcp(from.1, to.1, ACK | PSH);
    let frame = frame.payload(payload).build();
    follow(helped, &parse(&frame[..]), &frame[..], CtState::Established, direction).unwrap()
}

#[test]
fn the_answer_to_a_scan_names_the_port() {
    let mut helped = Helped::by(HelperKind::Sane);
    let mut says = |direction, payload: &[u8]| says(&mut helped, direction, payload);
    let expected = Some(call(CLIENT, (SERVER, 0x0503)));
    assert_eq!(says(Direction::Reply, ANSWER), None, "not asked for");
    assert_eq!(says(Direction::Original, START), None);
    assert_eq!(says(Direction::Reply, ANSWER), expected);
    assert_eq!(says(Direction::Reply, ANSWER), None, "the next one only");
    for between in [&[0, 0, 0, 7][..], b"", &[0, 0, 0, 7, 0, 0, 0, 1, 0]] {
        says(Direction::Original, START);
        says(Direction::Original, between);
        assert_eq!(says(Direction::Reply, ANSWER), expected, "a request has eight bytes");
    }
    says(Direction::Original, START);
    says(Direction::Original, &[0, 0, 0, 8, 0, 0, 0, 1]);
    assert_eq!(says(Direction::Reply, ANSWER), None, "asked for something else");
}

#[test]
fn what_is_no_answer_ends_the_waiting() {
    for other in [&[0, 0, 0, 0, 0, 0, 5][..], &[0, 0, 0, 1, 0, 0, 5, 3], &[0, 0, 0, 0, 0, 1, 5, 3]] {
        let mut helped = Helped::by(HelperKind::Sane);
        says(&mut helped, Direction::Original, START);
        assert_eq!(says(&mut helped, Direction::Reply, b""), None, "no data, no answer");
        assert_eq!(says(&mut helped, Direction::Reply, other), None);
        assert_eq!(says(&mut helped, Direction::Reply, ANSWER), None);
    }
}

proptest! {
    #[test]
    fn nothing_panics(steps in proptest::collection::vec((any::<bool>(), proptest::collection::vec(0..8_u8, 0..12)), 0..12)) {
        let mut helped = Helped::by(HelperKind::Sane);
        for (reply, payload) in steps {
            let direction = if reply { Direction::Reply } else { Direction::Original };
            says(&mut helped, direction, &payload);
        }
    }
}
