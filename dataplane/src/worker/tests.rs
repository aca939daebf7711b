//! Workers over wires in memory: every packet goes in as bytes, and comes out or does not.

mod bursts;
mod fragments;
mod full;
mod limits;
mod pptp;
mod reload;
mod several;

use super::{Handover, Observer, Parts, Wire, Worker, handover};
use crate::classify::DecidedBy;
use crate::flow::{self, FlowHasher, Table};
use crate::generation::{self, Publisher};
use crate::io::{Arrival, BURST, Side, WireIo};
use crate::object::Now;
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, FIN, RST, SYN};
use crate::packet::{Checksums, Packet, parse, protocol};
use crate::pipeline::Decided;
use crate::reason::Reason;
use crate::rules::Rules;
use crate::stats::Stats;
use crate::track::{CtState, Direction, Expectations, Settings};
use crate::wire::Role;
use config::policy::interface_value;
use config::{NoFiles, Policy, Source};
use std::collections::VecDeque;
use std::sync::Arc;

/// A wire whose ends are lists of frames.
#[derive(Debug, Default)]
struct Memory {
    arriving: VecDeque<(Side, u64, Vec<u8>)>,
    sent: Vec<(Side, Vec<u8>)>,
    refuses_all: bool,
}

impl WireIo for Memory {
    type Buffer = Vec<u8>;

    fn receive(&mut self, into: &mut Vec<Vec<u8>>) -> Arrival {
        let (side, now) = self.arriving.front().map_or((Side::Outside, 0), |&(side, now, _)| (side, now));
        while into.len() < BURST && self.arriving.front().is_some_and(|next| (next.0, next.1) == (side, now))
        {
            into.extend(self.arriving.pop_front().map(|(_, _, frame)| frame));
        }
        let at = Now { monotonic_ns: now * 1_000_000, wall_ns: now * 1_000_000 };
        Arrival { side, now, at }
    }

    fn transmit(&mut self, to: Side, packets: &mut Vec<Vec<u8>>) {
        if !self.refuses_all {
            self.sent.extend(packets.drain(..).map(|frame| (to, frame)));
        }
    }

    fn make(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        Some(bytes.to_vec())
    }
}

/// Keeps what was decided.
#[derive(Debug, Default)]
struct Kept(Vec<Decided>);

impl Observer for Kept {
    fn decided(&mut self, _: &Packet, decided: &Decided) {
        self.0.push(*decided);
    }

    fn settled(&mut self, _: u64, decided: &Decided) {
        self.0.push(*decided);
    }
}

/// Workers, their publisher and counters.
struct Rig {
    workers: Vec<Worker<Memory, Kept>>,
    publisher: Publisher<Rules>,
    stats: Vec<Arc<Stats>>,
    hasher: FlowHasher,
}

fn policy(text: &str) -> Policy {
    config::load(&[Source::new("test.nft", text)], &mut NoFiles)
        .unwrap_or_else(|found| panic!("{found}"))
        .policy
}

impl Rig {
    fn new(text: &str, workers: usize, flows: usize) -> Self {
        let rules = Rules::compile(&policy(text), workers).unwrap();
        let (publisher, readers) = generation::publish(rules, workers);
        let hasher = FlowHasher::new([1, 2, 3, 4]);
        let queues: Handover<Vec<u8>> = handover(workers);
        let expectations = Arc::new(Expectations::with_capacity(64, hasher.clone()));
        let mut stats = Vec::new();
        let workers = readers.into_iter().enumerate().map(|(index, rules)| {
            let table = Table::with_capacity(flows);
            let (_, reaper) = flow::ageing(&table, 1);
            let counters = Arc::new(Stats::default());
            stats.push(Arc::clone(&counters));
            let role = Role::Guard { interface: interface_value("eth0").unwrap() };
            Worker::new(Parts {
                index,
                wires: vec![Wire { io: Memory::default(), role }],
                table,
                hasher: hasher.clone(),
                rules,
                settings: Settings::default(),
                checksums: Checksums::Verified,
                expectations: Arc::clone(&expectations),
                handover: Arc::clone(&queues),
                reaper,
                stats: counters,
                observer: Kept::default(),
            })
        });
        let workers = workers.collect();
        Self { workers, publisher, stats, hasher }
    }

