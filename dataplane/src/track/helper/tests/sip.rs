//! What messages of SIP announce, to the letter of nf_conntrack_sip of Linux 6.18.

use super::{CLIENT, Recorder, SERVER, four};
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, PSH};
use crate::packet::parse;
use crate::reason::Reason;
use crate::track::expect::Refused;
use crate::track::helper::{Heard, Helped, LONGEST_TEXT, follow};
use crate::track::{CtState, Direction};
use config::policy::HelperKind;
use proptest::prelude::*;

const DESCRIPTION: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 40000 RTP/AVP 0\r\n";

fn invite(body: &str) -> String {
    let length = body.len();
    format!("INVITE sip:bob@x SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// What `CLIENT` says.
fn says(told: &mut Recorder, over_tcp: bool, text: &[u8]) -> Result<(), Reason> {
    let frame = FrameBuilder::new().ip(four(CLIENT), four(SERVER));
    let frame = if over_tcp { frame.tcp(5060, 5060, ACK | PSH) } else { frame.udp(5060, 5060) };
    let frame = frame.payload(text).build();
    let (state, direction) = (CtState::Established, Direction::Original);
    let heard = Heard { packet: &parse(&frame[..]), frame: &frame[..], state, direction };
    follow(&mut Helped::by(HelperKind::Sip), heard, told)
}

/// The ports at which `CLIENT` is to be called.
fn ports(told: &Recorder) -> Vec<u16> {
    told.expected.iter().map(|expected| expected.to.1).collect()
}

#[test]
fn a_stream_has_two_ports() {
    for over_tcp in [false, true] {
        let mut told = Recorder::default();
        assert_eq!(says(&mut told, over_tcp, invite(DESCRIPTION).as_bytes()), Ok(()));
        assert_eq!((ports(&told), told.lasts), (vec![40000, 40001], Some(3_600_000)));
        assert!(
            told.expected.iter().all(|expected| expected.from == Some(SERVER) && expected.to.0 == CLIENT)
        );
    }
}

#[test]
fn what_is_longer_than_is_read_does_not_pass() {
    let long = invite(&" ".repeat(LONGEST_TEXT));
    assert_eq!(says(&mut Recorder::default(), false, long.as_bytes()), Err(Reason::HelperPartial));
}

#[test]
fn a_stream_that_cannot_be_expected_whole_is_not_expected_at_all() {
    let mut told = Recorder { refuses: Some((40001, Refused::Full)), ..Recorder::default() };
    let said = says(&mut told, false, invite(DESCRIPTION).as_bytes());
    assert_eq!((said, ports(&told)), (Err(Reason::HelperExpectation), vec![]));
    let mut told = Recorder { refuses: Some((40001, Refused::Known)), ..Recorder::default() };
    let said = says(&mut told, false, invite(DESCRIPTION).as_bytes());
    assert_eq!((said, ports(&told)), (Ok(()), vec![40000]));
}

#[test]
fn a_length_beyond_all_bounds_is_no_message() {
    for length in ["4294967295", "18446744073709551615", "99999999999999999999999"] {
        let text = format!("INVITE sip:x SIP/2.0\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(says(&mut Recorder::default(), true, text.as_bytes()), Ok(()), "{length}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(over_tcp: bool, parts in proptest::collection::vec(prop_oneof![
        4 => proptest::sample::select(vec![
            "INVITE ", "REGISTER ", "SIP/2.0 ", "200 OK", "sip:", "\r\n", "\n", "\r", " ", "\t", ":", ",", ";",
            "CSeq: 1 INVITE\r\n", "CSeq: 1 REGISTER\r\n", "Contact: <sip:a@192.0.2.1:5070>", "m", "l: 5", "Expires: 60\r\n",
            "transport=", "expires=", "UDP", "TCP", "Content-Length: ", "\r\n\r\n", "v=0\r\n", "c=IN IP4 ", "192.0.2.1",
            "m=audio 40000", "m=video ", "m=image 1", "@", "[", "]",
        ]).prop_map(str::to_owned),
        1 => "[0-9]{0,12}",
        1 => "\\PC{0,9}",
    ], 0..40)) {
        let text = parts.concat();
        let _ = says(&mut Recorder::default(), over_tcp, text.as_bytes());
        let text = format!("INVITE sip:a SIP/2.0\r\nCSeq: 1 INVITE\r\n{text}");
        let _ = says(&mut Recorder::default(), over_tcp, text.as_bytes());
        let text = format!("REGISTER sip:a SIP/2.0\r\nCSeq: 1 REGISTER\r\nContact: {text}");
        let _ = says(&mut Recorder::default(), over_tcp, text.as_bytes());
    }

    #[test]
    fn any_port_of_a_stream(port in 1024_u16..) {
        let mut told = Recorder::default();
        let text = invite(&DESCRIPTION.replace("40000", &port.to_string()));
        prop_assert_eq!(says(&mut told, false, text.as_bytes()), Ok(()));
        prop_assert_eq!(ports(&told), vec![port & !1, port | 1]);
    }
}
