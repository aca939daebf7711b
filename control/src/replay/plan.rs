//! Which packet goes to which worker, in which order? The capture, split into what each port queue will read.

use crate::capture::{Capture, Captured, Writer};
use crate::cli::{Input, Prefix};
use crate::failure::{Failure, Outcome};
use config::Policy;
use dataplane::flow::FlowHasher;
use dataplane::io::Side;
use dataplane::object::Objects;
use dataplane::packet::{self, Checksums, Fragment, Network, Packet};
use dataplane::pipeline::Keyed;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What one worker meets, in order.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// When, in nanoseconds since 1970; never before the packets before it.
    pub time: u64,
    /// By which side.
    pub side: Side,
}

/// The input of a replay: one capture, or one for each side.
pub enum Sources<'a> {
    /// Both directions in one file; the prefixes say which is which.
    One(&'a Path, &'a [Prefix]),
    /// A file for each side.
    Two(&'a Path, &'a Path),
}

/// The capture, split.
#[derive(Debug)]
pub struct Plan {
    /// For each worker, the files its outside and its inside queue read.
    pub files: Vec<[PathBuf; 2]>,
    /// For each worker, its packets in order.
    pub steps: Vec<Vec<Step>>,
    /// For each packet of the input, its worker.
    pub worker_of: Vec<u8>,
    /// Whether rules count packets of all flows together, so that order and time matter to the nanosecond.
    pub in_order: bool,
    /// How many frames the capture itself cut short.
    pub cut: u64,
    /// Why the input ended before its end, if it is damaged.
    pub damaged: Option<Failure>,
    directory: TempDir,
}

impl<'a> Sources<'a> {
    /// What the command line names.
    pub fn of(input: &'a Input) -> Self {
        match (&input.pcap, &input.outside_pcap, &input.inside_pcap) {
            (None, Some(outside), Some(inside)) => Self::Two(outside, inside),
            (pcap, ..) => Self::One(pcap.as_deref().unwrap_or(Path::new("-")), &input.inside),
        }
    }

