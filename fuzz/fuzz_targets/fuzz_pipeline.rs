//! Any conversation goes through the worker: each packet is sent or freed, every packet is counted where it belongs, and
//! under the stateful ruleset nothing leaves that was not asked for.
//!
//! Input: one byte for the circumstances, the rest are steps (see `fuzz::conversation`).
#![no_main]

use config::policy::interface_value;
use config::{NoFiles, Policy, Source};
use dataplane::flow::{self, Ager, FlowHasher, FlowKey, Table};
use dataplane::generation::{self, Publisher};
use dataplane::io::Side;
use dataplane::packet::{Checksums, Network, Packet, flag, protocol};
use dataplane::pipeline::{Decided, Outcome};
use dataplane::rules::Rules;
use dataplane::stats::Stats;
use dataplane::time::Tick;
use dataplane::track::{CtState, Expectations, Flow, Settings, Timeouts};
use dataplane::wire::Role;
use dataplane::worker::{self, Observer, Parts, Wire as Served, Worker};
use fuzz::conversation::{Step, Steps};
use fuzz::wire::{Account, Wire};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

const STATEFUL: &str = include_str!("../../tests/rulesets/stateful.nft");
const STATELESS: &str = include_str!("../../tests/rulesets/stateless.nft");
const REJECTING: &str = "
    table inet t {
        chain early { type filter hook prerouting priority raw; udp dport 8080 notrack; tcp sport 1 notrack }
        chain service { tcp flags & (fin | syn) == fin | syn drop; ct state new,established,related accept }
        chain in {
            type filter hook input priority 0; policy drop
            ct direction reply counter accept
            meta l4proto vmap { tcp : jump service, icmp : accept, sctp : goto service }
            ct state untracked accept
            reject
        }
        chain out {
            type filter hook output priority 0; policy accept
            tcp dport 22 reject with tcp reset
            ct state invalid reject with icmpx type admin-prohibited
        }
    }
    table bridge b { chain every { type filter hook prerouting priority 0; ether type arp counter accept } }";
const EMPTY: &str = "";

/// Rulesets to choose from; the first is the one about which more is known.
fn policies() -> &'static [Policy] {
    static POLICIES: OnceLock<Vec<Policy>> = OnceLock::new();
    POLICIES.get_or_init(|| {
        let load =
            |text| config::load(&[Source::new("fuzz", text)], &mut NoFiles).map(|loaded| loaded.policy);
        [STATEFUL, STATELESS, REJECTING, EMPTY]
            .map(|text| load(text).unwrap_or_else(|e| panic!("{e}")))
            .into()
    })
}

fn compiled(number: u8, workers: usize) -> Rules {
    let policy = &policies()[usize::from(number) % policies().len()];
    Rules::compile(policy, workers).expect("a checked policy compiles")
}

fuzz_target!(|data: &[u8]| {
    let Some((circumstances, steps)) = data.split_first() else { return };
    let mut lab = Lab::new(*circumstances);
    for step in Steps::of(steps) {
        lab.take(step);
    }
    lab.run();
    lab.end();
});

/// The workers, and what is known of them from outside.
struct Lab {
    workers: Vec<Watched>,
    publisher: Publisher<Rules>,
    account: Rc<RefCell<Account>>,
    log: Log,
    hasher: FlowHasher,
    now: u64,
    room: (usize, bool),
    arrived: Vec<(Side, Vec<u8>)>,
    seen: u64,
    model: Option<Model>,
}

/// A worker and what is seen of it.
struct Watched {
    worker: Worker<Wire, Log>,
    wire: Wire,
    stats: Arc<Stats>,
    ager: Ager,
}

/// What was decided, by any worker, in order.
#[derive(Debug, Clone, Default)]
struct Log(Rc<RefCell<Vec<(Packet, Decided)>>>);

impl Observer for Log {
    fn decided(&mut self, packet: &Packet, decided: &Decided) {
        self.0.borrow_mut().push((*packet, *decided));
    }
}