    /// A frame arrives at worker 0.
    fn give(&mut self, side: Side, now: u64, frame: &FrameBuilder) {
        self.give_to(0, side, now, frame);
    }

    fn give_to(&mut self, worker: usize, side: Side, now: u64, frame: &FrameBuilder) {
        self.give_bytes(worker, side, now, frame.build());
    }

    fn give_bytes(&mut self, worker: usize, side: Side, now: u64, frame: Vec<u8>) {
        let io = &mut self.workers[worker].parts.wires[0].io;
        io.arriving.push_back((side, now, frame));
    }

    /// All workers poll until nobody has anything to do.
    fn run(&mut self) {
        while self.workers.iter_mut().map(Worker::poll).sum::<usize>() > 0 {}
    }

    /// One frame, to its end: what was decided.
    fn one(&mut self, side: Side, now: u64, frame: &FrameBuilder) -> Decided {
        self.give(side, now, frame);
        self.run();
        *self.workers[0].parts.observer.0.last().expect("the frame was decided upon")
    }

    fn sent(&mut self) -> Vec<(Side, Vec<u8>)> {
        self.workers
            .iter_mut()
            .flat_map(|worker| std::mem::take(&mut worker.parts.wires[0].io.sent))
            .collect()
    }
}

const STATEFUL: &str = "table inet f {
    chain input { type filter hook input priority 0; policy drop;
        ct state invalid drop
        ct state established,related accept
        tcp dport 80 ct state new accept
        tcp dport 113 reject with tcp reset
        udp dport 7 reject
    }
    chain output { type filter hook output priority 0; policy drop; ct state established,related accept
    }
}";

const CLIENT: [u8; 4] = [198, 51, 100, 7];
const SERVER: [u8; 4] = [192, 0, 2, 10];

fn inward(port: u16, flags: u8) -> FrameBuilder {
    FrameBuilder::new().ip(CLIENT, SERVER).tcp(4242, port, flags)
}

fn outward(port: u16, flags: u8) -> FrameBuilder {
    FrameBuilder::new().ip(SERVER, CLIENT).tcp(port, 4242, flags)
}

/// Opens a connection to port 80; sequence numbers start at 1000 and 5000.
fn handshake(rig: &mut Rig, now: u64) {
    for (side, frame, state) in [
        (Side::Outside, inward(80, SYN).sequence(1000), CtState::New),
        (Side::Inside, outward(80, SYN | ACK).sequence(5000).acknowledgement(1001), CtState::Established),
        (Side::Outside, inward(80, ACK).sequence(1001).acknowledgement(5001), CtState::Established),
    ] {
        let decided = rig.one(side, now, &frame);
        assert_eq!(decided.ct, state);
        assert_eq!(decided.outcome, crate::pipeline::Outcome::Accept);
    }
}

#[test]
fn a_connection_passes_and_strays_do_not() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    assert_eq!(rig.one(Side::Outside, 0, &inward(80, ACK).sequence(1)).reason, Reason::TcpNoFlow);
    handshake(&mut rig, 0);
    assert_eq!(rig.sent().len(), 3);
    let far = inward(80, RST).sequence(1001 + 1_000_000).acknowledgement(5001);
    let decided = rig.one(Side::Outside, 0, &far);
    assert_eq!((decided.ct, decided.reason), (CtState::Invalid, Reason::TcpSequenceAbove));
    assert_eq!(
        rig.one(Side::Inside, 0, &outward(80, ACK).sequence(5001).acknowledgement(1001)).ct,
        CtState::Established
    );
    assert_eq!(rig.sent().len(), 1, "only the last one passed");
    assert_eq!(rig.stats[0].flows.get(), 1);
    assert_eq!(rig.stats[0].drops[Reason::TcpSequenceAbove as usize].get(), 1);
}

