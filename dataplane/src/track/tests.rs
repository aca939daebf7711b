//! The tracker as its caller sees it.

use super::{
    CtState, Flow, Opening, Outcome, Protocol, Settings, Status, Timeouts, open, reset_by_firewall, update,
};
use crate::flow::{FlowKey, Orientation};
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, RST, SYN};
use crate::packet::{Network, Packet, Tcp, Tuple, parse, protocol};
use crate::reason::Reason;
use crate::time::Tick;

const NO_FRAME: &[u8] = &[];

/// A packet from host 1 to host 2, or back; ports 7 and 8.
fn packet(network: Network, protocol: u8, forth: bool) -> Packet {
    let (source, destination) = if forth { (1, 2) } else { (2, 1) };
    let (source_port, destination_port) = if forth { (7, 8) } else { (8, 7) };
    let tuple =
        Tuple { network, protocol, source, destination, source_port, destination_port, ..Tuple::default() };
    Packet { tuple, ..Packet::default() }
}

fn icmp(network: Network, icmp_type: u8, forth: bool) -> Packet {
    let number = if network == Network::Ipv4 { protocol::ICMP } else { protocol::ICMPV6 };
    let mut packet = packet(network, number, forth);
    (packet.tuple.icmp_type, packet.tuple.source_port, packet.tuple.destination_port) = (icmp_type, 77, 0);
    packet
}

fn segment(flags: u8, sequence: u32, acknowledgement: u32, forth: bool) -> Packet {
    let mut packet = packet(Network::Ipv4, protocol::TCP, forth);
    packet.tcp = Tcp { flags, sequence, acknowledgement, window: 1000, header_length: 20, ..Tcp::default() };
    packet
}

fn first(packet: &Packet) -> Opening {
    let (key, orientation) = FlowKey::of(&packet.tuple).unwrap();
    open(packet, NO_FRAME, key, orientation, Tick(0), &Settings::default())
}

fn opened(packet: &Packet) -> (Flow, u32) {
    match first(packet) {
        Opening::New(flow, timeout) => (flow, timeout),
        other => panic!("{other:?}"),
    }
}

fn next(flow: &mut Flow, packet: &Packet, now: u32) -> Outcome {
    let (key, orientation) = FlowKey::of(&packet.tuple).unwrap();
    assert_eq!(key, *flow.key());
    update(flow, packet, NO_FRAME, orientation, Tick(now), &Timeouts::default())
}

const fn valid(state: CtState, seconds: u32) -> Outcome {
    Outcome::Valid { state, timeout: Some(seconds * 1000) }
}

#[test]
fn new_until_a_reply_then_established_both_ways() {
    for (number, one_way, both_ways) in [
        (protocol::UDP, 30, 120),
        (protocol::UDPLITE, 30, 120),
        (protocol::GRE, 30, 180),
        (protocol::ESP, 600, 600),
        (99, 600, 600),
    ] {
        for network in [Network::Ipv4, Network::Ipv6] {
            for forth in [true, false] {
                let (there, back) = (packet(network, number, forth), packet(network, number, !forth));
                let (mut flow, timeout) = opened(&there);
                assert_eq!(timeout, one_way * 1000, "{number}");
                assert_eq!(next(&mut flow, &there, 1), valid(CtState::New, one_way));
                assert!(!flow.status().has(Status::SEEN_REPLY));
                assert_eq!(next(&mut flow, &back, 3_000), valid(CtState::Established, one_way));
                assert!(flow.status().has(Status::SEEN_REPLY) && !flow.is_assured());
                assert_eq!(next(&mut flow, &there, 3_001), valid(CtState::Established, both_ways));
                assert_eq!(flow.is_assured(), both_ways != one_way);
            }
        }
    }
}

#[test]
fn icmp_queries_open_and_replies_belong() {
    for (network, request, reply) in [
        (Network::Ipv4, 8, 0),
        (Network::Ipv4, 13, 14),
        (Network::Ipv4, 15, 16),
        (Network::Ipv4, 17, 18),
        (Network::Ipv6, 128, 129),
        (Network::Ipv6, 139, 140),
    ] {
        let (mut flow, timeout) = opened(&icmp(network, request, true));
        assert_eq!(timeout, 30_000);
        assert_eq!(next(&mut flow, &icmp(network, request, true), 1), valid(CtState::New, 30));
        assert_eq!(next(&mut flow, &icmp(network, reply, false), 2), valid(CtState::Established, 30));
        assert_eq!(next(&mut flow, &icmp(network, request, true), 3), valid(CtState::Established, 30));
        assert_eq!(first(&icmp(network, reply, false)), Opening::Invalid(Reason::IcmpNoRequest));
        let (other, _) = opened(&icmp(network, request, false));
        assert_ne!(other.key(), flow.key(), "a request the other way is another flow");
    }
}

#[test]
fn what_opens_no_flow() {
    for (packet, reason) in [
        (icmp(Network::Ipv4, 9, true), Reason::IcmpType),
        (icmp(Network::Ipv4, 3, true), Reason::IcmpErrorNoFlow),
        (icmp(Network::Ipv6, 137, true), Reason::IcmpType),
        (icmp(Network::Ipv6, 1, true), Reason::IcmpErrorNoFlow),
        (packet(Network::Ipv6, protocol::ICMP, true), Reason::IcmpType),
        (packet(Network::Ipv4, protocol::ICMPV6, true), Reason::IcmpType),
        (segment(ACK, 1, 1, true), Reason::TcpNoFlow),
        (segment(0, 1, 1, true), Reason::TcpFlags),
    ] {
        assert_eq!(first(&packet), Opening::Invalid(reason));
    }
    for discovery in (130..=136).chain([143]) {
        assert_eq!(first(&icmp(Network::Ipv6, discovery, true)), Opening::Untracked, "{discovery}");
    }
}

