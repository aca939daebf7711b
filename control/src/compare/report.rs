//! How do two rulesets differ on a capture? Counts, and an example packet for each kind of traffic.

use super::class::Class;
use crate::describe::Described;
use crate::replay::{Names, Record, Verdict};
use dataplane::Packet;
use dataplane::io::Side;
use serde::Serialize;
use serde::ser::SerializeStruct;
use std::collections::BTreeMap;
use std::fmt;

/// A packet and what both rulesets said of it.
pub struct Seen<'a> {
    /// Its place in the input, from 1.
    pub number: u64,
    /// By which side it came.
    pub side: Side,
    /// Its headers.
    pub packet: &'a Packet,
    /// What the first and the second ruleset said.
    pub records: [&'a Record; 2],
}

/// The comparison; its JSON keys are stable.
#[derive(Debug, Serialize)]
pub struct Report {
    rulesets: [String; 2],
    packets: u64,
    both_pass: u64,
    both_stop: u64,
    only_first_passes: Difference,
    only_second_passes: Difference,
}

/// What one ruleset lets through and the other stops.
#[derive(Debug, Default)]
struct Difference {
    packets: u64,
    classes: BTreeMap<(Class, &'static str), Group>,
}

/// Packets of one kind that go one way.
#[derive(Debug, Serialize)]
struct Group {
    class: &'static str,
    title: &'static str,
    dir: &'static str,
    packets: u64,
    example: Example,
}

/// The first packet of its kind.
#[derive(Debug, Serialize)]
struct Example {
    n: u64,
    packet: String,
    ct: &'static str,
    reason: &'static str,
    passed_by: Option<String>,
    stopped_by: Option<String>,
}

impl Report {
    /// A comparison of rulesets with these names.
    pub fn new(rulesets: [String; 2]) -> Self {
        let (only_first_passes, only_second_passes) = (Difference::default(), Difference::default());
        Self { rulesets, packets: 0, both_pass: 0, both_stop: 0, only_first_passes, only_second_passes }
    }

    /// Takes in a packet.
    pub fn add(&mut self, seen: &Seen<'_>, names: &[Names; 2]) {
        self.packets += 1;
        match seen.records.map(|record| record.verdict == Verdict::Accept) {
            [true, true] => self.both_pass += 1,
            [false, false] => self.both_stop += 1,
            [true, false] => self.only_first_passes.add(seen, names, 0),
            [false, true] => self.only_second_passes.add(seen, names, 1),
        }
    }
}

impl Difference {
    /// A packet that ruleset number `passes` lets through and the other stops.
    fn add(&mut self, seen: &Seen<'_>, names: &[Names; 2], passes: usize) {
        self.packets += 1;
        let class = Class::of(seen.packet, seen.side, seen.records);
        let dir = match seen.side {
            Side::Outside => "in",
            Side::Inside => "out",
        };
        let group = self.classes.entry((class, dir)).or_insert_with(|| {
            let stopped = seen.records[1 - passes];
            let by = |which: usize| names[which].get(seen.records[which].decided_by).0.map(str::to_owned);
            Group {
                class: class.label(),
                title: class.title(),
                dir,
                packets: 0,
                example: Example {
                    n: seen.number,
                    packet: Described(seen.packet).to_string(),
                    ct: stopped.ct.label(),
                    reason: stopped.reason.label(),
                    passed_by: by(passes),
                    stopped_by: by(1 - passes),
                },
            }
        });
        group.packets += 1;
    }

    /// The groups, the largest first.
    fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<_> = self.classes.values().collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.packets), group.example.n));
        groups
    }
}

impl Serialize for Difference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Difference", 2)?;
        fields.serialize_field("packets", &self.packets)?;
        fields.serialize_field("classes", &self.groups())?;
        fields.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = &self.rulesets;
        writeln!(f, "{} packets under {first} and under {second}", self.packets)?;
        writeln!(f, "  {:>8}  pass under both", self.both_pass)?;
        writeln!(f, "  {:>8}  stopped by both", self.both_stop)?;
        writeln!(f, "  {:>8}  pass only under {first}", self.only_first_passes.packets)?;
        write!(f, "  {:>8}  pass only under {second}", self.only_second_passes.packets)?;
        section(f, first, second, &self.only_first_passes)?;
        section(f, second, first, &self.only_second_passes)
    }
}

fn section(f: &mut fmt::Formatter<'_>, passes: &str, stops: &str, difference: &Difference) -> fmt::Result {
    if difference.packets == 0 {
        return Ok(());
    }
    write!(f, "\n\n{stops} stops what {passes} lets through:")?;
    for Group { title, dir, packets, example, .. } in difference.groups() {
        let Example { n, packet, reason, stopped_by, .. } = example;
        write!(f, "\n  {packets:>8}  {dir:<3}  {title}")?;
        write!(f, "\n                   packet {n}: {packet}")?;
        match stopped_by {
            Some(rule) => write!(f, "\n                   stopped by {rule} ({reason})")?,
            None => write!(f, "\n                   stopped: {reason}")?,
        }
    }
    Ok(())
}
