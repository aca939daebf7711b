//! What does the control thread do while workers work? It publishes, ages out, listens to signals, and ends.

use super::devices::{self, Devices, OpenPort};
use super::log_line;
use super::report::Report;
use super::settings::Configuration;
use crate::counts::counted;
use crate::failure::{Failure, Outcome};
use crate::left_out::{self, Entry};
use crate::ports::{AnyIo, CapturedIo, End, LiveIo};
use config::Policy;
use config::policy::interface_value;
use config::settings;
use dataplane::flow::{self, Ager, FlowHasher, Table};
use dataplane::generation::{self, Publisher};
use dataplane::object::LogRing;
use dataplane::packet::Checksums;
use dataplane::rules::Rules;
use dataplane::stats::Stats;
use dataplane::time::Tick;
use dataplane::track::expect::MOST_EXPECTED;
use dataplane::track::{Expectations, Settings, Timeouts};
use dataplane::wire::Role;
use dataplane::worker::{self, Parts, Wire, Worker};
use dpdk::LcoreTask;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the control thread looks around.
const TURN: Duration = Duration::from_millis(10);
/// Turns in which every flow of a shard is looked at once: a stale flow stays for a second at most.
const TURNS_A_WALK: usize = 100;
/// Stale flows that may wait for a worker.
const STALE_MESSAGES: usize = 4096;
/// Empty polls after which a worker on captures says that it has nothing left.
const IDLE_POLLS: u64 = 64;

/// What the control thread has of one worker.
struct Watched {
    task: LcoreTask<()>,
    stats: Arc<Stats>,
    idle: Arc<AtomicU64>,
    ager: Ager,
    slots: usize,
}

/// Serves until told to end, or until captures end.
pub fn serve(configuration: &Configuration, mut policy: Policy, left_out: Vec<Entry>) -> Outcome<Report> {
    let settings = &configuration.settings;
    let on_captures = captures_only(settings)?;
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM, SIGUSR1])
        .map_err(|error| Failure::refused(format!("cannot listen to signals: {error}")))?;
    let workers = usize::from(settings.workers.count);
    let rules = compile(&policy, workers, 0, None)?;
    policy.forget_elements();
    let Devices { eal, mempool, wires, steering } = devices::open(settings)?;
    let (publisher, readers) = generation::publish(rules, workers);
    let started = Instant::now();
    let mut desk = Desk { configuration, publisher, policy, left_out, workers, started, log_lost: 0 };
    let stop = Arc::new(AtomicBool::new(false));
    let (mut ports, mut queues) = (Vec::new(), Vec::new());
    for [outside, inside] in wires {
        let mut dealt = Vec::new();
        for OpenPort { port, queues } in [outside, inside] {
            dealt.push(
                queues
                    .receive
                    .into_iter()
                    .zip(queues.transmit)
                    .map(|(receive, transmit)| End { receive, transmit }),
            );
            ports.push(port);
        }
        queues.push(dealt);
    }
    let mut hasher = FlowHasher::new(secret()?);
    if let Some(steering) = steering {
        hasher = hasher.steered(steering, workers);
    }
    let handover = worker::handover(workers);
    let expectations = Arc::new(Expectations::with_capacity(MOST_EXPECTED, hasher.clone()));
    let mut watched = Vec::new();
    for ((index, rules), lcore) in readers.into_iter().enumerate().zip(eal.worker_lcores()) {
        let mut own = Vec::new();
        for (wire, ends) in settings.wires.iter().zip(&mut queues) {
            let mut next = || ends.iter_mut().map(Iterator::next).collect::<Option<Vec<End>>>();
            let Some(Ok([outside, inside])) = next().map(<[End; 2]>::try_from) else {
                return Err(Failure::refused("a port has fewer queues than there are workers"));
            };
            let io = if on_captures {
                AnyIo::Captured(CapturedIo::new(outside, inside, mempool.clone()))
            } else {
                AnyIo::Live(LiveIo::new(outside, inside, mempool.clone(), started))
            };
            own.push(Wire { io, role: role(&wire.role) });
        }
        let table = Table::with_capacity(settings.workers.flows as usize / workers);
        let placed = dpdk::place(&table.regions(), lcore);
        log::info!(
            "worker {index}: flow table of {} MiB, {} MiB of it in huge pages",
            placed.bytes >> 20,
            placed.huge >> 20
        );
        let slots = table.capacity();
        let (ager, reaper) = flow::ageing(&table, STALE_MESSAGES);
        let stats = Arc::new(Stats::default());
        let parts = Parts {
            index,
            wires: own,
            table,
            hasher: hasher.clone(),
            rules,
            settings: Settings {
                tcp_loose: settings.conntrack.tcp_loose,
                timeouts: Timeouts::from(&settings.conntrack.timeouts),
            },
            checksums: Checksums::Verified,
            expectations: Arc::clone(&expectations),
            handover: Arc::clone(&handover),
            reaper,
            stats: Arc::clone(&stats),
            observer: (),
        };
        let idle = Arc::new(AtomicU64::new(0));
        let (stop, idle_polls) = (Arc::clone(&stop), Arc::clone(&idle));
        let work = move || work(Worker::new(parts), &stop, &idle_polls);
        let task = eal.launch(lcore, work)?;
        watched.push(Watched { task, stats, idle, ager, slots });
    }
    log::info!(
        "running: {}, {}, {}",
        counted(settings.wires.len(), "wire"),
        counted(workers, "worker"),
        counted(desk.policy.rules.len(), "rule")
    );
    let mut calm_turns = 0;
    loop {
        std::thread::sleep(TURN);
        let mut end = false;
        for signal in signals.pending() {
            match signal {
                SIGHUP => desk.reload(),
                SIGUSR1 => {
                    let stats: Vec<_> = watched.iter().map(|worker| Arc::clone(&worker.stats)).collect();
                    log::info!("counters so far:\n{}", desk.report(&stats, &ports, started));
                }
                _ => end = true,
            }
        }
        desk.publisher.reclaim();
        desk.write_log();
        if !on_captures {
            let now = Tick(started.elapsed().as_millis() as u32);
            for worker in &mut watched {
                worker.ager.scan(now, worker.slots / TURNS_A_WALK + 1);
            }
        }
        let all_idle = watched.iter().all(|worker| worker.idle.load(Ordering::Relaxed) >= IDLE_POLLS);
        calm_turns = if on_captures && all_idle { calm_turns + 1 } else { 0 };
        let lost = watched.iter().any(|worker| worker.task.is_finished());
        if end || lost || calm_turns > 2 {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut panicked = false;
    let mut stats = Vec::new();
    for worker in watched {
        panicked |= worker.task.join().is_err();
        stats.push(worker.stats);
    }
    desk.write_log();
    let mut report = desk.report(&stats, &ports, started);
    if panicked {
        report.worker_panicked();
    }
    Ok(report)
}

/// One worker's loop.
fn work(mut worker: Worker<AnyIo>, stop: &AtomicBool, idle: &AtomicU64) {
    let mut polls = 0;
    while !stop.load(Ordering::Relaxed) {
        if worker.poll() > 0 {
            polls = 0;
            idle.store(0, Ordering::Relaxed);
        } else {
            polls += 1;
            if polls == IDLE_POLLS {
                idle.store(polls, Ordering::Relaxed);
            }
            // on a machine with fewer CPUs than threads the others must get on
            if polls % IDLE_POLLS == 0 {
                std::thread::yield_now();
            }
        }
    }
}

/// The policy in force, but for the elements of its sets, which are with the workers, and how it is replaced.
struct Desk<'a> {
    configuration: &'a Configuration,
    publisher: Publisher<Rules>,
    policy: Policy,
    left_out: Vec<Entry>,
    workers: usize,
    started: Instant,
    /// Log records that found no room, as far as they were told of.
    log_lost: u64,
}

