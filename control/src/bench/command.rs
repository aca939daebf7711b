//! What does `sluice bench` do? Builds the workers, lets them run, reports.

use super::changes::Changes;
use super::io::BenchIo;
use super::machine::Machine;
use super::measure::Measured;
use super::report::Report;
use super::shard::{Samples, Shard};
use super::traffic::{Family, Mix, Traffic};
use super::{frames, rules, shard};
use crate::cli::Bench;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::ports::End;
use clap::ValueEnum;
use config::Policy;
use config::policy::interface_value;
use dataplane::flow::{self, FlowHasher, Table};
use dataplane::generation;
use dataplane::packet::Checksums;
use dataplane::rules::Rules;
use dataplane::stats::Stats;
use dataplane::track::tcp::State;
use dataplane::track::{Expectations, More, Settings, Timeouts};
use dataplane::wire::Role;
use dataplane::worker::{self, Parts, Wire, Worker};
use dpdk::{Eal, EalConfig, Memory, Mempool, MempoolConfig, Port, PortConfig};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Runs the bench and prints what it found.
pub fn bench(command: &Bench) -> Outcome<()> {
    let policy = policy(command)?;
    let workers = usize::from(command.workers);
    let mut config = EalConfig::new()
        .memory(Memory::OrdinaryPages { megabytes: EAL_MEGABYTES })
        .floating_lcores(1 + workers as u32);
    for side in SIDES {
        config = config.vdev(format!("{},size={LONGEST}", device(side)));
    }
    let eal = Eal::init(&config)?;
    crate::logging::dpdk_runs();
    let segments = MempoolConfig { mbufs: MBUFS, across_pages: true, ..MempoolConfig::default() };
    let mempool = Mempool::create(&eal, "bench", &segments)?;
    let rules = Rules::compile(&policy, workers)
        .map_err(|error| Failure::refused(format!("the ruleset cannot be compiled: {error}")))?;
    let set_elements = policy.sets.iter().map(config::policy::Set::len).sum();
    let (mut publisher, readers) = generation::publish(rules, workers);
    let mut ends = Vec::new();
    let mut ports = Vec::new();
    for side in SIDES {
        let mut port = Port::open_by_name(&eal, &device(side))?;
        let queues = workers as u16;
        port.configure(
            &PortConfig {
                receive_queues: queues,
                transmit_queues: queues,
                symmetric_rss: false,
                ..PortConfig::default()
            },
            &mempool,
        )?;
        let started = port.start()?;
        ends.push(started.receive.into_iter().zip(started.transmit));
        ports.push(port);
    }
    let [outside, inside] = &mut ends[..] else { unreachable!("a wire has two ends") };
    let hasher = FlowHasher::new([1, 2, 3, 4]);
    let flows = command.flows as usize;
    let mut report =
        blank(command, policy.rules.len(), set_elements, Machine::of_this(eal.cycles_per_second()));
    let (mut tasks, mut counters, mut placed, mut memory, mut slots) =
        (Vec::new(), Vec::new(), Vec::new(), 0, 0);
    for ((index, reader), lcore) in readers.into_iter().enumerate().zip(eal.worker_lcores()) {
        let end = |pair: Option<(dpdk::RxQueue, dpdk::TxQueue)>| {
            pair.map(|(receive, transmit)| End { receive, transmit })
                .ok_or_else(|| Failure::refused("a port has fewer queues than there are workers"))
        };
        let own = (0..command.flows).filter(|flow| *flow as usize % workers == index).collect();
        let traffic = Traffic::new(&command.mix, command.family, command.frame - FCS, own);
        let mut io = BenchIo::new(end(outside.next())?, end(inside.next())?, traffic, mempool.clone());
        io.haste = haste(command, workers);
        let stats = Arc::new(Stats::default());
        let table = Table::with_capacity(flows.div_ceil(workers) + SPARE);
        let (ager, reaper) = flow::ageing(&table, STALE_MESSAGES);
        memory += table.memory();
        if !command.small_pages {
            placed.push(dpdk::place(&table.regions(), lcore));
        }
        slots += table.capacity();
        let parts = Parts {
            // each worker is alone: packets reach it as symmetric RSS would bring them
            index: 0,
            wires: vec![Wire {
                io,
                role: Role::Guard { interface: interface_value("eth0").unwrap_or_default() },
            }],
            hasher: hasher.clone(),
            rules: reader,
            settings: Settings { tcp_loose: false, timeouts: Timeouts::default() },
            checksums: Checksums::Verified,
            expectations: Arc::new(Expectations::with_capacity(1, hasher.clone())),
            handover: worker::handover(1),
            reaper,
            stats: Arc::clone(&stats),
            observer: (),
            table,
        };
        counters.push(Arc::clone(&stats));
        let table_slots = parts.table.capacity();
        let mut shard = Shard {
            worker: Worker::new(parts),
            stats,
            ager,
            slots: table_slots,
            mixes: command.mix.clone(),
            floor_bursts: if command.changes { FLOOR_BESIDE_CHANGES } else { shard::CHUNK },
        };
        let length = Duration::from_secs_f64(command.seconds);
        let work = move || -> Outcome<Samples> {
            shard.connect()?;
            Ok(shard.measure(length))
        };
        tasks.push(eal.launch(lcore, work)?);
    }
    let mut changes = command.changes.then(|| Changes::new(policy));
    while tasks.iter().any(|task| !task.is_finished()) {
        std::thread::sleep(Duration::from_millis(if command.changes { PAUSE } else { 1 }));
        if let Some(changes) = &mut changes {
            changes.add(&mut publisher);
        }
    }
    report.changes = changes.and_then(|changes| changes.measured());
    report.huge_pages = placed.into_iter().reduce(dpdk::Placement::and).is_some_and(dpdk::Placement::is_huge);
    let mut samples = Vec::new();
    for task in tasks {
        samples.push(task.join().map_err(|_| Failure::refused("a worker panicked; this is a bug"))??);
    }
    let share_of_v6 = match command.family {
        Family::V4 => 0.0,
        Family::Both => 0.5,
        Family::V6 => 1.0,
    };
    report.bytes_per_flow = memory as f64 / (slots as f64 * 0.75) + share_of_v6 * size_of::<More>() as f64;
    report.flows_at_end = counters.iter().map(|stats| stats.flows.get()).sum();
    report.set(&Measured::of(&samples, eal.cycles_per_second() as f64));
    judged_as_meant(command, &samples)?;
    if command.changes {
        none_lost(command, &counters)?;
    }
    let mut output = Output::stdout();
    if command.json {
        output.json_line(&report)?;
    } else {
        output.text(&report.to_string())?;
    }
    output.finish()
}

