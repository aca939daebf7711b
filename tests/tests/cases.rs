//! Differences that were found once, each as small as it could be made: what the kernel says of these packets,
//! and that Sluice says the same.

use std::time::Duration;

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::flag::{ACK, PSH, RST, SYN};
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
    states_under(ALL_STATES, packets, tcp_loose)
}

fn states_under(rules: &str, packets: &[(Side, FrameBuilder)], tcp_loose: bool) -> Vec<&'static str> {
    let records: Vec<Record> = (1..)
        .zip(packets)
        .map(|(number, (side, frame))| {
            let time = Duration::from_secs(1_700_000_000) + Duration::from_micros(100) * number;
            Record { side: *side, time, frame: frame.build() }
        })
        .collect();
    let rulesets = [Ruleset::Nft(rules.to_owned())];
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

fn input(rules: &str) -> String {
    format!(
        "table inet t {{\n\tchain input {{\n\t\ttype filter hook input priority filter; policy accept;\n{rules}\n\t}}\n}}\n"
    )
}

/// Rules see the authentication header as the transport header, connection tracking what lies behind.
#[test]
fn behind_an_authentication_header_rules_see_no_ports() {
    let host = |net| [0x2001, 0xdb8, net, 0, 0, 0, 0, 1];
    let header = [[0, 4, 0, 0, 0, 0, 0, 100, 0, 0, 0, 1], [0; 12]].concat();
    let frame = FrameBuilder::new().ip(host(1), host(2)).extension(51, &header).tcp(40_000, 80, SYN);
    let rules = input("tcp dport 80 drop\nmeta l4proto tcp drop\nct state new ah spi 100 drop");
    assert_eq!(states_under(&rules, &[(Side::Outside, frame)], false), ["new"]);
}

/// A packet whose answer would have its own name is that answer, from the second on.
#[test]
fn a_packet_to_its_own_port_is_its_own_answer() {
    let frame = FrameBuilder::new().ip([192, 0, 2, 10], [192, 0, 2, 10]).udp(53, 53);
    let packets = [(Side::Outside, frame.clone()), (Side::Outside, frame)];
    assert_eq!(states(&packets, false), ["new", "established"]);
}

/// Until a connection is stored, no time is left to it.
#[test]
fn a_new_connection_has_no_time_left() {
    let packets = [segment(Side::Outside, SYN, 1, 0), segment(Side::Inside, SYN | ACK, 1, 2)];
    let rules = input("ct expiration >= 1s drop");
    assert_eq!(states_under(&rules, &packets, false)[0], "new");
}

/// A RST that ends a connection does not set its clock back: the rules still see the two minutes of a SYN.
#[test]
fn a_connection_that_a_rst_ends_has_its_time_left() {
    let rules =
        ALL_STATES.replace("ct state invalid drop", "ct state established ct expiration 100s-1h drop");
    let packets = [segment(Side::Inside, SYN, 1_000, 0), segment(Side::Outside, RST | ACK, 0, 1_001)];
    assert_eq!(states_under(&rules, &packets, false), ["new", "established"]);
}
