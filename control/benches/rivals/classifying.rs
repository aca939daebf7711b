//! What does it cost to find the first rule that matches? The compiled program beside `rte_acl` with its fastest
//! algorithm: the same rules, the same trace, and the same answer, which is looked at first.
//!
//! Both are given the fields of a burst side by side and say which rule it is, packet by packet. What it takes besides to
//! read them from frames, and to make a decision of the answer, is measured apart.

use crate::duel::{Contender, Cycles, duel};
use crate::rulesets::{self, Kind};
use config::policy::{Hook, ct_state};
use config::{NoFiles, Source};
use dataplane::classify::{Ahead, DecidedBy, Evaluation, Facts, Phase, Stage};
use dataplane::packet::{Packet, parse};
use dataplane::rules::Rules;
use dpdk::Eal;
use dpdk::rivals::{Acl, BULK};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// What was found for so many rules.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Classifying {
    /// Rules.
    pub rules: usize,
    /// Of which kind.
    pub kind: Kind,
    /// The program.
    pub sluice: Cycles,
    /// The program, from frames that have been parsed to decisions.
    pub sluice_whole: Cycles,
    /// The rival, if it can be built.
    pub rte_acl: Option<Rival>,
    /// Bytes of the program.
    pub sluice_bytes: usize,
    /// Milliseconds it takes to compile.
    pub sluice_build: f64,
}

/// What `rte_acl` takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rival {
    /// Its algorithm.
    pub algorithm: String,
    /// The cost.
    pub cycles: Cycles,
    /// Bytes of it.
    pub bytes: usize,
    /// Milliseconds it takes to build.
    pub build: f64,
}

/// Measures with so many rules; with the rival up to as many as it is built for in reasonable time.
pub fn measure(eal: &Eal, kind: Kind, count: usize, length: Duration) -> Classifying {
    let rules = rulesets::rules(kind, count);
    let (headers, frames) = rulesets::trace(&rules);
    let source = Source::new("generated rules", rulesets::text(&rules));
    let loaded = config::load(&[source], &mut NoFiles).unwrap_or_else(|refused| panic!("{refused}"));
    let begun = Instant::now();
    let own = Rules::compile(&loaded.policy, 1).expect("a checked policy compiles");
    let sluice_build = begun.elapsed().as_secs_f64() * 1e3;
    let before = dpdk::rivals::heap_bytes(eal);
    let begun = Instant::now();
    let acl = (count <= MOST_OF_RIVAL)
        .then(|| Acl::build(eal, &format!("{kind:?} {count}"), &rules).expect("rte_acl takes these rules"));
    let (build, bytes) = (begun.elapsed().as_secs_f64() * 1e3, dpdk::rivals::heap_bytes(eal) - before);
    let (bursts, _) = headers.as_chunks::<BULK>();
    if let Some(acl) = &acl {
        agree(&own, acl, bursts, &frames);
    }
    let (mut at, mut at_whole, mut at_rival) = (0, 0, 0);
    let mut given: Vec<Ahead> = frames.chunks(BULK).map(|frames| read(&own, frames)).collect();
    let mut whole = Ahead::new();
    let mut contenders: Vec<Contender<'_>> = vec![
        Box::new(|| {
            let mut cycles = 0;
            for _ in 0..BURSTS {
                let begin = dpdk::cycles();
                own.program.find_ahead(&mut given[at]);
                std::hint::black_box(&given[at]);
                cycles += dpdk::cycles() - begin;
                at = (at + 1) % bursts.len();
            }
            ((BURSTS * BULK) as u64, cycles)
        }),
        Box::new(|| {
            let mut cycles = 0;
            for _ in 0..BURSTS {
                let frames = &frames[at_whole * BULK..][..BULK];
                let packets: [Packet; BULK] = std::array::from_fn(|number| parse(&frames[number][..]));
                let begin = dpdk::cycles();
                decide(&own, &packets, frames, &mut whole, |_, rule| {
                    std::hint::black_box(rule);
                });
                cycles += dpdk::cycles() - begin;
                at_whole = (at_whole + 1) % bursts.len();
            }
            ((BURSTS * BULK) as u64, cycles)
        }),
    ];
    if let Some(acl) = &acl {
        contenders.push(Box::new(|| {
            let mut cycles = 0;
            let mut found = [0; BULK];
            for _ in 0..BURSTS {
                let begin = dpdk::cycles();
                acl.classify(&bursts[at_rival], &mut found);
                std::hint::black_box(&found);
                cycles += dpdk::cycles() - begin;
                at_rival = (at_rival + 1) % bursts.len();
            }
            ((BURSTS * BULK) as u64, cycles)
        }));
    }
    let cycles = duel(length, &mut contenders);
    drop(contenders);
    Classifying {
        rules: count,
        kind,
        sluice: cycles[0],
        sluice_whole: cycles[1],
        rte_acl: acl.map(|acl| Rival {
            algorithm: acl.algorithm.to_owned(),
            cycles: cycles[2],
            bytes,
            build,
        }),
        sluice_bytes: own.program.memory(),
        sluice_build,
    }
}

