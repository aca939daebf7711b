//! Does it matter whether a connection remembers? Two firewalls meet the same packets: one asks the rules only where it
//! must, the other runs every rule for every packet. Decisions, counters, flows and their deadlines are the same.

mod floods;

use crate::classify::Ahead;
use crate::classify::tests::{choices::Choices, random};
use crate::flow::{FlowHasher, Table};
use crate::io::Side;
use crate::object::Now;
use crate::object::numbers::each_field;
use crate::packet::build::FrameBuilder;
use crate::packet::{Checksums, Short, flag, parse, short};
use crate::pipeline::{Aimed, Context, Decided, From, Keyed, Outcome, Precedents, Shard, Tally, Ways};
use crate::rules::Rules;
use crate::stats::Stats;
use crate::time::Tick;
use crate::track::{CtState, Expectations, Flow, Record, Settings, WayNumber};
use crate::wire::Role;
use config::Policy;
use config::policy::{Counter, CounterId, Load, Meta, Statement, Target, Tracks, interface_value};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What becomes of packets, one by one.
struct Firewall {
    table: Table<Flow>,
    settings: Settings,
    expectations: Expectations,
    hasher: FlowHasher,
    rules: Rules,
    stats: Stats,
    ways: Ways,
    precedents: Precedents,
}

/// How a packet was decided upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// Its connection remembers.
    Remembered,
    /// It belongs to no connection.
    First,
    /// Likewise, and it is like another one.
    Alike,
    /// As every packet can be.
    Asking,
}

/// A packet at hand.
struct Arriving<'a> {
    frame: &'a [u8],
    role: &'a Role,
    from: Side,
    now: u64,
}

impl Firewall {
    fn new(policy: &Policy) -> Self {
        let hasher = FlowHasher::new([1, 2, 3, 4]);
        let mut ways = Ways::new();
        ways.turn_to(1);
        Self {
            table: Table::with_capacity(64),
            settings: Settings::default(),
            expectations: Expectations::with_capacity(16, hasher.clone()),
            hasher,
            rules: Rules::compile(policy, 1).unwrap(),
            stats: Stats::default(),
            ways,
            precedents: Precedents::new(),
        }
    }

    fn publish(&mut self, policy: &Policy, generation: u64) {
        self.rules = Rules::compile(policy, 1).unwrap();
        self.precedents.turn_to(generation);
        if self.ways.turn_to(generation) {
            self.table.all_stored_mut().for_each(Record::forget);
        }
    }

    fn context<'a>(&'a mut self, arriving: &Arriving<'a>) -> (Context<'a>, &'a mut Ways, &'a mut Precedents) {
        let Self { table, settings, expectations, hasher, rules, stats, ways, precedents } = self;
        let at = Now { monotonic_ns: arriving.now * 1_000_000, wall_ns: arriving.now * 1_000_000 };
        let shard = Shard { table, settings, hasher, expectations };
        let now = Tick(arriving.now as u32);
        (Context::new(arriving.role, arriving.from, now, at, rules, 0, shard, stats), ways, precedents)
    }

    /// As a worker does it. Says also which way.
    fn remembering(&mut self, arriving: &Arriving<'_>) -> (Decided, Met) {
        let hasher = self.hasher.clone();
        let (mut context, ways, precedents) = self.context(arriving);
        let from = From { wire: 0, side: arriving.from };
        let plain = short::read(arriving.frame, Checksums::Verified).map(|short| {
            let mut aimed = Aimed::of(short, &hasher);
            context.tracker.shard.table.begin();
            aimed.sought = context.tracker.shard.table.seek(aimed.hash, || Some(Tick(arriving.now as u32)));
            (aimed, aimed.keyed())
        });
        let plain_v6 = || {
            let (short, ends) = short::read_v6(arriving.frame, Checksums::Verified)?;
            Some(Aimed::of_v6(short, ends, &hasher))
        };
        let Some((aimed, keyed)) = plain.or_else(plain_v6) else {
            let packet = parse(arriving.frame);
            let keyed = Keyed::of(&packet, arriving.frame, &hasher);
            return (context.decide(&packet, arriving.frame, &keyed), Met::Asking);
        };
        let packet = aimed.packet(&keyed);
        assert_eq!(keyed, Keyed::of(&packet, arriving.frame, &hasher));
        if context.remembers(packet.tuple.network) {
            let mut tally = Tally::default();
            if context.goes_on(&aimed, &keyed, ways, from, &mut tally) {
                context.settle(ways, &tally);
                return (*ways.decided(&tally).expect("it is in the tally"), Met::Remembered);
            }
            if context.opens_plainly() {
                let mut ahead = Ahead::new();
                if !arriving.now.is_multiple_of(3)
                    && aimed.seems_first()
                    && !aimed.short.is_v6
                    && context.begin_ahead(&mut ahead)
                {
                    let others = [Short { source: 7, ..aimed.short }, aimed.short];
                    others.iter().for_each(|short| ahead.add_plain(short));
                    context.look_ahead(others.iter().map(|short| (short, arriving.frame)), &mut ahead);
                }
                let ahead = ahead.of(1);
                if let Some(&decided) = context.decide_alike(&aimed, ahead, precedents, from) {
                    decided.count(context.stats, 1);
                    return (decided, Met::Alike);
                }
                if let Some(decided) =
                    context.decide_first(&aimed, &packet, arriving.frame, ahead, precedents, from)
                {
                    return (decided, Met::First);
                }
            }
            if aimed.short.goes_on() {
                return (context.decide_noting(&packet, arriving.frame, &keyed, ways, from), Met::Asking);
            }
        }
        (context.decide(&packet, arriving.frame, &keyed), Met::Asking)
    }

    fn asking(&mut self, arriving: &Arriving<'_>, policy: &Policy) -> Decided {
        let hasher = self.hasher.clone();
        let packet = parse(arriving.frame);
        let keyed = Keyed::of(&packet, arriving.frame, &hasher);
        self.context(arriving).0.decide_watched(&packet, arriving.frame, &keyed, None, policy, &mut ()).0
    }

    /// Every counter, and every flow that has not ended, but for what it remembers. One that has ended is gone when
    /// somebody looks for it: who watches does so for packets that are dropped before they are tracked.
    fn stands(&self, policy: &Policy, now: u64) -> impl PartialEq + std::fmt::Debug + use<> {
        let counters: Vec<_> =
            (0..policy.counters.len() as u32).map(|id| self.rules.counted(CounterId(id))).collect();
        let mut flows: Vec<_> = self
            .table
            .iter()
            .filter(|(_, _, deadline)| !deadline.is_at_or_before(Tick(now as u32)))
            .map(|(slot, flow, deadline)| {
                let mut flow = flow;
                (flow.generation, flow.ways) = (0, [WayNumber::NONE; 2]);
                (slot, flow, deadline, self.table.extra(slot).traffic)
            })
            .collect();
        flows.sort_by_key(|&(slot, ..)| slot);
        (counters, flows)
    }
}

