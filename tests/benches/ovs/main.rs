//! How fast is Open vSwitch with DPDK at the same work? Its connection tracking in userspace, one polling thread, and
//! `sluice bench`, by turns in the same run.
//!
//! `cargo bench --package tests --bench ovs -- [--rounds N] [--json FILE] [--markdown FILE]`. Root, two processors, 2.4 GB
//! that can become huge pages, as much disk for temporary files, Debian's `openvswitch-switch-dpdk`; `make bench-ovs`
//! installs it.

#![expect(clippy::print_stdout, reason = "a bench shows what it measures")]

mod switch;

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::flag;
use serde::Serialize;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use switch::Switch;
use tests::traffic::Random;
use tests::{capture, page, sluice, wait};

/// One kind of work.
struct Work {
    name: &'static str,
    flows: u32,
    established: bool,
    read: Read,
    /// The flows of OpenFlow, and words of the one that all packets end at.
    rules: [&'static str; 3],
    decides: &'static str,
    /// What `sluice bench` is asked for.
    sluice: [&'static str; 6],
}

/// How the switch gets the capture.
#[derive(Clone, Copy)]
enum Read {
    /// From memory, over and over. There is room for some 260,000 packets.
    Memory,
    /// From a file that has its packets so many times, which is 240 to 290 cycles a packet dearer.
    File(usize),
}

/// What was found: medians of the rounds, in TSC cycles a packet.
#[derive(Debug, Serialize)]
struct Row {
    work: &'static str,
    ovs: f64,
    /// What it takes to receive the same packets and send them on, without tracking them.
    ovs_ports: f64,
    sluice: f64,
    floor: f64,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut rounds, mut json, mut markdown) = (5, None::<PathBuf>, None::<PathBuf>);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} wants a value"));
        match argument.as_str() {
            "--rounds" => rounds = value().parse().expect("a number of rounds"),
            "--json" => json = Some(value().into()),
            "--markdown" => markdown = Some(value().into()),
            _ => {}
        }
    }
    let _pages = HugePages::reserve(1200);
    let rows: Vec<Row> = works().iter().map(|work| measure(work, rounds)).collect();
    let table = table(&rows);
    println!("{table}");
    if let Some(path) = json {
        fs::write(path, serde_json::to_string_pretty(&rows).expect("figures") + "\n")
            .expect("the figures are written");
    }
    if let Some(path) = markdown {
        page::replace(&path, "make bench-ovs", &format!("{}\n\n{table}", page::machine()));
    }
}

fn works() -> [Work; 5] {
    let ask = "table=0,in_port=1,tcp,ct_state=-trk,actions=ct(table=1)";
    let known = "table=1,tcp,ct_state=+trk+est,actions=output:2";
    let store = "table=1,tcp,ct_state=+trk+new,actions=ct(commit),output:2";
    let established = |name, flows, text, read| Work {
        name,
        flows,
        established: true,
        read,
        rules: [ask, known, store],
        decides: "ct_state=+est",
        sluice: ["--mix", "established", "--rules", "20", "--flows", text],
    };
    [
        established("established, 1,000 flows", 1_000, "1000", Read::Memory),
        established("established, 100,000 flows", 100_000, "100000", Read::Memory),
        established("established, 1,000,000 flows", 1_000_000, "1000000", Read::File(10)),
        Work {
            name: "SYN flood, each stored, 1,000,000 live and more",
            flows: 8_000_000,
            established: false,
            read: Read::File(1),
            rules: [ask, known, store],
            decides: "ct_state=+new",
            sluice: ["--mix", "syn-flood", "--rules", "20", "--flows", "1000000"],
        },
        Work {
            name: "denied, 100,000 sources",
            flows: 100_000,
            established: false,
            read: Read::Memory,
            rules: [ask, known, "table=1,tcp,ct_state=+trk+new,actions=drop"],
            decides: "ct_state=+new",
            sluice: ["--mix", "deny", "--rules", "20", "--flows", "100000"],
        },
    ]
}

