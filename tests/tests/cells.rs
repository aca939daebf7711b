//! Does every cell of the state tables of TCP and SCTP lead where the kernel's does? Each has a story of its own: what
//! leads to the state, the segment or chunk of the cell, and what tells the states behind it apart. Both judge all of it.

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::flag::{ACK, FIN, RST, SYN};
use dataplane::packet::sctp::chunk;
use tests::Oracle;
use tests::capture::Side;
use tests::difference;
use tests::follow::follow;
use tests::oracle::Ruleset;
use tests::parity::{Coverage, Trial, cell};
use tests::traffic::{self, Sent};

/// A cell: its name, and the packets of its story, each by the end that sends it (0 began) and its flags or chunk.
struct Story {
    name: String,
    packets: Vec<(usize, u8)>,
    /// Which of them reaches the cell.
    reaches: usize,
}

type Row = (&'static str, &'static [(usize, u8)]);

fn stories(states: &[Row], kinds: &[(&str, u8)], behind: &[(usize, u8)]) -> Vec<Story> {
    let mut all = Vec::new();
    for (state, before) in states {
        for (end, direction) in [(0, "original"), (1, "reply")] {
            for (name, kind) in kinds {
                // nothing begins with a reply
                if !before.is_empty() || end == 0 {
                    let packets = [before, &[(end, *kind)][..], behind].concat();
                    let name = format!("{direction}, {state}: {name}");
                    all.push(Story { name, packets, reaches: before.len() });
                }
            }
        }
    }
    all
}

/// The frames of each story, over a port of its own; of which story each is, and the how manieth of it.
fn frames(
    stories: &[Story],
    frames: impl Fn(u16, &[(usize, u8)]) -> Vec<Sent>,
) -> (Vec<Sent>, Vec<(usize, usize)>) {
    let (mut all, mut of) = (Vec::new(), Vec::new());
    for (number, story) in stories.iter().enumerate() {
        let own = frames(10_000 + number as u16, &story.packets);
        of.extend((0..own.len()).map(|place| (number, place)));
        all.extend(own);
    }
    (all, of)
}

fn ip(end: usize) -> FrameBuilder {
    let ends = [[198, 51, 100, 1], [192, 0, 2, 10]];
    FrameBuilder::new().ip(ends[end], ends[1 - end])
}

const SIDES: [Side; 2] = [Side::Outside, Side::Inside];

fn segments(port: u16, packets: &[(usize, u8)]) -> Vec<Sent> {
    let (ports, mut next) = ([port, 80], [1000_u32, 5000]);
    let one = |&(end, flags): &(usize, u8)| {
        let acknowledged = if flags & ACK == 0 { 0 } else { next[1 - end] };
        let frame = ip(end).tcp(ports[end], ports[1 - end], flags).sequence(next[end]);
        next[end] += u32::from(flags & (SYN | FIN) != 0);
        (SIDES[end], frame.acknowledgement(acknowledged).window(8192).build())
    };
    packets.iter().map(one).collect()
}

fn chunks(port: u16, packets: &[(usize, u8)]) -> Vec<Sent> {
    let (ports, tags) = ([port, 80], [0x1111_1111_u32, 0x2222_2222]);
    let one = |&(end, kind): &(usize, u8)| {
        let mut body = match kind {
            chunk::INIT | chunk::INIT_ACK => {
                [&tags[end].to_be_bytes()[..], &[0, 0, 0x40, 0, 0, 10, 0, 10, 0, 0, 0, 1]].concat()
            }
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK => vec![0, 1, 0, 8, 1, 2, 3, 4],
            chunk::COOKIE_ECHO => b"cookie!!".to_vec(),
            chunk::SHUTDOWN => vec![0, 0, 0, 1],
            chunk::DATA => vec![0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, b'd', b'a', b't', b'a'],
            _ => Vec::new(),
        };
        let mut bytes = vec![kind, 0, 0, 4 + body.len() as u8];
        bytes.append(&mut body);
        let tag = if kind == chunk::INIT { 0 } else { tags[1 - end] };
        (SIDES[end], ip(end).sctp(ports[end], ports[1 - end], tag).payload(&bytes).build())
    };
    packets.iter().map(one).collect()
}

/// Both judge all stories, and each reaches the cell that it names; gives the cells that were reached.
fn judged(stories: &[Story], made: impl Fn(u16, &[(usize, u8)]) -> Vec<Sent>, tcp_loose: bool) -> Coverage {
    let (sent, of) = frames(stories, made);
    let trial = Trial {
        origin: "cells".to_owned(),
        rulesets: vec![Ruleset::Nft(RULES.to_owned())],
        tcp_loose,
        records: traffic::timed(sent),
        scenarios: stories.len(),
    };
    let judged = trial.judge(&mut Oracle::new("eth0")).expect("good rules");
    let different: String = judged
        .differences(&trial.records)
        .into_iter()
        .map(|(at, what)| {
            let packet = difference::describe(&trial.records[at]);
            let (kernel, sluice) = (&judged.kernel[at], &judged.sluice[at].verdict);
            format!(
                "{}: {what}\n  {packet}\n  kernel: {kernel}\n  sluice: {sluice:?}\n",
                stories[of[at].0].name
            )
        })
        .collect();
    assert!(different.is_empty(), "{different}");
    // the packet of the cell meets the connection that the story's name says
    follow(&trial.rulesets, &trial.records, tcp_loose, |met| {
        let (number, place) = of[met.number];
        let story = &stories[number];
        if place == story.reaches {
            let (direction, state, kind) = cell(met).expect("a cell of TCP or SCTP");
            let reached = format!("{direction}, {state}: {kind}");
            assert_eq!(reached, story.name, "the cell that is reached, the cell that is named");
        }
    });
    let mut coverage = Coverage::default();
    coverage.add(&trial);
    coverage
}

