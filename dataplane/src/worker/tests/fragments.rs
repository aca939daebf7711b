//! Datagrams in fragments, over one worker and over several.

use super::{CLIENT, Rig, SERVER, STATEFUL};
use crate::io::Side;
use crate::packet::build::{FrameBuilder, cut, fragment, fragmentable};
use crate::pipeline::{Decided, Outcome};
use crate::reason::Reason;
use crate::track::CtState;
use proptest::collection::vec;
use proptest::prelude::*;

const CLIENT6: [u16; 8] = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 7];
const SERVER6: [u16; 8] = [0x2001, 0xdb8, 1, 0, 0, 0, 0, 10];

const SERVICES: &str = "table inet f {
    chain early { type filter hook prerouting priority -450;
        ip frag-off & 0x1fff == 2 ip ttl 1 drop
    }
    chain input { type filter hook input priority 0; policy drop;
        ct state invalid drop
        ct state established accept
        meta length > 3000 drop
        udp dport 53 ct state new accept
        udp dport 7 reject
        exthdr frag exists drop
    }
    chain output { type filter hook output priority 0; policy drop; ct state established accept
    }
}";

fn datagram(port: u16, length: usize) -> FrameBuilder {
    FrameBuilder::new().ip(CLIENT, SERVER).udp(4242, port).payload(&vec![7; length])
}

fn datagram6(port: u16, length: usize) -> FrameBuilder {
    FrameBuilder::new().ip(CLIENT6, SERVER6).udp(4242, port).payload(&vec![7; length])
}

/// `frame` in pieces of `size` bytes, a multiple of eight.
fn pieces(frame: &FrameBuilder, identification: u32, size: usize) -> Vec<Vec<u8>> {
    let frame = frame.build();
    let length = fragmentable(&frame).len();
    (0..length)
        .step_by(size)
        .map(|start| {
            let end = (start + size).min(length);
            cut(&frame, identification, start..end, end < length)
        })
        .collect()
}

impl Rig {
    fn all(&mut self, side: Side, now: u64, frames: &[Vec<u8>]) -> Vec<Decided> {
        let before = self.workers[0].parts.observer.0.len();
        for frame in frames {
            self.give_bytes(0, side, now, frame.clone());
        }
        self.run();
        self.workers[0].parts.observer.0[before..].to_vec()
    }
}

#[test]
fn every_fragment_shares_the_verdict_and_leaves_as_it_came() {
    for make in [datagram, datagram6] {
        let mut rig = Rig::new(SERVICES, 1, 64);
        let mut frames = pieces(&make(53, 2000), 9, 800);
        let in_order = frames.clone();
        frames.rotate_left(1);
        let decided = rig.all(Side::Outside, 0, &frames);
        assert_eq!(decided.len(), 3);
        assert!(decided.iter().all(|one| *one == decided[0]));
        assert_eq!((decided[0].outcome, decided[0].ct), (Outcome::Accept, CtState::New));
        let sent: Vec<Vec<u8>> = rig.sent().into_iter().map(|(_, frame)| frame).collect();
        assert_eq!(sent, in_order, "in the order of their bytes");
        assert_eq!(rig.stats[0].flows.get(), 1);
        assert_eq!(rig.stats[0].states[CtState::New as usize].get(), 3);

        let decided = rig.all(Side::Outside, 0, &pieces(&make(54, 2000), 10, 800));
        assert!(decided.iter().all(|one| (one.outcome, one.reason) == (Outcome::Drop, Reason::Policy)));
        assert_eq!(decided.len(), 3);
        let decided = rig.all(Side::Outside, 0, &pieces(&make(53, 4000), 10, 800));
        assert!(decided.iter().all(|one| (one.outcome, one.reason) == (Outcome::Drop, Reason::Rule)));
        assert_eq!(decided.len(), 6, "too long as a whole");
        assert!(rig.sent().is_empty());
        assert_eq!(rig.stats[0].dropped.get(), 9);
    }
}