/// The fields of a burst, side by side.
fn read(rules: &Rules, frames: &[Vec<u8>]) -> Ahead {
    let mut ahead = Ahead::new();
    assert!(rules.program.look_ahead(&STAGES, ct_state::NEW, &mut ahead), "there is a tree");
    for (number, frame) in frames.iter().enumerate() {
        let packet = parse(&frame[..]);
        rules.program.add_ahead(number, &mut facts(&packet, frame), &mut ahead);
    }
    ahead
}

/// Decides upon a burst; `tell` is told 1 + the number of the rule that does, or 0.
#[inline]
fn decide(
    rules: &Rules,
    packets: &[Packet],
    frames: &[Vec<u8>],
    ahead: &mut Ahead,
    mut tell: impl FnMut(usize, u32),
) {
    let (program, counters) = (&rules.program, rules.bank(0));
    program.look_ahead(&STAGES, ct_state::NEW, ahead);
    for (number, (packet, frame)) in packets.iter().zip(frames).enumerate() {
        program.add_ahead(number, &mut facts(packet, frame), ahead);
    }
    program.find_ahead(ahead);
    for (number, (packet, frame)) in packets.iter().zip(frames).enumerate() {
        let mut evaluation = Evaluation::new();
        program.run_ahead(
            &STAGES,
            &mut facts(packet, frame),
            counters,
            &mut evaluation,
            ahead.of(number),
            &mut (),
        );
        tell(
            number,
            match evaluation.decision().decided_by {
                DecidedBy::Rule(rule) => rule.0 + 1,
                _ => 0,
            },
        );
    }
}

fn facts<'a>(packet: &'a Packet, frame: &'a [u8]) -> Facts<'a, [u8]> {
    Facts { ct_state: ct_state::NEW, iif: Some(7), ..Facts::of(packet, frame) }
}

fn agree(own: &Rules, acl: &Acl, bursts: &[[[u8; 16]; BULK]], frames: &[Vec<u8>]) {
    let mut ahead = Ahead::new();
    for (burst, frames) in bursts.iter().zip(frames.chunks(BULK)) {
        let mut found = [0; BULK];
        acl.classify(burst, &mut found);
        let packets: Vec<Packet> = frames.iter().map(|frame| parse(&frame[..])).collect();
        decide(own, &packets, frames, &mut ahead, |number, rule| {
            assert_eq!(rule, found[number], "both find the first match");
        });
        for (number, &found) in found.iter().enumerate() {
            assert_eq!(ahead.first_rule(number).map_or(0, |rule| rule + 1), found, "of fields given, too");
        }
    }
}

const STAGES: [Stage; 1] = [Stage { hook: Hook::Input, phase: Phase::AfterTracking }];
/// Bursts in a chunk.
const BURSTS: usize = 32;
/// Rules up to which the rival is built; it takes minutes and gigabytes for ten times as many.
const MOST_OF_RIVAL: usize = 10_000;