/// Packets and bytes that the rules look at are those up to the packet in hand, of what the tracker lets count.
#[test]
fn the_traffic_of_a_connection_is_counted() {
    let rules = "table inet f {
        chain input { type filter hook input priority 0; policy drop;
            ct original packets 1 ct reply packets 0 ct bytes 40 tcp dport 80 accept
            ct original packets 2 ct reply packets 1 ct original bytes 80 ct avgpkt 40 accept
            ct reply packets 2 drop
        }
        chain output { type filter hook output priority 0; policy drop;
            ct reply packets 1 ct bytes 80 accept
        }
    }";
    let mut rig = Rig::new(rules, 1, 64);
    handshake(&mut rig, 0);
    let rules = |decided: Decided| decided.decided_by;
    let refused = rig.one(Side::Inside, 0, &outward(80, ACK).sequence(5001).acknowledgement(1001));
    assert!(matches!(rules(refused), DecidedBy::ChainPolicy(_)));
    let next = rig.one(Side::Outside, 0, &inward(80, ACK).sequence(1001).acknowledgement(5001));
    assert!(matches!(rules(next), DecidedBy::Rule(rule) if rule.0 == 2), "what was refused counts too");
    let table = &rig.workers[0].parts.table;
    let (slot, ..) = table.iter().next().expect("the connection");
    let traffic = table.extra(slot).traffic;
    let ways = [Direction::Original, Direction::Reply];
    assert_eq!(ways.map(|way| (traffic.packets(way), traffic.bytes(way))), [(3, 120), (2, 80)]);
}

/// A retransmitted SYN, and what is invalid, count nothing.
#[test]
fn what_moves_no_deadline_counts_nothing() {
    let rules =
        "table inet f { chain input { type filter hook input priority 0; ct packets 1 accept; drop } }";
    let mut rig = Rig::new(rules, 1, 64);
    for _ in 0..3 {
        let decided = rig.one(Side::Outside, 0, &inward(80, SYN).sequence(1000));
        assert_eq!(decided.outcome, crate::pipeline::Outcome::Accept);
    }
}

#[test]
fn a_refused_syn_costs_no_memory() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    for port in 1000..1500 {
        rig.one(Side::Outside, 0, &inward(port, SYN));
    }
    assert_eq!(rig.stats[0].flows.get(), 0);
    assert_eq!(rig.stats[0].drops[Reason::Policy as usize].get(), 500);
    assert!(rig.sent().is_empty());
}

#[test]
fn a_full_table_refuses_new_flows_and_keeps_the_assured() {
    let mut rig = Rig::new(STATEFUL, 1, 8);
    handshake(&mut rig, 0);
    let mut refused = 0;
    for source in 1..=200 {
        let syn = FrameBuilder::new().ip([10, 0, 0, source], SERVER).tcp(4242, 80, SYN);
        refused += u64::from(rig.one(Side::Outside, 0, &syn).reason == Reason::TableFull);
    }
    assert!(rig.stats[0].flows.get() <= rig.workers[0].parts.table.capacity() as u64);
    assert_eq!(refused, rig.stats[0].drops[Reason::TableFull as usize].get());
    assert!(rig.stats[0].flows_evicted.get() > 0, "half-open flows make room");
    let later = rig.one(Side::Inside, 0, &outward(80, ACK).sequence(5001).acknowledgement(1001));
    assert_eq!(later.ct, CtState::Established, "the assured flow is still there");
}