#[test]
fn a_rejected_datagram_is_answered_once() {
    let mut rig = Rig::new(SERVICES, 1, 64);
    let decided = rig.all(Side::Outside, 0, &pieces(&datagram(7, 2000), 1, 800));
    assert!(decided.iter().all(|one| matches!(one.outcome, Outcome::Reject(_))));
    let sent = rig.sent();
    let [(Side::Outside, answer)] = &sent[..] else { panic!("one answer: {sent:?}") };
    let quoted = &answer[14 + 28..];
    assert_eq!(quoted[2..8], [2028_u16.to_be_bytes(), [0, 1], [0, 0]].concat(), "it quotes the whole");
    assert_eq!((rig.stats[0].rejected.get(), rig.stats[0].replies.get()), (3, 1));
}

#[test]
fn what_never_becomes_whole_is_dropped_in_time() {
    let mut rig = Rig::new(SERVICES, 1, 64);
    let frames = pieces(&datagram(53, 2000), 9, 800);
    assert!(rig.all(Side::Outside, 1000, &frames[..2]).is_empty());
    assert_eq!(rig.stats[0].fragments.get(), 2);
    rig.give(Side::Outside, 30_999, &datagram(54, 1));
    rig.run();
    assert_eq!(rig.stats[0].fragments.get(), 2);
    let decided = rig.all(Side::Outside, 31_000, &frames[2..]);
    assert_eq!(decided, [Decided::dropped(Reason::FragmentTimeout); 2]);
    assert_eq!(rig.stats[0].fragments.get(), 1, "the last begins anew");
    rig.workers[0].finish();
    assert_eq!(rig.stats[0].fragments.get(), 0);
    assert_eq!(rig.stats[0].drops[Reason::FragmentTimeout as usize].get(), 3);
    assert_eq!(rig.stats[0].states[CtState::None as usize].get(), 3);
}

#[test]
fn chains_before_reassembly_see_single_fragments() {
    let mut rig = Rig::new(SERVICES, 1, 64);
    let mut frames = pieces(&datagram(53, 40).time_to_live(1), 9, 16);
    let decided = rig.all(Side::Outside, 0, &frames);
    assert_eq!(decided.len(), 1, "the second fragment is dropped, the others wait");
    assert_eq!((decided[0].outcome, decided[0].reason), (Outcome::Drop, Reason::Rule));
    frames = pieces(&datagram(53, 40).time_to_live(2), 10, 16);
    assert_eq!(rig.all(Side::Outside, 0, &frames).len(), 3);

    let text = STATEFUL.replace(
        "table inet f {",
        "table inet f { chain raw { type filter hook prerouting priority -450; notrack
        }",
    );
    let text = text.replace("ct state invalid drop", "udp dport 53 accept");
    let mut rig = Rig::new(&text, 1, 64);
    let decided = rig.all(Side::Outside, 0, &pieces(&datagram(53, 40), 9, 16));
    assert_eq!(decided.len(), 3, "the host puts them together");
    assert!(decided.iter().all(|one| (one.outcome, one.ct) == (Outcome::Accept, CtState::Untracked)));
    let decided = rig.all(Side::Outside, 0, &pieces(&datagram6(53, 40), 9, 16));
    let outcomes: Vec<_> = decided.iter().map(|one| (one.outcome, one.ct)).collect();
    let [first, rest @ ..] = &outcomes[..] else { panic!("{decided:?}") };
    assert_eq!(*first, (Outcome::Accept, CtState::Untracked), "IPv6: behind the rules of input");
    assert!(rest.iter().all(|one| *one == (Outcome::Drop, CtState::Untracked)));
}

