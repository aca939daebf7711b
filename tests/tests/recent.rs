//! Which addresses were seen lately, and how often? Lists of `-m recent`: what the kernel says packet by packet, and
//! that Sluice says the same.
//!
//! Packets come in groups, a moment apart each, and the groups further apart than some of the times that rules ask for:
//! none is near the edge of one.

use std::time::Duration;

use dataplane::packet::build::FrameBuilder;
use tests::oracle::{Oracle, Ruleset};
use tests::traffic::Random;
use tests::{Record, Side, difference, sluice};

/// An address, a TTL, and whether a group begins.
type Packet = (u8, u8, bool);

const BETWEEN_GROUPS: Duration = Duration::from_millis(1600);

fn dump(rules: &[String]) -> Ruleset {
    let rules: String = rules.iter().map(|rule| format!("-A INPUT {rule}\n")).collect();
    let chains = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n";
    Ruleset::Iptables(format!("*filter\n{chains}{rules}COMMIT\n"))
}

/// The kernel's word on each packet, after Sluice was found to say the same: `+` accepted, `-` dropped.
fn alike(rules: &[String], packets: &[Packet]) -> String {
    let mut time = Duration::from_secs(1_700_000_000);
    let records: Vec<Record> = packets
        .iter()
        .map(|&(client, ttl, begins)| {
            time += if begins { BETWEEN_GROUPS } else { Duration::from_micros(500) };
            let frame = FrameBuilder::new()
                .ip([198, 51, 100, client], [192, 0, 2, 10])
                .time_to_live(ttl)
                .udp(4000, 53);
            Record { side: Side::Outside, time, frame: frame.build() }
        })
        .collect();
    let rulesets = [dump(rules)];
    let kernel = Oracle::new("eth0").judge_in_time(&rulesets, &records, false, |_, _| {});
    difference::none(&records, &rulesets, &kernel)
}

fn rules(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Packets of these addresses, in one group.
fn from(addresses: impl IntoIterator<Item = u8>) -> Vec<Packet> {
    addresses.into_iter().map(|address| (address, 64, false)).collect()
}

#[test]
fn what_comes_too_often_is_dropped() {
    let guard =
        rules(&["-m recent --set --name a", "-m recent --update --seconds 60 --hitcount 4 --name a -j DROP"]);
    assert_eq!(alike(&guard, &from([1, 1, 2, 1, 1, 2, 1, 2, 2])), "++++-+-+-");
}

#[test]
fn a_full_list_forgets_who_was_seen_longest_ago() {
    let guard = rules(&["-m recent --rcheck --name b -j DROP", "-m recent --set --name b -j ACCEPT"]);
    let found = alike(&guard, &from((1..=101).chain([2, 1, 3, 100])));
    assert_eq!(&found[101..], "-+--", "102 addresses have room for 100");
}

#[test]
fn the_first_rule_of_a_list_says_its_mask() {
    let guard = rules(&[
        "-m recent --rcheck --name c --mask 255.255.255.252 -j DROP",
        "-m recent --set --name c --mask 255.255.255.255",
    ]);
    assert_eq!(alike(&guard, &from([4, 7, 8, 12, 5])), "+-++-");
}

#[test]
fn lists_of_two_tables_are_one() {
    let dump = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -m recent --name d --rcheck -j DROP\n\
                COMMIT\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                -A INPUT -m recent --name d --set\nCOMMIT\n";
    let frame = || FrameBuilder::new().ip([198, 51, 100, 9], [192, 0, 2, 10]).udp(4000, 53).build();
    let record = |number| Record { side: Side::Outside, time: Duration::from_millis(number), frame: frame() };
    let (rulesets, records) = ([Ruleset::Iptables(dump.to_owned())], [record(1), record(2)]);
    let kernel = Oracle::new("eth0").judge(&rulesets, &records, false);
    let ours = sluice::replay(&rulesets, &records, false);
    assert_eq!(difference::first(&records, &kernel, &ours), None);
    assert_eq!([kernel[0].accepted, kernel[1].accepted], [true, false]);
}

/// Rules of every kind, about a few lists, and packets of a few addresses.
#[test]
fn rules_as_chance_has_them() {
    let mut all = String::new();
    for seed in 0..4 {
        let mut random = Random::new(seed);
        let rules: Vec<String> = (0..10).map(|at| any_rule(&mut random, seed, at)).collect();
        let packets: Vec<Packet> =
            (0..160).map(|at| (1 + random.below(5) as u8, random.pick(&[63, 64]), at % 40 == 39)).collect();
        all.push_str(&alike(&rules, &packets));
    }
    let dropped = all.matches('-').count();
    assert!(dropped > all.len() / 10 && dropped < all.len() * 9 / 10, "{all}");
}

fn any_rule(random: &mut Random, seed: u64, at: usize) -> String {
    let list = format!("--name r{seed}{}", random.below(3));
    let not = if random.chance(15) { "! " } else { "" };
    let side = random.pick(&["", "--rsource", "--rdest"]);
    let action = match at {
        0..3 => format!("{not}--set"),
        3 => format!("{not}--remove"),
        _ => {
            let action = random.pick(&["--rcheck", "--update"]);
            let seconds = random.pick(&["", "--seconds 1", "--seconds 3", "--seconds 60"]);
            let reap = if !seconds.is_empty() && random.chance(40) { "--reap" } else { "" };
            let hits = random.pick(&["", "--hitcount 2", "--hitcount 5", "--hitcount 20"]);
            let ttl = if random.chance(20) { "--rttl" } else { "" };
            format!("{not}{action} {seconds} {reap} {hits} {ttl}")
        }
    };
    let before = random.pick(&["", "", "-m ttl --ttl-eq 64", "-s 198.51.100.2/31"]);
    let target = if at > 3 { random.pick(&["", "-j DROP"]) } else { "" };
    format!("{before} -m recent {action} {list} {side} {target}")
}
