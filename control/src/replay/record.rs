//! What was decided upon a packet, as a replay keeps it.

use dataplane::Packet;
use dataplane::classify::DecidedBy;
use dataplane::pipeline::{Decided, Outcome};
use dataplane::reason::Reason;
use dataplane::track::CtState;
use dataplane::worker::Observer;

/// What was decided upon one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its verdict.
    pub verdict: Verdict,
    /// Its state as it met the rules.
    pub ct: CtState,
    /// Why.
    pub reason: Reason,
    /// Which rule or policy.
    pub decided_by: DecidedBy,
}

/// The verdict upon a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passed.
    Accept,
    /// It was dropped.
    Drop,
    /// It was dropped and its sender told.
    Reject,
}

/// Keeps what one worker decides, in the order in which it received the packets.
#[derive(Debug)]
pub struct Recorder(Vec<Record>);

impl Recorder {
    /// Room for `packets` decisions.
    pub fn with_capacity(packets: usize) -> Self {
        Self(Vec::with_capacity(packets))
    }

    /// What was decided.
    pub fn into_records(self) -> Vec<Record> {
        self.0
    }
}

impl Record {
    fn of(decided: &Decided) -> Self {
        let verdict = match decided.outcome {
            Outcome::Accept => Verdict::Accept,
            Outcome::Drop => Verdict::Drop,
            Outcome::Reject(_) => Verdict::Reject,
        };
        let Decided { ct, reason, decided_by, .. } = *decided;
        Self { verdict, ct, reason, decided_by }
    }
}

impl Observer for Recorder {
    fn decided(&mut self, _: &Packet, decided: &Decided) {
        self.0.push(Record::of(decided));
    }

    fn held(&mut self, _: &Packet) -> u64 {
        // nobody leaves it so: a worker that is done gives up on what waits
        self.0.push(Record::of(&Decided::dropped(Reason::FragmentTimeout)));
        self.0.len() as u64 - 1
    }

    fn settled(&mut self, number: u64, decided: &Decided) {
        if let Some(record) = self.0.get_mut(number as usize) {
            *record = Record::of(decided);
        }
    }
}
