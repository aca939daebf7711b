//! Does it matter whether another packet like it came before? Floods of first packets of few kinds meet rules that look
//! and count, and the answers are the interpreter's.

use super::{Arriving, Choices, Firewall, Met, Role, Side, flag, policy};
use crate::packet::build::FrameBuilder;
use crate::pipeline::Outcome;
use config::policy::{Tracks, interface_value};
use config::{NoFiles, Policy, Source};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::collections::BTreeMap;

#[test]
fn one_like_another_gets_the_interpreters_answer() {
    let seen = RefCell::new(BTreeMap::<&str, u32>::new());
    let numbers = prop::collection::vec(any::<u32>(), 2000..6000);
    let mut runner = TestRunner::new(ProptestConfig { cases: 600, ..ProptestConfig::default() });
    runner
        .run(&numbers, |numbers| {
            one_flood(&mut Choices::new(&numbers), &mut seen.borrow_mut());
            Ok(())
        })
        .unwrap();
    let seen = seen.into_inner();
    for what in [
        "like another: passes",
        "like another: refused",
        "like another: counted",
        "like another: of UDP",
        "not",
    ] {
        assert!(seen.get(what).is_some_and(|&times| times > 100), "{what}: {seen:?}");
    }
}

fn one_flood(choices: &mut Choices<'_>, seen: &mut BTreeMap<&'static str, u32>) {
    let mut note = |what| *seen.entry(what).or_default() += 1;
    let eth = |name| interface_value(name).unwrap();
    let role = if choices.one_in(2) {
        Role::Guard { interface: eth("eth0") }
    } else {
        Role::Transit { outside: eth("eth0"), inside: eth("eth1") }
    };
    let mut in_force = filter(choices);
    let (mut one, mut other) = (Firewall::new(&in_force), Firewall::new(&in_force));
    let mut now = 0;
    for step in 0..100_u16 {
        if step == 60 {
            in_force = filter(choices);
            one.publish(&in_force, 2);
            other.publish(&in_force, 2);
        }
        now += choices.of(&[0, 1, 10, 3000, 200_000]);
        let from = choices.of(&[Side::Outside, Side::Outside, Side::Inside]);
        let ip = FrameBuilder::new()
            .ip([10, 0, 0, choices.of(&[1, 2, 3])], [10, 0, 0, choices.of(&[4, 7])])
            .time_to_live(choices.of(&[64, 64, 1]));
        let ports = [2000 + step % 77, choices.of(&[22, 80, 2, 53])];
        let is_udp = choices.one_in(4);
        let frame = if is_udp {
            ip.udp(ports[0], ports[1]).build()
        } else {
            let flags =
                choices.of(&[flag::SYN, flag::SYN, flag::SYN | flag::ECE | flag::CWR, flag::SYN | flag::ACK]);
            ip.tcp(ports[0], ports[1], flags).build()
        };
        let arriving = Arriving { frame: &frame, role: &role, from, now };
        let before = one.rules.counted_in_all();
        let (decided, met) = one.remembering(&arriving);
        let raised = one.rules.counted_in_all() != before;
        assert_eq!(decided, other.asking(&arriving, &in_force), "step {step}");
        assert_eq!(one.stands(&in_force, now), other.stands(&in_force, now), "step {step}");
        if met != Met::Alike {
            note("not");
            continue;
        }
        note(if decided.outcome == Outcome::Accept {
            "like another: passes"
        } else {
            "like another: refused"
        });
        if raised {
            note("like another: counted");
        }
        if is_udp {
            note("like another: of UDP");
        }
    }
}

/// A ruleset of the kind that hosts and gateways have; one in eight is of any kind.
fn filter(choices: &mut Choices<'_>) -> Policy {
    let tracks = Tracks { v4: true, v6: true };
    if choices.one_in(8) {
        return Policy { tracks, ..policy(choices) };
    }
    let mut rules = |count: usize, more: &[&str]| -> String {
        let actions: Vec<&str> = ACTIONS.iter().chain(more).copied().collect();
        let rule = |_| {
            let conditions = match choices.below(4) {
                0 => choices.of(&TRANSPORT).to_owned(),
                1 => choices.of(&OTHERS).to_owned(),
                2 => format!("{} {}", choices.of(&TRANSPORT), choices.of(&OTHERS)),
                _ => choices.of(&ALONE).to_owned(),
            };
            format!("{conditions} {}\n", choices.of(&actions))
        };
        (0..count).map(rule).collect()
    };
    let (least, more) = (rules(3, &[]), rules(24, &["jump others", "goto others"]));
    let [policy, way] = [["accept", "drop"], ["goto", "jump"]].map(|list| choices.of(&list));
    let heads =
        ["", "ct state established,related accept\nct state invalid drop\n", "iifname eth0 counter\n"];
    let head = choices.of(&heads);
    let bases: String = ["input", "output", "forward"]
        .map(|hook| {
            format!(
                "chain {hook} {{ type filter hook {hook} priority 0; policy {policy}; counter; {way} main; counter; }}\n"
            )
        })
        .concat();
    let text =
        format!("table inet t {{\nchain others {{\n{least}}}\nchain main {{\n{head}{more}}}\n{bases}}}\n");
    let loaded = config::load(&[Source::new("flood.nft", text.clone())], &mut NoFiles);
    Policy { tracks, ..loaded.unwrap_or_else(|found| panic!("{found}\n{text}")).policy }
}

const TRANSPORT: [&str; 8] = [
    "tcp dport 22",
    "tcp dport { 22, 80 }",
    "tcp dport != 80",
    "tcp sport 2000-2040",
    "udp dport 53",
    "th dport { 2, 53 }",
    "meta l4proto tcp",
    "tcp flags & (fin|syn|rst|ack) == syn",
];
const OTHERS: [&str; 13] = [
    "ip saddr 10.0.0.1",
    "ip saddr 10.0.0.2/31",
    "ip daddr 10.0.0.4",
    "ip daddr != 10.0.0.7",
    "ip6 saddr fd00::/8",
    "iifname eth0",
    "oifname \"eth1\"",
    "ct state new",
    "ct state new,established",
    "ct state established",
    "ct direction original",
    "ip ttl 64",
    "meta mark 1",
];
const ALONE: [&str; 3] =
    ["ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 80 }", "icmp type echo-request", "meta nfproto ipv6"];
const ACTIONS: [&str; 14] = [
    "accept",
    "accept",
    "drop",
    "drop",
    "counter accept",
    "counter drop",
    "counter",
    "counter",
    "return",
    "reject",
    "meta mark set 1",
    "ct mark set 7",
    "limit rate 5/second burst 3 packets drop",
    "log accept",
];
