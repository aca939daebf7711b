//! What does `sluice run` make of wires that read and write captures? The output files must hold exactly the
//! packets that a replay of the same input accepts, whatever the number of workers, and the program must end
//! by itself when the input does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tests::capture::{self, bundled};
use tests::daemon::{Daemon, Setup};
use tests::oracle::Ruleset;
use tests::sluice::Verdict;
use tests::{Record, Side, sluice, traffic, wait};

/// The demo, without what the two sides of a wire must see in order: each side's file is read at its own pace.
fn demo() -> Vec<Record> {
    capture::records(&bundled("captures/demo.pcap"))
}

fn rules(name: &str) -> String {
    fs::read_to_string(bundled(&format!("rulesets/{name}"))).expect("readable")
}

/// Frames and how often each occurs.
fn bag<'a>(frames: impl Iterator<Item = &'a [u8]>) -> BTreeMap<Vec<u8>, usize> {
    let mut bag = BTreeMap::new();
    for frame in frames {
        *bag.entry(frame.to_vec()).or_default() += 1;
    }
    bag
}

fn accepted(records: &[Record], verdicts: &[Verdict], side: Side) -> BTreeMap<Vec<u8>, usize> {
    let both = records.iter().zip(verdicts);
    bag(both
        .filter(|(record, verdict)| record.side == side && verdict.verdict == "accept")
        .map(|(r, _)| &r.frame[..]))
}

/// A wire of two net_pcap ports with one pair of files for each queue; frames are dealt to the queues by the
/// addresses of both ends, so that a flow stays on one.
fn wire(directory: &Path, records: &[Record], queues: usize) -> Vec<String> {
    let mut devices = Vec::new();
    for (number, side) in [Side::Outside, Side::Inside].into_iter().enumerate() {
        let mut device = format!("net_pcap{number}");
        for queue in 0..queues {
            let input = directory.join(format!("{side:?}.{queue}.in"));
            let own =
                records.iter().filter(|record| record.side == side && queue_of(record, queues) == queue);
            capture::write(&input, own.map(|record| (record.time, &record.frame[..])));
            device += &format!(",rx_pcap={}", input.display());
        }
        for queue in 0..queues {
            device += &format!(",tx_pcap={}", output(directory, side, queue).display());
        }
        devices.push(device);
    }
    devices
}

fn output(directory: &Path, side: Side, queue: usize) -> std::path::PathBuf {
    directory.join(format!("{side:?}.{queue}.out"))
}

/// Like a NIC's symmetric hash: the same for both directions.
fn queue_of(record: &Record, queues: usize) -> usize {
    let addresses = match record.frame.get(12..14) {
        Some([8, 0]) => record.frame.get(26..34),
        Some([0x86, 0xdd]) => record.frame.get(22..54),
        _ => None,
    };
    let addresses = addresses.unwrap_or_default();
    addresses.iter().map(|byte| usize::from(*byte)).sum::<usize>() % queues
}

/// Runs the wire to the end of its input; returns the frames that left by the port of `side`.
fn run(records: &[Record], rules: &str, queues: usize) -> impl Fn(Side) -> BTreeMap<Vec<u8>, usize> + use<> {
    let directory = TempDir::new().expect("a directory");
    let devices = wire(directory.path(), records, queues);
    let setup = Setup { devices: &devices, workers: queues, rules, more: "", namespace: None };
    let mut daemon = Daemon::start(&setup);
    let (status, counters) = daemon.expect_end();
    assert_eq!(status.code(), Some(0), "{}", daemon.stderr());
    assert_eq!(counters["received"].as_u64(), Some(records.len() as u64), "{counters}");
    move |side| {
        let files = (0..queues).map(|queue| capture::frames(&output(directory.path(), side, queue)));
        let frames: Vec<_> = files.flatten().map(|(_, frame)| frame).collect();
        bag(frames.iter().map(Vec::as_slice))
    }
}