#[test]
fn an_established_connection_loses_nothing_to_a_flood() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    handshake(&mut rig, 0);
    rig.sent();
    let (mut sequence, mut answered) = (1001, 5001);
    for round in 0..200u32 {
        for number in 0..40 {
            let [.., high, low] = (round * 40 + number).to_be_bytes();
            let syn = FrameBuilder::new().ip([10, 0, high, low], SERVER).tcp(4242, 80, SYN);
            rig.give(Side::Outside, 1, &syn);
        }
        let data = inward(80, ACK).sequence(sequence).acknowledgement(answered).payload(&[7; 10]);
        sequence += 10;
        let answer = outward(80, ACK).sequence(answered).acknowledgement(sequence).payload(&[8; 20]);
        answered += 20;
        for (side, frame) in [(Side::Outside, &data), (Side::Inside, &answer)] {
            let decided = rig.one(side, 1, frame);
            assert_eq!(
                (decided.ct, decided.outcome),
                (CtState::Established, crate::pipeline::Outcome::Accept)
            );
            assert!(rig.sent().iter().any(|(_, sent)| *sent == frame.build()), "it leaves as it came");
        }
    }
    let stats = &rig.stats[0];
    assert!(stats.flows_evicted.get() > 1000, "the flood makes room for itself");
    assert!(stats.flows.get() <= rig.workers[0].parts.table.capacity() as u64);
}

#[test]
fn flows_end_on_the_clock_of_their_packets() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    handshake(&mut rig, 10_000);
    let data = inward(80, ACK).sequence(1001).acknowledgement(5001);
    let five_days = 432_000_000;
    assert_eq!(rig.one(Side::Outside, 10_000 + five_days - 1, &data).ct, CtState::Established);
    let last = 10_000 + 2 * five_days;
    assert_eq!(rig.one(Side::Outside, last, &data).reason, Reason::TcpNoFlow);
    assert_eq!(rig.stats[0].flows.get(), 0);
    assert_eq!(rig.stats[0].flows_expired.get(), 1);
}

#[test]
fn a_leap_of_the_clock_revives_no_flow() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    handshake(&mut rig, 10_000);
    // by 32 bits alone this would be the same moment again
    let data = inward(80, ACK).sequence(1001).acknowledgement(5001);
    assert_eq!(rig.one(Side::Outside, 10_000 + (1 << 32), &data).reason, Reason::TcpNoFlow);
}

#[test]
fn unreachables_keep_to_their_pace_and_resets_do_not() {
    let refusing = "table inet t {\n chain i {\n  type filter hook input priority 0; policy accept;\n  \
                    meta l4proto tcp reject with tcp reset\n  reject\n }\n}\n";
    let mut rig = Rig::new(refusing, 1, 64);
    let datagram = FrameBuilder::new().ip([198, 51, 100, 1], [192, 0, 2, 10]).udp(5000, 53);
    for number in 0..10_u16 {
        assert!(
            matches!(rig.one(Side::Outside, 1000, &datagram).outcome, crate::pipeline::Outcome::Reject(_)),
            "the verdict stays"
        );
        rig.one(Side::Outside, 1000, &inward(1000 + number, SYN));
    }
    assert_eq!(rig.sent().len(), 6 + 10);
    assert_eq!((rig.stats[0].replies.get(), rig.stats[0].replies_withheld.get()), (16, 4));
    rig.one(Side::Outside, 2000, &datagram);
    assert_eq!(rig.stats[0].replies.get(), 17, "one a second");
}

#[test]
fn a_reset_answers_the_syn_it_refuses() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    rig.one(Side::Outside, 0, &inward(113, SYN).sequence(77));
    let sent = rig.sent();
    let [(Side::Outside, frame)] = &sent[..] else { panic!("one answer goes back out: {sent:?}") };
    let answer = parse(&frame[..]);
    assert_eq!(answer.fault, None);
    assert_eq!(answer.tuple.protocol, protocol::TCP);
    assert_eq!((answer.tcp.flags, answer.tcp.sequence, answer.tcp.acknowledgement), (RST | ACK, 0, 78));
    assert_eq!((answer.tuple.source_port, answer.tuple.destination_port), (113, 4242));
    assert_eq!(rig.stats[0].replies.get(), 1);
    assert_eq!(rig.stats[0].rejected.get(), 1);
    rig.one(Side::Outside, 0, &inward(113, RST).sequence(77));
    assert!(rig.sent().is_empty(), "a RST is refused in silence");
}