/// Two ends that talk.
#[derive(Debug, Clone, Copy)]
struct Talk {
    is_tcp: bool,
    is_v6: bool,
    ends: [u8; 2],
    ports: [u16; 2],
    sequences: [u32; 2],
}

impl Talk {
    fn frame(&self, side: Side, flags: u8, length: usize, choices: &mut Choices<'_>) -> Vec<u8> {
        let (own, peer) = if side == Side::Outside { (0, 1) } else { (1, 0) };
        let ip = if self.is_v6 {
            let end = |end: u8| [0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(end)];
            FrameBuilder::new().ip(end(self.ends[own]), end(self.ends[peer]))
        } else {
            FrameBuilder::new().ip([10, 0, 0, self.ends[own]], [10, 0, 0, self.ends[peer]])
        };
        let ip = ip.time_to_live(choices.of(&[64, 64, 1, 255]));
        let payload = &[0; 64][..length];
        if self.is_tcp {
            let segment = ip.tcp(self.ports[own], self.ports[peer], flags).window(1000);
            let segment =
                segment.sequence(self.sequences[own]).acknowledgement(self.sequences[peer]).payload(payload);
            let timestamps: &[u8] = &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1];
            let offer: &[u8] =
                &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, choices.of(&[0, 7, 15])];
            let options = if flags & flag::SYN != 0 { choices.of(&[&[], offer]) } else { timestamps };
            if choices.one_in(4) { segment.tcp_options(options).build() } else { segment.build() }
        } else {
            ip.udp(self.ports[own], self.ports[peer]).payload(payload).build()
        }
    }

    fn sends(&mut self, side: Side, flags: u8, length: usize) {
        let counted = u32::from(flags & (flag::SYN | flag::FIN) != 0);
        let own = &mut self.sequences[usize::from(side == Side::Inside)];
        *own = own.wrapping_add(length as u32 + counted);
    }
}

/// A random policy whose rules draw nothing at random; often one that only looks and counts.
fn policy(choices: &mut Choices<'_>) -> Policy {
    let only_looks = choices.one_in(2);
    let mut policy = random::policy(choices);
    for (number, rule) in (0..).zip(&mut policy.rules) {
        let mut is_out = false;
        for statement in &rule.statements {
            each_field(statement, |field| {
                is_out |= matches!(field.load, Load::Number { .. } | Load::Meta(Meta::Random));
            });
            is_out |= only_looks
                && !matches!(
                    statement,
                    Statement::Match(_)
                        | Statement::Counter(_)
                        | Statement::Verdict(_)
                        | Statement::Set(Target::Mark | Target::CtMark, _)
                );
        }
        if is_out {
            rule.statements.clear();
        }
        if number % 3 == 0 {
            rule.statements.insert(0, Statement::Counter(CounterId(policy.counters.len() as u32)));
            policy.counters.push(Counter::default());
        }
    }
    policy
}