impl Desk<'_> {
    /// Reads the ruleset anew. With anything wrong in it, the old one stays.
    fn reload(&mut self) {
        self.write_log();
        let replaced = self.configuration.load_rules().and_then(|loaded| {
            let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let rules = compile(&loaded.policy, self.workers, now, Some(self.publisher.current()))?;
            self.left_out = left_out::entries(&loaded.left_out, &loaded.sources);
            self.policy = loaded.policy;
            self.policy.forget_elements();
            Ok(self.publisher.publish(rules))
        });
        match replaced {
            Ok(number) => {
                log::info!("ruleset reloaded: generation {number}, {} rules", self.policy.rules.len());
            }
            Err(failure) => log::error!("ruleset not reloaded, the old one stays:\n{failure}"),
        }
    }

    /// Writes what rules have told the log; a bounded part of it at a time.
    fn write_log(&mut self) {
        let rules = self.publisher.current();
        let rings = || (0..self.workers).filter_map(|worker| rules.bank(worker).log());
        for ring in rings() {
            for record in std::iter::from_fn(|| ring.pop()).take(LINES_A_TURN) {
                log_line::write(&self.policy, &record);
            }
        }
        let lost = rings().map(LogRing::lost).sum::<u64>();
        if lost > self.log_lost {
            log::warn!("log-lost: {} packets more were not logged", lost - self.log_lost);
        }
        self.log_lost = lost;
    }

    fn report(&self, stats: &[Arc<Stats>], ports: &[dpdk::Port], started: Instant) -> Report {
        let (rules, generation) = (self.publisher.current(), self.publisher.number());
        Report::of(stats, ports, &self.policy, rules, generation, started.elapsed())
            .without(self.left_out.clone())
    }
}

/// Log records of one worker that are written between two looks at everything else.
const LINES_A_TURN: usize = 1024;

fn compile(policy: &Policy, workers: usize, now: u64, before: Option<&Rules>) -> Outcome<Rules> {
    Rules::compile_at(policy, workers, now, before)
        .map_err(|error| Failure::refused(format!("the ruleset cannot be compiled: {error}")))
}

/// Whether every wire runs between ports that read captures; their clock is another than that of live ports.
fn captures_only(settings: &settings::Settings) -> Outcome<bool> {
    let mut ports = settings.wires.iter().flat_map(|wire| [&wire.outside, &wire.inside]);
    let reads = |port: &String| devices::reads_capture(settings, port);
    if ports.clone().all(reads) {
        return Ok(true);
    }
    match ports.find(|port| reads(port)) {
        None => Ok(false),
        Some(port) => Err(Failure::refused(format!(
            "{port} reads a capture, other ports are live; captures run on their own clock and need wires of their own"
        ))),
    }
}

fn role(role: &settings::Role) -> Role {
    let value = |name: &str| interface_value(name).unwrap_or_default();
    match role {
        settings::Role::Guard { interface } => Role::Guard { interface: value(interface) },
        settings::Role::Transit { outside, inside } => {
            Role::Transit { outside: value(outside), inside: value(inside) }
        }
    }
}

/// Seeds of the flow hash, from the system.
fn secret() -> Outcome<[u64; 4]> {
    let mut bytes = [0; 32];
    let read = std::fs::File::open("/dev/urandom")
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    read.map_err(|error| Failure::refused(format!("no randomness for the flow hash: {error}")))?;
    let (words, _) = bytes.as_chunks::<8>();
    Ok(std::array::from_fn(|index| u64::from_ne_bytes(words[index])))
}