#[test]
fn without_tracking_fragments_meet_the_rules_one_by_one_but_for_the_host_s_input() {
    let text = "table inet f {
        chain early { type filter hook prerouting priority 0; ip frag-off & 0x1fff != 0 ip ttl 1 drop
        }
        chain input { type filter hook input priority 0; policy drop; udp dport 53 accept
        }
        chain output { type filter hook output priority 0; policy drop; udp sport 4242 accept
        }
    }";
    let mut rig = Rig::new(text, 1, 64);
    let decided = rig.all(Side::Outside, 0, &pieces(&datagram(53, 40), 9, 16));
    assert!(decided.len() == 3 && decided.iter().all(|one| one.outcome == Outcome::Accept), "{decided:?}");
    let decided = rig.all(Side::Outside, 0, &pieces(&datagram(53, 40).time_to_live(1), 10, 16));
    assert!(decided.len() == 2 && decided.iter().all(|one| one.outcome == Outcome::Drop), "{decided:?}");
    for (side, make) in [(Side::Outside, datagram6 as fn(u16, usize) -> _), (Side::Inside, datagram)] {
        let decided = rig.all(side, 0, &pieces(&make(53, 40), 11, 16));
        let outcomes: Vec<_> = decided.iter().map(|one| one.outcome).collect();
        assert_eq!(outcomes, [Outcome::Accept, Outcome::Drop, Outcome::Drop], "only the first has ports");
    }
}

#[test]
fn an_atomic_fragment_loses_its_header_where_it_is_tracked() {
    let mut rig = Rig::new(SERVICES, 1, 64);
    let atomic = pieces(&datagram6(54, 40), 9, 4000);
    let decided = rig.all(Side::Outside, 0, &atomic);
    assert_eq!(decided[0].reason, Reason::Policy, "no rule finds the fragment header");
    let stateless = SERVICES.replace("ct state invalid drop", "").replace("ct state new", "");
    let stateless = stateless.replace("ct state established", "udp sport 1");
    let mut rig = Rig::new(&stateless, 1, 64);
    assert_eq!(rig.all(Side::Outside, 0, &atomic)[0].reason, Reason::Rule);
}

#[test]
fn malformed_ipv6_fragments_meet_the_rules_alone() {
    let mut rig = Rig::new(SERVICES, 1, 64);
    let frame = datagram6(53, 40).build();
    let held = fragment(&frame, 9, 8, &[0; 8], true);
    let odd = fragment(&frame, 9, 16, &[0; 9], true);
    let decided = rig.all(Side::Outside, 0, &[held, odd]);
    assert_eq!((decided[1].ct, decided[1].reason), (CtState::Invalid, Reason::FragmentHeader));
    assert_eq!(decided[0], decided[1], "its datagram is given up");
    let mut rig = Rig::new(&SERVICES.replace("ct state invalid drop", "ct state invalid accept"), 1, 64);
    let [held, odd] = [(8, 8), (16, 9)].map(|(at, length)| fragment(&frame, 9, at, &[0; 9][..length], true));
    let decided = rig.all(Side::Outside, 0, &[held, odd]);
    let given_up = Decided { ct: CtState::Invalid, ..Decided::dropped(Reason::FragmentMalformed) };
    assert_eq!((decided[0], decided[1].outcome), (given_up, Outcome::Accept), "what waited does not pass");
    let mut rig = Rig::new(SERVICES, 1, 64);
    // a first fragment that nobody puts together is a packet like others
    let mut whole = datagram6(53, 1).build();
    let length = whole.len();
    whole[length - 9 + 4..length - 9 + 6].copy_from_slice(&9_u16.to_be_bytes());
    let first = fragment(&whole, 10, 0, fragmentable(&whole), true);
    let decided = rig.all(Side::Outside, 0, &[first]);
    assert_eq!((decided[0].outcome, decided[0].ct), (Outcome::Accept, CtState::New));
}

#[test]
fn a_datagram_of_very_many_fragments_passes() {
    let mut rig = Rig::new(SERVICES, 1, 64);
    let frames = pieces(&datagram(53, 1000), 9, 8);
    assert_eq!(frames.len(), 126);
    assert_eq!(rig.all(Side::Outside, 0, &frames).len(), 126);
    assert_eq!(rig.sent().len(), 126);
}

/// What arrives, and by which queue.
#[derive(Debug, Clone)]
struct Arrives {
    queue: usize,
    frame: Vec<u8>,
    inward: bool,
}

