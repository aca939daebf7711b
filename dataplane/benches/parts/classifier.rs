//! What does it cost to find the verdict on a first packet, compiled and rule by rule?

use crate::frames;
use config::policy::{Hook, ct_state};
use config::{NoFiles, Source};
use criterion::{BenchmarkId, Criterion, Throughput};
use dataplane::classify::{Evaluation, Facts, Phase, Stage, reference};
use dataplane::packet::{Packet, flag, parse};
use dataplane::rules::Rules;
use std::fmt::Write;
use std::hint::black_box;

pub fn bench(criterion: &mut Criterion) {
    for rules in [10, 1_000, 10_000] {
        let loaded =
            config::load(&[Source::new("rules", text(rules))], &mut NoFiles).expect("a ruleset in order");
        let compiled = Rules::compile(&loaded.policy, 1).expect("it compiles");
        let frames: Vec<Vec<u8>> = (0..256).map(|number| frames::tcp(number * 7919, flag::SYN)).collect();
        let packets: Vec<Packet> = frames.iter().map(|frame| parse(&frame[..])).collect();
        let mut group = criterion.benchmark_group("classifier");
        group.throughput(Throughput::Elements(1));
        let mut at = 0;
        group.bench_function(BenchmarkId::new("compiled", rules), |bencher| {
            bencher.iter(|| {
                at = (at + 1) % packets.len();
                let mut facts = facts(&packets[at], &frames[at]);
                let mut evaluation = Evaluation::new();
                compiled.program.run(&STAGES, &mut facts, compiled.bank(0), &mut evaluation);
                black_box(evaluation.decision());
            });
        });
        group.bench_function(BenchmarkId::new("rule by rule", rules), |bencher| {
            bencher.iter(|| {
                at = (at + 1) % packets.len();
                let facts = facts(&packets[at], &frames[at]);
                let mut evaluation = Evaluation::new();
                reference::run(
                    &loaded.policy,
                    compiled.program.objects(),
                    &STAGES,
                    &facts,
                    compiled.bank(0),
                    &mut evaluation,
                );
                black_box(evaluation.decision());
            });
        });
    }
}

fn facts<'a>(packet: &'a Packet, frame: &'a [u8]) -> Facts<'a, [u8]> {
    Facts { ct_state: ct_state::NEW, ..Facts::of(packet, frame) }
}

/// Networks of clients, each to a port of a server; what the packets want comes last.
fn text(rules: usize) -> String {
    let mut text =
        String::from("table ip bench { chain input { type filter hook input priority 0; policy drop;\n");
    for rule in 1..rules {
        let (high, low) = (rule >> 8 & 0xff, rule & 0xff);
        let _ = writeln!(text, "ip saddr 10.{high}.{low}.0/24 tcp dport {} accept", 1000 + rule % 7);
    }
    text.push_str("tcp dport 443 accept\n} }\n");
    text
}

const STAGES: [Stage; 1] = [Stage { hook: Hook::Input, phase: Phase::AfterTracking }];