/// The ruleset of a file, or one of so many rules.
fn policy(command: &Bench) -> Outcome<Policy> {
    match command.rules.parse::<usize>() {
        Ok(count) if count < rules::FEWEST => {
            Err(Failure::refused(format!("a stateful ruleset has at least {} rules", rules::FEWEST)))
        }
        Ok(count) => {
            let source = rules::generated(count, command.sets as usize);
            crate::rules::load_sources(&[source], &config::Options::default())
                .map(|loaded| loaded.policy)
                .map_err(|found| crate::rules::refused(&found))
        }
        Err(_) => {
            Ok(crate::rules::load(&[Path::new(&command.rules).to_owned()], &config::Options::default())?
                .policy)
        }
    }
}

/// What a flood needs to keep its number of flows: their time runs so fast that each ends when as many new ones
/// have come.
fn haste(command: &Bench, workers: usize) -> u64 {
    let timeouts = Timeouts::default();
    if !command.mix.iter().any(|mix| mix.opens()) {
        return 0;
    }
    let udp = command.mix.contains(&Mix::New);
    let lives = u64::from(if udp { timeouts.udp } else { timeouts.tcp[State::SynSent as usize] }) * 1_000_000;
    lives / (u64::from(command.flows) / workers as u64).max(1)
}

/// Whether the packets of the mix met the fate they were made for.
fn judged_as_meant(command: &Bench, workers: &[Samples]) -> Outcome<()> {
    let [received, dropped] =
        [0, 1].map(|which: usize| workers.iter().map(|one| one.met[which]).sum::<u64>());
    let passing = command.mix.iter().filter(|mix| mix.passes()).count() as u64;
    let meant = received * passing / command.mix.len() as u64;
    let passed = received - dropped;
    if passed.abs_diff(meant) * 1000 <= received {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "{passed} of {received} packets passed, where {meant} should: the ruleset does not serve TCP and UDP port 443 of \
         192.0.2.10 and 2001:db8:2::10, or does not refuse the rest"
    )))
}

/// Whether all packets passed, if all of the mix should.
fn none_lost(command: &Bench, counters: &[Arc<Stats>]) -> Outcome<()> {
    let lost: u64 = counters.iter().map(|stats| stats.received.get() - stats.transmitted.get()).sum();
    if lost == 0 || !command.mix.iter().all(|mix| mix.passes()) {
        return Ok(());
    }
    Err(Failure::refused(format!("{lost} packets were lost while rules were added; this is a bug")))
}

fn blank(command: &Bench, rules: usize, set_elements: usize, machine: Machine) -> Report {
    let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
        value().map_or_else(String::new, |v| v.get_name().to_owned())
    };
    Report {
        mix: command.mix.iter().map(|mix| name(&|| mix.to_possible_value())).collect(),
        family: name(&|| command.family.to_possible_value()),
        flows: u64::from(command.flows),
        rules,
        set_elements,
        frame: command.frame,
        workers: usize::from(command.workers),
        mpps: 0.0,
        mpps_p10: 0.0,
        cycles_per_packet: 0.0,
        cycles_per_packet_p10: 0.0,
        floor_cycles_per_packet: 0.0,
        floor_cycles_per_packet_p10: 0.0,
        cycles_over_floor: 0.0,
        cycles_over_floor_p10: 0.0,
        ratio_to_floor: 0.0,
        ratio_to_floor_p10: 0.0,
        bytes_per_flow: 0.0,
        flows_at_end: 0,
        new_flows_per_second: 0.0,
        core_share: 0.0,
        huge_pages: false,
        parts: Vec::new(),
        of_connections: None,
        of_connections_lost: None,
        changes: None,
        machine,
        warnings: Vec::new(),
    }
}

fn device(side: &str) -> String {
    format!("net_null_{side}")
}

const SIDES: [&str; 2] = ["outside", "inside"];
/// Bytes of the frame check sequence, which no mbuf holds.
const FCS: usize = 4;
/// The longest frame, without it.
const LONGEST: usize = 1514;
const MBUFS: u32 = 16_383;
const EAL_MEGABYTES: u32 = 128;
/// Milliseconds between two rules that are added.
const PAUSE: u64 = 3;
/// Bursts of bare forwarding in a row while rules are added: a worker takes up none meanwhile.
const FLOOR_BESIDE_CHANGES: usize = 2;
const STALE_MESSAGES: usize = 8192;
/// Room in a table beyond the flows of the mix.
const SPARE: usize = 256;

const _: () = assert!(frames::SHORTEST + FCS == 64 && LONGEST + FCS == 1518);