/// Fragments of a few datagrams of both directions, in any order, some lost, some twice, over any queues.
fn arrivals() -> impl Strategy<Value = Vec<Arrives>> {
    let datagram =
        (any::<bool>(), any::<bool>(), 1..4_u8, prop_oneof![Just(53_u16), Just(7), Just(99)], 0..200_usize);
    let datagram = (datagram, 1..6_usize).prop_map(|((is_v4, inward, host, port, length), size)| {
        let (client, server) = ([198, 51, 100, host], SERVER);
        let mut ends = (std::net::IpAddr::from(client), std::net::IpAddr::from(server));
        if !is_v4 {
            ends = ([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(host)].into(), SERVER6.into());
        }
        let frame = if inward {
            FrameBuilder::new().ip(ends.0, ends.1).udp(4242, port)
        } else {
            FrameBuilder::new().ip(ends.1, ends.0).udp(port, 4242)
        };
        pieces(&frame.payload(&vec![3; length]), u32::from(host) % 2, size * 8)
            .into_iter()
            .map(|frame| (inward, frame))
            .collect::<Vec<_>>()
    });
    vec(datagram, 1..8).prop_flat_map(|datagrams| {
        let frames: Vec<_> = datagrams.concat();
        let count = frames.len();
        vec((0..count, 0..4_usize, prop::bool::weighted(0.8)), count..2 * count + 1).prop_map(move |picks| {
            let in_order = picks.iter().enumerate().map(|(number, &(pick, queue, in_order))| {
                let at = if in_order && number < frames.len() { number } else { pick };
                let (inward, frame) = frames[at].clone();
                Arrives { queue, frame, inward }
            });
            in_order.collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn verdicts_are_the_same_for_any_number_of_workers(arrivals in arrivals()) {
        let over = |workers: usize| {
            let mut rig = Rig::new(SERVICES, workers, 1024);
            let mut log = Vec::new();
            for arrival in &arrivals {
                let side = if arrival.inward { Side::Outside } else { Side::Inside };
                rig.give_bytes(arrival.queue % workers, side, 0, arrival.frame.clone());
                rig.run();
                log.push(rig.sent());
            }
            rig.workers.iter_mut().for_each(super::Worker::finish);
            let sum = |reason: Reason| rig.stats.iter().map(|stats| stats.drops[reason as usize].get()).sum::<u64>();
            let drops: Vec<u64> = Reason::ALL.iter().map(|reason| sum(*reason)).collect();
            let states: Vec<u64> = (0..6).map(|state| rig.stats.iter().map(|stats| stats.states[state].get()).sum()).collect();
            let decided: usize = rig.workers.iter().map(|worker| worker.parts.observer.0.len()).sum();
            (log, drops, states, decided)
        };
        let one = over(1);
        prop_assert_eq!(one.3, arrivals.len(), "one verdict for each");
        prop_assert_eq!(&one, &over(2));
        prop_assert_eq!(&one, &over(4));
    }
}

/// What is known of the fragments that arrive: the test above must have something to say.
#[test]
fn datagrams_cross_workers() {
    let mut rig = Rig::new(SERVICES, 4, 1024);
    for host in 0..64_u8 {
        let frame = FrameBuilder::new().ip([198, 51, 100, host], SERVER).udp(4242, 53).payload(&[1; 100]);
        for (queue, frame) in pieces(&frame, 1, 48).into_iter().enumerate() {
            rig.give_bytes(queue, Side::Outside, 0, frame);
        }
    }
    rig.run();
    assert_eq!(rig.sent().len(), 64 * 3);
    let flows: Vec<u64> = rig.stats.iter().map(|stats| stats.flows.get()).collect();
    assert_eq!(flows.iter().sum::<u64>(), 64);
    assert!(flows.iter().all(|flows| *flows > 4), "{flows:?}");
    let full = rig.stats.iter().map(|stats| stats.drops[Reason::HandoverFull as usize].get()).sum::<u64>();
    assert_eq!(full, 0);
}