#[test]
fn an_unreachable_quotes_what_it_refuses() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    let datagram = FrameBuilder::new().ip(CLIENT, SERVER).udp(4242, 7).payload(&[9; 1400]);
    rig.one(Side::Outside, 0, &datagram);
    let sent = rig.sent();
    let [(Side::Outside, frame)] = &sent[..] else { panic!("one answer goes back out: {sent:?}") };
    let answer = parse(&frame[..]);
    assert_eq!(answer.fault, None);
    assert_eq!((answer.tuple.icmp_type, answer.tuple.icmp_code), (3, 3));
    assert_eq!(answer.network_length, 576);
    let quoted = crate::packet::quoted(&frame[..], &answer).unwrap();
    assert_eq!((quoted.tuple.source_port, quoted.tuple.destination_port), (4242, 7));
}

#[test]
fn a_new_generation_is_in_force_at_the_next_burst_and_keeps_flows() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    handshake(&mut rig, 0);
    let closed = STATEFUL.replace("dport 80", "dport 81");
    rig.publisher.publish(Rules::compile(&policy(&closed), 1).unwrap());
    rig.run();
    assert_eq!(rig.publisher.reclaim(), 0, "the worker has let go of the old generation");
    let other = FrameBuilder::new().ip([10, 0, 0, 1], SERVER).tcp(4242, 80, SYN);
    assert_eq!(rig.one(Side::Outside, 0, &other).reason, Reason::Policy);
    let data = inward(80, ACK).sequence(1001).acknowledgement(5001);
    assert_eq!(rig.one(Side::Outside, 0, &data).ct, CtState::Established);
}

#[test]
fn what_the_port_does_not_take_is_dropped_and_counted() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    rig.workers[0].parts.wires[0].io.refuses_all = true;
    rig.one(Side::Outside, 0, &inward(80, SYN));
    assert_eq!(rig.stats[0].drops[Reason::TransmitFull as usize].get(), 1);
    assert_eq!(rig.stats[0].transmitted.get(), 0);
}

#[test]
fn a_policy_that_never_asks_for_state_tracks_nothing() {
    let stateless = "table inet f {
        chain input { type filter hook input priority 0; policy drop; tcp dport 80 accept
        }
    }";
    let mut rig = Rig::new(stateless, 1, 64);
    for flags in [ACK, FIN, 0, SYN | ACK, RST] {
        let decided = rig.one(Side::Outside, 0, &inward(80, flags));
        assert_eq!((decided.ct, decided.reason), (CtState::None, Reason::Rule));
    }
    assert_eq!(rig.sent().len(), 5);
    assert_eq!(rig.stats[0].flows.get(), 0);
}

/// Found by fuzzing: the counter kept its flows until the next packet.
#[test]
fn a_leap_of_the_clock_shows_in_the_counters() {
    let mut rig = Rig::new(STATEFUL, 1, 64);
    handshake(&mut rig, 0);
    assert_eq!(rig.stats[0].flows.get(), 1);
    rig.workers[0].advance(1 << 31);
    assert_eq!(rig.stats[0].flows.get(), 0);
    assert_eq!(rig.stats[0].flows_expired.get(), 1);
}

/// Found by fuzzing: the receiver of a frame was looked for in its first segment only.
#[test]
fn an_answer_does_not_depend_on_segments() {
    use crate::reject::{LONGEST, answer};
    let frame = inward(113, SYN).build();
    let parts: [&[u8]; 2] = [&[], &frame];
    let packet = parse(&frame[..]);
    let (mut whole, mut cut) = ([0; LONGEST], [0; LONGEST]);
    let reset = config::policy::Reject::TcpReset;
    assert_eq!(answer(reset, &packet, &frame[..], Checksums::Verified, &mut whole), Some(54));
    assert_eq!(answer(reset, &packet, &parts[..], Checksums::Verified, &mut cut), Some(54));
    assert_eq!(whole, cut);
}