fn measure(work: &Work, rounds: usize) -> Row {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("packets.pcap");
    write(work, &path);
    let again = matches!(work.read, Read::Memory);
    let switch = Switch::start(&path, again, &work.rules);
    // what happens to packets is in the caches of the switch, and where they come again each has been seen
    let seen = if again { u64::from(work.flows) * 4 } else { 1_500_000 };
    wait::until("the switch has warmed up", Duration::from_secs(60), || {
        (switch.met(work.decides) >= seen).then_some(())
    });
    let window = Duration::from_millis(if again { 1000 } else { 500 });
    let (mut ovs, mut own, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let polled = switch.poll(window);
        assert!(polled.packets > 100_000, "{}: the capture lasts", work.name);
        assert!(polled.tracked > polled.packets / 100 * 99, "{}: there are no other packets", work.name);
        ovs.push(polled.cycles);
        switch.pause();
        let mut command = sluice::command();
        let output = command.args(["bench", "--json", "--seconds", "0.5"]).args(work.sluice).output();
        let run: serde_json::Value =
            serde_json::from_str(&sluice::expect_done(&output.expect("it starts"))).expect("figures");
        let number = |name: &str| run[name].as_f64().expect("a figure");
        own.push(number("cycles_per_packet"));
        floor.push(number("floor_cycles_per_packet"));
        switch.resume();
        eprintln!("{}: round {}", work.name, round + 1);
    }
    drop(switch);
    let switch = Switch::start(&path, again, &["table=0,in_port=1,actions=output:2"]);
    wait::until("packets come again", Duration::from_secs(60), || {
        (switch.met("actions=output:2") > 100_000).then_some(())
    });
    // a capture that is read once does not last long
    let ports: Vec<f64> = (0..if again { rounds } else { 1 })
        .map(|_| {
            let polled = switch.poll(window);
            assert!(polled.packets > 100_000 && polled.tracked == 0, "{}: packets pass untracked", work.name);
            polled.cycles
        })
        .collect();
    let [ovs, ovs_ports, sluice, floor] = [ovs, ports, own, floor].map(page::median);
    Row { work: work.name, ovs, ovs_ports, sluice, floor }
}

/// Packets of many flows, shuffled: both ways where they are established, first ones otherwise.
fn write(work: &Work, path: &Path) {
    let server = Ipv4Addr::new(172, 16, 0, 1);
    let mut frames = Vec::new();
    for flow in 0..work.flows {
        let (client, port) = (Ipv4Addr::from(0x0a00_0000 | flow >> 10), 1024 + (flow & 1023) as u16);
        let flags = if work.established { flag::ACK } else { flag::SYN };
        let there = FrameBuilder::new().ip(client, server).tcp(port, 443, flags);
        frames.push(there.sequence(1001).acknowledgement(2001).window(64240).build());
        if work.established {
            let back = FrameBuilder::new().ip(server, client).tcp(443, port, flags);
            frames.push(back.sequence(2001).acknowledgement(1001).window(64240).build());
        }
    }
    let mut random = Random::new(1);
    for at in (1..frames.len()).rev() {
        frames.swap(at, random.below(at + 1));
    }
    let times = if let Read::File(times) = work.read { times } else { 1 };
    let passes = (0..times).flat_map(|_| &frames);
    capture::write(path, passes.map(|frame| (Duration::ZERO, &frame[..])));
}

fn table(rows: &[Row]) -> String {
    let mut out = String::from(
        "| work | Open vSwitch | of it, ports alone | Sluice | of it, ports and frames alone | times as fast | without \
         ports and frames |\n|---|---|---|---|---|---|---|\n",
    );
    for Row { work, ovs, ovs_ports, sluice, floor } in rows {
        let (times, beyond) = (ovs / sluice, (ovs - ovs_ports) / (sluice - floor));
        out.push_str(&format!(
            "| {work} | {ovs:.0} | {ovs_ports:.0} | {sluice:.0} | {floor:.0} | {times:.1} | {beyond:.1} |\n"
        ));
    }
    out
}

/// Huge pages of the system, while they live.
struct HugePages(String);

impl HugePages {
    fn reserve(pages: u32) -> Self {
        let before = fs::read_to_string(PAGES).expect("the system has huge pages");
        if before.trim().parse().is_ok_and(|before: u32| before < pages) {
            fs::write(PAGES, pages.to_string()).expect("root");
        }
        Self(before)
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        let _ = fs::write(PAGES, self.0.trim());
    }
}

const PAGES: &str = "/proc/sys/vm/nr_hugepages";
