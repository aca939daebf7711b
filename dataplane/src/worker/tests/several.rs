//! Several workers: packets are handed to the one that owns their flow, and none is lost on the way.

use super::{CLIENT, Rig, SERVER, STATEFUL, inward, outward};
use crate::flow::FlowKey;
use crate::io::Side;
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, SYN};
use crate::packet::parse;
use crate::stats::Stats;
use crate::track::CtState;

#[test]
fn a_packet_reaches_the_worker_that_owns_its_flow() {
    let mut rig = Rig::new(STATEFUL, 2, 64);
    let owner_of = |rig: &Rig, frame: &FrameBuilder| {
        let (key, _) = FlowKey::of(&parse(&frame.build()[..]).tuple).unwrap();
        rig.hasher.hash(&key).owner(2)
    };
    let mut crossed = 0;
    for host in 1..=64 {
        let client = [203, 0, 113, host];
        let syn = FrameBuilder::new().ip(client, SERVER).tcp(4242, 80, SYN).sequence(1000);
        let reply = FrameBuilder::new()
            .ip(SERVER, client)
            .tcp(80, 4242, SYN | ACK)
            .sequence(5000)
            .acknowledgement(1001);
        // the device brings the two directions to different workers
        rig.give_to(0, Side::Outside, 0, &syn);
        rig.run();
        rig.give_to(1, Side::Inside, 0, &reply);
        rig.run();
        let owner = owner_of(&rig, &syn);
        crossed += 1;
        assert_eq!(
            rig.workers[owner].parts.observer.0.last().unwrap().ct,
            CtState::Established,
            "host {host}"
        );
    }
    let handed: u64 = rig.stats.iter().map(|stats| stats.handed_over.get()).sum();
    assert_eq!(handed, crossed, "of each pair, one packet was with the wrong worker");
    assert_eq!(rig.sent().len(), 128);
    let drops: u64 = rig.stats.iter().map(|stats| stats.dropped.get()).sum();
    assert_eq!(drops, 0);
}

#[test]
fn an_icmp_error_meets_the_flow_it_is_about() {
    let mut rig = Rig::new(STATEFUL, 2, 64);
    handshake_with(&mut rig);
    let quoted = inward(80, ACK).sequence(1001).acknowledgement(5001).build();
    let error = FrameBuilder::new().ip(SERVER, CLIENT).icmp(3, 4, [0, 0, 5, 0]).payload(&quoted[14..14 + 28]);
    for worker in 0..2 {
        rig.give_to(worker, Side::Inside, 0, &error);
        rig.run();
    }
    let related = rig.workers.iter().flat_map(|worker| &worker.parts.observer.0);
    assert_eq!(related.filter(|decided| decided.ct == CtState::Related).count(), 2);
}

fn handshake_with(rig: &mut Rig) {
    for (side, frame) in [
        (Side::Outside, inward(80, SYN).sequence(1000)),
        (Side::Inside, outward(80, SYN | ACK).sequence(5000).acknowledgement(1001)),
        (Side::Outside, inward(80, ACK).sequence(1001).acknowledgement(5001)),
    ] {
        rig.give(side, 0, &frame);
        rig.run();
    }
}

#[test]
fn every_received_packet_is_accounted_for_once() {
    let mut rig = Rig::new(STATEFUL, 2, 64);
    let mut given = 0;
    for flags in 0..=255_u8 {
        for (worker, side) in [(0, Side::Outside), (1, Side::Inside)] {
            let frame = if side == Side::Outside { inward(80, flags) } else { outward(80, flags) };
            rig.give_to(worker, side, 0, &frame);
            given += 1;
        }
    }
    rig.run();
    let sum = |of: fn(&Stats) -> u64| rig.stats.iter().map(|stats| of(stats)).sum::<u64>();
    assert_eq!(sum(|stats| stats.received.get()), given);
    let ended = sum(|stats| stats.transmitted.get() + stats.dropped.get() + stats.rejected.get());
    assert_eq!(ended, given);
    let reasons = sum(|stats| stats.drops.iter().map(crate::stats::Count::get).sum());
    assert_eq!(reasons, sum(|stats| stats.dropped.get() + stats.rejected.get()));
}