impl Lab {
    fn new(circumstances: u8) -> Self {
        let workers = 1 + usize::from(circumstances & 1);
        let checksums = if circumstances & 2 == 0 { Checksums::Verified } else { Checksums::Trusted };
        let tcp_loose = circumstances & 4 != 0;
        let flows = if circumstances & 8 == 0 { 1 } else { 256 };
        let policy = circumstances >> 4 & 3;
        let interface = interface_value("eth0").expect("a name");
        let role = match circumstances & 0x40 {
            0 => Role::Guard { interface },
            _ => Role::Transit { outside: interface_value("lo").expect("a name"), inside: interface },
        };
        let (publisher, readers) = generation::publish(compiled(policy, workers), workers);
        let (account, log) = (Rc::default(), Log::default());
        let (handover, hasher) = (worker::handover(workers), FlowHasher::new([1, 2, 3, 4]));
        let expectations = Arc::new(Expectations::with_capacity(32, hasher.clone()));
        let watched = readers.into_iter().enumerate().map(|(index, rules)| {
            let table = Table::with_capacity(flows);
            let (ager, reaper) = flow::ageing(&table, 4);
            let stats = Arc::new(Stats::default());
            let wire = Wire::new(&account);
            let parts = Parts {
                index,
                wires: vec![Served { io: wire.clone(), role }],
                table,
                hasher: hasher.clone(),
                rules,
                settings: Settings { tcp_loose, timeouts: Timeouts::default() },
                checksums,
                expectations: Arc::clone(&expectations),
                handover: Arc::clone(&handover),
                reaper,
                stats: Arc::clone(&stats),
                observer: log.clone(),
            };
            Watched { worker: Worker::new(parts), wire, stats, ager }
        });
        Self {
            workers: watched.collect(),
            publisher,
            account: Rc::clone(&account),
            log,
            hasher,
            now: 1 << 20,
            room: (usize::MAX, true),
            arrived: Vec::new(),
            seen: 0,
            model: (policy == 0 && circumstances & 0x40 == 0).then(Model::default),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Frame(side, frame) => self.arrived.push((side, frame)),
            Step::Wait(milliseconds) => {
                self.run();
                self.now += milliseconds;
            }
            Step::Age => {
                self.run();
                for worker in &mut self.workers {
                    worker.ager.scan(Tick(self.now as u32), usize::MAX);
                }
            }
            Step::Publish(number) => {
                self.run();
                self.model = None;
                self.publisher.publish(compiled(number, self.workers.len()));
                self.publisher.reclaim();
            }
            Step::Room(packets, answers) => {
                self.run();
                self.room = (packets, answers);
            }
        }
    }

    /// Lets what has arrived run through: with two workers, in turns and by turns.
    fn run(&mut self) {
        let arrived = std::mem::take(&mut self.arrived);
        self.seen += arrived.len() as u64;
        for (turn, (side, frame)) in arrived.into_iter().enumerate() {
            self.workers[turn / 3 % self.workers.len()].wire.arrive(side, frame);
        }
        let mut met = 1;
        while met > 0 || self.workers.iter().any(|worker| worker.wire.has_more()) {
            met = 0;
            for worker in &mut self.workers {
                worker.wire.set(self.now, self.room.0, self.room.1);
                met += worker.worker.poll();
            }
        }
        self.account.borrow().check();
        self.counts();
        for (packet, decided) in self.log.0.borrow_mut().drain(..) {
            if let Some(model) = &mut self.model {
                model.check(&packet, &decided);
            }
        }
    }

