//! Connection tracking, told in stories: after each packet the kernel and Sluice must say what is written.

#[path = "conntrack/any.rs"]
mod any;
#[path = "conntrack/h323.rs"]
mod h323;

use std::fs;

use tests::capture::bundled;
use tests::oracle::Oracle;
use tests::scenario;

/// Every story of a file, by one worker and by three.
fn told(file: &str, least: usize) {
    let text = fs::read_to_string(bundled(&format!("tests/conntrack/{file}"))).expect("readable");
    let stories = scenario::read(&text);
    let only = std::env::var("SLUICE_STORY").unwrap_or_default();
    let mut oracle = Oracle::new("eth0");
    let (mut found, mut packets) = (Vec::new(), 0);
    for story in stories.iter().filter(|story| story.name.contains(&only)) {
        packets += story.packets();
        for workers in [1, 3] {
            found.extend(story.told_by(&mut oracle, workers));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(packets >= least || !only.is_empty(), "{packets} packets");
}

#[test]
fn helpers() {
    told("helpers.txt", 50);
}

#[test]
fn helper_irc() {
    told("irc.txt", 60);
}

#[test]
fn helper_amanda() {
    told("amanda.txt", 35);
}

#[test]
fn helper_sane() {
    told("sane.txt", 50);
}

#[test]
fn helper_sip() {
    told("sip.txt", 120);
}

#[test]
fn helpers_of_broadcasts() {
    told("broadcast.txt", 18);
}

#[test]
fn helper_pptp() {
    told("pptp.txt", 150);
}

#[test]
fn helpers_of_h323() {
    told("h323.txt", 200);
}

#[test]
fn zones_and_timeouts() {
    told("given.txt", 50);
}

/// After the kernel's own tests of TCP connection tracking, and what they leave out.
#[test]
fn tcp() {
    told("tcp.txt", 70);
}

/// The kernel's own tests, each by its name.
#[test]
fn selftests_of_the_kernel() {
    told("selftests.txt", 180);
}

#[test]
fn other_protocols() {
    told("others.txt", 70);
}
