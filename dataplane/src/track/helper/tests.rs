//! What packets of FTP and TFTP announce, to the letter of nf_conntrack_ftp and nf_conntrack_tftp of Linux 6.18.

use super::ftp::{LONGEST_LINE, Line, announced};
use super::{Expected, Heard, Hearer, Helped};
use crate::frame::Frame;
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, PSH};
use crate::packet::{Network, Packet, parse, protocol};
use crate::reason::Reason;
use crate::track::expect::{Class, End, Handle, Refused};
use crate::track::{CtState, Direction};
use config::policy::HelperKind;
use proptest::prelude::*;

const CLIENT: u128 = 0xc000_0201;
const SERVER: u128 = 0xc633_6407;

/// Remembers what it is told.
#[derive(Default)]
struct Recorder {
    expected: Vec<Expected>,
    lasts: Option<u32>,
    /// Of which port it says that nobody can be expected there, and why.
    refuses: Option<(u16, Refused)>,
}

impl Hearer for Recorder {
    fn expect(&mut self, expected: Expected) -> Result<(), Refused> {
        match self.refuses {
            Some((port, why)) if port == expected.to.1 => Err(why),
            _ => {
                self.expected.push(expected);
                Ok(())
            }
        }
    }

    fn unexpect(&mut self, expected: &Expected) {
        self.expected.retain(|known| known != expected);
    }

    fn is_expected_elsewhere(&self, _: &Expected) -> bool {
        false
    }

    fn forget(&mut self, is_meant: fn(Class) -> bool) {
        self.expected.retain(|known| !is_meant(known.terms.class));
    }

    fn confirm(&mut self, to: (u128, u16), protocol: u8, _: u32) -> bool {
        self.expected.iter().any(|known| known.to == to && known.protocol == protocol)
    }

    fn lasts(&mut self, milliseconds: u32) {
        self.lasts = Some(milliseconds);
    }

    fn zone(&self) -> u16 {
        0
    }

    fn name(&mut self, _: &mut Handle, _: End, _: End) -> Result<(), Refused> {
        Err(Refused::Full)
    }

    fn take_back(&mut self, _: &mut Handle) {}

    fn end_call(&mut self, _: End, _: End) {}
}

/// What a packet announces, where that is one connection at most.
fn follow<F: Frame + ?Sized>(
    helped: &mut Helped,
    packet: &Packet,
    frame: &F,
    state: CtState,
    direction: Direction,
) -> Result<Option<Expected>, Reason> {
    let mut told = Recorder::default();
    super::follow(helped, Heard { packet, frame, state, direction }, &mut told)?;
    assert!(told.expected.len() <= 1, "{:?}", told.expected);
    Ok(told.expected.pop())
}

/// A call over TCP from one host to a port of another, expected once and for five minutes.
fn call(from: u128, to: (u128, u16)) -> Expected {
    Expected::over_tcp(Some(from), to, 1, 300)
}

fn four(address: u128) -> [u8; 4] {
    (address as u32).to_be_bytes()
}

/// What a line says, over IPv4; the sender is `CLIENT` or `SERVER`.
fn says(line: &str, direction: Direction) -> Line {
    let sender = if direction == Direction::Original { CLIENT } else { SERVER };
    announced(line.as_bytes(), direction, Network::Ipv4, sender)
}

#[test]
fn commands() {
    let says = |line| says(line, Direction::Original);
    let port = Line::Announces(CLIENT, 0x0503);
    assert_eq!(says("PORT 192,0,2,1,5,3\r\n"), port);
    assert_eq!(says("port 192,0,2,1,5,3\rX"), port, "whatever the case");
    assert_eq!(says("PORT  192,0,2,1,5,3\r\n"), Line::CutOff, "one blank");
    assert_eq!(says("PORTX 192,0,2,1,5,3\r\n"), port, "anything up to the blank");
    assert_eq!(says("EPRT |1|192.0.2.1|1283|\r\n"), port);
    assert_eq!(says("EPRT !1!192.0.2.1!1283!\r\n"), port);
    for cut in ["P", "PORT", "PORT ", "PORT 192,0,2,1,5,3", "PORT 192,0,2,1,5\r\n", "PORT 1,2,3,4,5,6,7\r\n"]
    {
        assert_eq!(says(cut), Line::CutOff, "{cut}");
    }
    for cut in [
        "E",
        "EPRT |",
        "EPRT |1|192.0.2.1|0|\r\n",
        "EPRT |2|192.0.2.1|5|\r\n",
        "EPRT |1|192.0.2|5|\r\n",
        "EPRT 11192.0.2.1151\r\n",
        "EPRT |1|192.0.2.1|5",
        "EPRT |1|192.0.2.1|5x|",
    ] {
        assert_eq!(says(cut), Line::CutOff, "{cut}");
    }
    for other in ["USER me\r\n", "227 (1,2,3,4,5,6)\r\n", "EPSV\r\n", "PASV\r\n", " PORT 192,0,2,1,5,3\r\n"] {
        assert_eq!(says(other), Line::Other, "{other}");
    }
    assert_eq!(says("PORT 10,0,0,9,0,80\r\n"), Line::Announces(0x0a00_0009, 80), "whose, is asked elsewhere");
    assert_eq!(says("PORT 192,0,2,257,256,3\r\n"), Line::Announces(0xc000_0301, 3), "as numbers add up");
    let long = |blanks: usize| format!("PORT{}192,0,2,1,5,3\r\n", " ".repeat(blanks));
    assert_eq!(says(&long(1)), port);
}