#[test]
fn every_cell_of_the_tcp_table() {
    let kinds = [
        ("syn", SYN),
        ("syn+ack", SYN | ACK),
        ("fin", FIN | ACK),
        ("ack", ACK),
        ("rst", RST),
        ("no segment", 0),
    ];
    for behind in [
        &[(0, ACK), (1, ACK), (0, SYN), (1, SYN | ACK), (0, ACK)][..],
        &[(1, ACK), (1, SYN), (0, FIN | ACK), (1, RST)],
    ] {
        for tcp_loose in [false, true] {
            let (reached, all) = judged(&stories(&TCP, &kinds, behind), segments, tcp_loose).tcp();
            assert_eq!(reached, all, "cells reached, cells there are");
        }
    }
}

#[test]
fn every_cell_of_the_sctp_table() {
    let kinds = [
        ("INIT", chunk::INIT),
        ("INIT ACK", chunk::INIT_ACK),
        ("COOKIE ECHO", chunk::COOKIE_ECHO),
        ("COOKIE ACK", chunk::COOKIE_ACK),
        ("SHUTDOWN", chunk::SHUTDOWN),
        ("SHUTDOWN ACK", chunk::SHUTDOWN_ACK),
        ("SHUTDOWN COMPLETE", chunk::SHUTDOWN_COMPLETE),
        ("HEARTBEAT", chunk::HEARTBEAT),
        ("HEARTBEAT ACK", chunk::HEARTBEAT_ACK),
        ("ERROR", chunk::ERROR),
        ("ABORT", chunk::ABORT),
        ("another", chunk::DATA),
    ];
    for behind in [
        &[(0, chunk::DATA), (1, chunk::DATA), (1, chunk::INIT_ACK), (0, chunk::COOKIE_ECHO)][..],
        &[(1, chunk::SHUTDOWN_ACK), (0, chunk::HEARTBEAT), (1, chunk::HEARTBEAT_ACK), (0, chunk::INIT)],
    ] {
        let (reached, all) = judged(&stories(&SCTP, &kinds, behind), chunks, false).sctp();
        assert_eq!(reached, all, "cells reached, cells there are");
    }
}

/// What leads to each state.
const TCP: [Row; 10] = [
    ("none", &[]),
    ("syn-sent", &[(0, SYN)]),
    ("syn-recv", &[(0, SYN), (1, SYN | ACK)]),
    ("established", &[(0, SYN), (1, SYN | ACK), (0, ACK)]),
    ("fin-wait", &[(0, SYN), (1, SYN | ACK), (0, ACK), (0, FIN | ACK)]),
    ("close-wait", &[(0, SYN), (1, SYN | ACK), (0, ACK), (0, FIN | ACK), (1, ACK)]),
    ("last-ack", &[(0, SYN), (1, SYN | ACK), (0, ACK), (0, FIN | ACK), (1, ACK), (1, FIN | ACK)]),
    ("time-wait", &[(0, SYN), (1, SYN | ACK), (0, ACK), (0, FIN | ACK), (1, ACK), (1, FIN | ACK), (0, ACK)]),
    ("close", &[(0, SYN), (1, SYN | ACK), (0, ACK), (1, RST)]),
    ("syn-sent2", &[(0, SYN), (1, SYN)]),
];

const SCTP: [Row; 9] = [
    ("none", &[]),
    ("closed", &[(0, chunk::INIT)]),
    ("cookie-wait", &[(0, chunk::INIT), (1, chunk::INIT_ACK)]),
    ("cookie-echoed", &[(0, chunk::INIT), (1, chunk::INIT_ACK), (0, chunk::COOKIE_ECHO)]),
    ("established", OPEN),
    ("shutdown-sent", &[OPEN[0], OPEN[1], OPEN[2], OPEN[3], (0, chunk::SHUTDOWN)]),
    ("shutdown-recd", &[OPEN[0], OPEN[1], OPEN[2], OPEN[3], (1, chunk::SHUTDOWN)]),
    (
        "shutdown-ack-sent",
        &[OPEN[0], OPEN[1], OPEN[2], OPEN[3], (0, chunk::SHUTDOWN), (1, chunk::SHUTDOWN_ACK)],
    ),
    ("heartbeat-sent", &[(0, chunk::HEARTBEAT)]),
];

const OPEN: &[(usize, u8)] =
    &[(0, chunk::INIT), (1, chunk::INIT_ACK), (0, chunk::COOKIE_ECHO), (1, chunk::COOKIE_ACK)];

/// Everything passes, and its state is asked for.
const RULES: &str = "table inet t {\n chain i {\n  type filter hook input priority 0; policy accept;\n  ct state invalid \
                     accept\n }\n}\n";