#[test]
fn remembered_or_not_the_answer_is_the_interpreters() {
    let seen = RefCell::new(BTreeMap::<&str, u32>::new());
    let numbers = prop::collection::vec(any::<u32>(), 3000..6000);
    let mut runner = TestRunner::new(ProptestConfig { cases: 400, ..ProptestConfig::default() });
    runner
        .run(&numbers, |numbers| {
            one_story(&mut Choices::new(&numbers), &mut seen.borrow_mut());
            Ok(())
        })
        .unwrap();
    let seen = seen.into_inner();
    for what in [
        "asked",
        "remembered",
        "of IPv6, remembered",
        "counted though remembered",
        "by a rule",
        "dropped while established",
        "a first packet that passes",
        "a first packet that is refused",
        "an invalid packet of no connection",
    ] {
        assert!(seen.get(what).is_some_and(|&times| times > 10), "{what}: {seen:?}");
    }
}

fn one_story(choices: &mut Choices<'_>, seen: &mut BTreeMap<&'static str, u32>) {
    let mut note = |what| *seen.entry(what).or_default() += 1;
    let open = Policy { tracks: Tracks { v4: true, v6: true }, ..Policy::default() };
    let role = if choices.one_in(2) {
        Role::Guard { interface: interface_value("eth0").unwrap() }
    } else {
        Role::Transit { outside: interface_value("eth0").unwrap(), inside: interface_value("eth1").unwrap() }
    };
    let mut talks: Vec<Talk> = (0..4)
        .map(|number| Talk {
            is_tcp: number != 3,
            is_v6: choices.one_in(3),
            ends: [choices.of(&[1, 2, 3]), choices.of(&[4, 7])],
            ports: [number, choices.of(&[22, 80, 2])],
            sequences: [choices.of(&[100, u32::MAX - 20]), 5000],
        })
        .collect();
    let (mut one, mut other) = (Firewall::new(&open), Firewall::new(&open));
    let (mut in_force, mut generation, mut now) = (open, 1, 0);
    for step in 0..120 {
        if step >= 12 && step % 36 == 12 {
            in_force = policy(choices);
            generation += choices.of(&[1, 1, 1 << 16, 7]);
            one.publish(&in_force, generation);
            other.publish(&in_force, generation);
        }
        let (talk, side, flags, length) = match step {
            0..8 if step % 2 == 0 => (step / 2, Side::Outside, flag::SYN, 0),
            0..8 => (step / 2, Side::Inside, flag::SYN | flag::ACK, 0),
            8..12 => (step - 8, Side::Outside, flag::ACK, 0),
            _ => {
                let flags = choices.of(&[flag::ACK, flag::ACK | flag::PSH, flag::ACK, flag::ACK | flag::ECE]);
                let flags = if choices.one_in(40) {
                    choices.of(&[flag::FIN | flag::ACK, flag::SYN, flag::RST, flag::ACK | flag::URG])
                } else {
                    flags
                };
                let side = choices.of(&[Side::Outside, Side::Inside]);
                (choices.below(talks.len()), side, flags, choices.of(&[0, 0, 10, 37]))
            }
        };
        now += choices.of(&[0, 1, 10, 3000]);
        let mut talk_now = talks[talk];
        if choices.one_in(12) {
            let stray = &mut talk_now.sequences[choices.below(2)];
            *stray = stray.wrapping_add(choices.of(&[u32::MAX, 1, 900, 1100, 70_000, u32::MAX - 2000]));
        } else {
            talks[talk].sends(side, flags, length);
        }
        let (mut side, mut flags) = (side, flags);
        if step >= 12 && choices.one_in(2) {
            // somebody else, of whom there is at most one flow
            talk_now.ports[0] = choices.of(&[1000, 1001, 1002, 22, 80]);
            talk_now.ends = choices.of(&[[1, 4], [4, 1], [3, 7], [4, 4]]);
            side = choices.of(&[Side::Outside, Side::Inside]);
            flags = choices.of(&[flag::SYN, flag::SYN, flag::SYN | flag::ECE, flag::ACK, flag::RST, 0]);
        }
        let frame = talk_now.frame(side, flags, length, choices);
        let arriving = Arriving { frame: &frame, role: &role, from: side, now };
        let before = one.rules.counted_in_all();
        let (decided, met) = one.remembering(&arriving);
        let asked = met != Met::Remembered;
        let raised = one.rules.counted_in_all() != before;
        assert_eq!(decided, other.asking(&arriving, &in_force), "step {step}");
        assert_eq!(one.stands(&in_force, now), other.stands(&in_force, now), "step {step}");
        note(if asked { "asked" } else { "remembered" });
        if !asked && talk_now.is_v6 {
            note("of IPv6, remembered");
        }
        if met == Met::First {
            note(match (decided.outcome, decided.ct) {
                (Outcome::Accept, CtState::New) => "a first packet that passes",
                (_, CtState::New) => "a first packet that is refused",
                _ => "an invalid packet of no connection",
            });
        }
        if !asked && raised {
            note("counted though remembered");
        }
        if !asked && matches!(decided.decided_by, crate::classify::DecidedBy::Rule(_)) {
            note("by a rule");
        }
        if decided.outcome != Outcome::Accept && decided.ct == CtState::Established {
            note("dropped while established");
        }
    }
}
