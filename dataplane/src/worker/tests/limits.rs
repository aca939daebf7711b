//! Limits on connections: a connection counts until its end, for all workers together.

use super::{CLIENT, Rig, SERVER, policy};
use crate::flow::FlowKey;
use crate::io::Side;
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, RST, SYN};
use crate::packet::parse;
use crate::pipeline::{Decided, Outcome};
use crate::reason::Reason;
use crate::rules::Rules;

const AT_MOST_TWO: &str = "table inet f {
    set s { type ipv4_addr; size 2; flags dynamic; }
    chain input { type filter hook input priority 0; policy drop;
        udp dport 7 accept
        tcp dport 80 ct state new ct count over 2 drop
        tcp dport 80 accept
        udp dport 53 add @s { ip saddr ct count 1 } accept
    }
}";

fn datagram(host: u8, port: u16) -> FrameBuilder {
    FrameBuilder::new().ip([198, 51, 100, host], SERVER).udp(port, 53)
}

/// A connection is counted until it ends, in whatever way, and not a millisecond longer.
#[test]
fn a_connection_counts_until_its_end() {
    let mut rig = Rig::new(AT_MOST_TWO, 1, 64);
    let syn = |rig: &mut Rig, port: u16, now| {
        let frame = FrameBuilder::new().ip(CLIENT, SERVER).tcp(port, 80, SYN).sequence(1000);
        rig.one(Side::Outside, now, &frame).outcome == Outcome::Accept
    };
    assert_eq!([1, 2, 3].map(|port| syn(&mut rig, port, 0)), [true, true, false]);
    assert_eq!(
        [3, 2].map(|port| syn(&mut rig, port, 119_999)),
        [false, false],
        "with the packet refused last"
    );
    // a tick of the kernel's clock later, or it could not be told whether it has cleaned up since
    assert_eq!(
        [4, 5, 6].map(|port| syn(&mut rig, port, 120_010)),
        [true, true, false],
        "syn_sent lasts 120 s"
    );
    let reset = FrameBuilder::new().ip(SERVER, CLIENT).tcp(80, 4, RST | ACK).acknowledgement(1001);
    rig.one(Side::Inside, 120_020, &reset);
    assert_eq!([7, 8].map(|port| syn(&mut rig, port, 120_030)), [true, false], "a RST has ended one");
    assert_eq!(rig.stats[0].drops[Reason::ConnectionsUnsure as usize].get(), 0);
    let reset = FrameBuilder::new().ip(SERVER, CLIENT).tcp(80, 7, RST | ACK).acknowledgement(1001);
    rig.one(Side::Inside, 120_031, &reset);
    assert!(!syn(&mut rig, 9, 120_032), "whether the kernel still counts who has ended, it alone knows");
    assert_eq!(rig.stats[0].drops[Reason::ConnectionsUnsure as usize].get(), 1);
    let later = 120_000 + (1 << 32);
    assert_eq!([1, 2, 3].map(|port| syn(&mut rig, port, later)), [true, true, false], "a leap of the clock");
}

/// The kernel may have the last one between the same ends on its list still, and would count both as long as the next lives.
#[test]
fn a_connection_that_begins_again_at_once_is_refused() {
    let mut rig = Rig::new(&AT_MOST_TWO.replace("over 2", "over 100"), 1, 64);
    let syn = |rig: &mut Rig, port: u16, now| {
        let frame = FrameBuilder::new().ip(CLIENT, SERVER).tcp(port, 80, SYN).sequence(1000);
        let decided = rig.one(Side::Outside, now, &frame);
        (decided.outcome == Outcome::Accept, decided.reason)
    };
    assert_eq!([1, 2].map(|port| syn(&mut rig, port, 0).0), [true, true]);
    let refused = FrameBuilder::new().ip(SERVER, CLIENT).tcp(80, 1, RST | ACK).acknowledgement(1001);
    rig.one(Side::Inside, 1, &refused);
    assert_eq!(syn(&mut rig, 1, 2), (false, Reason::ConnectionsUnsure));
    assert!(syn(&mut rig, 3, 2).0, "another one is sure to be new");
    assert!(syn(&mut rig, 1, 20).0, "the list has been cleaned up");
}

/// A packet that ends in its extension headers has no protocol, so the kernel cannot say which connection it would be.
#[test]
fn what_has_no_protocol_cannot_be_counted() {
    const AT_MOST_NINE: &str = "table inet f {
    chain input { type filter hook input priority 0; policy accept;
        ct count 9 accept
        accept
    }
}";
    let mut rig = Rig::new(AT_MOST_NINE, 1, 64);
    let ends = [[0x2001, 0xdb8, 1, 0, 0, 0, 0, 1], [0x2001, 0xdb8, 2, 0, 0, 0, 0, 10_u16]];
    let outcome = |rig: &mut Rig, protocol: u8| {
        let frame = FrameBuilder::new().ip(ends[0], ends[1]).raw(protocol).payload(&[0; 8]);
        rig.one(Side::Outside, 0, &frame).outcome
    };
    assert_eq!([59, 253].map(|protocol| outcome(&mut rig, protocol)), [Outcome::Drop, Outcome::Accept]);
}

/// Flows that make room for others count no longer.
#[test]
fn an_evicted_connection_counts_no_longer() {
    let mut rig = Rig::new(AT_MOST_TWO, 1, 12);
    let accepted = |decided: Decided| decided.outcome == Outcome::Accept;
    assert!(accepted(rig.one(Side::Outside, 0, &datagram(1, 1000))));
    assert!(!accepted(rig.one(Side::Outside, 0, &datagram(1, 1001))));
    for port in 0..64 {
        let other = FrameBuilder::new().ip([198, 51, 100, 9], SERVER).udp(port, 7);
        assert!(accepted(rig.one(Side::Outside, 1 + u64::from(port), &other)));
    }
    assert!(rig.stats[0].flows_evicted.get() > 0);
    assert!(accepted(rig.one(Side::Outside, 100, &datagram(1, 1002))));
}

/// An element that counts nobody makes room, one that counts somebody does not.
#[test]
fn elements_without_connections_make_room() {
    let mut rig = Rig::new(AT_MOST_TWO, 1, 64);
    let accepted = |decided: Decided| decided.outcome == Outcome::Accept;
    let mut from = |host, now| accepted(rig.one(Side::Outside, now, &datagram(host, 1000)));
    assert_eq!([1, 2, 3].map(|host| from(host, 0)), [true, true, false], "room for two");
    assert_eq!([3, 4, 5].map(|host| from(host, 30_000)), [true, true, false], "UDP lasts 30 s");
}

/// A limit is one for all workers, and counts anew with a new ruleset.
#[test]
fn a_limit_on_connections_is_one_for_all_workers() {
    let mut rig = Rig::new(AT_MOST_TWO, 2, 64);
    let mut owners = std::collections::HashSet::new();
    for round in 0..2 {
        let mut passed = 0;
        for port in 0..16 {
            let frame = FrameBuilder::new().ip(CLIENT, SERVER).tcp(1000 * (round + 1) + port, 80, SYN);
            let (key, _) = FlowKey::of(&parse(&frame.build()[..]).tuple).expect("a flow");
            owners.insert(rig.hasher.hash(&key).owner(2));
            rig.give(Side::Outside, 0, &frame);
            rig.run();
            passed += rig.sent().len();
        }
        assert_eq!(passed, 2);
        let before = rig.publisher.current();
        let rules = Rules::compile_at(&policy(AT_MOST_TWO), 2, 0, Some(before)).unwrap();
        rig.publisher.publish(rules);
        rig.run();
    }
    assert_eq!(owners.len(), 2);
}
