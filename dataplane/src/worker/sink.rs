//! Where do packets go once they are decided upon? On, back, or nowhere, a burst at a time.

use super::Observer;
use crate::flow::FlowHasher;
use crate::fragment::sender;
use crate::frame::Frame;
use crate::io::{Buffer, Side, WireIo};
use crate::packet::{Checksums, Packet};
use crate::pipeline::{Decided, Outcome};
use crate::reason::Reason;
use crate::reject::pace::{self, Pace};
use crate::stats::Stats;
use crate::time::Tick;
use config::policy::Reject;

/// Where packets go once they are decided upon: on, or back.
#[derive(Debug)]
pub(super) struct Sink<'a, I: WireIo, O> {
    pub(super) io: &'a mut I,
    pub(super) from: Side,
    pub(super) checksums: Checksums,
    pub(super) stats: &'a Stats,
    pub(super) observer: &'a mut O,
    pub(super) passed: &'a mut Vec<I::Buffer>,
    pub(super) refused: &'a mut Vec<I::Buffer>,
    pub(super) replies: &'a mut Vec<I::Buffer>,
    pub(super) reply: &'a mut [u8; crate::reject::LONGEST],
    pub(super) pace: Option<&'a mut Pace>,
    pub(super) hasher: &'a FlowHasher,
    pub(super) now: Tick,
}

impl<I: WireIo, O: Observer> Sink<'_, I, O> {
    /// A packet that was decided upon.
    #[inline]
    pub(super) fn decided(&mut self, buffer: I::Buffer, packet: &Packet, decided: &Decided) {
        self.observer.decided(packet, decided);
        match decided.outcome {
            Outcome::Accept => self.passed.push(buffer),
            Outcome::Drop => self.refused.push(buffer),
            Outcome::Reject(_) => {
                self.answer(packet, buffer.frame(), decided);
                self.refused.push(buffer);
            }
        }
    }

    /// Tells the sender of a packet that was rejected, if he may be told.
    pub(super) fn answer<F: Frame + ?Sized>(&mut self, packet: &Packet, frame: &F, decided: &Decided) {
        let Outcome::Reject(reject) = decided.outcome else { return };
        let length = crate::reject::answer(reject, packet, frame, self.checksums, self.reply);
        if length.is_some() && reject != Reject::TcpReset && !self.may_tell(packet) {
            self.stats.replies_withheld.add(1);
            return;
        }
        if let Some(made) = length.and_then(|length| self.io.make(&self.reply[..length])) {
            self.replies.push(made);
        }
    }

    /// Whether the sender of a packet may be sent one more ICMP error.
    pub(super) fn may_tell(&mut self, packet: &Packet) -> bool {
        let place = sender(&packet.tuple, self.hasher).owner(pace::HOSTS);
        self.pace.as_mut().is_none_or(|pace| pace.admits(packet.tuple.network, place, self.now))
    }

    /// Sends all packets of a burst, so many bytes of frames.
    #[inline]
    pub(super) fn pass_all(&mut self, burst: &mut Vec<I::Buffer>, bytes: u64) {
        send(self.io, self.from.opposite(), burst, bytes, self.stats);
    }

    /// Sends the packets of a burst, so many bytes of frames, but for those that are refused, a bit for each: they are freed.
    #[inline]
    pub(super) fn pass_or_free(&mut self, burst: &mut Vec<I::Buffer>, bytes: u64, refused: u64) {
        if refused == 0 {
            return self.pass_all(burst, bytes);
        }
        if refused.count_ones() as usize == burst.len() {
            return self.io.free(burst);
        }
        for (number, buffer) in burst.drain(..).enumerate() {
            let into = if refused >> number & 1 == 0 { &mut *self.passed } else { &mut *self.refused };
            into.push(buffer);
        }
        self.flush();
    }

    /// Sends what passed, and frees what did not.
    pub(super) fn flush(&mut self) {
        if !self.passed.is_empty() {
            let bytes = lengths(self.passed);
            send(self.io, self.from.opposite(), self.passed, bytes, self.stats);
        }
        if !self.refused.is_empty() {
            self.io.free(self.refused);
        }
    }

    /// All that is left to do for a burst.
    pub(super) fn finish(&mut self) {
        self.flush();
        if !self.replies.is_empty() {
            self.stats.replies.add(self.replies.len() as u64);
            self.io.transmit(self.from, self.replies);
            self.io.free(self.replies);
        }
    }
}

/// Bytes of frames.
fn lengths<B: Buffer>(packets: &[B]) -> u64 {
    packets.iter().map(|buffer| buffer.frame().length() as u64).sum()
}

/// Sends what passed, so many bytes of frames; what the port does not take is dropped and counted.
fn send<I: WireIo>(io: &mut I, to: Side, passed: &mut Vec<I::Buffer>, bytes: u64, stats: &Stats) {
    let count = passed.len();
    io.transmit(to, passed);
    let (unsent, unsent_bytes) = (passed.len(), lengths(passed));
    stats.transmitted.add((count - unsent) as u64);
    stats.transmitted_bytes.add(bytes - unsent_bytes);
    if unsent > 0 {
        stats.dropped.add(unsent as u64);
        stats.drops[Reason::TransmitFull as usize].add(unsent as u64);
        io.free(passed);
    }
}
