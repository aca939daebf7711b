//! How many cores would 100 and 400 GbE take? A model: what the loop was measured to cost over its ports, and what a card
//! costs instead of them.

use crate::Measured;
use crate::page::grouped;
use std::fmt::Write;

/// Appends the account of established connections.
pub fn push(measured: &Measured, out: &mut String) {
    let rows: Vec<_> = measured.loops.iter().filter(|run| run.mix == ["established"]).collect();
    if rows.is_empty() {
        return;
    }
    out.push_str("\n### The account to 100 and 400 GbE, modelled\n\n");
    let _ = writeln!(
        out,
        "The first two columns were measured above; all others follow from a model: a card's receive and transmit take \
         {CARD:.0} cycles a packet (46 and 43 on Skylake, by the node clocks of VPP 19.04, FD.io CSIT) instead of the \
         in-memory ports; a packet moves {LINES:.0} cache lines between the flow table and memory (a bucket read, a record \
         read and written back) once the table is larger than the cache; cores share nothing, so that they add up, but for \
         the skew of flows below. Simple IMIX is 7, 4 and 1 frames of 64, 570 and 1,518 bytes.\n"
    );
    out.push_str("| flows | cycles over the ports | with a card | frames | 100 GbE: million a second | cores | 400 GbE: million a second | cores | GB/s of memory |\n");
    out.push_str("|---|---|---|---|---|---|---|---|---|\n");
    for run in rows {
        let over = run.cycles_per_packet_p10 - run.floor_cycles_per_packet_p10;
        let cycles = over + CARD;
        for (name, bytes) in FRAMES {
            let [small, large] = [100e9, 400e9].map(|bits: f64| bits / 8.0 / (bytes + ON_THE_WIRE));
            let cores = |packets: f64| (packets * cycles / measured.machine.tsc_hz as f64).ceil();
            let _ = writeln!(
                out,
                "| {} | {over:.0} | {cycles:.0} | {name} | {:.1} | {:.0} | {:.1} | {:.0} | {:.0} |",
                grouped(run.flows),
                small / 1e6,
                cores(small),
                large / 1e6,
                cores(large),
                large * LINES * 64.0 / 1e9,
            );
        }
    }
}

/// Mean bytes of a frame, checksum included.
const FRAMES: [(&str, f64); 3] =
    [("64 bytes", 64.0), ("IMIX", (7.0 * 64.0 + 4.0 * 570.0 + 1518.0) / 12.0), ("1,518 bytes", 1518.0)];
/// Preamble and gap.
const ON_THE_WIRE: f64 = 20.0;
/// Cycles a packet for receiving and sending on a card.
const CARD: f64 = 89.0;
/// Cache lines a packet moves.
const LINES: f64 = 3.0;
