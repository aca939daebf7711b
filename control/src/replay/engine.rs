//! How does a capture get through the data path? Ports over the plan's files, one lcore a worker.

use super::io::{Lane, ReplayIo};
use super::plan::Plan;
use super::record::{Record, Recorder};
use crate::cli::Input;
use crate::failure::{Failure, Outcome};
use crate::ports::End;
use config::Policy;
use dataplane::flow::{self, FlowHasher, Table};
use dataplane::packet::Checksums;
use dataplane::rules::Rules;
use dataplane::stats::Stats;
use dataplane::track::Expectations;
use dataplane::track::expect::MOST_EXPECTED;
use dataplane::worker::{self, Parts, Wire, Worker};
use dataplane::{generation, io::Side};
use dpdk::{Eal, EalConfig, Memory, Mempool, MempoolConfig, Port, PortConfig};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What became of a capture under one ruleset.
#[derive(Debug)]
pub struct Replayed {
    /// What was decided, in the order of the input.
    pub records: Vec<Record>,
    /// The workers' counters.
    pub stats: Vec<Arc<Stats>>,
    /// How long the workers took.
    pub took: Duration,
}

/// Replays `plan` under each of `policies`, one after the other, in one EAL.
pub fn run(plan: &Plan, policies: &[&Policy], input: &Input, hasher: &FlowHasher) -> Outcome<Vec<Replayed>> {
    let workers = plan.files.len();
    let mut config = EalConfig::new()
        .memory(Memory::OrdinaryPages { megabytes: EAL_MEGABYTES })
        .floating_lcores(1 + workers as u32);
    for policy in 0..policies.len() {
        for (side, name) in ["outside", "inside"].iter().enumerate() {
            let files: Vec<&Path> = plan.files.iter().map(|files| files[side].as_path()).collect();
            let device = dpdk::pcap_device(&device_name(policy, name), &files, &[])?;
            config = config.vdev(device);
        }
    }
    let eal = Eal::init(&config)?;
    crate::logging::dpdk_runs();
    let segments = MempoolConfig { mbufs: MBUFS, across_pages: true, ..MempoolConfig::default() };
    let mempool = Mempool::create(&eal, "replay", &segments)?;
    (0..)
        .zip(policies)
        .map(|(number, policy)| one(&eal, &mempool, plan, number, policy, input, hasher))
        .collect()
}

/// Replays the plan under one policy.
fn one(
    eal: &Eal,
    mempool: &Mempool,
    plan: &Plan,
    number: usize,
    policy: &Policy,
    input: &Input,
    hasher: &FlowHasher,
) -> Outcome<Replayed> {
    let workers = plan.files.len();
    // the ruleset is loaded as the capture begins
    let begin = plan.steps.iter().filter_map(|steps| steps.first()).map(|step| step.time).min();
    let rules = Rules::compile_at(policy, workers, begin.unwrap_or(0), None)
        .map_err(|error| Failure::refused(format!("the ruleset cannot be compiled: {error}")))?;
    let (publisher, readers) = generation::publish(rules, workers);
    let queues = workers as u16;
    let mut ends = Vec::new();
    let mut ports = Vec::new();
    for name in ["outside", "inside"] {
        let mut port = Port::open_by_name(eal, &device_name(number, name))?;
        let config = PortConfig {
            receive_queues: queues,
            transmit_queues: queues,
            symmetric_rss: false,
            ..PortConfig::default()
        };
        port.configure(&config, mempool)?;
        let started = port.start()?;
        ends.push(started.receive.into_iter().zip(started.transmit));
        ports.push(port);
    }
    let handover = worker::handover(workers);
    let expectations = Arc::new(Expectations::with_capacity(MOST_EXPECTED, hasher.clone()));
    let unit = if plan.in_order { 1 } else { 1_000_000 };
    let (role, settings) = (input.place.role(), input.place.settings());
    let mut stats = Vec::new();
    let mut tasks = Vec::new();
    let started = Instant::now();
    let [outside, inside] = &mut ends[..] else { unreachable!("a wire has two ends") };
    let lcores = eal.worker_lcores();
    for (((index, reader), steps), lcore) in readers.into_iter().enumerate().zip(&plan.steps).zip(lcores) {
        let lane = |end: Option<(dpdk::RxQueue, dpdk::TxQueue)>| {
            end.map(|(receive, transmit)| Lane::new(End { receive, transmit }))
                .ok_or_else(|| Failure::refused("a port has fewer queues than there are workers"))
        };
        let io =
            ReplayIo::new(lane(outside.next())?, lane(inside.next())?, steps.clone(), unit, mempool.clone());
        let counters = Arc::new(Stats::default());
        stats.push(Arc::clone(&counters));
        let table = Table::with_capacity(input.flows as usize);
        // nothing waits to be aged: a flow whose time is over is gone when its packet asks for it
        let (_, reaper) = flow::ageing(&table, 1);
        let parts = Parts {
            index,
            wires: vec![Wire { io, role }],
            table,
            hasher: hasher.clone(),
            rules: reader,
            settings,
            checksums: if input.no_checksum { Checksums::Trusted } else { Checksums::Verified },
            expectations: Arc::clone(&expectations),
            handover: Arc::clone(&handover),
            reaper,
            stats: counters,
            observer: Recorder::with_capacity(steps.len()),
        };
        let work = move || {
            let mut worker = Worker::new(parts);
            while worker.poll() > 0 {}
            worker.finish();
            let Parts { observer, wires, .. } = worker.into_parts();
            (observer.into_records(), wires.iter().any(|wire| wire.io.has_lost()))
        };
        tasks.push(eal.launch(lcore, work)?);
    }
    // joining spins, and a worker may need this CPU
    while tasks.iter().any(|task| !task.is_finished()) {
        std::thread::sleep(Duration::from_micros(500));
    }
    let mut decided = Vec::new();
    for task in tasks {
        let (records, lost) =
            task.join().map_err(|_| Failure::refused("a worker panicked; this is a bug"))?;
        if lost {
            return Err(Failure::refused("a port did not deliver every packet of the capture"));
        }
        decided.push(records.into_iter());
    }
    let took = started.elapsed();
    drop(publisher);
    let records =
        plan.worker_of.iter().map(|worker| decided[usize::from(*worker)].next()).collect::<Option<Vec<_>>>();
    let records =
        records.ok_or_else(|| Failure::refused("a worker decided upon fewer packets than it was given"))?;
    Ok(Replayed { records, stats, took })
}

fn device_name(policy: usize, side: &str) -> String {
    format!("net_pcap_{side}{policy}")
}

/// Room for a frame of 64 KiB in flight on every queue of sixteen workers.
const MBUFS: u32 = 32_767;
const EAL_MEGABYTES: u32 = 192;

const _: () = assert!(Side::Outside as usize == 0 && Side::Inside as usize == 1);