#[test]
fn a_faulty_packet_is_invalid_and_moves_nothing() {
    let faulty = |packet: Packet| Packet { fault: Some(Reason::UdpChecksum), ..packet };
    let there = packet(Network::Ipv4, protocol::UDP, true);
    assert_eq!(first(&faulty(there)), Opening::Invalid(Reason::UdpChecksum));
    let (mut flow, _) = opened(&there);
    let before = flow;
    let outcome = next(&mut flow, &faulty(packet(Network::Ipv4, protocol::UDP, false)), 1);
    assert_eq!(outcome, Outcome::Invalid { reason: Reason::UdpChecksum, at_most: None });
    assert_eq!(flow, before);
}

#[test]
fn an_invalid_reply_is_no_reply() {
    let (mut flow, _) = opened(&segment(SYN, 100, 0, true));
    let wrong = next(&mut flow, &segment(SYN | ACK, 300, 555, false), 1);
    assert_eq!(wrong, Outcome::Invalid { reason: Reason::TcpAckAbove, at_most: None });
    assert!(!flow.status().has(Status::SEEN_REPLY));
    let again = next(&mut flow, &segment(SYN, 100, 0, true), 2);
    assert_eq!(again, Outcome::Valid { state: CtState::New, timeout: None });
}

#[test]
fn tcp_outcomes_for_the_table() {
    let (mut flow, timeout) = opened(&segment(SYN, 100, 0, true));
    assert_eq!(timeout, 120_000);
    let refused = next(&mut flow.clone(), &segment(RST | ACK, 0, 101, false), 1);
    assert_eq!(refused, Outcome::Delete { state: CtState::Established });
    let taken_back = next(&mut flow.clone(), &segment(RST, 101, 0, true), 1);
    assert_eq!(taken_back, Outcome::Delete { state: CtState::New });
    assert_eq!(next(&mut flow, &segment(SYN | ACK, 300, 101, false), 1), valid(CtState::Established, 60));
    assert_eq!(next(&mut flow, &segment(ACK, 101, 301, true), 2), valid(CtState::Established, 432_000));
    assert!(flow.is_assured());
    assert_eq!(next(&mut flow, &segment(RST, 101, 0, true), 3), valid(CtState::Established, 10));
    assert_eq!(next(&mut flow, &segment(SYN, 900, 0, true), 4), Outcome::Restart);
}

#[test]
fn the_firewalls_reset_closes_tcp_alone() {
    let timeouts = Settings::default().timeouts;
    let (mut flow, _) = opened(&segment(SYN, 100, 0, true));
    assert_eq!(reset_by_firewall(&mut flow, &timeouts), Some(10_000));
    assert!(matches!(flow.protocol(), Protocol::Tcp(tcp) if tcp.state() == super::tcp::State::Close));
    let (mut flow, _) = opened(&packet(Network::Ipv4, protocol::UDP, true));
    assert_eq!(reset_by_firewall(&mut flow, &timeouts), None);
}

#[test]
fn states_have_the_words_and_bits_of_the_rules() {
    use config::policy::ct_state;
    let all = CtState::ALL.map(|state| (state.label(), state.bit()));
    assert_eq!(
        all,
        [
            ("none", ct_state::INVALID),
            ("new", ct_state::NEW),
            ("established", ct_state::ESTABLISHED),
            ("related", ct_state::RELATED),
            ("invalid", ct_state::INVALID),
            ("untracked", ct_state::UNTRACKED),
        ]
    );
}

#[test]
fn a_flow_fits_the_table() {
    use crate::flow::{FlowHasher, Table};
    let mut table = Table::<Flow>::with_capacity(16);
    let there = packet(Network::Ipv4, protocol::UDP, true);
    let (flow, timeout) = opened(&there);
    let hash = FlowHasher::new([1, 2, 3, 4]).hash(flow.key());
    let slot = table.insert(hash, flow, Tick(timeout), Tick(0), |_| false).unwrap();
    assert_eq!(table.find(hash, flow.key(), Tick(timeout - 1)), Some(slot));
    assert_eq!(table.entry(slot).original(), Orientation::Up);
    assert_eq!(table.find(hash, flow.key(), Tick(timeout)), None);
}

#[test]
fn dccp_is_known_by_its_addresses() {
    let frame = |forth: bool, ports: [u16; 2]| {
        let (from, to) = if forth { ([10, 0, 0, 1], [10, 0, 0, 2]) } else { ([10, 0, 0, 2], [10, 0, 0, 1]) };
        parse(&FrameBuilder::new().ip(from, to).dccp(ports, 0, 7, &[0; 4]).build()[..])
    };
    let (mut flow, timeout) = opened(&frame(true, [5001, 5002]));
    assert_eq!((flow.protocol(), timeout), (&Protocol::Generic, 600_000));
    assert_eq!(next(&mut flow, &frame(false, [9, 9]), 1), valid(CtState::Established, 600));
}
