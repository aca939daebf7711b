//! A wire whose ends are lists of frames, and a watcher that keeps what was decided. Both stay in the hands of whoever
//! made them while a worker has its half.

use std::collections::VecDeque;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dataplane::Packet;
use dataplane::io::{Arrival, BURST, Side, WireIo};
use dataplane::object::Now;
use dataplane::pipeline::Decided;
use dataplane::worker::Observer;

use crate::capture::{self, Record};

/// One worker's queues of the wire.
#[derive(Debug, Default, Clone)]
pub(super) struct Memory(Arc<Mutex<Ends>>);

#[derive(Debug, Default)]
struct Ends {
    arriving: VecDeque<(Side, u64, Vec<u8>)>,
    /// When the last burst came, in nanoseconds.
    at: u64,
    sent: Vec<(capture::Side, Vec<u8>)>,
}

impl Memory {
    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().expect("nobody panicked with it")
    }

    /// These packets arrive, in this order.
    pub(super) fn give(&self, records: &[Record]) {
        self.ends().arriving.extend(records.iter().map(|record| {
            let side = match record.side {
                capture::Side::Outside => Side::Outside,
                capture::Side::Inside => Side::Inside,
            };
            (side, u64::try_from(record.time.as_nanos()).unwrap_or(u64::MAX), record.frame.clone())
        }));
    }

    /// It is at least so late, whether or not a packet comes here.
    pub(super) fn wind_to(&self, time: Duration) {
        let mut ends = self.ends();
        ends.at = ends.at.max(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What was sent, and by which side, since this was asked last.
    pub(super) fn take_sent(&self) -> Vec<(capture::Side, Vec<u8>)> {
        take(&mut self.ends().sent)
    }
}

impl WireIo for Memory {
    type Buffer = Vec<u8>;

    fn receive(&mut self, into: &mut Vec<Vec<u8>>) -> Arrival {
        let mut ends = self.ends();
        let first = ends.arriving.front().map(|(side, time, _)| (*side, *time));
        let (side, time) = first.unwrap_or((Side::Outside, ends.at));
        ends.at = ends.at.max(time);
        let belongs =
            |next: &(Side, u64, Vec<u8>)| (next.0, next.1 / MILLISECOND) == (side, time / MILLISECOND);
        while into.len() < BURST && ends.arriving.front().is_some_and(belongs) {
            into.extend(ends.arriving.pop_front().map(|(_, _, frame)| frame));
        }
        let at = Now { monotonic_ns: ends.at, wall_ns: ends.at };
        Arrival { side, now: ends.at / MILLISECOND, at }
    }

    fn transmit(&mut self, to: Side, packets: &mut Vec<Vec<u8>>) {
        let to = match to {
            Side::Outside => capture::Side::Outside,
            Side::Inside => capture::Side::Inside,
        };
        self.ends().sent.extend(packets.drain(..).map(|frame| (to, frame)));
    }

    fn make(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        Some(bytes.to_vec())
    }
}

/// Keeps what was decided, of all workers: a place for each packet, in the order in which they came.
#[derive(Debug, Default, Clone)]
pub(super) struct Kept(Arc<Mutex<Vec<Option<Decided>>>>);

impl Kept {
    /// What was decided since this was asked last; nothing upon fragments that still wait.
    pub(super) fn take(&self) -> Vec<Option<Decided>> {
        take(&mut self.places())
    }

    fn places(&self) -> MutexGuard<'_, Vec<Option<Decided>>> {
        self.0.lock().expect("nobody panicked with it")
    }
}

impl Observer for Kept {
    fn decided(&mut self, _: &Packet, decided: &Decided) {
        self.places().push(Some(*decided));
    }

    fn held(&mut self, _: &Packet) -> u64 {
        let mut places = self.places();
        places.push(None);
        places.len() as u64 - 1
    }

    fn settled(&mut self, number: u64, decided: &Decided) {
        self.places()[number as usize] = Some(*decided);
    }
}

const MILLISECOND: u64 = 1_000_000;
