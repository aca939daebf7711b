//! How is a figure of the bench told? Text for people, JSON for programs; the keys are stable.

use super::changes::Changed;
use super::machine::Machine;
use super::measure::{Measured, Pair, Part};
use serde::Serialize;
use std::fmt;

/// What was measured, and of what.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Packets of which kinds, one after the other.
    pub mix: Vec<String>,
    /// Network layers.
    pub family: String,
    /// Flows of all workers.
    pub flows: u64,
    /// Rules of the ruleset.
    pub rules: usize,
    /// Elements of its sets.
    pub set_elements: usize,
    /// Bytes of a frame on the wire, frame check sequence included.
    pub frame: usize,
    /// Workers.
    pub workers: usize,
    /// Millions of packets a second, all workers together.
    pub mpps: f64,
    /// As `mpps`, undisturbed.
    pub mpps_p10: f64,
    /// TSC cycles a packet.
    pub cycles_per_packet: f64,
    /// As `cycles_per_packet`, undisturbed.
    pub cycles_per_packet_p10: f64,
    /// Of bare forwarding over the same ports.
    pub floor_cycles_per_packet: f64,
    /// As `floor_cycles_per_packet`, undisturbed.
    pub floor_cycles_per_packet_p10: f64,
    /// What the firewall adds.
    pub cycles_over_floor: f64,
    /// As `cycles_over_floor`, undisturbed.
    pub cycles_over_floor_p10: f64,
    /// `cycles_per_packet` to `floor_cycles_per_packet`.
    pub ratio_to_floor: f64,
    /// As `ratio_to_floor`, undisturbed.
    pub ratio_to_floor_p10: f64,
    /// Memory of the flow tables for each flow when they are three quarters full.
    pub bytes_per_flow: f64,
    /// Flows in the tables at the end.
    pub flows_at_end: u64,
    /// Flows stored in a second of the firewall's time.
    pub new_flows_per_second: f64,
    /// The part of the time for which the worker had a CPU, from 0 to 1.
    pub core_share: f64,
    /// Whether the flow tables lie in huge pages.
    pub huge_pages: bool,
    /// What each part of the mix costs, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartOf>,
    /// Packets of connections that stand, received while other packets came between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_connections: Option<u64>,
    /// Those of them that were not sent on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_connections_lost: Option<u64>,
    /// What adding rules took, if any were added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changed>,
    /// Where.
    pub machine: Machine,
    /// What a reader should mind.
    pub warnings: Vec<String>,
}

/// What packets of one part of a mix cost, in TSC cycles.
#[derive(Debug, Serialize)]
pub struct PartOf {
    /// Which.
    pub mix: String,
    /// A packet, without the other parts.
    pub alone: f64,
    /// As `alone`, undisturbed.
    pub alone_p10: f64,
    /// A packet, if all that the mix costs beyond what its parts cost alone is laid on this one.
    pub mixed: f64,
    /// As `mixed`, undisturbed.
    pub mixed_p10: f64,
    /// How much of what a packet may cost is left to it: `alone` to `mixed`.
    pub kept: f64,
    /// As `kept`, undisturbed.
    pub kept_p10: f64,
}

