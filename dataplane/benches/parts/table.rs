//! What does it cost to find a flow, to miss one, and to put one in and take it out again?

use crate::frames;
use criterion::{BenchmarkId, Criterion, Throughput};
use dataplane::flow::{FlowHasher, FlowKey, Table};
use dataplane::packet::parse;
use dataplane::time::Tick;
use dataplane::track::{self, Flow, Opening, Settings};

pub fn bench(criterion: &mut Criterion) {
    for flows in [1_000, 100_000, 1_000_000] {
        let hasher = FlowHasher::new([1, 2, 3, 4]);
        let mut table: Table<Flow> = Table::with_capacity(flows as usize);
        let mut order: Vec<Flow> = (0..flows).map(flow).collect();
        shuffle(&mut order);
        order.iter().for_each(|flow| insert(&mut table, &hasher, flow));
        let mut group = criterion.benchmark_group("table");
        group.throughput(Throughput::Elements(BURST as u64));
        let mut at = 0;
        group.bench_function(BenchmarkId::new("32 found", flows), |bencher| {
            bencher.iter(|| {
                at = (at + BURST) % (order.len() - BURST);
                let keys: [FlowKey; BURST] = std::array::from_fn(|offset| *order[at + offset].key());
                assert_eq!(burst(&mut table, &hasher, &keys), BURST, "every flow is there");
            });
        });
        let unknown: Vec<FlowKey> = (flows..flows + 10_000).map(|number| *flow(number).key()).collect();
        let mut at = 0;
        group.bench_function(BenchmarkId::new("32 unknown", flows), |bencher| {
            bencher.iter(|| {
                at = (at + BURST) % (unknown.len() - BURST);
                let keys: [FlowKey; BURST] = std::array::from_fn(|offset| unknown[at + offset]);
                assert_eq!(burst(&mut table, &hasher, &keys), 0, "no flow is there");
            });
        });
        group.throughput(Throughput::Elements(1));
        let mut at = 0;
        group.bench_function(BenchmarkId::new("one out, one in", flows), |bencher| {
            bencher.iter(|| {
                at = (at + 1) % order.len();
                let key = order[at].key();
                let slot = table.find(hasher.hash(key), key, NOW).expect("it is there");
                table.remove(slot);
                insert(&mut table, &hasher, &order[at]);
            });
        });
    }
}

/// How many of a burst are found, in the stages of the worker.
fn burst(table: &mut Table<Flow>, hasher: &FlowHasher, keys: &[FlowKey; BURST]) -> usize {
    let hashes = keys.map(|key| hasher.hash(&key));
    hashes.iter().for_each(|hash| table.prefetch(*hash));
    for hash in &hashes {
        table.prefetch_entry(*hash);
    }
    hashes.iter().zip(keys).filter(|(hash, key)| table.find(**hash, key, NOW).is_some()).count()
}

fn insert(table: &mut Table<Flow>, hasher: &FlowHasher, flow: &Flow) {
    let put = table.insert(hasher.hash(flow.key()), *flow, Tick(1 << 30), NOW, |_| false);
    assert!(put.is_ok(), "the table has room");
}

fn flow(number: u32) -> Flow {
    let frame = frames::udp(number);
    let packet = parse(&frame[..]);
    let (key, orientation) = FlowKey::of(&packet.tuple).expect("UDP has flows");
    match track::open(&packet, &frame[..], key, orientation, NOW, &Settings::default()) {
        Opening::New(flow, _) => flow,
        other => panic!("a flow begins, not {other:?}"),
    }
}

fn shuffle(order: &mut [Flow]) {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for at in (1..order.len()).rev() {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        order.swap(at, (random >> 33) as usize % (at + 1));
    }
}

const BURST: usize = 32;
const NOW: Tick = Tick(0);
