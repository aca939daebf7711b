//! Does it matter which packets come together? A burst leaves what its packets leave one by one.

use super::{Rig, inward, outward};
use crate::io::Side;
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, FIN, PSH, RST, SYN};
use crate::stats::{Count, Stats};
use config::policy::CounterId;
use proptest::prelude::*;

const COUNTING: &str = "table inet f {
    chain input { type filter hook input priority 0; policy drop;
        ct state established tcp dport 80 counter accept
        ct state established tcp dport 81 counter ct mark set 7 accept
        ct state established counter accept
        tcp dport 80-99 ct state new counter accept
        udp dport 53 counter accept
    }
    chain output { type filter hook output priority 0; ct state established counter accept; counter drop; }
}";

/// To ports from 80 on.
const CONNECTIONS: u16 = 20;

const TIMESTAMPS: [u8; 12] = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];

/// Packets from outside: of twenty connections that stand, in order or not, of others, and such as begin or end one.
fn frames(steps: &[(u16, u8)]) -> Vec<FrameBuilder> {
    let mut sequences = [1001_u32; CONNECTIONS as usize];
    steps
        .iter()
        .zip(0_u16..)
        .map(|(&(port, kind), number)| {
            let sequence = &mut sequences[usize::from(port)];
            let segment = |flags, sequence| inward(80 + port, flags).sequence(sequence).acknowledgement(5001);
            match kind {
                0..8 => {
                    *sequence += 11;
                    let segment = segment(ACK | PSH, *sequence - 11).payload(&[kind; 11]);
                    if kind < 4 { segment } else { segment.tcp_options(&TIMESTAMPS) }
                }
                8 => segment(ACK | PSH, 1001).payload(&[1; 11]),
                9 => segment(ACK, 1_000_000_000),
                10 => segment(ACK | FIN, *sequence),
                11 => segment(RST, *sequence),
                12 => inward(190 + port, ACK),
                13 => inward(81, SYN).sequence(1000 + u32::from(port)),
                14 => FrameBuilder::new().ip([198, 51, 100, 8], [192, 0, 2, 10]).tcp(
                    6000 + number % 40,
                    80 + port,
                    SYN,
                ),
                _ => FrameBuilder::new().ip([198, 51, 100, 7], [192, 0, 2, 10]).udp(5000 + port, 53),
            }
        })
        .collect()
}

/// What is left of these packets if so many come together.
fn left(frames: &[FrameBuilder], together: usize) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut rig = Rig::new(COUNTING, 1, 256);
    for port in 80..80 + CONNECTIONS {
        for (side, frame) in [
            (Side::Outside, inward(port, SYN).sequence(1000)),
            (Side::Inside, outward(port, SYN | ACK).sequence(5000).acknowledgement(1001)),
            (Side::Outside, inward(port, ACK).sequence(1001).acknowledgement(5001)),
        ] {
            rig.one(side, 0, &frame);
        }
    }
    for some in frames.chunks(together) {
        some.iter().for_each(|frame| rig.give(Side::Outside, 5, frame));
        rig.run();
    }
    let sent = rig.sent();
    let counters: Vec<_> = (0..7).map(|id| rig.publisher.current().counted(CounterId(id))).collect();
    let counts = |stats: &Stats| {
        let all = [&stats.received, &stats.received_bytes, &stats.transmitted, &stats.transmitted_bytes];
        (all.map(Count::get), stats.states.each_ref().map(Count::get), stats.flows.get())
    };
    let parts = &rig.workers[0].parts;
    let mut flows: Vec<_> =
        parts.table.iter().map(|(_, flow, end)| (format!("{:?}", flow.key()), flow, end)).collect();
    flows.sort_by(|one, other| one.0.cmp(&other.0));
    (sent, counters, counts(&rig.stats[0]), flows, parts.observer.0.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_burst_leaves_what_its_packets_leave_one_by_one(
        steps in prop::collection::vec((0..CONNECTIONS, 0..16_u8), 1..100),
        plain in 0..100_usize,
        flood in 0..100_usize,
        in_turn: bool,
        together in 2..64_usize,
    ) {
        let mut steps = steps;
        // so many that go on come first
        steps.iter_mut().take(plain).for_each(|step| step.1 %= 8);
        // or with others between them that begin connections
        steps.iter_mut().take(flood).for_each(|step| step.1 = if step.1 < 8 { step.1 } else { 14 });
        // and of other connections than those before them, as it takes to be decided upon eight at a time
        let ports = (3..CONNECTIONS).cycle();
        steps.iter_mut().zip(ports).filter(|_| in_turn).for_each(|(step, port)| step.0 = port);
        let frames = frames(&steps);
        prop_assert_eq!(left(&frames, together), left(&frames, 1));
    }
}
