//! What bounds hold of messages of H.323. To the letter of nf_conntrack_h323 they are asked for beside the kernel.

use super::{CLIENT, Recorder, SERVER, four};
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, PSH};
use crate::packet::{parse, protocol};
use crate::reason::Reason;
use crate::track::expect::{Refused, Terms, Times};
use crate::track::helper::{Expected, Heard, Helped, follow};
use crate::track::{CtState, Direction};
use config::policy::HelperKind;
use proptest::prelude::*;

/// What a connection with this helper announces by a message of the server.
fn says(helped: &mut Helped, message: &[u8], refuses: Option<(u16, Refused)>) -> Result<Recorder, Reason> {
    let frame = FrameBuilder::new().ip(four(SERVER), four(CLIENT));
    let frame = match helped.helper() {
        Some(HelperKind::Ras) => frame.udp(1719, 4000),
        _ => frame.tcp(1720, 4000, ACK | PSH),
    };
    let frame = frame.payload(message).build();
    let mut told = Recorder { refuses, ..Recorder::default() };
    let packet = parse(&frame[..]);
    let heard = Heard {
        packet: &packet,
        frame: &frame[..],
        state: CtState::Established,
        direction: Direction::Reply,
    };
    follow(helped, heard, &mut told)?;
    Ok(told)
}

/// To where a gatekeeper says that a call goes: in an AdmissionConfirm.
fn admission(host: u128, port: u16) -> Vec<u8> {
    [&[0x28, 0, 0, 7, 0, 5, 0], &four(host)[..], &port.to_be_bytes()].concat()
}

/// A RegistrationConfirm for so many seconds, with something behind them.
fn confirmation(seconds: u32) -> Vec<u8> {
    let before = [0x12, 0, 0, 7, 6, 0, 8, 0x91, 0x4a, 0, 4, 0, 0, 0, b'a', 4, 0xc0, 5, 0xc0];
    [&before[..], &(seconds - 1).to_be_bytes(), &[6], &[0; 6]].concat()
}

#[test]
fn calls_go_to_where_a_gatekeeper_says() {
    let mut helped = Helped::by(HelperKind::Ras);
    let told = says(&mut helped, &admission(7, 1720), None).unwrap();
    let terms = Terms { times: Times::Any, read_by: Some(HelperKind::Q931), ..Terms::once(32, 240) };
    let call =
        Expected { from: Some(CLIENT), from_port: None, to: (7, 1720), protocol: protocol::TCP, terms };
    assert_eq!(told.expected, [call]);
    assert!(says(&mut helped, &admission(CLIENT, 1720), None).unwrap().expected.is_empty(), "who asked");
    let refused = says(&mut helped, &admission(7, 1720), Some((1720, Refused::Taken)));
    assert_eq!(refused.err(), Some(Reason::HelperExpectation));
}

#[test]
fn a_registration_lasts_as_long_as_linux_counts() {
    let mut helped = Helped::by(HelperKind::Ras);
    let mut lasts = |seconds| says(&mut helped, &confirmation(seconds), None).unwrap().lasts;
    assert_eq!(lasts(60), Some(60_000));
    assert_eq!(lasts(2_147_482), Some(2_147_482_000));
    assert_eq!(lasts(2_147_484), Some(2_147_483_000), "the longest");
    assert_eq!(lasts(8_589_934), Some(2_147_483_000));
    assert_eq!(lasts(8_589_935), Some(0), "more than its clock can say");
    assert_eq!(lasts(17_179_870), Some(816), "once round");
}

/// H.225.0 as it stands in a message of Q.931: Information, with a gateway of so many protocols in a Setup.
fn setup_of_a_gateway(protocols: u16) -> Vec<u8> {
    // Setup with nothing optional; of the endpoint the gateway, and of that its protocols
    let mut content = vec![0, 0, 6, 0, 8, 0x91, 0x4a, 0, 4, 0b0000_1000, 0b1000_0000];
    content.extend((protocols | 0x8000).to_be_bytes());
    // each of seven bits: h310, without anything
    let bits: Vec<u8> = (0..usize::from(protocols) * 7 + 64).map(|bit| u8::from(bit % 7 == 4)).collect();
    content.extend(bits.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit)));
    let length = content.len() as u16 + 1;
    let message = [&[8, 2, 0, 1, 5, 0x7e], &length.to_be_bytes()[..], &[5], &content].concat();
    [&[3, 0], &(message.len() as u16 + 4).to_be_bytes()[..], &message].concat()
}

#[test]
fn what_takes_too_many_steps_or_is_too_long_does_not_pass() {
    let mut helped = Helped::by(HelperKind::Q931);
    let mut says = |message: &[u8]| says(&mut helped, message, None).map(|_| ());
    assert_eq!(says(&setup_of_a_gateway(1000)), Ok(()));
    assert_eq!(says(&setup_of_a_gateway(1100)), Err(Reason::HelperPartial));
    assert_eq!(says(&[3; 4096]), Ok(()));
    assert_eq!(says(&[3; 4097]), Err(Reason::HelperPartial));
}

proptest! {
    /// Whatever is said, nothing panics, and only the ends of a call are told to each other.
    #[test]
    fn no_message_brings_it_down(
        kind in prop::sample::select(&[HelperKind::Ras, HelperKind::Q931, HelperKind::H245]),
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4),
    ) {
        let mut helped = Helped::by(kind);
        for message in messages {
            let framed = [&[3, 0], &(message.len() as u16 + 4).to_be_bytes()[..], &message].concat();
            let beginning = [8, 2, 0, 1, 5, 0x7e, 0, message.len() as u8 + 1, 5];
            let called = [&[3, 0, 0, message.len() as u8 + 13], &beginning[..], &message].concat();
            for message in [message, framed, called] {
                let Ok(told) = says(&mut helped, &message, None) else { continue };
                for expected in told.expected {
                    prop_assert_eq!(expected.from, Some(CLIENT));
                    prop_assert!(kind == HelperKind::Ras || expected.to.0 == SERVER && expected.to.1 != 0);
                }
            }
        }
    }
}
