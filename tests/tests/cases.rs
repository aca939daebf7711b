//! Differences that were found once, each as small as it could be made: what the kernel says of these packets,
//! and that Sluice says the same.

use std::time::Duration;

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::flag::{ACK, PSH, SYN};
use tests::oracle::{Oracle, Ruleset};
use tests::{Record, Side, difference, sluice};

const ALL_STATES: &str = "table inet t {
	chain input {
		type filter hook input priority filter; policy accept;
		ct state invalid drop
	}
	chain output {
		type filter hook output priority filter; policy accept;
		ct state invalid drop
	}
}
";

/// A segment between 198.51.100.1 port 40000, outside, and 192.0.2.10 port 80.
fn segment(side: Side, flags: u8, sequence: u32, acknowledgement: u32) -> (Side, FrameBuilder) {
    let (outside, inside) = ([198, 51, 100, 1], [192, 0, 2, 10]);
    let frame = match side {
        Side::Outside => FrameBuilder::new().ip(outside, inside).tcp(40_000, 80, flags),
        Side::Inside => FrameBuilder::new().ip(inside, outside).tcp(80, 40_000, flags),
    };
    (side, frame.sequence(sequence).acknowledgement(acknowledgement).window(1000))
}

/// The kernel's ct states of these packets, after Sluice was found to say the same.
fn states(packets: &[(Side, FrameBuilder)], tcp_loose: bool) -> Vec<&'static str> {
    let records: Vec<Record> = (1..)
        .zip(packets)
        .map(|(number, (side, frame))| {
            let time = Duration::from_secs(1_700_000_000) + Duration::from_micros(100) * number;
            Record { side: *side, time, frame: frame.build() }
        })
        .collect();
    let rulesets = [Ruleset::Nft(ALL_STATES.to_owned())];
    let kernel = Oracle::new("eth0").judge(&rulesets, &records, tcp_loose);
    let sluice = sluice::replay(&rulesets, &records, tcp_loose);
    let states: Vec<_> = kernel.iter().map(|judgement| judgement.state).collect();
    if let Some(text) = difference::first(&records, &kernel, &sluice) {
        panic!("the kernel says {states:?}; {text}");
    }
    states
}

/// A connection picked up in the middle is not held to windows. The originator opens it anew; its SYN is
/// ignored, the SYN+ACK brings the tracker into step, and from then on
fn picked_up_and_opened_anew() -> Vec<(Side, FrameBuilder)> {
    use Side::{Inside, Outside};
    vec![
        segment(Outside, ACK, 1_000, 2_000),
        segment(Inside, ACK, 2_000, 1_000),
        segment(Outside, SYN, 500_000, 0),
        segment(Inside, SYN | ACK, 900_000, 500_001),
        segment(Outside, ACK, 500_001, 900_001),
    ]
}

/// ... the side that answered is still let off;
#[test]
fn the_answering_side_of_a_picked_up_connection_is_let_off_for_ever() {
    let mut packets = picked_up_and_opened_anew();
    packets.push(segment(Side::Inside, ACK | PSH, 900_001 + 500_000, 500_001).clone());
    assert_eq!(states(&packets, true)[5], "established");
}

/// ... the side that opened it is not.
#[test]
fn the_opening_side_of_a_picked_up_connection_is_held_to_its_window() {
    let mut packets = picked_up_and_opened_anew();
    packets.push(segment(Side::Outside, ACK | PSH, 500_001 + 500_000, 900_001).clone());
    assert_eq!(states(&packets, true)[5], "invalid");
}
