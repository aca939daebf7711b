//! Who stays when the table is full, and who is refused? Linux drops early whom it can, of a few, that is not assured.

use super::{Rig, SERVER, STATEFUL};
use crate::io::Side;
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, SYN};
use crate::pipeline::Outcome;
use crate::reason::Reason;
use crate::track::CtState;
use proptest::collection::vec;
use proptest::prelude::*;

/// A client of its own.
#[derive(Debug, Clone, Copy)]
struct Client([u8; 4]);

impl Client {
    fn numbered(number: usize) -> Self {
        let [.., high, low] = number.to_be_bytes();
        Self([10, 0, high, low])
    }

    fn says(self, flags: u8) -> (Side, FrameBuilder) {
        (Side::Outside, FrameBuilder::new().ip(self.0, SERVER).tcp(4242, 80, flags).sequence(1000))
    }

    fn goes_on(self) -> (Side, FrameBuilder) {
        let frame = FrameBuilder::new().ip(self.0, SERVER).tcp(4242, 80, ACK);
        (Side::Outside, frame.sequence(1001).acknowledgement(5001))
    }

    fn hears(self, flags: u8, sequence: u32) -> (Side, FrameBuilder) {
        let frame = FrameBuilder::new().ip(SERVER, self.0).tcp(80, 4242, flags);
        (Side::Inside, frame.sequence(sequence).acknowledgement(1001))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any mixture of clients that complete their handshake and of a flood that does not.
    #[test]
    fn whoever_is_assured_stays_and_each_refusal_is_counted(
        room in 8_usize..100,
        completes in vec(any::<bool>(), 1..400),
    ) {
        let mut rig = Rig::new(STATEFUL, 1, room);
        let (mut assured, mut accepted, mut refused) = (Vec::new(), 0, 0);
        for (number, completes) in completes.into_iter().enumerate() {
            let client = Client::numbered(number);
            let mut meets = |(side, frame): (Side, FrameBuilder)| rig.one(side, 0, &frame);
            let first = meets(client.says(SYN));
            prop_assert_eq!(first.ct, CtState::New);
            if first.outcome != Outcome::Accept {
                prop_assert_eq!(first.reason, Reason::TableFull);
                prop_assert!(!assured.is_empty(), "whoever is not assured would have made room");
                refused += 1;
                continue;
            }
            accepted += 1;
            if completes {
                for said in [client.hears(SYN | ACK, 5000), client.goes_on()] {
                    let decided = meets(said);
                    prop_assert_eq!((decided.ct, decided.outcome), (CtState::Established, Outcome::Accept));
                }
                assured.push(client);
            }
        }
        for client in &assured {
            for (side, frame) in [client.goes_on(), client.hears(ACK, 5001)] {
                let decided = rig.one(side, 1, &frame);
                prop_assert_eq!((decided.ct, decided.outcome), (CtState::Established, Outcome::Accept), "{:?}", client);
            }
        }
        let stats = &rig.stats[0];
        prop_assert_eq!(stats.drops[Reason::TableFull as usize].get(), refused);
        prop_assert_eq!(stats.flows.get() + stats.flows_evicted.get(), accepted);
        prop_assert!(stats.flows.get() >= assured.len() as u64);
    }
}

/// A table of assured flows alone takes nobody in, and all of them go on.
#[test]
fn a_table_of_assured_flows_refuses_whoever_comes() {
    let mut rig = Rig::new(STATEFUL, 1, 8);
    let mut assured = Vec::new();
    for client in (0..500).map(Client::numbered) {
        let (side, frame) = client.says(SYN);
        if rig.one(side, 0, &frame).outcome != Outcome::Accept {
            continue;
        }
        for (side, frame) in [client.hears(SYN | ACK, 5000), client.goes_on()] {
            rig.one(side, 0, &frame);
        }
        assured.push(client);
    }
    let capacity = rig.workers[0].parts.table.capacity();
    assert_eq!((assured.len(), rig.stats[0].flows_evicted.get()), (capacity, 0), "nobody had to go");
    for client in (1000..1500).map(Client::numbered) {
        let (side, frame) = client.says(SYN);
        assert_eq!(rig.one(side, 0, &frame).reason, Reason::TableFull);
    }
    for client in assured {
        let (side, frame) = client.goes_on();
        assert_eq!(rig.one(side, 0, &frame).ct, CtState::Established);
    }
}
