//! What becomes of every packet? A wire in memory that keeps account of each buffer from its making to its end.

use dataplane::io::{Arrival, BURST, Buffer, Side, WireIo};
use dataplane::object::Now;
use dataplane::packet::parse;
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

/// A frame with a number of its own.
#[derive(Debug)]
pub struct Numbered {
    number: u64,
    bytes: Vec<u8>,
}

impl Buffer for Numbered {
    type Frame = [u8];

    fn frame(&self) -> &[u8] {
        &self.bytes
    }
}

/// The buffers that are out: received or made, and neither sent nor freed since.
#[derive(Debug, Default)]
pub struct Account {
    next: u64,
    out: BTreeSet<u64>,
    /// How many packets were sent.
    pub sent: u64,
    /// How many were freed.
    pub freed: u64,
}

impl Account {
    /// Checks that nobody keeps a buffer.
    ///
    /// # Panics
    /// If somebody does.
    pub fn check(&self) {
        assert!(self.out.is_empty(), "neither sent nor freed: {:?}", self.out);
    }

    fn give(&mut self, bytes: Vec<u8>) -> Numbered {
        self.next += 1;
        self.out.insert(self.next);
        Numbered { number: self.next, bytes }
    }

    fn take(&mut self, packet: &Numbered) {
        assert!(self.out.remove(&packet.number), "packet {} came back twice", packet.number);
    }
}

/// One worker's end of the wire; a clone is the same end.
#[derive(Debug, Clone)]
pub struct Wire {
    account: Rc<RefCell<Account>>,
    state: Rc<RefCell<State>>,
}

/// What a worker finds when it looks at its end.
#[derive(Debug)]
pub struct State {
    waiting: VecDeque<(Side, Vec<u8>)>,
    /// The time, in milliseconds.
    pub now: u64,
    /// How many packets each transmit call takes.
    pub room: usize,
    /// Whether there is memory for answers.
    pub can_make: bool,
}

impl Wire {
    /// An end that keeps its books in `account`.
    #[must_use]
    pub fn new(account: &Rc<RefCell<Account>>) -> Self {
        let state = State { waiting: VecDeque::new(), now: 0, room: usize::MAX, can_make: true };
        Self { account: Rc::clone(account), state: Rc::new(RefCell::new(state)) }
    }

    /// A frame arrives.
    pub fn arrive(&self, side: Side, frame: Vec<u8>) {
        self.state.borrow_mut().waiting.push_back((side, frame));
    }

    /// Whether frames wait to be received.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.state.borrow().waiting.is_empty()
    }

    /// Changes what the worker will find.
    pub fn set(&self, now: u64, room: usize, can_make: bool) {
        let mut state = self.state.borrow_mut();
        (state.now, state.room, state.can_make) = (now, room, can_make);
    }
}

impl WireIo for Wire {
    type Buffer = Numbered;

    fn receive(&mut self, into: &mut Vec<Numbered>) -> Arrival {
        assert!(into.is_empty());
        let mut state = self.state.borrow_mut();
        let side = state.waiting.front().map_or(Side::Outside, |(side, _)| *side);
        while into.len() < BURST && state.waiting.front().is_some_and(|(next, _)| *next == side) {
            let (_, bytes) = state.waiting.pop_front().expect("it was there");
            into.push(self.account.borrow_mut().give(bytes));
        }
        let nanoseconds = state.now.saturating_mul(1_000_000);
        Arrival { side, now: state.now, at: Now { monotonic_ns: nanoseconds, wall_ns: nanoseconds } }
    }

    fn transmit(&mut self, _to: Side, packets: &mut Vec<Numbered>) {
        let mut account = self.account.borrow_mut();
        for packet in packets.drain(..self.state.borrow().room.min(packets.len())) {
            account.take(&packet);
            account.sent += 1;
        }
    }

    fn free(&mut self, packets: &mut Vec<Numbered>) {
        let mut account = self.account.borrow_mut();
        for packet in packets.drain(..) {
            account.take(&packet);
            account.freed += 1;
        }
    }

    fn make(&mut self, bytes: &[u8]) -> Option<Numbered> {
        assert_eq!(parse(bytes).fault, None, "an answer in order");
        self.state.borrow().can_make.then(|| self.account.borrow_mut().give(bytes.to_vec()))
    }
}