impl Report {
    /// Takes the figures over.
    pub fn set(&mut self, measured: &Measured) {
        let Measured { cycles, floor, packets_per_second, .. } = *measured;
        let (ratio, over) = (measured.ratio(), cycles.with(floor, |cycles, floor| cycles - floor));
        let both = |pair: Pair| (round(pair.p50), round(pair.p10));
        (self.mpps, self.mpps_p10) = both(packets_per_second.with(packets_per_second, |one, _| one / 1e6));
        (self.cycles_per_packet, self.cycles_per_packet_p10) = both(cycles);
        (self.floor_cycles_per_packet, self.floor_cycles_per_packet_p10) = both(floor);
        (self.cycles_over_floor, self.cycles_over_floor_p10) = both(over);
        (self.ratio_to_floor, self.ratio_to_floor_p10) = both(ratio);
        self.new_flows_per_second = measured.new_flows_per_second.round();
        self.core_share = round(measured.share);
        let part = |(mix, part): (&String, &Part)| {
            let ((alone, alone_p10), (mixed, mixed_p10)) = (both(part.alone), both(part.mixed));
            let (kept, kept_p10) = both(part.alone.with(part.mixed, |alone, mixed| alone / mixed));
            PartOf { mix: mix.clone(), alone, alone_p10, mixed, mixed_p10, kept, kept_p10 }
        };
        self.parts = self.mix.iter().zip(&measured.parts).map(part).collect();
        (self.of_connections_lost, self.of_connections) = measured.lost.unzip();
        if measured.floor.p50 > NOISY * measured.floor.p10 {
            self.warnings.push(format!(
                "the machine is noisy: the floor's median is {:.2} times its tenth percentile; trust ratios only",
                measured.floor.p50 / measured.floor.p10
            ));
        }
        if measured.share < CROWDED {
            self.warnings
                .push(format!("a worker had its core for {:.0} % of the time only", measured.share * 100.0));
        }
        if !self.huge_pages && self.bytes_per_flow * self.flows as f64 > SMALL {
            self.warnings.push("the flow table lies in small pages".to_owned());
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} over {} {} flows, {} rules, {} set elements, frames of {} bytes, {}",
            self.mix.join(" and "),
            self.flows,
            self.family,
            self.rules,
            self.set_elements,
            self.frame,
            crate::counts::counted(self.workers, "worker"),
        )?;
        writeln!(f, "{:<28}{:>12}{:>14}", "", "median", "undisturbed")?;
        let mut line = |name: &str, p50: f64, p10: f64, places: usize| {
            writeln!(f, "{name:<28}{p50:>12.places$}{p10:>14.places$}")
        };
        line("million packets a second", self.mpps, self.mpps_p10, 2)?;
        line("cycles a packet", self.cycles_per_packet, self.cycles_per_packet_p10, 1)?;
        line("  of bare forwarding", self.floor_cycles_per_packet, self.floor_cycles_per_packet_p10, 1)?;
        line("  the firewall's own", self.cycles_over_floor, self.cycles_over_floor_p10, 1)?;
        line("ratio to bare forwarding", self.ratio_to_floor, self.ratio_to_floor_p10, 2)?;
        for PartOf { mix, alone, alone_p10, mixed, mixed_p10, kept, kept_p10 } in &self.parts {
            line(&format!("{mix} alone"), *alone, *alone_p10, 1)?;
            line("  in the mix at most", *mixed, *mixed_p10, 1)?;
            line("  % of its cycles kept", kept * 100.0, kept_p10 * 100.0, 1)?;
        }
        if let (Some(lost), Some(all)) = (self.of_connections_lost, self.of_connections) {
            writeln!(f, "{:<28}{lost:>12} of {all}", "of connections, lost")?;
        }
        if self.new_flows_per_second > 0.0 {
            writeln!(f, "{:<28}{:>12.2}", "million new flows a second", self.new_flows_per_second / 1e6)?;
        }
        writeln!(f, "{:<28}{:>12.1}", "bytes a flow", self.bytes_per_flow)?;
        writeln!(f, "{:<28}{:>12}", "flows at the end", self.flows_at_end)?;
        writeln!(f, "{:<28}{:>11.0}%", "share of the core", self.core_share * 100.0)?;
        if let Some(changes) = &self.changes {
            let Changed { rules_added, until_used_us, until_used_us_worst, .. } = *changes;
            writeln!(
                f,
                "{:<28}{until_used_us:>9.0} us, at worst {until_used_us_worst:.0} us, of {rules_added}",
                "a rule added until used"
            )?;
            if let Some(anew) = changes.compiled_anew_us {
                writeln!(f, "{:<28}{anew:>9.0} us, {} times", "  all compiled anew", changes.compiled_anew)?;
            }
        }
        let Machine { cpu, cpus, tsc_hz, kernel, dpdk } = &self.machine;
        writeln!(f, "{cpu}, {cpus} CPUs, TSC {:.2} GHz, Linux {kernel}, {dpdk}", *tsc_hz as f64 / 1e9)?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

/// To a thousandth: more digits would only pretend.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A floor whose median is so many times its tenth percentile tells of a busy machine.
const NOISY: f64 = 1.3;
/// A flow table of less than this many bytes gains nothing by huge pages.
const SMALL: f64 = 4.0 * 1024.0 * 1024.0;
/// A worker that had less than this of its core was disturbed.
const CROWDED: f64 = 0.95;
