//! What answers of Amanda announce, to the letter of nf_conntrack_amanda of Linux 6.18.

use super::{CLIENT, Recorder, SERVER, four};
use crate::packet::build::FrameBuilder;
use crate::packet::parse;
use crate::reason::Reason;
use crate::track::Direction;
use crate::track::helper::amanda::{announced, follow};
use crate::track::helper::{Expected, LONGEST_TEXT};
use proptest::prelude::*;

fn says(text: &str) -> Vec<u16> {
    announced(text.as_bytes()).collect()
}

#[test]
fn answers() {
    assert_eq!(
        says("x CONNECT DATA 1283 MESG 1284 INDEX 1285 STATE 1286\nOPTIONS\n"),
        [1283, 1284, 1285, 1286]
    );
    assert_eq!(says("CONNECT INDEX 1285 MESG 1284 DATA 1283\n"), [1283, 1284, 1285], "in their own order");
    assert_eq!(says("CONNECT MESG 1284\n"), [1284]);
    assert_eq!(says("CONNECT DATA 1283 MESG -1 INDEX 1285\n"), [1283], "up to the first that is none");
    assert_eq!(says("CONNECT DATA 66819 MESG 123456\n"), [1283, 12345], "16 bits of five digits");
    assert_eq!(says("CONNECT DATA DATA 5 DATA 6 MESG 7\n"), [], "the first of a name counts");
    for none in ["", "CONNECT DATA 1283", "DATA 1283\n", "CONNECT\nDATA 1283\n", "CONNECT DATA  1283\n"] {
        assert_eq!(says(none), [], "{none:?}");
    }
}

fn answer(payload: &[u8], direction: Direction) -> (Result<(), Reason>, Recorder) {
    let frame = FrameBuilder::new().ip(four(SERVER), four(CLIENT)).udp(10080, 800).payload(payload).build();
    let mut told = Recorder::default();
    (follow(&parse(&frame[..]), &frame[..], direction, &mut told), told)
}

#[test]
fn only_answers_are_read_and_each_gives_five_minutes() {
    let text = b"CONNECT DATA 1283 MESG 1284 INDEX 1285\n";
    let (said, told) = answer(text, Direction::Reply);
    let to = |port| Expected::over_tcp(Some(CLIENT), (SERVER, port), 4, 180);
    assert_eq!((said, told.lasts), (Ok(()), Some(300_000)));
    assert_eq!(told.expected, [to(1283), to(1284), to(1285)]);
    let (said, told) = answer(text, Direction::Original);
    assert_eq!((said, told.lasts, told.expected), (Ok(()), None, vec![]));
    let (said, told) = answer(b"", Direction::Reply);
    assert_eq!((said, told.lasts, told.expected), (Ok(()), Some(300_000), vec![]));
    let (said, told) = answer(&[b' '; LONGEST_TEXT + 1], Direction::Reply);
    assert_eq!((said, told.expected), (Err(Reason::HelperPartial), vec![]), "more than is read");
}

proptest! {
    #[test]
    fn nothing_panics(parts in proptest::collection::vec(
        prop_oneof!["CONNECT ", "DATA ", "MESG ", "INDEX ", "STATE ", "\n", "[0-9]{0,7}", "\\PC{0,9}"], 0..14,
    )) {
        prop_assert!(says(&parts.concat()).len() <= 4);
    }
}