    /// Every packet is in exactly one counter of each kind.
    fn counts(&self) {
        let sum =
            |of: &dyn Fn(&Stats) -> u64| self.workers.iter().map(|worker| of(&worker.stats)).sum::<u64>();
        let (dropped, rejected) = (sum(&|stats| stats.dropped.get()), sum(&|stats| stats.rejected.get()));
        let transmitted = sum(&|stats| stats.transmitted.get());
        let replies = sum(&|stats| stats.replies.get());
        assert_eq!(sum(&|stats| stats.received.get()), self.seen, "received");
        let waiting = sum(&|stats| stats.fragments.get());
        assert_eq!(
            transmitted + dropped + rejected + waiting,
            self.seen,
            "sent, dropped, rejected or waiting"
        );
        assert_eq!(
            sum(&|stats| stats.drops.iter().map(|count| count.get()).sum()),
            dropped + rejected,
            "reasons"
        );
        let states = sum(&|stats| stats.states.iter().map(|count| count.get()).sum());
        assert_eq!(states + waiting, self.seen, "states");
        let invalid = sum(&|stats| stats.states[CtState::Invalid as usize].get());
        assert_eq!(sum(&|stats| stats.invalid.iter().map(|count| count.get()).sum()), invalid, "invalid");
        assert!(replies <= rejected, "an answer to nothing");
        let account = self.account.borrow();
        assert!(
            transmitted <= account.sent && account.sent <= transmitted + replies,
            "the wire's own account"
        );
    }

    /// Every flow is where it is looked for, at one worker only.
    fn end(self) {
        let mut keys = BTreeSet::new();
        let workers = self.workers.len();
        for (index, worker) in self.workers.into_iter().enumerate() {
            let mut table = worker.worker.into_parts().table;
            assert_eq!(worker.stats.flows.get(), table.len() as u64, "flows");
            let flows: Vec<(FlowKey, Tick)> =
                table.iter().map(|(_, flow, end)| (flow_key(&flow), end)).collect();
            assert_eq!(flows.len(), table.len());
            for (key, end) in flows {
                let hash = self.hasher.hash(&key);
                assert!(keys.insert(format!("{key:?}")), "stored twice: {key:?}");
                assert_eq!(hash.owner(workers), index, "at another worker: {key:?}");
                let just_before = Tick(end.0.wrapping_sub(1));
                assert!(table.find(hash, &key, just_before).is_some(), "lost: {key:?}");
                assert!(table.find(hash, &key, end).is_none(), "past its end: {key:?}");
            }
            assert!(table.is_empty());
        }
    }
}

fn flow_key(flow: &Flow) -> FlowKey {
    *dataplane::flow::Entry::key(flow)
}

/// What the stateful ruleset promises, in the plainest words: whoever is behind the wire answers, and does not call.
#[derive(Debug, Default)]
struct Model {
    /// Flows that began from outside with what is offered.
    begun: BTreeSet<(u128, u128, u16, u16, u8)>,
}

impl Model {
    fn check(&mut self, packet: &Packet, decided: &Decided) {
        if decided.outcome != Outcome::Accept || packet.tuple.network == Network::Other {
            return;
        }
        assert_ne!(decided.ct, CtState::Invalid, "the rules refuse what is invalid: {packet:?}");
        assert_ne!(decided.ct, CtState::None, "every IP packet is tracked: {packet:?}");
        let Some((key, _)) = FlowKey::of(&packet.tuple) else {
            panic!("an IP packet without a flow: {packet:?}")
        };
        let key = (key.low, key.high, key.low_port, key.high_port, key.protocol);
        match decided.ct {
            CtState::New => {
                let tuple = &packet.tuple;
                let offered = match tuple.protocol {
                    protocol::TCP => {
                        let open = flag::FIN | flag::SYN | flag::RST | flag::ACK;
                        packet.tcp.flags & open == flag::SYN && [22, 53, 80].contains(&tuple.destination_port)
                    }
                    protocol::UDP => tuple.destination_port == 53,
                    protocol::ICMP => tuple.icmp_type == 8,
                    protocol::ICMPV6 => tuple.icmp_type == 128,
                    _ => false,
                };
                assert!(offered, "begun with what is not offered: {packet:?}");
                self.begun.insert(key);
            }
            CtState::Established => {
                assert!(self.begun.contains(&key), "goes on without a beginning: {packet:?}")
            }
            CtState::Related => assert!(packet.is_icmp_error(), "related, and no error: {packet:?}"),
            CtState::Untracked => {
                assert!(packet.tuple.protocol == protocol::ICMPV6, "untracked: {packet:?}");
                assert!((130..=136).contains(&packet.tuple.icmp_type) || packet.tuple.icmp_type == 143);
            }
            CtState::Invalid | CtState::None => {}
        }
    }
}