fn expect_what_replay_accepts(records: &[Record], rules: &str, queues: usize) {
    let verdicts = sluice::replay(&[Ruleset::Nft(rules.to_owned())], records, false);
    let left = run(records, rules, queues);
    for side in [Side::Outside, Side::Inside] {
        let expected = accepted(records, &verdicts, side);
        let found = left(side.other());
        let missing: Vec<_> =
            expected.iter().filter(|(frame, count)| found.get(*frame) != Some(count)).collect();
        let surplus: Vec<_> =
            found.iter().filter(|(frame, count)| expected.get(*frame) != Some(count)).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{queues} queues, from {side:?}: {} expected and {} found; first missing {:?}, first surplus {:?}",
            expected.values().sum::<usize>(),
            found.values().sum::<usize>(),
            missing.first().map(|(frame, _)| describe(frame, side)),
            surplus.first().map(|(frame, _)| describe(frame, side)),
        );
    }
}

fn describe(frame: &[u8], side: Side) -> String {
    tests::difference::describe(&Record { side, time: Duration::ZERO, frame: frame.to_vec() })
}

#[test]
fn the_stateless_demo_leaves_exactly_what_is_accepted() {
    for queues in [1, 2] {
        expect_what_replay_accepts(&demo(), &rules("stateless.nft"), queues);
    }
}

/// Nothing but requests that may come in: no packet waits for one of the other side's file.
#[test]
fn stateful_requests_leave_exactly_when_accepted() {
    let mut records = demo();
    records.retain(|record| record.side == Side::Outside);
    for queues in [1, 2] {
        let verdicts = sluice::replay(&[Ruleset::Nft(rules("stateful.nft"))], &records, false);
        assert!(verdicts.iter().any(|verdict| verdict.ct == "new" && verdict.verdict == "accept"));
        expect_what_replay_accepts(&records, &rules("stateful.nft"), queues);
    }
}

#[test]
fn thousands_of_packets_over_four_queues() {
    let mut records = traffic::generate(3, 20_000);
    records.retain(|record| record.side == Side::Outside);
    expect_what_replay_accepts(&records, &rules("stateless.nft"), 4);
}

#[test]
fn empty_captures_end_at_once() {
    let left = run(&[], &rules("stateful.nft"), 1);
    assert!(left(Side::Outside).is_empty() && left(Side::Inside).is_empty());
}

#[test]
fn two_wires_do_not_mix() {
    let directory = TempDir::new().expect("a directory");
    let records: Vec<Record> = demo().into_iter().filter(|record| record.side == Side::Outside).collect();
    let (first, second) = records.split_at(records.len() / 2);
    let mut devices = Vec::new();
    for (name, records) in [("first", first), ("second", second)] {
        let path = directory.path().join(name);
        fs::create_dir(&path).expect("made");
        devices.extend(wire(&path, records, 1));
    }
    for (number, device) in devices.iter_mut().enumerate() {
        let rest = device.split_once(',').expect("arguments").1;
        *device = format!("net_pcap{number},{rest}");
    }
    let setup =
        Setup { devices: &devices, workers: 1, rules: "table inet t {\n}\n", more: "", namespace: None };
    let mut daemon = Daemon::start(&setup);
    let (status, _) = daemon.expect_end();
    assert_eq!(status.code(), Some(0), "{}", daemon.stderr());
    for (name, records) in [("first", first), ("second", second)] {
        let frames = capture::frames(&output(&directory.path().join(name), Side::Inside, 0));
        let expected: Vec<_> = records.iter().map(|record| record.frame.clone()).collect();
        assert_eq!(frames.into_iter().map(|(_, frame)| frame).collect::<Vec<_>>(), expected, "{name} wire");
    }
}

#[test]
fn a_signal_ends_a_run_that_has_no_end() {
    let directory = TempDir::new().expect("a directory");
    let records = demo();
    let mut devices = wire(directory.path(), &records[..50], 1);
    for device in &mut devices {
        *device = device.split(",tx_pcap").next().expect("a device").to_owned() + ",infinite_rx=1";
    }
    let setup =
        Setup { devices: &devices, workers: 1, rules: "table inet t {\n}\n", more: "", namespace: None };
    let mut daemon = Daemon::start(&setup);
    wait::until("sluice's ports to be open", Duration::from_secs(30), || {
        assert!(daemon.ended().is_none(), "sluice ended by itself\n{}", daemon.stderr());
        daemon.stderr().contains("net_pcap1").then_some(())
    });
    daemon.signal(libc::SIGINT);
    let (status, counters) = daemon.expect_end();
    assert_eq!(status.code(), Some(0), "{}", daemon.stderr());
    assert!(counters["received"].as_u64().is_some_and(|count| count > 0), "{counters}");
}