#[test]
fn answers() {
    let says = |line| says(line, Direction::Reply);
    let port = Line::Announces(SERVER, 0x0503);
    assert_eq!(says("227 Entering Passive Mode (198,51,100,7,5,3).\r\n"), port);
    assert_eq!(says("227 =198,51,100,7,5,3\n"), port, "without brackets");
    assert_eq!(says("229 Entering Extended Passive Mode (|||1283|)\r\n"), port);
    assert_eq!(says("229 (!!!1283!)"), port);
    for cut in
        ["2", "22", "227", "227 ", "227 none\r\n", "227 1,2,3\r\n", "229 (||1283|)\r\n", "229 (|||1283"]
    {
        assert_eq!(says(cut), Line::CutOff, "{cut}");
    }
    for other in ["220 ready\r\n", "227-more\r\n", "PORT 1,2,3,4,5,6\r\n", "226 done\r\n"] {
        assert_eq!(says(other), Line::Other, "{other}");
    }
}

#[test]
fn over_ipv6() {
    let says = |line: &str| announced(line.as_bytes(), Direction::Original, Network::Ipv6, 5);
    assert_eq!(says("EPRT |2|2001:db8::1|5282|\r\n"), Line::Announces(0x2001_0db8 << 96 | 1, 5282));
    assert_eq!(says("EPRT |2|::|5282|\r\n"), Line::Announces(0, 5282));
    for cut in ["EPRT |1|192.0.2.1|5282|\r\n", "EPRT |2|2001:db8::1", "EPRT |2|x|1|\r\n", "EPRT |2||1|\r\n"] {
        assert_eq!(says(cut), Line::CutOff, "{cut}");
    }
    let answer = announced(b"229 (|||7|)\r\n", Direction::Reply, Network::Ipv6, 5);
    assert_eq!(answer, Line::Announces(5, 7));
}

/// A control connection from `CLIENT` to `SERVER`.
struct Control {
    helped: Helped,
    next: [u32; 2],
}

impl Control {
    fn new() -> Self {
        Self { helped: Helped::by(HelperKind::Ftp), next: [1000, u32::MAX - 3] }
    }

    fn sends(&mut self, direction: Direction, text: &str) -> Result<Option<Expected>, Reason> {
        let sequence = self.next[direction as usize];
        self.next[direction as usize] = sequence.wrapping_add(text.len() as u32);
        self.sends_at(direction, sequence, text)
    }

    fn sends_at(&mut self, way: Direction, sequence: u32, text: &str) -> Result<Option<Expected>, Reason> {
        let (ends, ports) = match way {
            Direction::Original => ((CLIENT, SERVER), (4000, 21)),
            Direction::Reply => ((SERVER, CLIENT), (21, 4000)),
        };
        let frame = FrameBuilder::new().ip(four(ends.0), four(ends.1)).tcp(ports.0, ports.1, ACK | PSH);
        let frame = frame.tcp_options(&[1; 4]).sequence(sequence).payload(text.as_bytes()).build();
        follow(&mut self.helped, &parse(&frame[..]), &frame[..], CtState::Established, way)
    }
}

const PORT: &str = "PORT 192,0,2,1,5,3\r\n";

#[test]
fn a_line_counts_only_behind_a_line_that_was_seen() {
    let expected = Ok(Some(call(SERVER, (CLIENT, 0x0503))));
    let mut control = Control::new();
    assert_eq!(
        control.sends(Direction::Original, PORT),
        Ok(None),
        "the first packet of a side only says where"
    );
    assert_eq!(control.sends(Direction::Original, PORT), expected);
    assert_eq!(control.sends(Direction::Original, "NOOP"), Ok(None), "no end of line");
    assert_eq!(control.sends(Direction::Original, PORT), Ok(None));
    assert_eq!(control.sends(Direction::Original, PORT), expected);
    let again = control.next[0] - PORT.len() as u32;
    assert_eq!(control.sends_at(Direction::Original, again, PORT), expected, "sent again");
    assert_eq!(control.sends_at(Direction::Original, again + 1, PORT), Ok(None), "from the middle of a line");
}

#[test]
fn each_side_has_lines_of_its_own_and_sequence_numbers_wrap() {
    let mut control = Control::new();
    let answer = "227 (198,51,100,7,5,3)\r\n";
    assert_eq!(control.sends(Direction::Original, "USER me\r\n"), Ok(None));
    assert_eq!(control.sends(Direction::Reply, answer), Ok(None));
    let expected = call(CLIENT, (SERVER, 0x0503));
    assert_eq!(control.sends(Direction::Reply, answer), Ok(Some(expected)));
}