    /// Calls `each` with every frame of the input, in order, and the side it arrives by. What is whole before
    /// the place where a file is damaged is still delivered; the damage is returned.
    pub fn each(&self, mut each: impl FnMut(Side, &Captured<'_>) -> Outcome<()>) -> Outcome<Option<Failure>> {
        match self {
            Self::One(path, inside) => {
                let mut capture = Capture::open(path)?;
                loop {
                    match capture.next() {
                        Ok(Some(frame)) => each(side_of(inside, &frame), &frame)?,
                        Ok(None) => return Ok(None),
                        Err(damage) => return Ok(Some(damage)),
                    }
                }
            }
            Self::Two(outside, inside) => {
                let mut captures = [Capture::open(outside)?, Capture::open(inside)?];
                merge(&mut captures, &mut each)
            }
        }
    }
}

/// Frames of two captures by time; at the same time, what came from outside first.
fn merge(
    captures: &mut [Capture; 2],
    each: &mut impl FnMut(Side, &Captured<'_>) -> Outcome<()>,
) -> Outcome<Option<Failure>> {
    let [outside, inside] = captures;
    let mut damage = None;
    let mut next = |capture: &mut Capture| match capture.next() {
        Ok(frame) => frame.map(|frame| Held {
            time: frame.time,
            wire_length: frame.wire_length,
            bytes: frame.bytes.to_vec(),
        }),
        Err(error) => {
            damage.get_or_insert(error);
            None
        }
    };
    let (mut left, mut right) = (next(outside), next(inside));
    loop {
        let outside_first = match (&left, &right) {
            (None, None) => break,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(left), Some(right)) => left.time <= right.time,
        };
        let (side, held, capture) = if outside_first {
            (Side::Outside, &mut left, &mut *outside)
        } else {
            (Side::Inside, &mut right, &mut *inside)
        };
        if let Some(Held { time, wire_length, bytes }) = held.take() {
            each(side, &Captured { time, wire_length, bytes: &bytes })?;
        }
        *held = next(capture);
    }
    Ok(damage)
}

/// A frame kept while the other file's are older.
struct Held {
    time: u64,
    wire_length: u64,
    bytes: Vec<u8>,
}

/// A packet whose source lies inside goes out; any other comes in. A frame without IP addresses comes in.
fn side_of(inside: &[Prefix], frame: &Captured<'_>) -> Side {
    let tuple = packet::parse_with(frame.bytes, Checksums::Trusted).tuple;
    let v6 = match tuple.network {
        Network::Other => return Side::Outside,
        Network::Ipv4 => false,
        Network::Ipv6 => true,
    };
    if inside.iter().any(|prefix| prefix.contains(v6, tuple.source)) { Side::Inside } else { Side::Outside }
}

impl Plan {
    /// Splits the input over `workers` workers by the owner of each packet's flow. Where one of `policies` counts
    /// packets of all flows together (a limit, a quota, a set that packets change), one worker meets them all: verdicts
    /// must not depend on how many workers there are. So too where the input has fragments.
    pub fn make(
        sources: &Sources<'_>,
        policies: &[&Policy],
        workers: usize,
        hasher: &FlowHasher,
    ) -> Outcome<Self> {
        let in_order = policies.iter().any(|policy| Objects::need_order(policy));
        if in_order && workers > 1 {
            log::info!("the ruleset counts packets of all flows together: one worker replays them in order");
        }
        let workers = if in_order { 1 } else { workers };
        let directory = tempfile::Builder::new()
            .prefix("sluice-replay-")
            .tempdir()
            .map_err(|error| Failure::refused(format!("cannot make a temporary directory: {error}")))?;
        let files: Vec<[PathBuf; 2]> = (0..workers)
            .map(|worker| {
                ["outside", "inside"].map(|side| directory.path().join(format!("{side}-{worker}.pcap")))
            })
            .collect();
        let mut writers = Vec::new();
        for [outside, inside] in &files {
            writers.push([Writer::create(outside)?, Writer::create(inside)?]);
        }
        let mut steps = vec![Vec::new(); workers];
        let mut worker_of = Vec::new();
        let (mut cut, mut clock, mut has_fragments) = (0, 0, false);
        let damaged = sources.each(|side, frame| {
            let parsed = if workers > 1 {
                packet::parse_with(frame.bytes, Checksums::Trusted)
            } else {
                Packet::default()
            };
            has_fragments |= parsed.fragment != Fragment::Whole;
            let worker = Keyed::of(&parsed, frame.bytes, hasher).hash().map_or(0, |hash| hash.owner(workers));
            // one clock over the whole input, or the number of workers would tell where times go back
            clock = clock.max(frame.time);
            steps[worker].push(Step { time: clock, side });
            worker_of.push(worker as u8);
            cut += u64::from(frame.wire_length > frame.bytes.len() as u64);
            writers[worker][side as usize].write(frame)
        })?;
        for writer in writers.into_iter().flatten() {
            writer.finish()?;
        }
        let damaged = match damaged {
            Some(damage) if worker_of.is_empty() => return Err(damage),
            other => other,
        };
        let plan = Self { files, steps, worker_of, in_order, cut, damaged, directory };
        if has_fragments { plan.joined() } else { Ok(plan) }
    }

    /// The same for one worker: fragments do not say whose flow they are of until the last has come, and a replay knows
    /// no packets that one worker hands to another at a time of its own.
    fn joined(self) -> Outcome<Self> {
        log::info!("the capture has fragments: one worker replays them in order");
        let mut read = Vec::new();
        for [outside, inside] in &self.files {
            read.push([Capture::open(outside)?, Capture::open(inside)?]);
        }
        let files = ["outside", "inside"].map(|side| self.directory.path().join(format!("{side}.pcap")));
        let mut writers = [Writer::create(&files[0])?, Writer::create(&files[1])?];
        let mut steps = Vec::with_capacity(self.len());
        let mut next: Vec<_> = self.steps.iter().map(|steps| steps.iter()).collect();
        for worker in self.worker_of.iter().map(|worker| usize::from(*worker)) {
            let Some(step) = next[worker].next() else { break };
            let side = step.side as usize;
            let frame = read[worker][side].next()?;
            let frame = frame.ok_or_else(|| Failure::refused("a temporary capture is not whole"))?;
            writers[side].write(&frame)?;
            steps.push(*step);
        }
        for writer in writers {
            writer.finish()?;
        }
        Ok(Self { files: vec![files], worker_of: vec![0; steps.len()], steps: vec![steps], ..self })
    }

    /// The side of each packet of the input, in order.
    pub fn sides(&self) -> impl Iterator<Item = Side> + '_ {
        let mut next = vec![0; self.steps.len()];
        self.worker_of.iter().map(move |worker| {
            let worker = usize::from(*worker);
            next[worker] += 1;
            self.steps[worker][next[worker] - 1].side
        })
    }

    /// How many packets there are.
    pub fn len(&self) -> usize {
        self.worker_of.len()
    }
}