#[test]
fn two_line_ends_are_known_and_an_older_one_is_not_learnt() {
    let mut control = Control::new();
    for _ in 0..3 {
        control.sends(Direction::Original, "NOOP\r\n").unwrap();
    }
    let [begin_of_fourth, _] = control.next;
    let (open, at) = (PORT.replace('\n', " "), begin_of_fourth - 12);
    assert_eq!(control.sends_at(Direction::Original, at, &open), Ok(None), "forgotten");
    let expected = Ok(Some(call(SERVER, (CLIENT, 0x0503))));
    assert_eq!(control.sends_at(Direction::Original, begin_of_fourth - 6, PORT), expected);
    assert_eq!(control.sends_at(Direction::Original, 500, "NOOP\r\n"), Ok(None));
    assert_eq!(control.sends_at(Direction::Original, 506, PORT), Ok(None), "older than both");
}

#[test]
fn a_command_that_is_cut_off_must_not_pass_and_ends_no_line() {
    let mut control = Control::new();
    control.sends(Direction::Original, "NOOP\r\n").unwrap();
    let begin = control.next[0];
    assert_eq!(control.sends_at(Direction::Original, begin, "PORT 192,0,2,\n"), Err(Reason::HelperPartial));
    assert_eq!(control.sends_at(Direction::Original, begin + 14, PORT), Ok(None));
    let endless = format!("PORT{}", "x".repeat(LONGEST_LINE));
    assert_eq!(control.sends_at(Direction::Original, begin, &endless), Err(Reason::HelperPartial));
}

#[test]
fn another_hosts_address_announces_nothing() {
    let mut control = Control::new();
    control.sends(Direction::Original, "NOOP\r\n").unwrap();
    assert_eq!(control.sends(Direction::Original, "PORT 10,0,0,9,5,3\r\n"), Ok(None));
    assert!(control.sends(Direction::Original, PORT).unwrap().is_some(), "its line ended, though");
}

#[test]
fn nothing_is_read_before_there_was_traffic_both_ways() {
    let frame =
        FrameBuilder::new().ip(four(CLIENT), four(SERVER)).tcp(4000, 21, ACK).payload(b"PORT").build();
    let mut helped = Helped::by(HelperKind::Ftp);
    for state in [CtState::New, CtState::Related] {
        let found = follow(&mut helped, &parse(&frame[..]), &frame[..], state, Direction::Original);
        assert_eq!((found, helped), (Ok(None), Helped::by(HelperKind::Ftp)));
    }
}

#[test]
fn tftp_requests() {
    let ask = |from: (u128, u16), to: (u128, u16), direction, payload: &[u8]| {
        let frame =
            FrameBuilder::new().ip(four(from.0), four(to.0)).udp(from.1, to.1).payload(payload).build();
        let mut helped = Helped::by(HelperKind::Tftp);
        follow(&mut helped, &parse(&frame[..]), &frame[..], CtState::New, direction).unwrap()
    };
    let (client, server) = ((CLIENT, 3000), (SERVER, 69));
    let expected = Some(Expected { protocol: protocol::UDP, ..call(SERVER, (CLIENT, 3000)) });
    for (payload, found) in [
        (&b"\0\x01file\0octet\0"[..], expected),
        (b"\0\x02", expected),
        (b"\0\x03", None),
        (b"\0\x04", None),
        (b"\x01\0", None),
        (b"\0", None),
        (b"", None),
    ] {
        assert_eq!(ask(client, server, Direction::Original, payload), found, "{payload:?}");
        assert_eq!(ask(server, client, Direction::Reply, payload), found, "{payload:?}");
    }
}

proptest! {
    #[test]
    fn no_line_panics(line in ".{0,60}", reply: bool, six: bool) {
        let direction = if reply { Direction::Reply } else { Direction::Original };
        let network = if six { Network::Ipv6 } else { Network::Ipv4 };
        for start in ["", "PORT ", "EPRT |1|", "EPRT |2|", "227 ", "229 ("] {
            let line = format!("{start}{line}");
            let _ = announced(line.as_bytes(), direction, network, 1);
        }
    }

    #[test]
    fn what_is_announced_is_what_was_written(address: u32, port in 1_u16.., sign in "[!-/:-~]") {
        prop_assume!(!".,".contains(&sign));
        let [a, b, c, d] = address.to_be_bytes();
        let [high, low] = port.to_be_bytes();
        let found = Line::Announces(address.into(), port);
        for line in [
            format!("PORT {a},{b},{c},{d},{high},{low}\r\n"),
            format!("EPRT {sign}1{sign}{a}.{b}.{c}.{d}{sign}{port}{sign}\r\n"),
        ] {
            prop_assert_eq!(announced(line.as_bytes(), Direction::Original, Network::Ipv4, 1), found);
        }
        let six = std::net::Ipv6Addr::from(u128::from(address) << 77 | u128::from(port));
        let line = format!("EPRT |2|{six}|{port}|\r\n");
        let found = Line::Announces(six.into(), port);
        prop_assert_eq!(announced(line.as_bytes(), Direction::Original, Network::Ipv6, 1), found);
    }
}

mod amanda;
mod h323;
mod irc;
mod pptp;
mod sane;
mod sip;
